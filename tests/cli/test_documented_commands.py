"""Every command that a page or a help text shows is one that `izin` understands; none is carried out."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from services.cli.main import app
from tests.project.repository import ROOT, files, shown

IZIN = typer.main.get_command(app)
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
EXAMPLES = re.compile(r"Examples:\n(.*)", re.DOTALL)
# A substitution of the shell stands for one word, and what is before or behind a command is not its own.
SUBSTITUTION = re.compile(r"\$\([^()]*\)|\$\w+")
COMMAND = re.compile(
    r"(?:^ *|[|;&] *)(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?izin ([^|;&#\n]*)", re.MULTILINE
)
PAGES = [ROOT / "README.md", ROOT / "deploy" / "README.md", *files(".md", below="docs")]


def written(text: str) -> list[list[str]]:
    joined = SUBSTITUTION.sub("1", text.replace("\\\n", " "))
    return [shlex.split(arguments) for arguments in COMMAND.findall(joined)]


def helps(command: Any) -> Iterator[str]:
    yield "\n".join(EXAMPLES.findall(command.help or ""))
    for child in getattr(command, "commands", {}).values():
        yield from helps(child)


def understood(arguments: list[str]) -> None:
    """Raise a usage error if these are no command with its options."""
    context: Any = IZIN.make_context("izin", list(arguments))
    while hasattr(context.command, "commands"):
        left = [*context._protected_args, *context.args]
        name, command, rest = context.command.resolve_command(context, left)
        context = command.make_context(name, rest, parent=context)


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_a_page_shows_commands_that_there_are(page: Path) -> None:
    for block in BLOCK.findall(page.read_text()):
        for arguments in written(block):
            understood(arguments)


def test_help_shows_commands_that_there_are() -> None:
    examples = [arguments for text in helps(IZIN) for arguments in written(text)]
    assert len(examples) > 50
    for arguments in examples:
        understood(arguments)


def test_a_command_that_there_is_not_would_be_noticed() -> None:
    (arguments,) = written('printf x | izin brand add 1 "Örnek Kargo" --no-such-option # why\n')
    assert arguments == ["brand", "add", "1", "Örnek Kargo", "--no-such-option"]
    with pytest.raises(Exception, match="No such option: --no-such-option"):
        understood(arguments)

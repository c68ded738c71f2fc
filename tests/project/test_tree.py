"""Habits that a machine can see: sizes, the map of the tree, nothing that belongs elsewhere."""

import ast
import re
from pathlib import Path

import pytest

from tests.project.repository import ROOT, files, section, shown, sources, text

LINES_A_FILE_MAX = 400
LINES_A_FUNCTION_MAX = 60

FOLDER_OF_A_PERSON = re.compile(r"/(?:work|home|Users|root)/[\w.]")
CHOICE_OF_AN_INDEX = re.compile(
    r"(?<!emit-)(?:extra-)?index[-_]url|(?<!emit-)find[-_]links|pypi\.org|pythonhosted\.org",
    re.IGNORECASE,
)
# A Turkish mobile number that somebody may have, in any of its spellings.
MOBILE = re.compile(
    r"(?<!\d)(?:\+ ?90|0090|90|0)[ -]?5(?!99)\d\d[ -]?\d{3}[ -]?\d\d[ -]?\d\d(?!\d)"
)
# The rules about numbers need numbers that libphonenumber takes; these are made up.
LITERAL_EXAMPLES = {
    "tests/domain/test_recipient.py": {"5321110022", "5201110022", "5543213232", "5312560714"}
}


def readable() -> list[tuple[Path, str]]:
    return [(path, path.read_text(errors="replace")) for path in files()]


def test_no_file_is_too_long() -> None:
    lengths = {shown(path): len(path.read_text().splitlines()) for path in files(".py", ".sql")}
    assert {name: n for name, n in lengths.items() if n > LINES_A_FILE_MAX} == {}


def test_no_function_is_too_long() -> None:
    assert [
        f"{shown(path)}:{node.lineno} {node.name}"
        for path, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno >= LINES_A_FUNCTION_MAX
    ] == []


def test_every_statement_stands_as_it_is_written() -> None:
    constants = [
        (path, node)
        for path, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.annotation, ast.Name)
        and node.annotation.id == "LiteralString"
    ]
    assert constants, "no statement found: has the annotation changed?"
    for path, node in constants:
        plain = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        assert plain, f"{shown(path)}:{node.lineno} is put together"
        assert shown(path).startswith("shared/ledger/"), f"{shown(path)} speaks SQL"


def test_every_sub_package_says_what_it_knows() -> None:
    packages = [
        path for top in ("services", "shared") for path in (ROOT / top).glob("*/**/__init__.py")
    ]
    undocumented = [
        shown(path) for path in packages if not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert undocumented == []


@pytest.mark.parametrize(
    "forbidden", [FOLDER_OF_A_PERSON, CHOICE_OF_AN_INDEX], ids=["folder", "index"]
)
def test_nothing_points_at_one_machine_or_one_index(forbidden: re.Pattern[str]) -> None:
    assert [
        f"{shown(path)}: {found[0]}"
        for path, content in readable()
        for found in forbidden.finditer(content)
    ] == []


def test_no_telephone_number_may_be_somebody_s() -> None:
    assert (
        [
            f"{shown(path)}: {found[0]}"
            for path, content in readable()
            if path.name != "requirements.lock"  # hashes hold every run of digits
            for found in MOBILE.finditer(content)
            if re.sub(r"\D", "", found[0])[-10:] not in LITERAL_EXAMPLES.get(shown(path), ())
        ]
        == []
    )


def test_the_readme_s_map_is_the_tree() -> None:
    drawn = re.search(r"```\n(.*?)```", section(text("README.md"), "## The map"), re.DOTALL)
    assert drawn is not None
    on_map = {line.split()[0] for line in drawn[1].splitlines()}
    packages = {
        shown(path.parent)
        for top in ("services", "shared")
        for path in (ROOT / top).glob("*/__init__.py")
    }
    folders = {name for name in ("deploy", "docs", "loadtests", "tests") if (ROOT / name).is_dir()}
    assert on_map == packages | folders


def test_first_pages_stay_short() -> None:
    assert len(text("README.md").splitlines()) <= 120
    assert len(text("ARCHITECTURE.md").splitlines()) <= 250

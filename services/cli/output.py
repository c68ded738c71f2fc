"""How commands speak: a JSON line for scripts, aligned lines for people, help with examples."""

import json
from collections.abc import Mapping
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print one line of JSON, for scripts.")]


def show(facts: Mapping[str, object], *, as_json: bool) -> None:
    """Print what a command found out."""
    if as_json:
        print(json.dumps(dict(facts), ensure_ascii=False))
        return
    width = max((len(name) for name in facts), default=0)
    for name, value in facts.items():
        print(f"{name:<{width}}  {_readable(value)}")


def with_examples(summary: str, *examples: str) -> str:
    r"""Return the help text of a command; \b keeps the examples' line breaks."""
    lines = "\n".join(f"  {example}" for example in examples)
    return f"{summary}\n\n\b\nExamples:\n{lines}"


def _readable(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return str(value)

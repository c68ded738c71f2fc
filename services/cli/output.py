"""How commands speak: a JSON line for scripts, aligned lines for people, help with examples."""

import json
import sys
from collections.abc import Mapping, Sequence
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


def show_rows(
    items: Sequence[Mapping[str, object]],
    columns: Sequence[str],
    *,
    following: object,
    as_json: bool,
) -> None:
    """Print a page, as a table or as one line of JSON; `following` is the next page's cursor."""
    if as_json:
        print(
            json.dumps(
                {"items": [dict(item) for item in items], "next": following}, ensure_ascii=False
            )
        )
        return
    table = [list(columns), *([_readable(item.get(name)) for name in columns] for item in items)]
    widths = [max(len(row[place]) for row in table) for place in range(len(columns))]
    for row in table:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )
    if following is not None:
        print(f"more: --after {following}", file=sys.stderr)


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

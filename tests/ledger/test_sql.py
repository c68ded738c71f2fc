"""Every SQL constant is prepared on the migrated database: a wrong name or type fails here."""

import ast
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

import shared.ledger

PACKAGE = Path(next(iter(shared.ledger.__path__)))
# Several statements in one text cannot be prepared; the tests of migrations and of the re-key run them.
SCRIPTS = {"rekey.PREPARE", "rekey.FILL", "rekey.SWAP", "migrate._BOOTSTRAP"}
# Names tables that only exist while re-keying; test_rekey runs it.
NAMES_DRAFTS = {"rekey.COUNTS"}
AT_LEAST = 45


def constants() -> Iterator[tuple[str, str]]:
    """Find module constants whose annotation says LiteralString, whatever their case."""
    for path in sorted(PACKAGE.glob("*.py")):
        for node in ast.parse(path.read_text()).body:
            match node:
                case ast.AnnAssign(
                    target=ast.Name(id=name),
                    annotation=ast.Name(id="LiteralString"),
                    value=ast.Constant(value=str(sql)),
                ):
                    yield f"{path.stem}.{name}", sql
                case _:
                    pass


FOUND = dict(constants())
PREPARED = {name: sql for name, sql in FOUND.items() if name not in SCRIPTS | NAMES_DRAFTS}


@pytest.mark.parametrize("name", PREPARED)
async def test_statement_fits_the_schema(owner: asyncpg.Connection, name: str) -> None:
    await owner.prepare(PREPARED[name])


def test_the_collector_finds_the_statements() -> None:
    assert len(PREPARED) >= AT_LEAST
    assert FOUND.keys() >= SCRIPTS | NAMES_DRAFTS
    assert {"read_state.STATES", "append.APPEND", "tail.TAIL", "directory.BRAND"} <= PREPARED.keys()


def test_sql_stands_in_annotated_constants_only() -> None:
    """A statement without `LiteralString` would escape the collector."""
    verbs = ("SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH ", "CREATE ", "DROP ", "ALTER ")
    stray = [
        f"{path.name}:{node.lineno}"
        for path in sorted(PACKAGE.glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        and node.value.value.lstrip().startswith(verbs)
    ]
    assert stray == []

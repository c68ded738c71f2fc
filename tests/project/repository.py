"""What the repository holds, for the tests about it: its files, and the parts of its documents."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("services", "shared", "loadtests")
_GENERATED = frozenset({"__pycache__", "secrets", "build", "izin.egg-info"})


def files(*suffixes: str, below: str = "") -> list[Path]:
    """Return the files that belong to the repository, whatever tools left beside them."""
    found = (path for path in _walk(ROOT / below) if path.suffix != ".pyc")
    return sorted(path for path in found if not suffixes or path.suffix in suffixes)


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_symlink():
            continue
        if path.is_dir():
            hidden = path.name.startswith(".") and path.name != ".ci"
            if not hidden and path.name not in _GENERATED:
                yield from _walk(path)
        elif not path.name.startswith(".coverage"):
            yield path


def shown(path: Path) -> str:
    """Return a path as a person would name it."""
    return path.relative_to(ROOT).as_posix()


def text(name: str) -> str:
    return (ROOT / name).read_text()


def sources() -> list[tuple[Path, ast.Module]]:
    """Return the product's Python files, parsed."""
    return [(path, ast.parse(path.read_text())) for p in PACKAGES for path in files(".py", below=p)]


def section(document: str, heading: str) -> str:
    """Return what stands below a heading of a Markdown document, to the next of its rank."""
    level = heading.partition(" ")[0]
    _, found, rest = document.partition(f"\n{heading}\n")
    assert found, f"no heading {heading!r}"
    return re.split(rf"\n{level} ", rest)[0]


def table_rows(document: str) -> list[list[str]]:
    """Return the cells of every table row, heads and rules left out."""
    lines = [line for line in document.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return [row for row in rows if row[0].startswith("`")]

"""CSV as spreadsheets and people make it: delimiters, encodings, torn and overlong rows, quotation marks."""

import csv
import gzip
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Final, Literal

from loadtests.consent_files.rows import MOMENT, PLAIN, Cell, Formula, Line, Shape

LINES_A_WRITE: Final = 5_000
_BEHIND: Final = {Shape.LONG: ("", "sonradan eklenmiş not"), Shape.BLANKS: ("", "")}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the CSV is written; `utf-8-sig` is UTF-8 with its mark in front."""

    delimiter: str = ";"
    encoding: str = "utf-8"
    gzipped: bool = False

    @property
    def line_end(self) -> str:
        """Return how a line ends: as Excel has it, where the file looks like Excel's."""
        return "\n" if self.encoding == "utf-8" else "\r\n"


def write_csv(
    path: Path, header: Sequence[str] | None, lines: Iterable[Line], dialect: Dialect
) -> None:
    """Write the rows into a file."""
    with _opened(path, dialect) as file:
        if header is not None:
            file.write(_text(header, dialect))
        some: list[str] = []
        for line in lines:
            some.append(_line(line, dialect))
            if len(some) == LINES_A_WRITE:
                file.write("".join(some))
                some.clear()
        file.write("".join(some))


@contextmanager
def _opened(path: Path, dialect: Dialect) -> Iterator[IO[str]]:
    with path.open("wb") as raw:
        if not dialect.gzipped:
            with io.TextIOWrapper(raw, dialect.encoding, newline="") as file:
                yield file
            return
        # Neither a name nor a time in it: the same file each time.
        with (
            gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=6, mtime=0) as packed,
            io.TextIOWrapper(packed, dialect.encoding, newline="") as file,
        ):
            yield file


def _line(line: Line, dialect: Dialect) -> str:
    if line.kind == PLAIN:
        return dialect.delimiter.join(map(str, line.cells)) + dialect.line_end
    cells = [shown(cell) for cell in line.cells]
    if line.shape is Shape.EMPTY:
        return dialect.line_end
    if line.shape is Shape.TORN:
        return cells[0] + dialect.line_end
    if line.shape is Shape.SHORT:
        while not cells[-1]:
            cells.pop()
    cells += _BEHIND.get(line.shape, ())
    quoting: Literal[0, 1] = csv.QUOTE_ALL if line.shape is Shape.QUOTED else csv.QUOTE_MINIMAL
    written = _text(cells, dialect, quoting)
    return f'"{written}' if line.shape is Shape.LONE_QUOTE else written


def shown(cell: Cell) -> str:
    """Return a cell as text."""
    match cell:
        case None:
            return ""
        case str():
            return cell
        case Formula():
            return cell.value
        case datetime():
            return f"{cell:{MOMENT}}"
        case _:
            return repr(cell)


def _text(
    cells: Sequence[str], dialect: Dialect, quoting: Literal[0, 1] = csv.QUOTE_MINIMAL
) -> str:
    line = io.StringIO()
    writer = csv.writer(
        line, delimiter=dialect.delimiter, lineterminator=dialect.line_end, quoting=quoting
    )
    writer.writerow(cells)
    return line.getvalue()

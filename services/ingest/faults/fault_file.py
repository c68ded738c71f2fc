"""The file of rows that were turned away, as a person opens it: in the format of the upload.

A cell that a spreadsheet would take for a formula gets an apostrophe before it (CSV injection): text that
somebody else wrote into the upload must not run on the machine of whoever looks at the faults.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from services.ingest.faults.fault_rows import FaultHead, FaultRow
from services.ingest.faults.write_xlsx import write_xlsx

ADDED: Final = ("Satır", "Sütun", "Kod", "Açıklama")
"""What is added behind the file's own columns: row, column, code, explanation."""
CHUNK_BYTES: Final = 1 << 16
# Whatever spreadsheets begin a formula with, also in their wide forms, and what may stand before it unseen.
_FORMULA: Final = re.compile(r"[\s\u200b\ufeff\x00-\x1f]*[=+\-@＝＋－＠]|[\t\r\n]")
# Digits and the signs of a telephone number compute at worst a number: it stays as it can be sent again.
_NUMBER: Final = re.compile(r"\+?[0-9][0-9 ()]{0,30}", re.ASCII)


@dataclass(frozen=True, slots=True)
class FaultFormat:
    """How a format is served: its media type, the end of the file's name, and what writes it."""

    media_type: str
    suffix: str
    write: Callable[[FaultHead, Iterator[FaultRow]], Iterator[bytes]]


def defused(cell: str | None) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    if cell is None:
        return ""
    if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell):
        return "'" + cell
    return cell


def format_of(head: FaultHead) -> FaultFormat:
    """Return how the faults of this upload are written."""
    return FORMATS[head.format]


def _header(head: FaultHead) -> list[str]:
    return [*map(defused, head.names), *ADDED]


def _cells(row: FaultRow, width: int) -> list[str]:
    cells = [defused(cell) for cell in row.cells]
    return [
        *[*cells, *[""] * width][:width],
        str(row.row),
        defused(row.column),
        row.code,
        row.detail,
    ]


def _write_csv(head: FaultHead, rows: Iterator[FaultRow]) -> Iterator[bytes]:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=head.delimiter, lineterminator="\r\n")
    if head.encoding == "utf-8":
        text.write("\ufeff")  # without it Excel takes Turkish letters for others
    writer.writerow(_header(head))
    for row in rows:
        writer.writerow(_cells(row, len(head.names)))
        if text.tell() >= CHUNK_BYTES:
            yield text.getvalue().encode(head.encoding, "replace")
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode(head.encoding, "replace")


def _write_xlsx(head: FaultHead, rows: Iterator[FaultRow]) -> Iterator[bytes]:
    return write_xlsx(_header(head), (_cells(row, len(head.names)) for row in rows))


def _write_parquet(head: FaultHead, rows: Iterator[FaultRow]) -> Iterator[bytes]:
    """Write it with the cells as they are: nothing computes them."""
    # Arrow takes a third of a second to import, and hardly any process writes Parquet.
    from services.ingest.faults.write_parquet import write_parquet  # noqa: PLC0415

    width = len(head.names)
    return write_parquet(
        [*head.names, *ADDED],
        (
            [
                *[*row.cells, *[None] * width][:width],
                *(str(row.row), row.column, row.code, row.detail),
            ]
            for row in rows
        ),
    )


FORMATS: Final = {
    "csv": FaultFormat("text/csv", "csv", _write_csv),
    "xlsx": FaultFormat(
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx", _write_xlsx
    ),
    "parquet": FaultFormat("application/vnd.apache.parquet", "parquet", _write_parquet),
}

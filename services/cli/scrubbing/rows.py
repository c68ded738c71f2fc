"""Rows of a CSV or text file, byte for byte as they stand, and the address in each. Pure.

A row is kept as it was written: quotes, encoding and line end come out as they went in. So nothing is
decoded but the column's names; every encoding in which ASCII means itself will do. A quoted field may
hold line breaks.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from services.cli.errors import CliError

# A row that is longer opened a quote and never closed it.
ROW_BYTES_MAX: Final = 65_536
ADDRESS_BYTES_MAX: Final = 1_024
REASON_COLUMN: Final = b"reason"


@dataclass(frozen=True, slots=True)
class Layout:
    """How the file is written. `column` counts from 0; `width` is the number of columns.

    `line_end` completes a last row that has none of its own.
    """

    delimiter: str
    column: int
    width: int
    has_names: bool
    line_end: str


class Row(NamedTuple):
    """One row: its bytes with the line end, and its address; None where nothing is to be asked.

    `missing` is the number of columns that the row has less than the others.
    """

    raw: bytes
    address: bytes | None
    missing: int


class RowSplitter:
    """Cuts what is read into rows; keeps the one that is not complete."""

    def __init__(self, layout: Layout, *, skip_names: bool, first_row: int = 1) -> None:
        self._layout = layout
        self._delimiter = layout.delimiter.encode()
        self._names_ahead = skip_names
        self._rest = b""
        self._open: list[bytes] = []  # lines of a row whose quote is still open
        self._open_bytes = 0
        self._row = first_row

    def feed(self, data: bytes) -> list[Row]:
        """Return the rows that are complete now; raises CliError when one cannot be."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        rows = [row for line in lines for row in self._line(line + b"\n")]
        if len(self._rest) > ROW_BYTES_MAX:
            raise self._endless()
        return rows

    def end(self) -> list[Row]:
        """Return the last row, if it had no line end."""
        line, self._rest = self._rest, b""
        rows = list(self._line(line)) if line else []
        if self._open:
            raise self._endless()
        return rows

    def _line(self, line: bytes) -> Iterator[Row]:
        if not self._open and b'"' not in line:
            yield self._row_of(line, line.rstrip(b"\r\n").split(self._delimiter))
            return
        self._open.append(line)
        self._open_bytes += len(line)
        if self._open_bytes > ROW_BYTES_MAX:
            raise self._endless()
        if b'"' not in line:
            return  # the quote that was opened cannot end here
        fields = quoted_fields(self._open, self._layout.delimiter)
        if fields is not None:
            raw = b"".join(self._open)
            self._open.clear()
            self._open_bytes = 0
            yield self._row_of(raw, fields)

    def _row_of(self, raw: bytes, fields: list[bytes]) -> Row:
        if not raw.strip(b"\r\n"):
            return Row(raw, None, 0)
        if self._names_ahead:
            self._names_ahead = False
            return Row(raw, None, 0)
        self._row += 1
        column = self._layout.column
        address = fields[column].strip(b" \t") if column < len(fields) else b""
        # A line of the list is one address; what cannot be one is asked as nothing, and denied.
        if len(address) > ADDRESS_BYTES_MAX or b"\n" in address or b"\r" in address:
            address = b""
        return Row(raw, address, max(0, self._layout.width - len(fields)))

    def _endless(self) -> CliError:
        return CliError(
            f"row {self._row} does not end within {ROW_BYTES_MAX // 1024} KB; "
            'is a quote (") left open there, or is this no text file?'
        )


def quoted_fields(lines: list[bytes], delimiter: str) -> list[bytes] | None:
    """Return the fields of a row that has quotes; None if it goes on in the next line."""
    wants_more = False

    def feed() -> Iterator[str]:
        nonlocal wants_more
        for line in lines:
            yield line.decode("latin-1")  # bytes and letters, one for one
        wants_more = True

    try:
        fields = next(csv.reader(feed(), delimiter=delimiter))
    except (csv.Error, StopIteration):
        return []  # quotes and line breaks that make no sense: no address in here
    return None if wants_more else [field.encode("latin-1") for field in fields]


def denied_row(row: Row, reason: bytes, layout: Layout) -> bytes:
    """Return the row with the reason as its last column."""
    content = row.raw.rstrip(b"\r\n")
    end = row.raw[len(content) :] or layout.line_end.encode()
    delimiter = layout.delimiter.encode()
    return content + delimiter * (row.missing + 1) + reason + end


def whole_row(row: Row, layout: Layout) -> bytes:
    """Return the row as it stands, with a line end."""
    return row.raw if row.raw.endswith(b"\n") else row.raw + layout.line_end.encode()

"""A sheet of a workbook as a table of texts: fastexcel (calamine) reads it, once it was looked through.

What a cell shows as a number or a date becomes the text that the wire would want: plain digits without
exponent or `.0`, `2026-03-02 14:05:09`. Of a formula counts the value that was computed last.
"""

# pyarrow has no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false

import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import BinaryIO, Final

import fastexcel
import pyarrow as pa

from services.ingest.faults.row_codes import RowCode
from services.ingest.reading.limits import ReadLimits
from services.ingest.reading.plan import COLUMNS_MAX
from services.ingest.reading.refusals import FileCode, refusal
from services.ingest.reading.table import TableWriter
from services.ingest.reading.workbook import Merge, open_workbook

# RuntimeError: a part that is encrypted, or packed in a way that nobody knows.
_BROKEN: Final = (
    *(fastexcel.CalamineError, fastexcel.SheetNotFoundError, fastexcel.ArrowError),
    *(fastexcel.CalamineCellError, fastexcel.CannotRetrieveCellDataError),
    *(zipfile.BadZipFile, zlib.error),
    *(EOFError, RuntimeError, ValueError),
)
MARKS_MAX: Final = 500_000
"""Cells at fault that are told of; a sheet with more of them is not data."""
Marks = Mapping[int, list[str]]
"""By row: `CODE:column` of cells that cannot be used, both counted from 0."""


def write_workbook(file: BinaryIO, table: TableWriter, *, size: int, limits: ReadLimits) -> None:
    """Write the first sheet that has anything in it; raises FileRefusedError."""
    try:
        book = open_workbook(file, size=size, limits=limits)
        book.look_through_texts()
        file.seek(0)
        reader = fastexcel.read_excel(file.read())
        for sheet in book.sheets:
            merges = book.look_through(sheet)
            loaded = reader.load_sheet(
                sheet.name, header_row=None, skip_rows=0, dtypes="string", schema_sample_rows=1
            )
            if loaded.width > COLUMNS_MAX:
                raise refusal(FileCode.TOO_MANY_COLUMNS)
            if loaded.width:
                _write_sheet(loaded, merges, table)
                return
    except _BROKEN:
        raise refusal(FileCode.WORKBOOK_BROKEN) from None


def _write_sheet(loaded: fastexcel.ExcelSheet, merges: list[Merge], table: TableWriter) -> None:
    left = loaded.available_columns()[0].absolute_index
    batch, errors = loaded.to_arrow_with_errors()
    inside = _inside(merges, left=left, rows=batch.num_rows, columns=batch.num_columns)
    marks = _marks(errors, inside)
    for at in range(0, batch.num_rows, table.rows):
        piece = batch.slice(at, table.rows)
        table.add(piece.columns, _told(marks, at, piece.num_rows) if marks else None)


def _marks(errors: fastexcel.CellErrors | None, merged: Iterable[tuple[int, int]]) -> Marks:
    marks: dict[int, list[str]] = defaultdict(list)
    for count, (row, column) in enumerate(merged):
        if count >= MARKS_MAX:
            raise refusal(FileCode.TOO_MANY_MERGED_CELLS)
        marks[row].append(f"{RowCode.CELL_MERGED.value}:{column}")
    for error in errors.errors if errors is not None else ():
        row, column = error.position
        marks[row].append(f"{RowCode.CELL_IN_ERROR.value}:{column}")
    return marks


def _inside(
    merges: list[Merge], *, left: int, rows: int, columns: int
) -> Iterator[tuple[int, int]]:
    """Yield the merged cells that lie within the table, whose first column is `left`."""
    for merge in merges:
        for row in range(merge.top, min(merge.bottom + 1, rows)):
            for column in range(max(merge.left, left), min(merge.right + 1, left + columns)):
                yield row, column - left


def _told(marks: Marks, at: int, count: int) -> pa.Array:
    told = [",".join(marks[row]) if row in marks else None for row in range(at, at + count)]
    return pa.array(told, pa.string())

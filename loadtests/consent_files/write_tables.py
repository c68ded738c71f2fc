"""XLSX and Parquet, written row by row."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Final

import pyarrow as pa
import xlsxwriter
from pyarrow import parquet
from xlsxwriter.format import Format as ExcelFormat
from xlsxwriter.worksheet import Worksheet

from loadtests.consent_files.rows import Cell, Formula, Line, Shape
from loadtests.consent_files.write_csv import shown

ROWS_A_GROUP: Final = 50_000
ROWS_A_SHEET_MAX: Final = 1_048_576
MADE_AT: Final = datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001  # the file's own date, the same each time


def write_xlsx(path: Path, header: Sequence[str] | None, lines: Iterable[Line]) -> None:
    """Write the rows into the only sheet of a workbook."""
    options = {"constant_memory": True, "strings_to_urls": False, "strings_to_formulas": False}
    with xlsxwriter.Workbook(str(path), options) as book:
        book.set_properties({"created": MADE_AT})
        sheet = book.add_worksheet("İzinler")
        moment = book.add_format({"num_format": "dd.mm.yyyy hh:mm:ss"})
        if header is not None:
            sheet.write_row(0, 0, header)
        for line in lines:
            row = line.number - 1
            for column, cell in enumerate(line.cells):
                _write(sheet, (row, column), cell, moment)
            if line.shape is Shape.MERGED:
                sheet.merge_range(row, 1, row, 2, shown(line.cells[1]))


def write_parquet(path: Path, names: Sequence[str], lines: Iterable[Line]) -> None:
    """Write the rows as texts, in groups of `ROWS_A_GROUP`."""
    schema = pa.schema([(name, pa.string()) for name in names])
    with parquet.ParquetWriter(path, schema) as writer:
        for some in _groups(lines):
            columns = zip(*(_texts(line.cells) for line in some), strict=True)
            writer.write_table(
                pa.table([pa.array(column, pa.string()) for column in columns], schema=schema)
            )


def _groups(lines: Iterable[Line]) -> Iterator[list[Line]]:
    rest = iter(lines)
    while some := list(islice(rest, ROWS_A_GROUP)):
        yield some


def _texts(cells: Sequence[Cell]) -> list[str | None]:
    return [None if cell is None else shown(cell) for cell in cells]


def _write(
    sheet: Worksheet,
    place: tuple[int, int],
    cell: Cell,
    moment: ExcelFormat,
) -> None:
    match cell:
        case None:
            return
        case str():
            sheet.write_string(*place, cell)
        case Formula():
            sheet.write_formula(*place, cell.text, None, cell.value)
        case datetime():
            sheet.write_datetime(*place, cell, moment)
        case _:
            sheet.write_number(*place, cell)

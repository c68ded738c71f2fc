"""The template as a file: CSV as Turkish spreadsheets open it, and XLSX with lists to choose from."""

import csv
import io
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from services.cli.uploading.template_columns import (
    NOTES,
    NOTES_SHEET,
    SHEET,
    SOURCES,
    Cell,
    Column,
)

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.workbook import Workbook
    from xlsxwriter.worksheet import Worksheet

_ROW_LAST: Final = 1_048_575
_TEXT: Final = 49  # the built-in format of texts
_MOMENT: Final = "dd.mm.yyyy hh:mm:ss"
_HEADING: Final[dict[str, str | bool | int]] = {"bold": True, "bg_color": "#DDE8F4", "border": 1}
_NOTE_WIDTHS: Final = (22, 12, 100)


def as_csv(columns: Sequence[Column], rows: Sequence[dict[str, Cell]]) -> bytes:
    """Return a CSV file in UTF-8 with its mark and semicolons, which a Turkish Excel opens by itself."""
    written = io.StringIO()
    writer = csv.writer(written, delimiter=";")
    writer.writerow([column.heading for column in columns])
    writer.writerows([[_text(row.get(column.field)) for column in columns] for row in rows])
    return written.getvalue().encode("utf-8-sig")


def as_xlsx(columns: Sequence[Column], rows: Sequence[dict[str, Cell]]) -> bytes:
    """Return a workbook: a sheet to fill in, whose numbers stay texts, and one that explains it."""
    from xlsxwriter.workbook import Workbook  # noqa: PLC0415  # all other commands start faster

    written = io.BytesIO()
    with Workbook(written, {"in_memory": True}) as book:
        _fill_in(book, columns, rows)
        _explain(book, columns)
    return written.getvalue()


def _text(cell: Cell) -> str:
    return f"{cell:%Y-%m-%d %H:%M:%S}" if isinstance(cell, datetime) else cell or ""


def _fill_in(book: "Workbook", columns: Sequence[Column], rows: Sequence[dict[str, Cell]]) -> None:
    sheet = _sheet(book, SHEET)
    bold = _form(book, **_HEADING)
    text, moment = _form(book, num_format=_TEXT), _form(book, num_format=_MOMENT)
    for place, column in enumerate(columns):
        form = moment if column.field == "consentDate" else text
        sheet.set_column(place, place, column.width, form)
        sheet.write_string(0, place, column.heading, bold)
        if column.words:
            _offer(sheet, place, column)
        for number, row in enumerate(rows, 1):
            _write(sheet, (number, place), row.get(column.field), form)
    sheet.freeze_panes(1, 0)


def _write(sheet: "Worksheet", at: tuple[int, int], cell: Cell, form: "Format") -> None:
    if isinstance(cell, datetime):
        sheet.write_datetime(*at, cell, form)
    elif cell is not None:
        sheet.write_string(*at, cell, form)


def _offer(sheet: "Worksheet", place: int, column: Column) -> None:
    """Let people choose one of the words, all the way down."""
    sheet.data_validation(
        *(1, place, _ROW_LAST, place),
        {
            "validate": "list",
            "source": list(column.words),
            "error_type": "warning",
            "error_title": column.heading,
            "error_message": f"Bu sütunda beklenen: {', '.join(column.words)}"[:255],
        },
    )


def _explain(book: "Workbook", columns: Sequence[Column]) -> None:
    sheet = _sheet(book, NOTES_SHEET)
    bold, plain = _form(book, **_HEADING), _form(book, text_wrap=True, valign="top")
    lines: list[tuple[str, str, str]] = [
        (
            column.heading,
            "zorunlu" if column.needed else "isteğe bağlı",
            " ".join(
                [*([f"{', '.join(column.words)}."] if column.words else []), column.explanation]
            ),
        )
        for column in columns
    ]
    tables: list[tuple[tuple[str, str, str], list[tuple[str, str, str]]]] = [
        (("Sütun", "", "Ne yazılır"), lines),
        (("Kaynak", "", "Anlamı"), [(one.value, "", told) for one, told in SOURCES.items()]),
        (("Notlar", "", ""), [("", "", note) for note in NOTES]),
    ]
    for place, width in enumerate(_NOTE_WIDTHS):
        sheet.set_column(place, place, width, plain)
    at = 0
    for title, content in tables:
        for line, form in [(title, bold), *((line, plain) for line in content)]:
            for place, cell in enumerate(line):
                sheet.write_string(at, place, cell, form)
            at += 1
        at += 1


def _sheet(book: "Workbook", name: str) -> "Worksheet":
    return book.add_worksheet(name)  # pyright: ignore[reportUnknownMemberType]  # half of it is typed


def _form(book: "Workbook", **properties: str | bool | int) -> "Format":
    return book.add_format(properties)  # pyright: ignore[reportUnknownMemberType]  # the same

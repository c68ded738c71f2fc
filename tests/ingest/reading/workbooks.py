"""Workbooks made for tests: by a writer of workbooks, and part by part where it would refuse."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date, datetime

import xlsxwriter

HEADER = ("Alıcı", "Tür", "Durum", "Kaynak", "Tarih", "Alıcı Tipi")
GOOD = ("0599 111 22 33", "MESAJ", "ONAY", "HS_WEB", "2026-03-02 14:05:09", "BIREYSEL")
Cell = str | float | datetime | date | bool | None

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"


def workbook(*sheets: Sequence[Sequence[Cell]]) -> bytes:
    """Return a workbook with these sheets; a text that begins with = is a formula without a value."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        moment = book.add_format({"num_format": "dd.mm.yyyy hh:mm:ss"})
        for rows in sheets:
            sheet = book.add_worksheet()
            for n, row in enumerate(rows):
                for place, cell in enumerate(row):
                    if isinstance(cell, date):
                        sheet.write_datetime(n, place, cell, moment)
                    elif cell is not None:
                        sheet.write(n, place, cell)
    return file.getvalue()


def raw_sheet(rows: str, behind: str = "") -> str:
    """Return a sheet's XML from that of its rows."""
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{rows}</sheetData>{behind}</worksheet>'


def raw_workbook(sheet: str | bytes, parts: Mapping[str, str | bytes] | None = None) -> bytes:
    """Return a workbook of one sheet as it was written by hand; `parts` come on top, or in place."""
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    all_parts: dict[str, str | bytes] = {
        "[Content_Types].xml": f'<Types xmlns="{_TYPES}"><Override PartName="/xl/workbook.xml" '
        f'ContentType="{kind}.sheet.main+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}"><Relationship Id="r1" '
        f'Type="{_DOCUMENT}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_DOCUMENT}"><sheets>'
        '<sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}"><Relationship Id="r1" '
        f'Type="{_DOCUMENT}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": sheet,
        **(parts or {}),
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in all_parts.items():
            archive.writestr(name, part)
    return file.getvalue()


def cell(reference: str, text: str = "x") -> str:
    """Return the XML of a cell with a text in it."""
    return f'<c r="{reference}" t="inlineStr"><is><t>{text}</t></is></c>'


def far(reference: str) -> bytes:
    """Return a workbook with a cell in A1, another there, and nothing in between."""
    row = "".join(c for c in reference if c.isdigit())
    return raw_workbook(
        raw_sheet(f'<row r="1">{cell("A1")}</row><row r="{row}">{cell(reference)}</row>')
    )

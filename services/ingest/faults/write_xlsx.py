"""A workbook of texts, written while it is sent: in constant memory, and without a temporary file.

The usual libraries keep the rows of a sheet in a file until the workbook is closed, in clear; what stands in
these rows may lie on no disk like that. A workbook of plain texts is three small parts and the sheets
(ECMA-376 part 1, 18.3: inline strings), so it is written here.
"""

import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from typing_extensions import Buffer, override

CHUNK_BYTES: Final = 1 << 16
ROWS_A_SHEET: Final = 1_048_576
"""So many rows has a sheet, its header counted."""
_CELL_CHARS_MAX: Final = 32_767
_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
_KIND: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_NOT_XML: Final = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_xlsx(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[bytes]:
    """Yield the bytes of a workbook; a sheet that is full is followed by another one."""
    out = _Outgoing()
    waiting = iter(rows)
    row = next(waiting, None)
    sheets = 0
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        while row is not None or not sheets:
            sheets += 1
            name = f"xl/worksheets/sheet{sheets}.xml"
            with package.open(name, "w", force_zip64=True) as sheet:
                sheet.write(f'{_DECLARATION}<worksheet xmlns="{_MAIN}"><sheetData>'.encode())
                sheet.write(_row(header))
                for _place in range(ROWS_A_SHEET - 1):
                    if row is None:
                        break
                    sheet.write(_row(row))
                    row = next(waiting, None)
                    if out.waiting >= CHUNK_BYTES:
                        yield out.taken()
                sheet.write(b"</sheetData></worksheet>")
        for name, content in _parts(sheets):
            package.writestr(name, _DECLARATION + content)
    yield out.taken()


def _row(cells: Sequence[str]) -> bytes:
    shown = "".join(
        f'<c t="inlineStr"><is><t xml:space="preserve">{_text(cell)}</t></is></c>' for cell in cells
    )
    return f"<row>{shown}</row>".encode()


def _text(cell: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", cell[:_CELL_CHARS_MAX]))


def _parts(sheets: int) -> Iterator[tuple[str, str]]:
    numbers = range(1, sheets + 1)
    yield (
        "xl/workbook.xml",
        f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}"><sheets>'
        + "".join(
            f'<sheet name={quoteattr(f"Hatalar {n}")} sheetId="{n}" r:id="rId{n}"/>'
            for n in numbers
        )
        + "</sheets></workbook>",
    )
    yield (
        "xl/_rels/workbook.xml.rels",
        f'<Relationships xmlns="{_PACKAGE}/relationships">'
        + "".join(
            f'<Relationship Id="rId{n}" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet{n}.xml"/>'
            for n in numbers
        )
        + "</Relationships>",
    )
    yield (
        "_rels/.rels",
        "".join(
            (
                f'<Relationships xmlns="{_PACKAGE}/relationships">',
                f'<Relationship Id="rId1" Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/>',
                "</Relationships>",
            )
        ),
    )
    yield (
        "[Content_Types].xml",
        f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_KIND}.sheet.main+xml"/>'
        + "".join(
            f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{_KIND}.worksheet+xml"/>'
            for n in numbers
        )
        + "</Types>",
    )


class _Outgoing(io.RawIOBase):
    """Where the archive is written to, and its bytes are taken away; it cannot be gone back in."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting = bytearray()

    @property
    def waiting(self) -> int:
        """How many bytes nobody has taken yet."""
        return len(self._waiting)

    @override
    def writable(self) -> bool:
        return True

    @override
    def write(self, content: Buffer, /) -> int:
        self._waiting += memoryview(content)
        return memoryview(content).nbytes

    def taken(self) -> bytes:
        """Return what is waiting, once."""
        taken = bytes(self._waiting)
        self._waiting.clear()
        return taken

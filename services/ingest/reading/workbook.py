"""What is in an .xlsx file, found out before a parser sees it: its parts, their sizes, how far its cells go.

A workbook is a zip of XML. A small one may unpack to gigabytes, and one with a cell in A1 and one in
XFD1048576 makes the parser ask for room for every cell between them. So the parts that will be read are read
through once, as a stream and without building anything.
"""

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Final, NamedTuple
from xml.parsers import expat

from services.ingest.reading.limits import ReadLimits
from services.ingest.reading.refusals import FileCode, refusal

CHUNK_BYTES: Final = 1_048_576
CELLS_MAX: Final = 12_000_000
MERGES_MAX: Final = 100_000
SHEETS_MAX: Final = 1_000
_SMALL_PART_BYTES_MAX: Final = 16 * CHUNK_BYTES
# A token of XML may lie across two chunks, so some bytes are looked at twice.
_OVERLAP_BYTES: Final = 256

_ROWS_MAX: Final = 1_048_576
# References of cells right of column J. Up to there even a full sheet has fewer than CELLS_MAX cells.
_FAR: Final = re.compile(rb'r\s*=\s*["\'](?:[K-Zk-z]|[A-Za-z]{2,7})\d')
_REFERENCE: Final = re.compile(rb'\sr\s*=\s*["\']([A-Za-z]{1,7})(\d{1,9})["\']')
_MERGE: Final = re.compile(rb'mergeCell\s[^>]*?ref\s*=\s*["\']([A-Z]+)(\d+):([A-Z]+)(\d+)["\']')


class Merge(NamedTuple):
    """Cells that were merged: first and last row and column, counted from 0."""

    top: int
    bottom: int
    left: int
    right: int


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet by its name, and the part of the zip that it is."""

    name: str
    part: str


@dataclass(slots=True)
class Workbook:
    """The zip, its parts by their names in small letters, and its visible sheets in order."""

    archive: zipfile.ZipFile
    limits: ReadLimits
    parts: dict[str, zipfile.ZipInfo]
    sheets: list[Sheet] = field(default_factory=list[Sheet])

    def look_through(self, sheet: Sheet) -> list[Merge]:
        """Read a sheet once through, and return its merged cells; raises FileRefusedError."""
        part = self.parts.get(sheet.part)
        if part is None:
            raise refusal(FileCode.WORKBOOK_BROKEN)
        merges: set[Merge] = set()
        is_wide = False
        for chunk in self._chunks(part):
            is_wide = is_wide or _FAR.search(chunk) is not None
            if b"mergeCell" in chunk:
                merges.update(_merge(found) for found in _MERGE.finditer(chunk))
                if len(merges) > MERGES_MAX:
                    raise refusal(FileCode.TOO_MANY_MERGED_CELLS)
        if is_wide:
            self._require_narrow(part)
        return sorted(merges)

    def look_through_texts(self) -> None:
        """Read the parts that all sheets share once through, so that their sizes are true."""
        for name in ("xl/sharedstrings.xml", "xl/styles.xml"):
            if name in self.parts:
                for _chunk in self._chunks(self.parts[name]):
                    pass

    def _require_narrow(self, part: zipfile.ZipInfo) -> None:
        row = column = 0
        for chunk in self._chunks(part):
            for letters, digits in _REFERENCE.findall(chunk):
                row, column = max(row, int(digits)), max(column, column_number(letters) + 1)
            if row * column > CELLS_MAX:
                raise refusal(FileCode.CELLS_TOO_FAR_APART)

    def _chunks(self, part: zipfile.ZipInfo) -> Iterator[bytes]:
        """Yield a part piece by piece; the zip's own word for its size is checked on the way."""
        rest = b""
        with self.archive.open(part) as file:
            while chunk := file.read(CHUNK_BYTES):
                yield rest + chunk
                rest = chunk[-_OVERLAP_BYTES:]


def open_workbook(file: BinaryIO, *, size: int, limits: ReadLimits) -> Workbook:
    """Open a workbook of `size` bytes; raises FileRefusedError for another zip, or one too big."""
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        raise refusal(FileCode.ARCHIVE) from None
    parts = {info.filename.replace("\\", "/").lower(): info for info in archive.infolist()}
    _require_workbook(parts)
    if len(parts) != len(archive.infolist()):
        raise refusal(FileCode.WORKBOOK_BROKEN)
    unpacked = sum(info.file_size for info in parts.values())
    if size > limits.workbook_bytes_max or not limits.admits(unpacked, packed=size):
        raise refusal(FileCode.WORKBOOK_TOO_BIG)
    book = Workbook(archive, limits, parts)
    if b"macroEnabled" in _small_part(book, "[content_types].xml"):
        raise refusal(FileCode.MACRO_WORKBOOK)
    book.sheets = list(_sheets(book))
    return book


def column_number(letters: bytes) -> int:
    """Return a column's number, counted from 0: A is 0, AA is 26."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number - 1


def _require_workbook(parts: dict[str, zipfile.ZipInfo]) -> None:
    if any(name.endswith("vbaproject.bin") for name in parts):
        raise refusal(FileCode.MACRO_WORKBOOK)
    if "xl/workbook.bin" in parts:
        raise refusal(FileCode.BINARY_WORKBOOK)
    if "mimetype" in parts and "content.xml" in parts:
        raise refusal(FileCode.OPEN_DOCUMENT)
    if "xl/workbook.xml" not in parts:
        raise refusal(FileCode.ARCHIVE)


def _merge(found: re.Match[bytes]) -> Merge:
    left, top, right, bottom = found.groups()
    last = min(int(bottom), _ROWS_MAX) - 1
    return Merge(int(top) - 1, last, column_number(left), column_number(right))


def _sheets(book: Workbook) -> Iterator[Sheet]:
    """Yield the sheets that can be seen, in the workbook's order."""
    targets = {
        row["Id"]: row.get("Target", "")
        for row in _elements(_small_part(book, "xl/_rels/workbook.xml.rels"), "Relationship")
        if "Id" in row
    }
    rows = _elements(_small_part(book, "xl/workbook.xml"), "sheet")
    if len(rows) > SHEETS_MAX:
        raise refusal(FileCode.WORKBOOK_TOO_BIG)
    for row in rows:
        target = targets.get(row.get("id", ""), "")
        part = target[1:] if target.startswith("/") else f"xl/{target.removeprefix('xl/')}"
        if row.get("state", "visible") == "visible" and "worksheets/" in part:
            yield Sheet(row.get("name", ""), part.lower())


def _small_part(book: Workbook, name: str) -> bytes:
    info = book.parts.get(name)
    if info is None or info.file_size > _SMALL_PART_BYTES_MAX:
        raise refusal(FileCode.WORKBOOK_BROKEN)
    return book.archive.read(info)


def _elements(xml: bytes, name: str) -> list[dict[str, str]]:
    """Return the attributes of all elements of a name, both without name spaces."""
    found: list[dict[str, str]] = []

    def begin(element: str, attributes: dict[str, str]) -> None:
        if element.rpartition(":")[2] == name:
            found.append({key.rpartition(":")[2]: value for key, value in attributes.items()})

    def refuse_entities(*_declared: object) -> None:
        raise refusal(FileCode.WORKBOOK_BROKEN)

    parser = expat.ParserCreate()
    parser.StartElementHandler = begin
    parser.StartDoctypeDeclHandler = refuse_entities
    try:
        parser.Parse(xml, True)  # noqa: FBT003  # the last piece; takes no keyword
    except expat.ExpatError:
        raise refusal(FileCode.WORKBOOK_BROKEN) from None
    return found

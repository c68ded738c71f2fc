"""What a file is, by what it begins with: its name is nobody's promise."""

import codecs
from collections.abc import Sequence
from typing import Final, Literal

from services.ingest.reading.refusals import FileCode, refusal

HEAD_BYTES: Final = 4096
Kind = Literal["text", "gzip", "zip", "parquet"]

_KINDS: Final[Sequence[tuple[bytes, Kind]]] = (
    (b"\x1f\x8b", "gzip"),
    (b"PK\x03\x04", "zip"),
    (b"PAR1", "parquet"),
)
_REFUSED: Final[Sequence[tuple[bytes, FileCode]]] = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", FileCode.OLD_EXCEL),
    (b"PARE", FileCode.PARQUET_BROKEN),
    (b"PK", FileCode.ARCHIVE),
    (b"Rar!", FileCode.ARCHIVE),
    (b"7z\xbc\xaf\x27\x1c", FileCode.ARCHIVE),
    (b"BZh", FileCode.ARCHIVE),
    (b"\xfd7zXZ\x00", FileCode.ARCHIVE),
    (b"\x28\xb5\x2f\xfd", FileCode.ARCHIVE),
    (b"\x89PNG", FileCode.PICTURE),
    (b"\xff\xd8\xff", FileCode.PICTURE),
    (b"GIF8", FileCode.PICTURE),
    (b"RIFF", FileCode.PICTURE),
    (b"II*\x00", FileCode.PICTURE),
    (b"MM\x00*", FileCode.PICTURE),
    (codecs.BOM_UTF16_LE, FileCode.ENCODING_UNKNOWN),
    (codecs.BOM_UTF16_BE, FileCode.ENCODING_UNKNOWN),
)
_REFUSED_TEXTS: Final[Sequence[tuple[bytes, FileCode]]] = (
    (b"<", FileCode.WEB_PAGE),
    (b"{\\rtf", FileCode.FORMAT_UNKNOWN),
    (b"{", FileCode.JSON_FILE),
    (b"[", FileCode.JSON_FILE),
)
_TAR_AT: Final = 257
_PDF_WITHIN: Final = 1024
_MANY_NULS: Final = 5
"""Every fifth byte being nought, text is of two bytes a letter."""


def kind_of(head: bytes) -> Kind:
    """Return what the file is that begins so; raises FileRefusedError for what is not read here."""
    for signature, kind in _KINDS:
        if head.startswith(signature):
            return kind
    for signature, code in _REFUSED:
        if head.startswith(signature):
            raise refusal(code)
    if b"%PDF-" in head[:_PDF_WITHIN]:
        raise refusal(FileCode.PDF_FILE)
    if head[_TAR_AT:].startswith(b"ustar"):
        raise refusal(FileCode.ARCHIVE)
    return _text(head)


def _text(head: bytes) -> Kind:
    text = head.removeprefix(codecs.BOM_UTF8).lstrip()
    for signature, code in _REFUSED_TEXTS:
        if text.startswith(signature):
            raise refusal(code)
    nuls = head.count(0)
    if nuls * _MANY_NULS > len(head):
        raise refusal(FileCode.ENCODING_UNKNOWN)
    if 0 in text.partition(b"\n")[0]:
        raise refusal(FileCode.FORMAT_UNKNOWN)
    return "text"

"""What is no file of consents is refused by name, whatever it is called, and nothing is left behind."""

import gzip
import io
import re
import tarfile
import zipfile
from pathlib import Path

import pytest

from services.ingest.reading.refusals import TEXTS, FileCode
from tests.ingest.reading.spooled import (
    faults,
    limits,
    planned,
    prepared,
    recipients,
    refused,
    spooled,
)
from tests.ingest.reading.workbooks import HEADER, raw_sheet, raw_workbook, workbook

ROW = "0599 111 22 33;MESAJ;ONAY;HS_WEB;2026-03-02 14:05:09"
CSV = f"Alıcı;Tür;Durum;Kaynak;Tarih\n{ROW}\n".encode()
_CONTENT_TYPES = "[Content_Types].xml"


def zip_of(**parts: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), part)
    return file.getvalue()


def tar_of(content: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        info = tarfile.TarInfo("izinler.csv")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


HOSTILE = {
    "nothing": (b"", "FILE_EMPTY"),
    "blank lines": (b"\n \n;;\n", "FILE_EMPTY"),
    "a PDF": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", "PDF_FILE"),
    "a PDF behind a line": (b"\n\n%PDF-1.4\n", "PDF_FILE"),
    "an old .xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), "OLD_EXCEL"),
    "a page saved as .xls": (b"<html><table><tr><td>0599</td></tr></table></html>", "WEB_PAGE"),
    "XML saved as .xls": (b"\xef\xbb\xbf<?xml version='1.0'?><Workbook/>", "WEB_PAGE"),
    "JSON": (b' [{"recipient": "+905991112233"}]', "JSON_FILE"),
    "JSON lines": (b'{"recipient": "+905991112233"}\n', "JSON_FILE"),
    "RTF": (b"{\\rtf1 0599}", "FORMAT_UNKNOWN"),
    "a PNG": (b"\x89PNG\r\n\x1a\n" + bytes(64), "PICTURE"),
    "a JPEG": (b"\xff\xd8\xff\xe0" + bytes(64), "PICTURE"),
    "a GIF": (b"GIF89a" + bytes(64), "PICTURE"),
    "a zip of a CSV": (zip_of(izinler_csv="Telefon\n"), "ARCHIVE"),
    "an empty zip": (zip_of(), "ARCHIVE"),
    "half a zip": (zip_of(izinler_csv="Telefon\n")[:40], "ARCHIVE"),
    "a text document": (zip_of(word__document_xml="<x/>"), "ARCHIVE"),
    "an .ods": (zip_of(mimetype="x", content_xml="<x/>"), "OPEN_DOCUMENT"),
    "an .xlsb": (zip_of(xl__workbook_bin="x"), "BINARY_WORKBOOK"),
    "macros": (raw_workbook(raw_sheet(""), {"xl/vbaProject.bin": "x"}), "MACRO_WORKBOOK"),
    "macros by their type": (
        raw_workbook(raw_sheet(""), {_CONTENT_TYPES: "<x t='vnd.ms-excel.macroEnabled'/>"}),
        "MACRO_WORKBOOK",
    ),
    "a 7z": (b"7z\xbc\xaf\x27\x1c" + bytes(32), "ARCHIVE"),
    "a RAR": (b"Rar!\x1a\x07" + bytes(32), "ARCHIVE"),
    "a tar": (tar_of(CSV), "ARCHIVE"),
    "a tar in gzip": (gzip.compress(tar_of(CSV)), "ARCHIVE"),
    "gzip in gzip": (gzip.compress(gzip.compress(CSV)), "ARCHIVE"),
    "half a gzip": (gzip.compress(CSV)[:-12], "GZIP_BROKEN"),
    "a gzip of nothing": (gzip.compress(b""), "FILE_EMPTY"),
    "a gzip with a false sum": (gzip.compress(CSV)[:-8] + bytes(8), "GZIP_BROKEN"),
    "UTF-16": (CSV.decode().encode("utf-16"), "ENCODING_UNKNOWN"),
    "UTF-16 without its mark": (CSV.decode().encode("utf-16-le"), "ENCODING_UNKNOWN"),
    "a program": (b"\x7fELF\x02\x01\x01\x00 and more of it\n", "FORMAT_UNKNOWN"),
    "prose": ("Sayın yetkili, listeyi ekte bulabilirsiniz.\n".encode(), "RECIPIENT_COLUMN_MISSING"),
    "data without a header": (f"{ROW}\n".encode(), "RECIPIENT_COLUMN_MISSING"),
}


@pytest.mark.parametrize(("content", "code"), HOSTILE.values(), ids=HOSTILE)
def test_it_is_refused_by_name(tmp_path: Path, content: bytes, code: str) -> None:
    assert refused(spooled(tmp_path, content)) == code


def test_every_reason_has_a_text_and_no_two_share_one() -> None:
    assert set(TEXTS) == set(FileCode)
    assert len(set(TEXTS.values())) == len(TEXTS)
    assert all(re.fullmatch(r"[A-ZÇĞİÖŞÜ].*[.…]", text) for text in TEXTS.values())


@pytest.mark.parametrize(
    ("mapping", "code"),
    [({"Cep": "recipient"}, "COLUMN_MISSING"), ({"Alıcı": "telefon"}, "FIELD_UNKNOWN")],
)
def test_a_mapping_that_does_not_fit_is_refused(
    tmp_path: Path, mapping: dict[str, str], code: str
) -> None:
    with pytest.raises(Exception, match=code):
        planned(spooled(tmp_path, CSV), mapping=mapping)


def test_gzip_of_each_format_is_read_as_the_format(tmp_path: Path) -> None:
    header = list(HEADER[:5])
    good = ROW.split(";")
    for content in (CSV, workbook([header, good])):
        spool = spooled(tmp_path, gzip.compress(content))
        assert recipients(prepared(spool)) == {2: "+905991112233"}
    halves = gzip.compress(CSV[:30]) + gzip.compress(CSV[30:])
    assert recipients(prepared(spooled(tmp_path, halves))) == {2: "+905991112233"}


def test_a_gzip_that_unpacks_to_more_than_is_allowed_is_refused_on_the_way(tmp_path: Path) -> None:
    bomb = gzip.compress(CSV + b"\n" * 80_000_000)
    assert len(bomb) < 100_000
    assert refused(spooled(tmp_path, bomb)) == "UNPACKS_TOO_BIG"
    spool = spooled(tmp_path, gzip.compress(CSV * 100))
    assert refused(spool, limits=limits(unpacked_bytes_max=1_000)) == "UNPACKS_TOO_BIG"


def test_one_hostile_row_among_good_ones_costs_itself_alone(tmp_path: Path) -> None:
    rows = [ROW, "\x00\x01\x02" * 50, ROW, '"' * 998 + "x", ROW, "=cmd|'/C calc'!A0;MESAJ", ROW]
    pieces = prepared(spooled(tmp_path, CSV + "\n".join(rows).encode()))
    assert set(recipients(pieces)) == {2, 3, 5, 7, 9}
    assert set(faults(pieces)) == {4, 6, 8}

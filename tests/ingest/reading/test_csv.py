"""CSV files as programs and people write them: every line a row, every row at its number."""

import csv
import io
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from services.ingest.lanes.rows import FileRefusedError, RawPiece
from services.ingest.reading import csv_survey
from services.ingest.reading.csv_pieces import plan_csv, read_csv
from services.ingest.reading.open_file import read_pieces
from services.ingest.reading.plan import ReadPlan
from tests.ingest.reading.spooled import (
    cells,
    faults,
    planned,
    prepared,
    raw_pieces,
    recipients,
    refused,
    spooled,
)

HEADER = "Alıcı;Tür;Durum;Kaynak;Tarih;Alıcı Tipi"
GOOD = "+905991112233;MESAJ;ONAY;HS_WEB;2026-03-02 14:05:09;BIREYSEL"


def file_of(*lines: str, end: str = "\n") -> bytes:
    return end.join([*lines, ""]).encode()


def shown(pieces: list[RawPiece]) -> list[tuple[int, int, int, bool, dict[str, list[str | None]]]]:
    return [
        (
            one.number,
            one.first_row,
            one.lead,
            one.is_last,
            {k: list(v) for k, v in one.fields.items()},
        )
        for one in pieces
    ]


@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "windows-1254"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiter_encoding_and_line_end_are_found_out(
    tmp_path: Path, delimiter: str, encoding: str, end: str
) -> None:
    lines = [HEADER, GOOD.replace("HS_WEB", "Çağrı Merkezi"), GOOD]
    content = end.join(lines).replace(";", delimiter).encode(encoding)
    pieces = prepared(spooled(tmp_path, content))
    assert recipients(pieces) == {2: "+905991112233", 3: "+905991112233"}
    assert pieces[0].rows[0].consent.source is not None
    assert pieces[0].rows[0].consent.source.value == "HS_CAGRI_MERKEZI"


@pytest.mark.parametrize(
    "header",
    [
        "recipient;type;status;source;consentDate;recipientType",
        "RECIPIENT;Type;STATUS;Source;Consent Date;Recipient Type",
        "Alıcı Adresi *;İzin Türü;İzin Durumu;İzin Kaynağı;İzin Tarihi;Alıcı Türü",
        "Telefon;Kanal;Onay;Kaynak;Tarih;Müşteri Tipi",
        "GSM No;İleti Türü;Durum;KAYNAK;Onay Tarihi;ALICI TİPİ",
        '"Cep Telefonu";"Tür";"Durum";"Kaynak";"Tarih / Saat";"Alıcı Tipi"',
    ],
)
def test_columns_are_known_by_their_names_in_both_languages(tmp_path: Path, header: str) -> None:
    pieces = prepared(spooled(tmp_path, file_of(header, GOOD)))
    assert recipients(pieces) == {2: "+905991112233"}


def test_columns_may_stand_in_any_order_among_others_and_be_mapped(tmp_path: Path) -> None:
    content = file_of("Ad;Durum;İletişim;Tür", "Ali;ONAY;0599 111 22 33;MESAJ")
    spool = spooled(tmp_path, content)
    piece = raw_pieces(spool, mapping={"iletişim": "recipient"})[0]
    assert piece.fields["recipient"][1] == "0599 111 22 33"
    assert list(piece.fields["status"]) == ["Durum", "ONAY"]
    assert piece.cells(1) == ["Ali", "ONAY", "0599 111 22 33", "MESAJ"]


def test_a_mapped_column_counts_before_one_whose_name_is_known(tmp_path: Path) -> None:
    spool = spooled(tmp_path, file_of("Telefon;Yedek", "1;2"))
    piece = raw_pieces(spool, mapping={"Yedek": "recipient"})[0]
    assert list(piece.fields["recipient"]) == ["Yedek", "2"]


def test_the_layout_of_the_public_upload_tool_needs_no_header(tmp_path: Path) -> None:
    lines = [
        "MESAJ,HS_WEB,+905991112233,ONAY,2026-03-02 14:05:09,BIREYSEL",
        "EPOSTA,HS_WEB,ali@example.com,RET,2026-03-02 14:05:09,BIREYSEL",
    ]
    assert recipients(prepared(spooled(tmp_path, file_of(*lines)))) == {
        1: "+905991112233",
        2: "ali@example.com",
    }


def test_titles_above_the_header_and_blank_lines_are_no_rows(tmp_path: Path) -> None:
    content = file_of(
        "sep=;", "Müşteri izinleri;;", "", HEADER, "", GOOD, ";;;;;", "   ", GOOD, "", ""
    )
    pieces = prepared(spooled(tmp_path, content))
    assert recipients(pieces) == {6: "+905991112233", 9: "+905991112233"}
    assert sum(piece.count for piece in pieces) == 2
    assert faults(pieces) == {}


def test_row_numbers_are_those_that_a_person_counts(tmp_path: Path) -> None:
    lines = [GOOD if n % 3 else GOOD.replace("ONAY", "?") for n in range(2, 32)]
    spool = spooled(tmp_path, file_of(HEADER, *lines))
    for rows in (1, 4, 7, 5000):
        pieces = prepared(spool, rows=rows)
        assert faults(pieces) == {n: "H115" for n in range(2, 32) if n % 3 == 0}
        assert set(recipients(pieces)) == {n for n in range(2, 32) if n % 3}
        assert [piece.is_last for piece in pieces].count(True) == 1


def test_torn_quotes_and_ragged_rows_spoil_themselves_alone(tmp_path: Path) -> None:
    number = "+905991112233"
    lines = [
        HEADER,
        f'"{number};MESAJ;ONAY;HS_WEB;2026-03-02 14:05:09;BIREYSEL',  # 2: a quote that nobody closes
        f'x"";"{GOOD}',  # 3: quotes in disorder
        GOOD + ";;;",  # 4: cells too many, all blank
        GOOD + ";Ali",  # 5: a cell too many
        "+905991112233;MESAJ;ONAY",  # 6: too short
        "bu satır bozuk",  # 7: not cut at all
        f'"{number}";"MESAJ";"ONAY";"HS_WEB";"2026-03-02 14:05:09";"BIREYSEL"',  # 8
        GOOD.replace("+90599", "+90599\0"),  # 9: a NUL
        GOOD.replace("MESAJ", "MES\rAJ"),  # 10: half a line end
        GOOD,
    ]
    pieces = prepared(spooled(tmp_path, file_of(*lines)))
    assert recipients(pieces) == dict.fromkeys((2, 4, 8, 11), number)
    assert faults(pieces) == {
        3: "ROW_BROKEN",
        5: "ROW_BROKEN",
        6: "H113",
        7: "ROW_BROKEN",
        9: "PHONE_UNREADABLE",
        10: "H117",
    }


def test_a_torn_letter_spoils_its_row_and_not_the_encoding_of_the_file(tmp_path: Path) -> None:
    lines = [f"{HEADER};Ad", *[f"{GOOD};Şükrü Çağ"] * 5]
    content = file_of(*lines).replace("Şükrü".encode(), b"\xfe\xfckr\xfc", 1)
    spool = spooled(tmp_path, content)
    assert len(recipients(prepared(spool))) == 5
    assert [row[6] for row in cells(spool)] == ["\ufffd\ufffdkr\ufffd Çağ", *["Şükrü Çağ"] * 4]


def test_cells_that_a_spreadsheet_would_run_pass_as_what_they_are(tmp_path: Path) -> None:
    attack = "=cmd|'/C calc'!A0"
    content = file_of(
        f"{HEADER};Not", f"{GOOD};{attack}", f"{attack};{GOOD.partition(';')[2]};@SUM(1)"
    )
    spool = spooled(tmp_path, content)
    assert faults(prepared(spool)) == {3: "PHONE_UNREADABLE"}
    assert [row[-1] for row in cells(spool)] == [attack, "@SUM(1)"]
    assert cells(spool)[1][0] == attack


def test_a_column_alone_is_a_file_where_the_rest_is_said_once(tmp_path: Path) -> None:
    spool = spooled(tmp_path, file_of("telefon", "0599 111 22 33", "", "599 111 22 34"))
    defaults = {"type": "MESAJ", "status": "RET", "source": "HS_WEB"}
    pieces = prepared(spool, defaults={**defaults, "consentDate": "2026-03-02 14:05:09"})
    assert recipients(pieces) == {2: "+905991112233", 4: "+905991112234"}


@pytest.mark.parametrize("rows", [1, 3, 50])
def test_reading_begins_at_any_piece_and_is_the_same(tmp_path: Path, rows: int) -> None:
    torn = ['"torn;1;2', "a;b;c;d", "", GOOD]
    spool = spooled(tmp_path, file_of(HEADER, *[GOOD, *torn] * 20))
    plan = planned(spool, rows=rows)
    again = ReadPlan.from_json(plan.to_json())
    whole = shown(list(read_pieces(spool, plan)))
    assert shown(list(read_pieces(spool, again))) == whole
    for start in range(len(whole) + 1):
        assert shown(list(read_pieces(spool, again, start=start))) == whole[start:]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.text('ab;"\n\r \0ş', max_size=12), min_size=1, max_size=30),
    st.integers(1, 7),
    st.booleans(),
)
def test_whatever_the_lines_are_every_one_is_a_row(
    lines: list[str],
    rows: int,
    ends_with_a_line_end: bool,  # noqa: FBT001  # drawn
) -> None:
    text = "\n".join(["telefon;durum", *lines]) + ("\n" if ends_with_a_line_end else "")
    file = io.BytesIO(text.encode())
    plan = plan_csv(file, source="content", mapping={}, rows=rows)
    pieces = list(read_csv(file, plan, start=0))
    count = text.count("\n") + (not text.endswith("\n"))
    assert sum(piece.count for piece in pieces) == count
    assert all(len(column) == piece.count for piece in pieces for column in piece.fields.values())
    assert [piece.first_row for piece in pieces] == list(range(1, count + 1, rows))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.text("ab;\"ş,' ", max_size=8), min_size=3, max_size=3), max_size=20))
def test_what_a_csv_writer_wrote_is_read_as_it_was(rows: list[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text, delimiter=";", lineterminator="\n").writerows(
        [["telefon", "tür", "durum"], *rows]
    )
    file = io.BytesIO(text.getvalue().encode())
    piece = next(read_csv(file, plan_csv(file, source="content", mapping={}, rows=5000), start=0))
    for offset, row in enumerate(rows, start=1):
        assert [piece.fields[n][offset] or "" for n in ("recipient", "type", "status")] == row


class OneLine(io.RawIOBase):
    """A file of one line and any length, made while it is read; it counts what was read."""

    def __init__(self, size: int) -> None:
        self.left = size
        self.taken = 0

    @override
    def seek(self, offset: int, _whence: int = 0) -> int:
        return offset

    @override
    def read(self, size: int = -1) -> bytes:
        size = min(size, self.left)
        self.left -= size
        self.taken += size
        return b"x;" * (size // 2)


def test_a_line_of_two_gigabytes_is_refused_after_its_first_megabytes() -> None:
    file = OneLine(2_000_000_000)
    started = time.monotonic()
    with pytest.raises(FileRefusedError) as told:
        plan_csv(file, source="content", mapping={}, rows=5000)  # type: ignore[arg-type]  # all it needs
    assert told.value.code == "LINE_TOO_LONG"
    assert file.taken < 5_000_000
    assert time.monotonic() - started < 60


def test_rows_that_are_too_long_together_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_survey, "PIECE_BYTES_MAX", 10_000)
    spool = spooled(tmp_path, file_of(HEADER, *[GOOD] * 300))
    assert refused(spool) == "LINE_TOO_LONG"


@pytest.mark.parametrize("line", ["a" + ";" * 1_000_000, "telefon" + ";tür" * 200_000])
def test_a_million_columns_are_refused(tmp_path: Path, line: str) -> None:
    assert refused(spooled(tmp_path, file_of(line, GOOD))) == "TOO_MANY_COLUMNS"


def test_a_million_blank_cells_behind_a_row_do_not_spoil_it(tmp_path: Path) -> None:
    pieces = prepared(spooled(tmp_path, file_of(HEADER, GOOD + ";" * 1_000_000, GOOD)))
    assert set(recipients(pieces)) == {2, 3}


@pytest.mark.parametrize("block", [7, 64, 1000])
def test_pieces_begin_where_they_begin_however_the_file_is_looked_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    spool = spooled(tmp_path, file_of(HEADER, *[f"{GOOD}{'x' * (n % 5)}" for n in range(200)]))
    wanted = planned(spool, rows=7).offsets
    monkeypatch.setattr(csv_survey, "BLOCK_BYTES", block)
    monkeypatch.setattr(csv_survey, "_FEW_BYTES", 16)
    assert planned(spool, rows=7).offsets == wanted

"""`izin template`: what it writes is what the ingest reads, and what people can fill in."""

import io
import json
import re
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from python_calamine import load_workbook

from services.cli.uploading.template_columns import SOURCES, Cell, columns, examples
from services.cli.uploading.template_files import as_csv, as_xlsx
from services.ingest.lanes.rows import PreparedPiece
from services.ingest.reading.columns import FIELDS, columns_of
from services.ingest.reading.limits import ReadLimits
from services.ingest.reading.open_file import Planning, plan_file, read_pieces
from services.ingest.reading.prepare import Defaults, Preparer
from services.ingest.spool import JobSpool
from shared.domain.calendar import BusinessCalendar
from shared.domain.consent import Channel, RecipientType, Source, Status
from shared.domain.write_policy import WritePolicy
from shared.sealing.job_keys import JobKeys
from shared.sealing.keyring import new_key_ring
from tests.cli.uploads import Run

NOW = datetime(2026, 3, 2, 11, 5, 9, tzinfo=UTC)
ENDINGS = {"csv": as_csv, "xlsx": as_xlsx}


def read(content: bytes, path: Path) -> PreparedPiece:
    """Read a file as an uploaded one is read."""
    spool = JobSpool(path, JobKeys(new_key_ring()).new(uuid4())[0])
    spool.content.append(content)
    plan = plan_file(spool, Planning({}, rows=1000, limits=ReadLimits(), attempt=1))
    [piece] = read_pieces(spool, plan)
    policy = WritePolicy(
        BusinessCalendar(half_days_are_business_days=True),
        three_day_rule=True,
        admit_test_range=True,
    )
    return Preparer(Defaults({}, brand_code=650001), policy, NOW)(piece)


def more_rows() -> list[dict[str, Cell]]:
    """Return a row for each word that may be chosen, with every column filled in."""
    row = {**examples(NOW)[0], "brandCode": "650002", "retailerCode": "12345678"}
    row["retailerAccess"] = "12345678, 12345679"
    rows = [{**row, "source": source.value} for source in SOURCES]
    rows = [{**one, "status": "RET"} if one["source"] == "HS_KARAR" else one for one in rows]
    long_ago: dict[str, Cell] = {"consentDate": datetime(2015, 5, 1)}  # noqa: DTZ001  # as a cell
    rows = [{**one, **long_ago} if one["source"] == "HS_2015" else one for one in rows]
    email = {**row, "type": "EPOSTA", "recipient": "kisi@ornek.example", "recipientType": "TACIR"}
    return [*rows, email, {**row, "type": "ARAMA"}]


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("ending", ENDINGS)
def test_the_examples_are_read_without_a_fault(ending: str, *, full: bool, tmp_path: Path) -> None:
    piece = read(ENDINGS[ending](columns(full=full), examples(NOW)), tmp_path)
    assert (piece.count, piece.faults) == (2, [])
    first, second = (row.consent for row in piece.rows)
    assert (first.recipient, first.channel) == ("+905990000001", Channel.SMS)
    assert first.recipient_type is RecipientType.INDIVIDUAL
    assert (first.status, first.source) == (Status.GRANTED, Source.WEB)
    assert first.consent_date == NOW.replace(second=0) - timedelta(hours=2)
    # Somebody who changes their mind: later, and about the same.
    assert (second.recipient, second.channel) == (first.recipient, first.channel)
    assert (second.status, second.source) == (Status.WITHDRAWN, Source.CALL_CENTRE)
    assert second.consent_date == NOW.replace(second=0) - timedelta(hours=1)


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_word_that_can_be_chosen_is_read(ending: str, tmp_path: Path) -> None:
    rows = more_rows()
    piece = read(ENDINGS[ending](columns(full=True), rows), tmp_path)
    assert piece.faults == []
    assert [row.consent.source for row in piece.rows][: len(SOURCES)] == list(SOURCES)
    assert {row.brand_code for row in piece.rows} == {650002}
    assert {row.consent.retailer_access for row in piece.rows} == {(12345678, 12345679)}
    assert piece.rows[-2].consent.recipient == "kisi@ornek.example"


def test_each_field_has_a_column_and_each_heading_is_known() -> None:
    full = columns(full=True)
    assert {column.field for column in full} == set(FIELDS)
    places = columns_of([column.heading for column in full], {})
    assert places == {column.field: place for place, column in enumerate(full)}
    assert set(SOURCES) == {source for source in Source if source.from_provider}


def test_a_workbook_offers_words_and_keeps_numbers_as_texts() -> None:
    book = zipfile.ZipFile(io.BytesIO(as_xlsx(columns(full=True), examples(NOW))))
    sheet = book.read("xl/worksheets/sheet1.xml").decode()
    offered = dict(re.findall(r'sqref="([A-Z]+)2:\1\d+"[^>]*><formula1>"([^"]*)"', sheet))
    assert offered["B"] == "ARAMA,MESAJ,EPOSTA"
    assert offered["C"] == "ONAY,RET"
    assert offered["D"].split(",") == [source.value for source in SOURCES]
    assert offered["F"] == "BIREYSEL,TACIR"
    # Format 49 is text: whatever is typed below the heading stays as it is typed.
    styles = re.search(r"<cellXfs.*?</cellXfs>", book.read("xl/styles.xml").decode(), re.DOTALL)
    assert styles
    forms = re.findall(r'<xf numFmtId="(\d+)"', styles[0])
    [style] = re.findall(r'<col min="1" max="1"[^>]* style="(\d+)"', sheet)
    assert forms[int(style)] == "49"


def test_a_second_sheet_explains_every_column_and_source() -> None:
    book = load_workbook(io.BytesIO(as_xlsx(columns(full=True), examples(NOW))))
    assert book.sheet_names == ["İzinler", "Açıklamalar"]
    told = {row[0]: row[2] for row in book.get_sheet_by_name("Açıklamalar").to_python()}
    wanted = [column.heading for column in columns(full=True)]
    wanted += [source.value for source in SOURCES]
    assert [name for name in wanted if not told.get(name)] == []


def test_a_csv_template_opens_in_a_turkish_spreadsheet() -> None:
    """It goes by the byte order mark and the semicolon; a spaced number is no number to it."""
    content = as_csv(columns(full=False), examples(NOW))
    assert content.startswith(b"\xef\xbb\xbf")
    names, first, *_rest = content.decode("utf-8-sig").split("\r\n")
    assert names == "Alıcı;Tür;Durum;Kaynak;Tarih;Alıcı Tipi"
    assert first.startswith("0599 000 00 01;")


def test_the_command_writes_a_new_file_and_never_over_an_old_one(
    run_izin: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, _ = run_izin("template")
    assert code == 0
    assert "izin upload izin-sablonu.xlsx" in out
    assert load_workbook("izin-sablonu.xlsx").sheet_names[0] == "İzinler"
    told = json.loads(run_izin("template", "mine.csv", "--full", "--json")[1])
    assert (told["file"], told["format"]) == ("mine.csv", "csv")
    assert told["columns"]["Marka Kodu"] == "brandCode"
    before = Path("mine.csv").read_bytes()
    code, _, err = run_izin("template", "mine.csv")
    assert code == 1
    assert "exists already" in err
    assert Path("mine.csv").read_bytes() == before
    assert run_izin("template", "--format", "csv")[0] == 0
    assert Path("izin-sablonu.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [(("mine.ods",), "no template for .ods"), (("no/such/folder.csv",), "cannot be written")],
)
def test_what_cannot_be_written_is_told(
    run_izin: Run, arguments: tuple[str, ...], told: str
) -> None:
    code, _, err = run_izin("template", *arguments)
    assert code == 1
    assert told in err

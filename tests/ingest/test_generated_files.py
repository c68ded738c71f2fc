"""Generated files, read and worked off: every row ends as an independent model says that it must."""

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import pytest
import python_calamine
from pyarrow import parquet

from loadtests.consent_files.__main__ import turkish_now, write_file
from loadtests.consent_files.model import ACCEPTED, BLANK, UNCHANGED, Meaning
from loadtests.consent_files.rows import Line, Said
from loadtests.consent_files.stream import Format, Recipe, kinds_of, lines
from loadtests.consent_files.write_csv import Dialect
from services.ingest.faults.row_codes import RowCode
from services.ingest.lanes.refused_keys import AddressMarks
from services.ingest.lanes.rows import PreparedPiece, PreparedRow, RawPiece
from services.ingest.reading.limits import ReadLimits
from services.ingest.reading.open_file import Planning, plan_file, read_pieces
from services.ingest.reading.prepare import Defaults, Preparer
from services.ingest.spool import JobSpool
from shared.domain.calendar import BusinessCalendar
from shared.domain.consent import Status
from shared.domain.wire_time import TURKEY
from shared.domain.write_policy import WritePolicy
from shared.sealing.job_keys import JobKeys
from shared.sealing.keyring import KeyRing
from tests.ingest.working import work_off, worker
from tests.registry.doors import Town

ROWS = 2_000
CHUNK_ROWS = 450
NOON = datetime(2026, 3, 4, 12)  # noqa: DTZ001  # Turkish local time, as a file has it
SEMICOLON = Dialect()
POLICY = WritePolicy(BusinessCalendar(), three_day_rule=True, admit_test_range=True)
EVERYTHING = Recipe(
    rows=ROWS,
    now=NOON,
    bad=0.45,
    repeated=0.3,
    odd=0.2,
    has_brand_column=True,
    has_retailer_columns=True,
)


def write(folder: Path, recipe: Recipe, dialect: Dialect = SEMICOLON) -> Path:
    path = folder / f"izinler.{recipe.format}{'.gz' if dialect.gzipped else ''}"
    write_file(path, recipe, dialect)
    return path


@pytest.mark.parametrize("made_as", ["csv", "xlsx", "parquet"])
def test_the_same_arguments_make_the_same_file(tmp_path: Path, made_as: Format) -> None:
    recipe = replace(EVERYTHING, format=made_as, rows=300)
    first, again = tmp_path / "first", tmp_path / "again"
    for folder in (first, again):
        folder.mkdir()
        write(folder, recipe, Dialect(gzipped=made_as == "csv"))
    for path in first.iterdir():
        assert path.read_bytes() == (again / path.name).read_bytes()


def test_every_kind_of_row_comes_and_each_as_often_as_the_others() -> None:
    seen = Counter(line.kind for line in lines(replace(EVERYTHING, rows=20_000)))
    kinds = kinds_of(EVERYTHING)
    for share, expected in (("bad", EVERYTHING.bad), ("odd", EVERYTHING.odd)):
        each = [seen[kind] for kind in kinds[share]]
        assert max(each) - min(each) <= 1
        assert sum(each) == pytest.approx(20_000 * expected, rel=0.1)
    assert all(seen[kind] for kind in kinds["repeated"])
    of_files = {code.value for code in RowCode}
    made: set[str] = set()
    for made_as in ("csv", "xlsx"):
        recipe = replace(EVERYTHING, format=made_as)
        made |= {line.outcome.word for line in lines(recipe)}
    assert of_files <= made


@pytest.mark.parametrize(
    ("recipe", "dialect"),
    [
        (EVERYTHING, SEMICOLON),
        (EVERYTHING, Dialect(",", "utf-8-sig", gzipped=True)),
        (EVERYTHING, Dialect("\t", "windows-1254")),
        (replace(EVERYTHING, has_header=False, has_brand_column=False), Dialect(",")),
        (replace(EVERYTHING, format="xlsx"), SEMICOLON),
        (replace(EVERYTHING, format="parquet"), SEMICOLON),
    ],
    ids=["semicolon", "comma-bom-gzip", "tab-1254", "headless", "xlsx", "parquet"],
)
def test_every_row_is_read_as_it_is_meant(
    tmp_path: Path, key_ring: KeyRing, recipe: Recipe, dialect: Dialect
) -> None:
    if not recipe.has_header:
        recipe = replace(recipe, has_retailer_columns=False)
    job_id = uuid4()
    spool = JobSpool(tmp_path, JobKeys(key_ring).new(job_id)[0])
    spool.content.append(write(tmp_path, recipe, dialect).read_bytes())
    plan = plan_file(spool, Planning({}, CHUNK_ROWS, ReadLimits(), attempt=1))
    brand_code = None if recipe.has_brand_column else recipe.brand_codes[0]
    prepare = Preparer(Defaults({}, brand_code), POLICY, recipe.now.replace(tzinfo=TURKEY))
    read: dict[int, tuple[str | None, object]] = {}
    for raw in read_pieces(spool, plan):
        piece = prepare(raw)
        _compare_short_ways(prepare, raw, piece)
        read |= {piece.first_row + fault.offset: (fault.code, None) for fault in piece.faults}
        read |= {piece.first_row + row.offset: (_code(row), _key(row)) for row in piece.rows}
    expected = [line for line in lines(recipe) if line.read != BLANK]
    assert set(read) == {line.number for line in expected}
    wrong = [
        (line.number, line.kind, line.read, line.said, read[line.number])
        for line in expected
        if read[line.number][0] != line.read
        or (line.said is not None and read[line.number][1] != line.said)
    ]
    assert wrong == []


def _compare_short_ways(prepare: Preparer, raw: RawPiece, piece: PreparedPiece) -> None:
    """The survey counts the same and finds the same refusals; the rows of some addresses are all found."""
    surveyed = prepare.survey(raw)
    assert surveyed.count == piece.count
    refusals = [row for row in piece.rows if row.consent.status is Status.WITHDRAWN]
    assert surveyed.refusals == refusals
    marks, theirs = AddressMarks(), {row.consent.recipient for row in refusals}
    for address in theirs:
        marks.add(address)
    some = prepare(raw, among=marks).rows
    assert [row for row in some if row.consent.recipient in theirs] == [
        row for row in piece.rows if row.consent.recipient in theirs
    ]


def _code(row: PreparedRow) -> str | None:
    return None if row.fault is None else row.fault.code


def _key(row: PreparedRow) -> Said:
    """Return what a row says, in the words of the file."""
    consent = row.consent
    date = consent.consent_date
    meaning = Meaning(
        consent.status.value,
        consent.source and consent.source.value,
        date and date.astimezone(TURKEY).replace(tzinfo=None),
        consent.recipient_type.value,
        _code(row),
    )
    return Said(row.brand_code, consent.recipient, consent.channel.value, meaning)


def faults_in(format_name: str, content: bytes) -> dict[int, str]:
    """Return row and code of each fault in a fault file; both stand behind the file's own columns."""
    header, *rows = table_in(format_name, content)
    row, code = header.index("Satır"), header.index("Kod")
    return {int(float(str(one[row]))): str(one[code]) for one in rows}


def table_in(format_name: str, content: bytes) -> list[Sequence[object]]:
    match format_name:
        case "csv":
            return [*csv.reader(io.StringIO(content.decode("utf-8-sig")), delimiter=";")]
        case "xlsx":
            book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
            return [*book.get_sheet_by_index(0).to_python()]
        case _:
            table = parquet.read_table(io.BytesIO(content))
            columns = [column.to_pylist() for column in table.columns]
            return [table.column_names, *zip(*columns, strict=True)]


def last_words(all_lines: list[Line]) -> Counter[tuple[int, str]]:
    """Return how many keys of each brand end as ONAY, and how many as RET."""

    def key(said: Said) -> tuple[int, str, str, str]:
        return said.brand_code, said.channel, said.meaning.recipient_type, said.recipient

    stored = [line.said for line in all_lines if line.said and line.outcome.word == ACCEPTED]
    ends = {key(said): said.meaning.status for said in stored}
    return Counter((brand_code, status) for (brand_code, *_), status in ends.items())


@pytest.mark.parametrize(("made_as", "rows"), [("csv", ROWS), ("xlsx", 800), ("parquet", 800)])
async def test_every_row_of_a_file_ends_in_the_ledger_as_it_must(
    town: Town, tmp_path: Path, made_as: Format, rows: int
) -> None:
    brands = [await town.new_brand(), await town.new_brand()]
    recipe = replace(EVERYTHING, rows=rows, now=turkish_now(), format=made_as, brand_codes=brands)
    path = write(tmp_path, recipe)
    expected = list(lines(recipe))
    headers = await town.authorization("provider")

    async with town.another_process(ingest_chunk_rows=CHUNK_ROWS) as door, worker(town) as lanes:
        url = f"/ingest/files?name={path.name}"
        queued = await door.post(url, content=path.read_bytes(), headers=headers)
        assert queued.status_code == 202, queued.text
        await work_off(lanes)
        url = f"/ingest/jobs/{queued.json()['id']}"
        job = (await door.get(url, headers=headers)).json()
        faults = await door.get(f"{url}/faults", headers=headers)

    assert job["state"] == "DONE", job
    said = {line.number: line.outcome.word for line in expected if line.outcome.word != BLANK}
    good = {ACCEPTED, UNCHANGED}
    told = faults_in(made_as, faults.content)
    wrong = [
        (line.number, line.kind, line.outcome.word, told.get(line.number))
        for line in expected
        if told.get(line.number)
        != (None if line.outcome.word in {*good, BLANK} else line.outcome.word)
    ]
    assert wrong == []
    counts = Counter(said.values())
    assert (job["accepted"], job["unchanged"]) == (counts[ACCEPTED], counts[UNCHANGED])
    assert job["refusedByCode"] == {code: n for code, n in counts.items() if code not in good}
    assert job["rowsSeen"] == job["rowsDone"] == len(said)
    await require_ledger(town, brands, expected)


async def require_ledger(town: Town, brands: list[int], expected: list[Line]) -> None:
    """Require as many movements and blocks as rows that left one, and the states that they end in."""
    rows = await town.owner.fetch(
        "SELECT kind, count(*) AS n FROM movement WHERE brand_code = ANY ($1) GROUP BY kind", brands
    )
    assert {row["kind"]: row["n"] for row in rows} == {
        "CONSENT": sum(line.outcome.word == ACCEPTED for line in expected),
        "BLOCK": sum(line.outcome.block for line in expected),
    }
    ends = last_words(expected)
    for brand_code in brands:
        approvals, rejections, _total = await town.stats(brand_code)
        assert (approvals, rejections) == (ends[brand_code, "ONAY"], ends[brand_code, "RET"])

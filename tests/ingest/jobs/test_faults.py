"""The rows that were turned away come back as they were sent, with the reason, and harmless to look at."""

import csv
import io
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from pyarrow import parquet
from python_calamine import CalamineWorkbook

from services.ingest.faults import write_xlsx as workbooks
from services.ingest.faults.fault_file import ADDED, defused, format_of
from services.ingest.faults.fault_rows import (
    FaultHead,
    FaultRow,
    collect_fault_rows,
    read_fault_rows,
)
from services.ingest.faults.write_xlsx import write_xlsx
from services.ingest.jobs.close_file import CloseFile
from services.ingest.lanes.rows import RowFault
from services.ingest.reading.limits import ReadLimits
from services.ingest.reading.open_file import Planning, plan_file
from tests.ingest.doors import (
    PIECE,
    Area,
    PlainCells,
    code_of,
    play_worker,
    send,
    shown,
    spool_of,
    uploaded,
)
from tests.registry.doors import Town

ROWS = [
    "Alıcı;İzin Türü;Not",
    "+905990000001;MESAJ;iyi",
    "abc;MESAJ;=cmd|' /C calc'!A0",
    '+905990000003;FAKS;"çok; özel"',
    "+905990000004;MESAJ;@toplam",
    "+905990000005;MESAJ;-1+2",
    "+90 (599) 000 00 06;MESAJ;+905990000006",
]
FAULTS = [
    RowFault(2, "recipient", "PHONE_UNREADABLE", "Telefon numarası okunamadı."),
    RowFault(4, None, "H175", "İlk kayıt RET olamaz. Ret kaydı engel olarak saklandı…"),
    RowFault(5, "type", "H117", "Tür bilinmiyor; =neden"),
    RowFault(6, "retailerCode", "H180", "Bayi değil."),
]


def closing(area: Area, reader: PlainCells) -> CloseFile:
    close = area.upkeep.close
    return CloseFile(close.pool, close.writer, close.keys, close.spool, reader, close.now)


async def worked_off(
    town: Town, area: Area, reader: PlainCells, *, encoding: str = "utf-8"
) -> dict[str, Any]:
    """Return a job with four faulty rows, closed."""
    content = "\r\n".join(ROWS).encode(encoding)
    job = await uploaded(town, content, brandCode=town.world.brand_code)
    outcomes = {
        (town.world.brand_code, "ACCEPTED"): 2,
        **{(town.world.brand_code, fault.code): 1 for fault in FAULTS},
    }
    await play_worker(area, job, outcomes, faults=FAULTS)
    assert await closing(area, reader)(UUID(job["id"]))
    return job


async def faults_of(town: Town, job: dict[str, Any]) -> Any:
    answer = await town.get(f"/ingest/jobs/{job['id']}/faults")
    assert answer.status_code == 200, answer.text
    return answer


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1254"])
async def test_faults_of_a_csv_file_are_a_csv_file_like_it(
    town: Town, area: Area, encoding: str
) -> None:
    reader = PlainCells(encoding=encoding)
    job = await worked_off(town, area, reader, encoding=encoding)
    view = await shown(town, job)
    assert (view["state"], view["refused"]) == ("DONE", 4)
    assert view["faultsUrl"] == f"/ingest/jobs/{job['id']}/faults"
    answer = await faults_of(town, job)
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == (
        f'attachment; filename="faults-{job["id"]}.csv"'
    )
    assert answer.content.startswith(b"\xef\xbb\xbf") == (encoding == "utf-8")
    text = answer.content.decode(encoding).removeprefix("\ufeff")
    header, *rows = csv.reader(io.StringIO(text), delimiter=";")
    assert header == ["Alıcı", "İzin Türü", "Not", *ADDED]
    assert rows[0] == [
        *("abc", "MESAJ", "'=cmd|' /C calc'!A0"),
        *("3", "Alıcı", "PHONE_UNREADABLE", "Telefon numarası okunamadı."),
    ]
    assert rows[1][2:6] == ["'@toplam", "5", "", "H175"]
    assert rows[2][2:6] == ["'-1+2", "6", "type", "H117"]
    assert rows[3][:6] == [
        *("+90 (599) 000 00 06", "MESAJ", "+905990000006", "7"),
        *("retailerCode", "H180"),
    ]
    assert len(rows) == 4
    assert reader.asked == [0, 1, 2]


async def test_the_worker_s_own_reader_finds_the_cells_again(town: Town, area: Area) -> None:
    job = await uploaded(town, "\r\n".join(ROWS).encode("windows-1254"))
    spool = await spool_of(town, job)
    planning = Planning({"Alıcı": "recipient"}, PIECE, ReadLimits(), 1)
    spool.save_plan(plan_file(spool, planning).to_json())
    outcomes = {(0, fault.code): 1 for fault in FAULTS}
    await play_worker(area, job, outcomes, faults=FAULTS)
    assert await area.upkeep.close(UUID(job["id"]))
    answer = await faults_of(town, job)
    text = answer.content.decode("windows-1254")
    header, *rows = csv.reader(io.StringIO(text), delimiter=";")
    assert header[:3] == ["Alıcı", "İzin Türü", "Not"]
    assert [row[3] for row in rows] == ["3", "5", "6", "7"]
    assert rows[0][:3] == ["abc", "MESAJ", "'=cmd|' /C calc'!A0"]


async def test_faults_of_a_workbook_are_a_workbook(town: Town, area: Area) -> None:
    job = await worked_off(town, area, PlainCells("xlsx"))
    answer = await faults_of(town, job)
    assert answer.headers["content-type"].endswith("spreadsheetml.sheet")
    book = CalamineWorkbook.from_filelike(io.BytesIO(answer.content))
    header, *rows = book.get_sheet_by_index(0).to_python()
    assert header == ["Alıcı", "İzin Türü", "Not", *ADDED]
    assert rows[0][:4] == ["abc", "MESAJ", "'=cmd|' /C calc'!A0", "3"]
    assert len(rows) == 4


async def test_faults_of_parquet_are_parquet(town: Town, area: Area) -> None:
    job = await worked_off(town, area, PlainCells("parquet"))
    answer = await faults_of(town, job)
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"
    table = parquet.read_table(io.BytesIO(answer.content))
    assert table.column_names == ["Alıcı", "İzin Türü", "Not", *ADDED]
    assert table.column("Not").to_pylist()[0] == "=cmd|' /C calc'!A0"
    assert table.column("Satır").to_pylist() == ["3", "5", "6", "7"]


async def test_once_closed_the_faults_are_all_that_is_kept(town: Town, area: Area) -> None:
    job = await worked_off(town, area, PlainCells())
    folder = town.data_dir / "spool" / "files" / job["id"]
    assert [path.name for path in folder.iterdir()] == ["fault-rows"]
    assert b"calc" not in (folder / "fault-rows").read_bytes()
    assert await faults_of(town, job)


async def test_a_file_without_faults_leaves_nothing_and_says_so(town: Town, area: Area) -> None:
    job = await uploaded(town)
    assert code_of(await town.get(f"/ingest/jobs/{job['id']}/faults")) == "CONFLICT"
    await play_worker(area, job, {(town.world.brand_code, "ACCEPTED"): 2})
    waiting = await town.get(f"/ingest/jobs/{job['id']}/faults")
    assert (waiting.status_code, int(waiting.headers["retry-after"]) > 0) == (409, True)
    assert await closing(area, PlainCells())(UUID(job["id"]))
    answer = await town.get(f"/ingest/jobs/{job['id']}/faults")
    assert (answer.status_code, answer.content) == (204, b"")
    assert not (town.data_dir / "spool" / "files" / job["id"]).exists()


async def test_faults_of_a_cancelled_file_are_put_together_by_the_sweep(
    town: Town, area: Area
) -> None:
    job = await uploaded(town, "\n".join(ROWS).encode())
    brand = town.world.brand_code
    await play_worker(area, job, {(brand, fault.code): 1 for fault in FAULTS}, faults=FAULTS)
    assert (await send(town, "POST", f"/ingest/jobs/{job['id']}/cancel")).status_code == 200
    assert code_of(await town.get(f"/ingest/jobs/{job['id']}/faults")) == "CONFLICT"
    await closing(area, PlainCells()).clear(UUID(job["id"]))
    assert (await faults_of(town, job)).content.count(b"\r\n") == 5


async def test_a_job_is_closed_also_where_its_faults_cannot_be_shown(
    town: Town, area: Area
) -> None:
    job = await uploaded(town, "\n".join(ROWS).encode())
    await play_worker(area, job, {(0, "ROW_BROKEN"): 1}, faults=FAULTS)
    content = (await spool_of(town, job)).path / "content"
    content.write_bytes(b"x" * content.stat().st_size)
    assert await closing(area, PlainCells())(UUID(job["id"]))
    assert (await shown(town, job))["state"] == "DONE"


async def test_two_workers_that_close_a_file_at_once_do_no_harm(town: Town, area: Area) -> None:
    job = await uploaded(town, "\n".join(ROWS).encode())
    await play_worker(area, job, {(0, "ROW_BROKEN"): 4}, faults=FAULTS)
    spool, reader = await spool_of(town, job), PlainCells()
    collect_fault_rows(spool, {"chunk_rows": 3}, reader)
    collect_fault_rows(spool, {"chunk_rows": 3}, reader)
    head, rows = read_fault_rows(spool)
    assert (head.delimiter, [row.row for row in rows]) == (";", [3, 5, 6, 7])
    assert await closing(area, reader)(UUID(job["id"]))
    assert not await closing(area, reader)(UUID(job["id"]))


@pytest.mark.parametrize(
    "cell",
    [
        *(
            "=1+1",
            "+1+1|x",
            "-2",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\n=1",
            " =1",
            "\u00a0=1",
            "\ufeff=1",
        ),
        *("＝1", "＋1", "－1", "＠a", "+cmd", "+90599A", "=", "-", "\x01=1", "\t", "+90-599"),
    ],
)
def test_a_cell_that_computes_is_defused(cell: str) -> None:
    assert defused(cell) == "'" + cell


@pytest.mark.parametrize(
    "cell",
    [
        "+905990000001",
        "+90 (599) 000 00 01",
        "",
        "a=b",
        "0599",
        "MESAJ",
        "kisi@posta.example",
        "5e9",
    ],
)
def test_any_other_cell_stays_as_it_is(cell: str) -> None:
    assert defused(cell) == cell
    assert defused(None) == ""


def test_a_sheet_that_is_full_is_followed_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "ROWS_A_SHEET", 4)
    rows = [[f"{n}", "a & <b> \x00 \ud800 ğ", " "] for n in range(7)]
    book = CalamineWorkbook.from_filelike(io.BytesIO(b"".join(write_xlsx(["x", "y", "z"], rows))))
    sheets = [book.get_sheet_by_name(name).to_python() for name in book.sheet_names]
    assert [len(sheet) for sheet in sheets] == [4, 4, 2]
    assert all(sheet[0][:2] == ["x", "y"] for sheet in sheets)
    assert [row[0] for sheet in sheets for row in sheet[1:]] == [f"{n}" for n in range(7)]
    assert sheets[0][1][1] == "a & <b> \ufffd \ufffd ğ"


def test_a_workbook_without_rows_has_its_header() -> None:
    book = CalamineWorkbook.from_filelike(io.BytesIO(b"".join(write_xlsx(["a", "b"], []))))
    assert book.get_sheet_by_index(0).to_python() == [["a", "b"]]


@pytest.mark.parametrize("kind", ["csv", "xlsx", "parquet"])
def test_a_long_fault_file_is_written_in_chunks(kind: str) -> None:
    taken = 0

    def rows() -> Iterator[FaultRow]:
        nonlocal taken
        for n in range(30_000):
            taken += 1
            yield FaultRow(n, "Alıcı", "H121", f"neden {n * 7919}", [f"+90599{n * 31:07d}", None])

    head = FaultHead(kind, ",", "utf-8", ["Alıcı", "Alıcı"])
    chunks = format_of(head).write(head, rows())
    first = next(chunks)
    assert 0 < taken < 30_000
    rest = list(chunks)
    assert taken == 30_000
    assert rest
    assert first

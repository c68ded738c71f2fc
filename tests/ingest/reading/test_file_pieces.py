"""The worker's reader: planned at the survey, read as planned ever after, by whoever takes the job over."""

import errno
import gzip
import threading
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from services.ingest.lanes.rows import FileRefusedError, PreparedPiece, ReadingStoppedError
from services.ingest.reading.file_pieces import FilePieces, read_cells
from services.ingest.reading.sealing import SealedOutput
from services.ingest.spool import JobSpool
from shared.ledger.ingest_jobs import Claim, Lane
from shared.sealing.addresses import SealBrokenError
from shared.sealing.sealed_file import SealedFile
from tests.ingest.reading.spooled import BRAND, KEYS, NOW, POLICY, limits, spooled

HEADER = "telefon;tür;durum;kaynak;tarih;ad"
NUMBERS = [f"0599 000 {n // 100:02d} {n % 100:02d}" for n in range(1_000)]
CONTENT = "\n".join(
    [HEADER, *(f"{number};MESAJ;ONAY;HS_WEB;2026-03-02 14:05:09;Ali" for number in NUMBERS)]
).encode()
OPTIONS: dict[str, object] = {"chunk_rows": 100, "mapping": {}, "defaults": {}}
READ = FilePieces(POLICY)


def claim(*, surveyed: bool = True, fence: int = 1, brand_code: int | None = BRAND) -> Claim:
    return Claim(
        job_id=uuid4(),
        lane=Lane.REFUSALS,
        fence=fence,
        step=-1,
        attempts=1,
        kind="FILE",
        user_id=1,
        brand_code=brand_code,
        replayable=False,
        created_at=NOW,
        sealing_key_id=KEYS.key_id,
        job_key=b"",
        body=None,
        surveyed=surveyed,
        dry_run=False,
        options="{}",
    )


def survey(spool: JobSpool, *, fence: int = 1) -> list[PreparedPiece]:
    return list(
        READ.pieces(spool, claim(surveyed=False, fence=fence), OPTIONS, start=0, among=None)
    )


def shown(pieces: list[PreparedPiece]) -> list[object]:
    return [
        (one.number, one.first_row, one.count, one.is_last, one.rows, one.faults) for one in pieces
    ]


@pytest.mark.parametrize("content", [CONTENT, gzip.compress(CONTENT)], ids=["plain", "packed"])
def test_who_takes_over_reads_the_same_from_any_piece(tmp_path: Path, content: bytes) -> None:
    spool = spooled(tmp_path, content)
    whole = shown(survey(spool))
    assert len(whole) == 11
    for start in (0, 1, 7, 10, 11):
        assert (
            shown(list(READ.pieces(spool, claim(), OPTIONS, start=start, among=None)))
            == whole[start:]
        )


def test_a_survey_that_was_begun_twice_leaves_a_plan_that_is_good(tmp_path: Path) -> None:
    spool = spooled(tmp_path, gzip.compress(CONTENT))
    slow = READ.pieces(spool, claim(surveyed=False, fence=1), OPTIONS, start=0, among=None)
    next(slow)
    whole = shown(survey(spool, fence=2))
    assert len(list(slow)) == len(whole) - 1
    assert shown(list(READ.pieces(spool, claim(), OPTIONS, start=0, among=None))) == whole


def test_a_row_is_as_late_as_it_was_when_the_job_was_made(tmp_path: Path) -> None:
    spool = spooled(tmp_path, CONTENT)
    rows = [row for piece in survey(spool) for row in piece.rows]
    assert len(rows) == 1_000
    assert all(row.fault is None and NOW - timedelta(days=3) < NOW for row in rows)


def test_the_plan_is_sealed_because_it_may_hold_an_address(tmp_path: Path) -> None:
    row = "MESAJ,HS_WEB,+905991112233,ONAY,2026-03-02 14:05:09,BIREYSEL"
    spool = spooled(tmp_path, row.encode())
    survey(spool)
    assert spool.read_plan() is not None
    assert not any(b"5991112233" in path.read_bytes() for path in spool.path.iterdir())


def test_cells_of_single_pieces_can_be_read_again(tmp_path: Path) -> None:
    spool = spooled(tmp_path, CONTENT)
    with pytest.raises(FileRefusedError):
        read_cells(spool, OPTIONS, [0])
    survey(spool)
    plan, pieces = read_cells(spool, OPTIONS, [2, 10])
    second, last = pieces
    assert plan.names == HEADER.split(";")
    assert (second.first_row, last.first_row) == (201, 1001)
    assert second.cells(0)[0] == NUMBERS[199]
    assert last.cells(0)[-1] == "Ali"


def test_a_file_that_has_become_shorter_is_noticed(tmp_path: Path) -> None:
    spool = spooled(tmp_path, CONTENT)
    survey(spool)
    spool.content.remove()
    spool.content.append(CONTENT[:-10])
    with pytest.raises(SealBrokenError):
        next(READ.pieces(spool, claim(), OPTIONS, start=0, among=None))


def test_closing_waits_for_the_piece_that_is_being_read(tmp_path: Path) -> None:
    spool = spooled(tmp_path, CONTENT)
    pieces = READ.pieces(spool, claim(surveyed=False), OPTIONS, start=0, among=None)
    failed: list[BaseException] = []

    def read() -> None:
        try:
            for _piece in pieces:
                pass
        except BaseException as error:  # noqa: BLE001  # shown below
            failed.append(error)

    reading = threading.Thread(target=read)
    reading.start()
    pieces.close()  # type: ignore[attr-defined]  # the worker asks for it, too
    reading.join()
    assert failed == []
    assert next(pieces, None) is None


@pytest.mark.parametrize(
    ("number", "told"), [(errno.ENOSPC, ReadingStoppedError), (errno.EIO, OSError)]
)
def test_a_full_disk_is_no_fault_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, told: type[Exception]
) -> None:
    def fail(_self: SealedFile, _content: bytes) -> None:
        raise OSError(number, "no")

    output = SealedOutput(spooled(tmp_path).file("unpacked-1"), limits(), packed=10)
    monkeypatch.setattr(SealedFile, "append", fail)
    output.write(b"x")
    with pytest.raises(told):
        output.close()

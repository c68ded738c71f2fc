"""The process that reads workbooks and Parquet: what it says, what it is believed, and how it may end."""

import io
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from services.ingest.lanes.rows import ReadingStoppedError
from services.ingest.reading import workbook_table
from services.ingest.reading.child import work
from services.ingest.reading.convert import convert
from services.ingest.reading.limits import ReadLimits
from services.ingest.reading.open_file import read_pieces
from services.ingest.reading.pipe import Kind, PipeBrokenError, answer_wanted, receive
from tests.ingest.reading.spooled import limits, planned, prepared, recipients, refused, spooled
from tests.ingest.reading.workbooks import GOOD, HEADER, far, workbook


def test_a_child_that_cannot_have_the_memory_ends_with_a_reason_and_nothing_else(
    tmp_path: Path,
) -> None:
    # Ten million cells between two: they are admitted, but not into so little memory.
    spool = spooled(tmp_path, far("J1048576"))
    assert refused(spool, limits=limits(child_memory_bytes=400_000_000)) == "MEMORY_EXCEEDED"


def test_a_child_that_takes_too_long_ends_with_a_reason(tmp_path: Path) -> None:
    spool = spooled(tmp_path, workbook([HEADER, GOOD]))
    assert refused(spool, limits=limits(child_s=0)) == "TIME_EXCEEDED"


def children() -> Iterator[int]:
    """Yield the processes that this one, or a thread of it, has started."""
    for listed in Path(f"/proc/{os.getpid()}/task").glob("*/children"):
        yield from map(int, listed.read_text().split())


def test_a_child_that_somebody_ends_is_no_fault_of_the_file(tmp_path: Path) -> None:
    spool = spooled(tmp_path, workbook([HEADER, GOOD]))
    before = set(children())
    told: list[BaseException] = []

    def try_it() -> None:
        try:
            planned(spool)
        except ReadingStoppedError as error:
            told.append(error)

    trying = threading.Thread(target=try_it)
    trying.start()
    while trying.is_alive():
        for child in set(children()) - before:
            os.kill(child, signal.SIGTERM)
        trying.join(0.01)
    assert len(told) == 1
    assert recipients(prepared(spool)) == {2: "+905991112233"}


def test_a_child_that_fails_without_a_word_means_a_broken_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.ingest.reading.convert._COMMAND", ("false",))
    assert refused(spooled(tmp_path, workbook([HEADER]))) == "WORKBOOK_BROKEN"


@pytest.mark.parametrize(
    "said", [b"Fxx", b"T", b"?", b"R\xff\xff\xff\xff", b"R\0\0\0\x09short", b"W\0\0\0\x01x"]
)
def test_what_no_child_says_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    script = tmp_path / "child"
    if len(said) == 1:
        said += bytes(4)
    elif said == b"Fxx":
        said = b"F\0\0\0\x02xx"
    (tmp_path / "said").write_bytes(said)
    script.write_text(f"#!/bin/sh\ncat {tmp_path / 'said'}\n")
    script.chmod(0o700)
    monkeypatch.setattr("services.ingest.reading.convert._COMMAND", (str(script),))
    assert refused(spooled(tmp_path, workbook([HEADER]))) == "WORKBOOK_BROKEN"


def told_of(content: bytes, format_: str) -> tuple[Kind, bytes, bytes]:
    """Do a child's work in a thread; return its last word, and what it has read."""
    (hear, tell), (listen, say) = os.pipe(), os.pipe()
    task: dict[str, object] = {"size": len(content), "rows": 2, "format": format_}
    with (
        os.fdopen(hear, "rb") as of_child,
        os.fdopen(tell, "wb") as child_out,
        os.fdopen(listen, "rb") as child_in,
        os.fdopen(say, "wb") as to_child,
    ):
        working = threading.Thread(target=work, args=(child_in, child_out, task, ReadLimits()))
        working.start()
        rows = b""
        while (said := receive(of_child))[0] in (Kind.WANTED, Kind.ROWS):
            if said[0] is Kind.WANTED:
                answer_wanted(to_child, said[1], io.BytesIO(content))
            else:
                rows += said[1]
        working.join()
    return (*said, rows)


def test_the_child_sends_the_table_piece_by_piece_and_says_when_it_is_whole() -> None:
    table = pa.table({"Telefon": ["0599 111 22 33", "0599 111 22 34"]})
    file = io.BytesIO()
    parquet.write_table(table, file)
    for content, format_ in (
        (workbook([["Telefon"], ["0599 111 22 33"], ["0599 111 22 34"]]), "xlsx"),
        (file.getvalue(), "parquet"),
    ):
        word, _, rows = told_of(content, format_)
        assert word is Kind.DONE
        batches = pa.ipc.open_file(io.BytesIO(rows))
        assert batches.num_record_batches == 2
        assert batches.get_batch(1).column(0).to_pylist() == ["0599 111 22 34"]


def test_the_child_says_why_there_is_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told_of(workbook([]), "xlsx")[:2] == (Kind.REFUSED, b"FILE_EMPTY")

    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(workbook_table, "write_workbook", fail)
    assert told_of(b"", "xlsx")[:2] == (Kind.REFUSED, b"MEMORY_EXCEEDED")


def test_the_child_asks_for_the_file_and_tells_what_it_found() -> None:
    content = workbook([HEADER, GOOD])
    answers = io.BytesIO()  # ends at once: whoever should answer has gone
    with pytest.raises(PipeBrokenError):
        work(
            answers,
            io.BytesIO(),
            {"size": len(content), "rows": 10, "format": "xlsx"},
            ReadLimits(),
        )
    told = io.BytesIO()
    work(answers, told, {"size": 0, "rows": 10, "format": "xlsx"}, ReadLimits())
    told.seek(0)
    assert receive(told)[1] == b"ARCHIVE"


def test_a_conversion_that_is_repeated_writes_the_same(tmp_path: Path) -> None:
    spool = spooled(tmp_path, workbook([HEADER, *[GOOD] * 30]))
    into = spool.file("table")
    for _ in range(2):
        convert(spool.content, "xlsx", into=into, rows=7, limits=ReadLimits())
    plan = planned(spool, rows=7)
    assert plan.size == into.size
    whole = list(read_pieces(spool, plan))
    assert [piece.number for piece in whole] == [0, 1, 2, 3, 4]
    again = list(read_pieces(spool, plan, start=3))
    assert [(one.number, one.first_row, one.fields) for one in again] == [
        (one.number, one.first_row, one.fields) for one in whole[3:]
    ]

"""`izin upload` when connections are cut, servers are away, and people change their minds."""

import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.cli.uploading import asking, follow
from tests.cli.stub_jobs import AT, CONTENT, CUT_SHORT, JOB, JobStub, Script
from tests.cli.uploads import (
    FAULTS,
    MEGABYTE,
    ROWS,
    Endless,
    Run,
    memory_bytes,
    process,
    some_refused,
    write,
)


def test_an_upload_that_is_cut_goes_on_where_it_was(run_izin: Run, job_server: JobStub) -> None:
    write()
    job_server.script.cuts = [0, 10, 0, 700]
    job_server.script.trouble["HEAD", CONTENT] = [
        (CUT_SHORT, None),
        (423, {"title": "Somebody else writes", "retry": 0}),
    ]
    job_server.script.trouble["GET", AT] = [(CUT_SHORT, None), (502, {})]
    code, _, err = run_izin("upload", "liste.csv", "--wait", "--again")
    assert (code, err) == (0, "")
    assert job_server.script.stored == ROWS
    assert job_server.script.asked.count(f"PATCH {CONTENT}?again=true") == 5


def test_a_token_that_has_run_out_is_renewed(run_izin: Run, job_server: JobStub) -> None:
    write()
    expired = (401, {"title": "Expired", "code": "NOT_AUTHENTICATED"})
    job_server.script.trouble = {("PATCH", CONTENT): [expired], ("GET", AT): [expired, expired]}
    assert run_izin("upload", "liste.csv", "--wait")[0] == 0
    assert job_server.script.stored == ROWS


def test_a_server_that_stays_away_leaves_an_upload_to_resume(
    run_izin: Run, job_server: JobStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "PATIENCE_S", -1)
    write()
    job_server.script.cuts = [100]
    job_server.script.trouble["GET", AT] = [(CUT_SHORT, None)] * 2
    code, out, err = run_izin("upload", "liste.csv", "--wait")
    assert (code, out) == (4, "")
    assert "cannot be reached" in err
    assert f"`izin upload liste.csv --resume {JOB}` goes on" in err
    job_server.script.trouble.clear()
    code, _, err = run_izin("upload", "liste.csv", "--resume", JOB, "--wait")
    assert (code, err) == (0, "")
    assert job_server.script.stored == ROWS
    assert job_server.script.asked.count("POST /ingest/jobs") == 1


def test_waiting_goes_on_without_the_file(run_izin: Run, job_server: JobStub) -> None:
    job_server.script.state = "QUEUED"
    job_server.script.announced = {"name": "../başka/liste.csv"}
    job_server.script.end = some_refused()
    job_server.script.faults = ("text/csv", FAULTS)
    assert run_izin("upload", "--resume", JOB)[0] == 6
    assert Path("liste.faults.csv").read_bytes() == FAULTS


@pytest.mark.parametrize(
    ("content", "age", "told"),
    [
        (None, timedelta(0), "is not uploaded to its end"),
        (ROWS + b"x", timedelta(0), "is not the file of that job"),
        (ROWS, timedelta(minutes=-5), "has changed since that upload"),
    ],
)
def test_only_the_same_file_goes_on(
    run_izin: Run, job_server: JobStub, content: bytes | None, age: timedelta, told: str
) -> None:
    """Half of one file and half of another would be neither."""
    job_server.script.announced = {"name": "liste.csv", "size": len(ROWS)}
    job_server.script.created_at = datetime.now(UTC) + age  # noqa: TID251  # as the server's clock
    file = () if content is None else (str(write(content)),)
    code, _, err = run_izin("upload", *file, "--resume", JOB)
    assert code == 1
    assert told in err
    assert not [one for one in job_server.script.asked if one.startswith("PATCH")]


def test_a_file_that_changes_meanwhile_is_not_sent_to_its_end(
    run_izin: Run, job_server: JobStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(os.urandom(MEGABYTE))
    pread = os.pread

    def meddling(descriptor: int, size: int, offset: int) -> bytes:
        if offset:
            os.utime(path, (1, 1))
        return pread(descriptor, size, offset)

    monkeypatch.setattr(os, "pread", meddling)
    code, _, err = run_izin("upload", "liste.csv")
    assert code == 1
    assert "was changed while it was sent" in err
    assert job_server.script.state == "UPLOADING"


def test_ctrl_c_says_how_to_go_on(
    run_izin: Run, job_server: JobStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    write()
    job_server.script.cuts = [10]
    monkeypatch.setattr(asking, "sleep", interrupt)
    code, _, err = run_izin("upload", "liste.csv", "--wait")
    assert code == 4
    assert f"it was stopped; `izin upload liste.csv --resume {JOB}` goes on" in err
    monkeypatch.setattr(follow, "sleep", interrupt)
    job_server.script.looks = [{}] * 9
    code, _, err = run_izin("upload", "liste.csv", "--resume", JOB, "--wait")
    assert code == 4
    assert f"the work goes on at the server: `izin upload --resume {JOB}` waits" in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_says_how_to_go_on(job_server: JobStub, number: signal.Signals) -> None:
    write()
    job_server.script.looks = looks = Endless()
    with process(job_server, "liste.csv", "--wait") as running:
        assert looks.looked.wait(30)
        running.send_signal(number)
        _, err = running.communicate(timeout=30)
    assert running.returncode == 4
    assert f"izin upload --resume {JOB}" in err


def test_a_large_file_takes_no_more_memory_than_a_small_one(job_server: JobStub) -> None:
    most = []
    for size in (MEGABYTE, 40 * MEGABYTE):
        write(b"x" * size)
        looks = Endless()
        job_server.script = Script(looks=looks)
        with process(job_server, "liste.csv", "--wait") as running:
            assert looks.looked.wait(30)
            most.append(memory_bytes(running.pid))
            running.send_signal(signal.SIGINT)
        assert len(job_server.script.stored) == size
    assert most[1] - most[0] < 8 * MEGABYTE

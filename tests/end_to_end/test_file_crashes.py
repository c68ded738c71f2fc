"""Workers, database and cache are killed in the middle of a file: every row ends as it must, and once.

The race: a process dies between the commit of a step and its reply, or before it. Without the progress in the
same statement as the movements a row would be stored twice or not at all; without the fence a worker that was
only slow would write beside the one that took over.
"""

import json
import os
import random
import signal
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from time import monotonic, sleep
from typing import Any

import httpx
import pytest

from shared.clock import utc_now
from shared.domain.wire_time import consent_date_to_wire
from tests.end_to_end.running import Api, Izin, descendants, eventually, said

ROWS = 12_000
ROWS_A_PIECE = 250
FINISHED = ("DONE", "FAILED", "CANCELLED")


def made_up_file(rows: int, *, seed: int = 7) -> tuple[bytes, Counter[str]]:
    """Return a file whose addresses come again, and how often each outcome must come of it."""
    draw = random.Random(seed)  # noqa: S311  # rows, not secrets
    first = utc_now() - timedelta(hours=5)
    on_file: dict[str, tuple[str, str]] = {}
    outcomes: Counter[str] = Counter()
    lines = ["Telefon;Tür;Durum;Kaynak;Tarih"]
    for n in range(rows):
        number = f"+90599{draw.randrange(rows * 2 // 3):07d}"
        status = "RET" if draw.random() < 0.05 else "ONAY"
        date = consent_date_to_wire(first + timedelta(seconds=n * 3600 * 4 // rows))
        if draw.random() < 0.01:
            number = "12"
        lines.append(f"{number};MESAJ;{status};HS_WEB;{date}")
        outcomes[_outcome(on_file, number, status, date)] += 1
    return ("\n".join(lines) + "\n").encode(), outcomes


def _outcome(on_file: dict[str, tuple[str, str]], number: str, status: str, date: str) -> str:
    """Judge a row as the rules do, and put it on file."""
    known = on_file.get(number)
    if number == "12":
        return "PHONE_UNREADABLE"
    if known is None and status == "RET":
        return "H175"
    if known == (status, date):
        return "UNCHANGED"
    if known is not None and known[0] == status == "RET":
        return "H174"
    if known is not None and date <= known[1]:
        return "H178"
    on_file[number] = status, date
    return "ACCEPTED"


def child_of(izin: Izin, module: bytes) -> int:
    """Return the process id of one of its processes."""
    assert izin.process is not None
    return next(pid for pid in descendants(izin.process.pid) if module in said(pid))


def valkey_pid(izin: Izin) -> int:
    return child_of(izin, b"valkey-server")


def worker_pid(izin: Izin) -> int:
    return child_of(izin, b"services.ingest.worker")


@pytest.mark.parametrize(
    "victim", [worker_pid, Izin.postgres_pid, valkey_pid], ids=["worker", "postgres", "valkey"]
)
def test_a_file_ends_as_it_must_whoever_is_killed(
    izin: Izin, victim: Callable[[Izin], int]
) -> None:
    izin.settings = {"IZIN_INGEST_CHUNK_ROWS": str(ROWS_A_PIECE), "IZIN_INGEST_LEASE_S": "5"}
    izin.start()
    content, expected = made_up_file(ROWS)
    with Api(izin) as api:
        job = upload(api, content)
        # It counts only if it came when part of the rows, and not all, were in.
        reached(api, job, 0.1)
        os.kill(victim(izin), signal.SIGKILL)
        assert 0 < rows_done(api, job) < ROWS
        done = finished(api, job)
        report = api.send("GET", f"/ingest/jobs/{job['id']}/report").raise_for_status().json()
    assert done["state"] == "DONE"
    assert done["rowsSeen"] == done["rowsDone"] == ROWS
    told = Counter({"ACCEPTED": done["accepted"], "UNCHANGED": done["unchanged"]})
    told.update(done["refusedByCode"])
    assert +told == +expected, report
    assert izin.end(signal.SIGTERM) == 0
    verified = izin.run("ledger", "verify", "--json")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    # Accepted rows and the blocks of refusals that came first: each is one movement, and no other is there.
    facts = json.loads(verified.stdout)
    assert movements_in(facts) >= expected["ACCEPTED"]


def movements_in(facts: dict[str, Any]) -> int:
    return int(facts["movements"])


def upload(api: Api, content: bytes) -> dict[str, Any]:
    """Send a file in one request; return its job."""
    answer = api.send(
        "POST",
        f"/ingest/files?name=izinler.csv&brandCode={api.brand}",
        content=content,
        headers={"Content-Type": "text/csv"},
    )
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    return job


def shown(api: Api, job: dict[str, Any]) -> dict[str, Any]:
    """Return the job as it is now; while something is being started again nobody may answer."""
    deadline = monotonic() + 60
    while True:
        try:
            answer = api.send("GET", f"/ingest/jobs/{job['id']}")
        except (OSError, httpx.HTTPError):
            answer = None
        if answer is not None and answer.status_code == 200:
            now: dict[str, Any] = answer.json()
            return now
        assert monotonic() < deadline, "nobody answers"
        sleep(0.05)


def rows_done(api: Api, job: dict[str, Any]) -> int:
    return int(shown(api, job)["rowsDone"])


def reached(api: Api, job: dict[str, Any], share: float) -> None:
    """Wait until so much of the file is in."""
    eventually(lambda: rows_done(api, job) >= share * ROWS, timeout_s=60)


def finished(api: Api, job: dict[str, Any]) -> dict[str, Any]:
    """Wait for the end and return the job."""
    eventually(lambda: shown(api, job)["state"] in FINISHED, timeout_s=120)
    return shown(api, job)

"""A large file, and kills on its way: `python -m tests.end_to_end.kill_by_hand --rows 5000000`.

What `test_file_crashes.py` does in the suite with a small file. Worker, database and cache are killed one
after the other, each time when part of the rows are in; then every outcome is counted, and the ledger
verified. Exits 1 if anything is not as it must be. Five million rows take some minutes and 4 GB of disk.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any, Final

from tests.end_to_end.running import Api, Izin, own_izin
from tests.end_to_end.test_file_crashes import (
    FINISHED,
    made_up_file,
    movements_in,
    shown,
    upload,
    valkey_pid,
    worker_pid,
)

KILLS: Final[tuple[tuple[float, str, Callable[[Izin], int]], ...]] = (
    (0.15, "worker", worker_pid),
    (0.35, "postgres", Izin.postgres_pid),
    (0.55, "valkey", valkey_pid),
    (0.75, "worker", worker_pid),
    (0.85, "postgres", Izin.postgres_pid),
)
STANDS_STILL_S: Final = 120.0
VERIFY_S: Final = 1_800.0
OUTPUT_SHOWN: Final = 4_000
STARTED: Final = monotonic()


def main() -> None:
    """Play it once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    rows = parser.parse_args().rows
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started must be ended
    tell(f"making a file of {rows:,} rows")
    content, expected = made_up_file(rows)
    with own_izin() as izin, telling_what_it_said(izin):
        izin.settings = {"IZIN_INGEST_LEASE_S": "5"}
        izin.start()
        with Api(izin) as api:
            job = upload(api, content)
            tell(f"uploaded {len(content) / 1e6:,.0f} MB")
            for share, name, victim in KILLS:
                wait_for(api, job, rows_done=round(share * rows))
                os.kill(victim(izin), signal.SIGKILL)
                done = shown(api, job)["rowsDone"]
                tell(f"killed {name} with {done:,} rows in")
                if not 0.1 * rows <= done <= 0.9 * rows:
                    sys.exit("that came too late to count; take more rows")
            done = wait_for(api, job, rows_done=None)
        izin.end(signal.SIGTERM)
        tell("ended; verifying the ledger")
        faults = differences(done, expected, rows, verified(izin))
    tell("\n".join(faults) or f"every row ended as it must, and once: {dict(expected)}")
    sys.exit(1 if faults else 0)


@contextmanager
def telling_what_it_said(izin: Izin) -> Generator[None]:
    """Show the end of the output where something goes wrong: the directory is removed."""
    try:
        yield
    except BaseException:
        tell(izin.output.read_text()[-OUTPUT_SHOWN:])
        raise


def wait_for(api: Api, job: dict[str, Any], *, rows_done: int | None) -> dict[str, Any]:
    """Look at the job until so many rows are done, or until its end; it must not stand still."""
    last, since = -1, monotonic()
    while True:
        now = shown(api, job)
        if rows_done is not None and now["rowsDone"] >= rows_done:
            return now
        if now["state"] in FINISHED:
            return now
        if now["rowsDone"] != last:
            last, since = now["rowsDone"], monotonic()
        if monotonic() - since > STANDS_STILL_S:
            sys.exit(f"it stands still: {now}")
        sleep(0.1)


def verified(izin: Izin) -> dict[str, Any]:
    """Have the ledger verified; return what was found."""
    ran = subprocess.run(
        izin.command("ledger", "verify", "--json"),
        env=izin.environment,
        cwd=izin.directory,
        capture_output=True,
        text=True,
        check=False,
        timeout=VERIFY_S,
    )
    facts: dict[str, Any] = json.loads(ran.stdout)
    return facts | {"exit": ran.returncode}


def differences(
    done: dict[str, Any], expected: Counter[str], rows: int, facts: dict[str, Any]
) -> list[str]:
    """Return what is not as it must be."""
    told = Counter({"ACCEPTED": done["accepted"], "UNCHANGED": done["unchanged"]})
    told.update(done["refusedByCode"])
    faults: list[str] = []
    if done["state"] != "DONE" or done["rowsDone"] != rows:
        faults.append(f"the job ended as {done}")
    if +told != +expected:
        faults.append(f"outcomes: {dict(told)} and not {dict(expected)}")
    if facts["exit"] or movements_in(facts) < expected["ACCEPTED"]:
        faults.append(f"the ledger: {facts}")
    return faults


def tell(text: str) -> None:
    """Say how far it is."""
    sys.stdout.write(f"{monotonic() - STARTED:6.0f} s  {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

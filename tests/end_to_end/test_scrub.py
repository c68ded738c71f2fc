"""`izin scrub` against a running system: large lists, and everybody who may die on the way."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from time import sleep
from typing import Any

import pytest

from tests.end_to_end.running import Api, Izin, eventually, minutes_ago

GRANTED = [f"+9059906{n:05d}" for n in range(0, 100_000, 9_973)]
REFUSED = [f"+9059906{n:05d}" for n in range(1, 100_000, 19_997)]
ASKED = ("--type", "MESAJ", "--header", "DENEME")
MEGABYTE = 2**20


def record(izin: Izin) -> None:
    with Api(izin) as api:
        for phone in (*GRANTED, *REFUSED):
            api.record(phone, "ONAY", date=minutes_ago(9))
        for phone in REFUSED:
            api.record(phone, "RET", date=minutes_ago(8))


@pytest.fixture(scope="module")
def recorded(running: Izin) -> Izin:
    record(running)
    return running


def write_list(path: Path, *, times: int) -> Path:
    """Write a hundred thousand numbers, so often; each row says which one it is."""
    with path.open("w") as file:
        file.write("sıra;telefon;ad\n")
        for n in range(100_000 * times):
            file.write(f'{n};+9059906{n % 100_000:05d};"Kişi; {n}"\n')
    return path


def start(izin: Izin, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        izin.command("scrub", *arguments, *ASKED, "--json"),
        env=izin.environment,
        cwd=izin.directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def scrub(izin: Izin, *arguments: str) -> tuple[int, dict[str, Any], int]:
    """Run it to its end; return code, summary, and the most memory that it had, in bytes."""
    most = 0
    with start(izin, *arguments) as running:
        while running.poll() is None:
            most = max(most, memory_bytes(running.pid))
            sleep(0.02)
        assert running.stdout is not None
        summary: dict[str, Any] = json.loads(running.stdout.read() or "{}")
    return running.returncode, summary, most


def memory_bytes(pid: int) -> int:
    """Return the most that a process has held so far; nothing of one that ends."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def check_results(prefix: Path, *, times: int) -> None:
    """Every row must be in one of the results, once, with all that it held."""
    allowed, denied = (
        Path(f"{prefix}.{part}.csv").read_text().splitlines() for part in ("allowed", "denied")
    )
    assert (allowed[0], denied[0]) == ("sıra;telefon;ad", "sıra;telefon;ad;reason")
    told = [row.rpartition(";") for row in denied[1:]]
    assert {row.split(";")[1] for row in allowed[1:]} == set(GRANTED)
    assert {row.split(";")[1] for row, _, reason in told if reason == "REFUSED"} == set(REFUSED)
    assert {reason for _, _, reason in told} == {"REFUSED", "NO_RECORD"}
    rows = Counter(allowed[1:]) + Counter(row for row, _, _ in told)
    assert rows == Counter(prefix.with_suffix(".csv").read_text().splitlines()[1:])
    assert len(rows) == 100_000 * times


def is_under_way(prefix: Path) -> bool:
    part = Path(f"{prefix}.denied.csv.part")
    return part.exists() and part.stat().st_size > MEGABYTE


def test_a_long_list_takes_no_more_memory_than_a_short_one(recorded: Izin, tmp_path: Path) -> None:
    sizes = []
    for times in (1, 4):
        path = write_list(tmp_path / f"list{times}.csv", times=times)
        code, summary, memory = scrub(recorded, str(path))
        assert code == 0
        assert summary["rows"] == 100_000 * times
        assert summary["allowed"] == len(GRANTED) * times
        check_results(path.with_suffix(""), times=times)
        sizes.append(memory)
    sys.stderr.write(f"\nmost memory, in MB: {[size // MEGABYTE for size in sizes]}\n")
    assert sizes[1] - sizes[0] < 16 * MEGABYTE


def test_a_run_that_is_killed_is_continued(recorded: Izin, tmp_path: Path) -> None:
    path = write_list(tmp_path / "list.csv", times=4)
    prefix = path.with_suffix("")
    running = start(recorded, str(path))
    eventually(lambda: is_under_way(prefix))
    running.kill()
    running.communicate(timeout=30)
    assert not Path(f"{prefix}.allowed.csv").exists()
    # Killed before it could save anything, it begins anew; that is no loss, only time.
    resume = ("--resume",) if Path(f"{prefix}.scrub-state.json").exists() else ()
    code, summary, _ = scrub(recorded, str(path), *resume)
    assert (code, summary["rows"]) == (0, 400_000)
    check_results(prefix, times=4)


def test_a_run_that_is_stopped_is_continued(recorded: Izin, tmp_path: Path) -> None:
    path = write_list(tmp_path / "list.csv", times=4)
    prefix = path.with_suffix("")
    running = start(recorded, str(path))
    eventually(lambda: is_under_way(prefix))
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=30)
    assert running.returncode == 4, err
    assert 0 < json.loads(out)["rows"] < 400_000
    assert "--resume" in err
    code, summary, _ = scrub(recorded, str(path), "--resume")
    assert (code, summary["rows"]) == (0, 400_000)
    check_results(prefix, times=4)


def test_a_server_that_dies_leaves_an_incomplete_list(izin: Izin, tmp_path: Path) -> None:
    izin.start()
    record(izin)
    path = write_list(tmp_path / "list.csv", times=4)
    prefix = path.with_suffix("")
    running = start(izin, str(path))
    eventually(lambda: is_under_way(prefix))
    os.kill(izin.web_pid(), signal.SIGKILL)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 4, err
    assert json.loads(out)["complete"] is False
    assert not Path(f"{prefix}.allowed.csv").exists()
    eventually(izin.is_ready)
    code, summary, _ = scrub(izin, str(path), "--resume")
    assert (code, summary["rows"]) == (0, 400_000)
    check_results(prefix, times=4)


def test_a_ledger_that_goes_for_a_moment_costs_no_row(izin: Izin, tmp_path: Path) -> None:
    """What could not be verified meanwhile is asked again, and is right in the end."""
    izin.start()
    record(izin)
    path = write_list(tmp_path / "list.csv", times=4)
    prefix = path.with_suffix("")
    running = start(izin, str(path))
    eventually(lambda: is_under_way(prefix))
    os.kill(izin.postgres_pid(), signal.SIGKILL)
    out, err = running.communicate(timeout=120)
    assert running.returncode == 0, err
    assert json.loads(out)["counts"].keys() == {"CONSENT", "REFUSED", "NO_RECORD"}
    check_results(prefix, times=4)

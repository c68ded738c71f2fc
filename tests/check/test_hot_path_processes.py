"""Several check processes on one port, as a machine with several cores wants them."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from shared.sealing.keyring import create_key_file
from tests.end_to_end.running import ROOT, eventually
from tests.support.measured import coverage_variables
from tests.support.servers import free_port


@pytest.fixture
def settings(fresh_ledger: str, tmp_path: Path) -> dict[str, str]:
    create_key_file(tmp_path / "keys.json")
    return {
        "PATH": os.defpath,
        "IZIN_POSTGRES_DSN": fresh_ledger,
        "IZIN_KEYS_FILE": str(tmp_path / "keys.json"),
        "IZIN_DATA_DIR": str(tmp_path),
        "IZIN_CHECK_PORT": str(free_port()),
        **coverage_variables(),
    }


@contextmanager
def check_process(settings: dict[str, str]) -> Generator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "services.check"],
        cwd=ROOT,
        env=settings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def answering(settings: dict[str, str]) -> str:
    """Return who answers a new connection: when it was started."""
    address = f"http://127.0.0.1:{settings['IZIN_CHECK_PORT']}/metrics"
    try:
        text = httpx.get(address, trust_env=False).text
    except httpx.TransportError:
        return ""
    found = re.search(r"^process_start_time_seconds (\S+)$", text, re.MULTILINE)
    return found[1] if found else ""


def test_two_processes_share_a_port_if_they_are_told_to(settings: dict[str, str]) -> None:
    shared = settings | {"IZIN_CHECK_SHARES_PORT": "true"}
    with check_process(shared) as first:
        eventually(lambda: answering(shared))
        one = answering(shared)
        with check_process(shared):
            eventually(lambda: answering(shared) not in {"", one})
            assert one in {answering(shared) for _ in range(30)}
            first.send_signal(signal.SIGTERM)
            first.wait(20)
            assert one not in {answering(shared) for _ in range(10)}
            assert answering(shared)  # and the other one goes on


def test_else_the_second_one_is_refused(settings: dict[str, str]) -> None:
    with check_process(settings):
        eventually(lambda: answering(settings))
        with check_process(settings) as second:
            assert second.wait(20) != 0

"""Two real registry processes and a cache that comes and goes."""

import os
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import pytest

from tests.cache.valkey import OwnServer
from tests.registry.doors import Town, consent, new_phone, refusal
from tests.support.measured import coverage_variables
from tests.support.servers import free_port

ROOT = Path(__file__).resolve().parents[2]
QUOTA = 6
LIMITS = f'{{"adds": {{"quota": {QUOTA}, "window_s": 3600}}}}'


@dataclass(frozen=True)
class Process:
    client: httpx.Client
    log: Path

    def events(self) -> list[str]:
        lines = self.log.read_text().splitlines()
        return [line.split('"event":"')[1].split('"')[0] for line in lines if '"limits.' in line]


@contextmanager
def process(town: Town, server: OwnServer, path: Path) -> Generator[Process]:
    """Run a registry, which may not be ready yet."""
    path.mkdir()
    (path / "limits.json").write_text(LIMITS)
    port = free_port()
    variables = {
        "PATH": os.defpath,
        "PYTHONPATH": str(ROOT),
        "IZIN_POSTGRES_DSN": town.dsn,
        "IZIN_REDIS_URL": server.url,
        "IZIN_KEYS_FILE": str(town.keys_file),
        "IZIN_REGISTRY_PORT": str(port),
        "IZIN_ADMIT_TEST_RANGE": "true",
        "IZIN_LIMITS_FILE": str(path / "limits.json"),
    }
    with (
        (path / "log").open("wb") as log,
        subprocess.Popen(
            [sys.executable, "-m", "services.registry"],
            env=variables | coverage_variables(),
            cwd=path,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        ) as running,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20, trust_env=False) as client,
    ):
        try:
            yield Process(client, path / "log")
        finally:
            running.send_signal(signal.SIGTERM)


def is_ready(one: Process) -> bool:
    try:
        return one.client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def two(
    town: Town, own: OwnServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Process]]:
    path = tmp_path_factory.mktemp("processes")
    with ExitStack() as stack:
        both = [stack.enter_context(process(town, own, path / str(n))) for n in range(2)]
        deadline = monotonic() + 60
        while not all(is_ready(one) for one in both):
            assert monotonic() < deadline
            sleep(0.02)
        yield both


async def test_they_share_a_limit_and_outlive_its_server(
    town: Town, own: OwnServer, two: list[Process]
) -> None:
    headers = await town.authorization("provider")
    path = f"{town.brand}/consents"

    def add(one: Process, body: Any = None) -> httpx.Response:
        return one.client.post(path, json=body or consent(), headers=headers)

    def passed(*processes: Process, of: int) -> int:
        asked = [add(processes[n % len(processes)]).status_code for n in range(of)]
        assert set(asked) <= {200, 429}
        return asked.count(200)

    assert passed(*two, of=QUOTA + 4) == QUOTA
    refused = add(two[0])
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (429, "H124")
    own.pause()  # late, then silent: each counts for itself
    assert [passed(one, of=QUOTA + 4) for one in two] == [QUOTA, QUOTA]
    own.resume()
    own.kill()
    assert [passed(one, of=4) for one in two] == [0, 0]
    assert all(add(one, refusal(new_phone())).status_code != 429 for one in two)
    assert [one.events() for one in two] == [["limits.counted.alone"]] * 2
    own.start()
    deadline = monotonic() + 20
    while "limits.counted.together" not in two[0].events():
        assert monotonic() < deadline
        add(two[0])
    assert passed(*two, of=2 * QUOTA) <= QUOTA, "the server has forgotten, and counts anew"


def test_a_mistake_in_the_file_ends_the_start_with_one_line(tmp_path: Path) -> None:
    file = tmp_path / "limits.json"
    file.write_text('{"adds": {"quota": 0}}')
    ended = subprocess.run(
        [sys.executable, "-m", "services.registry"],
        env={"PATH": os.defpath, "PYTHONPATH": str(ROOT), "IZIN_LIMITS_FILE": str(file)}
        | coverage_variables(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (ended.returncode, ended.stderr) == (
        1,
        (
            f"izin: IZIN_LIMITS_FILE: Value error, {file}: adds.quota: not a whole number from 1 to"
            " 1000000000; correct this variable or unset it\n"
        ),
    )

"""The projector as a real process: when it starts, when it refuses to, how it stops and is replaced."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from redis.asyncio import Redis

from shared.ledger.store import role_dsn
from tests.cache.valkey import own_server
from tests.projector.side import Side, until
from tests.support.ledger import database
from tests.support.measured import coverage_variables

ROOT = Path(__file__).resolve().parents[2]
EXIT_TIMEOUT_S = 30


class Process:
    """One projector; `log` is all that it has said."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.heartbeat = folder / "alive"
        self._log = folder / "log"
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "services.check.projector"],
                env={
                    "PATH": os.defpath,
                    "PYTHONPATH": str(ROOT),
                    "IZIN_PROJECTOR_HEARTBEAT_FILE": str(self.heartbeat),
                    **environment,
                    **coverage_variables(),
                },
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @property
    def log(self) -> str:
        return self._log.read_text()

    def has_looked(self) -> bool:
        """Tell whether it has looked at all brands since it was started."""
        assert self.process.poll() is None, self.log
        return self.heartbeat.exists() and self.heartbeat.read_text() == str(self.process.pid)

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=EXIT_TIMEOUT_S)


Start = Callable[..., Process]


@pytest.fixture
def start(tmp_path: Path, side: Side, valkey_url: str) -> Generator[Start]:
    """Return what starts a projector on the ledger and the cache of the test."""
    with starting(tmp_path, dsn=side.ledger.dsn, url=valkey_url) as start:
        yield start


@contextmanager
def starting(folder: Path, *, dsn: str, url: str) -> Generator[Start]:
    started: list[Process] = []

    def start(**settings: str) -> Process:
        environment = {
            "IZIN_PROJECTOR_POSTGRES_DSN": role_dsn(dsn, "izin_projector"),
            "IZIN_REDIS_URL": url,
        }
        process = Process(folder, {k: v for k, v in (environment | settings).items() if v})
        started.append(process)
        return process

    try:
        yield start
    finally:
        for process in started:
            process.process.kill()
            process.process.wait()


async def test_it_looks_at_all_brands_follows_writes_and_stops_when_told(
    start: Start, side: Side, brand: int
) -> None:
    await side.ledger.write(brand, range(3))
    process = start(IZIN_PROJECTOR_SWEEP_INTERVAL_S="60")
    await until(process.has_looked)
    await until(partial(side.agree, brand))
    for n in range(3, 6):
        await side.ledger.write(brand, [n])
        await until(partial(side.agree, brand))
    assert process.end(signal.SIGTERM) == 0
    assert "error" not in process.log


async def test_a_killed_one_s_successor_goes_on(start: Start, side: Side, brand: int) -> None:
    first = start()
    await until(partial(side.agree, brand))
    first.end(signal.SIGKILL)
    await side.ledger.write(brand, range(3))
    second = start()
    await until(second.has_looked)
    await until(partial(side.agree, brand))


async def test_ctrl_c_ends_it_like_a_stop(start: Start) -> None:
    process = start()
    await until(process.has_looked)
    assert process.end(signal.SIGINT) == 0


async def test_it_starts_without_its_cache_and_waits_for_it(
    tmp_path: Path, side: Side, brand: int
) -> None:
    with own_server(tmp_path, "--maxmemory-policy", "noeviction") as server:
        server.kill()
        with starting(tmp_path, dsn=side.ledger.dsn, url=server.url) as start:
            process = start(IZIN_PROJECTOR_SWEEP_INTERVAL_S="0.05")
            await until(process.has_looked)
            server.start()
            async with Redis.from_url(server.url) as client:
                side.redis = client
                await until(partial(side.agree, brand))
            assert process.log.count("projector.part.lost") == 1


async def test_it_refuses_a_cache_that_may_evict(tmp_path: Path, side: Side) -> None:
    with (
        own_server(tmp_path, "--maxmemory-policy", "allkeys-lru") as server,
        starting(tmp_path, dsn=side.ledger.dsn, url=server.url) as start,
    ):
        process = start()
        assert process.process.wait(timeout=EXIT_TIMEOUT_S) == 1
        assert "noeviction" in process.log


async def test_it_refuses_a_database_that_nobody_has_migrated(
    tmp_path: Path, server_dsn: str, valkey_url: str
) -> None:
    async with database(server_dsn) as dsn:
        with starting(tmp_path, dsn=dsn, url=valkey_url) as start:
            process = start()
            assert process.process.wait(timeout=EXIT_TIMEOUT_S) == 1
            assert "run `izin migrate`" in process.log


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"IZIN_REDIS_URL": ""}, "set IZIN_REDIS_URL"),
        ({"IZIN_REDIS_URL": "http://cache.example"}, "begins with redis://"),
        ({"IZIN_PROJECTOR_POSTGRES_DSN": ""}, "set IZIN_PROJECTOR_POSTGRES_DSN"),
        ({"IZIN_PROJECTOR_BRANDS": "1"}, "IZIN_PROJECTOR_BRANDS: "),
        (
            {"IZIN_PROJECTOR_POSTGRES_DSN": "postgresql://nobody@127.0.0.1:1/none"},
            "ConnectionRefusedError",
        ),
    ],
    ids=lambda value: "" if isinstance(value, str) else next(iter(value)),
)
def test_what_cannot_work_is_one_line(start: Start, settings: dict[str, str], said: str) -> None:
    process = start(**settings)
    assert process.process.wait(timeout=EXIT_TIMEOUT_S) == 1
    [line] = process.log.splitlines()
    assert line.startswith("izin: ")
    assert said in line

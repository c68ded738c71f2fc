"""Faults of cache, projector and ledger, brought about among real processes and held as long as a test likes.

Where the projectors could mend a fault of the cache within milliseconds, they are frozen meanwhile: what is
asked then is asked in the middle of it. Each fault proves that it is there.
"""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import asyncpg

from tests.torture.system import Child, System

SMALL_MEMORY_BYTES: Final = 1
_CHILDREN: Final = "/proc/{0}/task/{0}/children"


@asynccontextmanager
async def frozen(children: Sequence[Child]) -> AsyncGenerator[None]:
    """Freeze processes, and every process that these have made."""
    pids = [pid for child in children for pid in _family(child.pid)]
    _send(pids, signal.SIGSTOP)
    try:
        async with asyncio.timeout(5):
            while any(child.state() != "T" for child in children):  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.005)
        yield
    finally:
        _send(pids, signal.SIGCONT)


@asynccontextmanager
async def redis_down(system: System) -> AsyncGenerator[None]:
    await system.valkey.kill()
    system.dump_file.unlink(missing_ok=True)
    assert system.valkey.state() == ""
    try:
        yield
    finally:
        await system.valkey.start()


@asynccontextmanager
async def redis_flushed(system: System) -> AsyncGenerator[None]:
    async with frozen(system.projectors):
        assert await system.redis("DBSIZE") > 0
        await system.redis("FLUSHALL")
        yield
        assert await system.redis("KEYS", "{*}w") == [], "nobody can have filled it"


@asynccontextmanager
async def redis_restarted_empty(system: System) -> AsyncGenerator[None]:
    async with frozen(system.projectors):
        await _restart_cache(system)
        assert await system.redis("DBSIZE") == 0
        yield


@asynccontextmanager
async def redis_from_an_old_copy(system: System) -> AsyncGenerator[None]:
    """Start it from a dump that is older than everything that was written lately (`keep_old_copy`)."""
    async with frozen(system.projectors):
        await _restart_cache(system, dump=_old_copy(system))
        assert await system.redis("DBSIZE") > 0
        yield


async def keep_old_copy(system: System) -> None:
    """Put a dump of the cache aside."""
    await system.redis("SAVE")
    await asyncio.to_thread(shutil.move, system.dump_file, _old_copy(system))


@asynccontextmanager
async def redis_slow(system: System) -> AsyncGenerator[None]:
    async with frozen([system.valkey]):
        yield


@asynccontextmanager
async def redis_full(system: System) -> AsyncGenerator[None]:
    """Let it take no write any more; what it holds it goes on serving."""
    await system.redis("CONFIG", "SET", "maxmemory", str(SMALL_MEMORY_BYTES))
    try:
        yield
        errors = (await system.info()).get("errorstat_OOM", "")
        assert errors, "no projector was refused"
    finally:
        await system.redis("CONFIG", "SET", "maxmemory", "0")


@asynccontextmanager
async def projector_dead(system: System) -> AsyncGenerator[None]:
    for projector in system.projectors:
        await projector.kill()
        assert projector.state() == ""
    try:
        yield
    finally:
        await asyncio.gather(*(projector.start() for projector in system.projectors))


@asynccontextmanager
async def projector_paused(system: System) -> AsyncGenerator[None]:
    async with frozen(system.projectors):
        yield


@asynccontextmanager
async def ledger_down(system: System) -> AsyncGenerator[None]:
    await system.postgres.kill()
    assert system.postgres.state() == ""
    try:
        yield
    finally:
        await system.postgres.start()


@asynccontextmanager
async def ledger_frozen(system: System) -> AsyncGenerator[None]:
    async with frozen([system.postgres]):
        yield


@asynccontextmanager
async def ledger_slow(system: System) -> AsyncGenerator[None]:
    """Make every question wait longer than any deadline, though the server is well."""
    connection = await asyncpg.connect(system.dsn)
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE ledger_state IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        await connection.close()


@asynccontextmanager
async def ledger_restored(system: System) -> AsyncGenerator[None]:
    """Put back the files of an earlier time (`back_up`); the cache is of the time that was lost."""
    async with frozen(system.projectors):
        await system.postgres.stop()
        cluster = system.data_dir.postgres / "cluster"
        await asyncio.to_thread(shutil.rmtree, cluster)
        await asyncio.to_thread(shutil.move, _backup(system), cluster)
        await system.postgres.start()
        yield


async def back_up(system: System) -> None:
    """Copy the ledger's files, as they are on the disk of a server that was stopped."""
    await system.postgres.stop()
    await asyncio.to_thread(
        shutil.copytree, system.data_dir.postgres / "cluster", _backup(system), symlinks=True
    )
    await system.postgres.start()


@asynccontextmanager
async def both_down(system: System) -> AsyncGenerator[None]:
    async with redis_down(system), ledger_down(system):
        yield


Fault = Callable[[System], AbstractAsyncContextManager[None]]
CACHE: Final[Mapping[str, Fault]] = {
    "redis down": redis_down,
    "redis flushed": redis_flushed,
    "redis restarted empty": redis_restarted_empty,
    "redis from an old copy": redis_from_an_old_copy,
    "redis slow": redis_slow,
    "redis full": redis_full,
    "projector dead": projector_dead,
    "projector paused": projector_paused,
    "ledger restored": ledger_restored,
}
"""Faults under which every answer is right: the ledger is asked."""
LEDGER: Final[Mapping[str, Fault]] = {
    "ledger down": ledger_down,
    "ledger frozen": ledger_frozen,
    "ledger slow": ledger_slow,
    "both down": both_down,
}
"""Faults under which nothing can be verified."""


async def _restart_cache(system: System, *, dump: Path | None = None) -> None:
    before = (await system.info())["run_id"]
    await system.valkey.kill()
    system.dump_file.unlink(missing_ok=True)
    if dump is not None:
        await asyncio.to_thread(shutil.move, dump, system.dump_file)
    await system.valkey.start()
    system.dump_file.unlink(missing_ok=True)
    assert (await system.info())["run_id"] != before


def _old_copy(system: System) -> Path:
    return system.data_dir.path / "old.rdb"


def _backup(system: System) -> Path:
    return system.data_dir.path / "backup"


def _family(pid: int) -> list[int]:
    return [pid, *map(int, Path(_CHILDREN.format(pid)).read_text().split())]


def _send(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):  # a session that ended meanwhile
            os.kill(pid, number)

"""The faults, each of which leaves a proof that it happened; a fault without proof ends the run."""

import asyncio
import random
import secrets
import shutil
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Final

from tests.torture.system import POLL_S, Child, System
from tests.torture.verdict import LEDGER, Strike

PAUSE_MIN_S, PAUSE_MAX_S = 1.0, 3.0
FLUSHES, FLUSH_PAUSE_MAX_S = 8, 0.1
MOMENTS, MOMENT_MAX_S = 5, 0.1
MARK: Final = "torture:mark"


class NotProvenError(Exception):
    """A fault left no trace: the run would prove nothing."""


@dataclass
class Tormentor:
    """Somebody who breaks the system, one fault after the other.

    `pause_s` is how long a process is frozen at most; at least a second, as the task is.
    """

    system: System
    dice: random.Random
    pause_max_s: float = PAUSE_MAX_S
    strikes: list[Strike] = field(default_factory=list[Strike])
    _dump_mark: str = ""

    @property
    def _old_dump(self) -> Path:
        return self.system.data_dir.path / "old.rdb"

    async def keep_dump(self) -> None:
        """Let the cache write a dump, and put it aside for later; a mark tells it from any other."""
        self._dump_mark = secrets.token_hex(8)
        await self.system.redis("SET", MARK, self._dump_mark)
        await self.system.redis("SAVE")
        await self.system.redis("DEL", MARK)
        await asyncio.to_thread(shutil.move, self.system.dump_file, self._old_dump)

    async def strike(self, kind: str) -> Strike:
        """Bring about one fault and what ends it; returns when the victim is back."""
        victim, proof, began = await _FAULTS[kind](self)
        strike = Strike(kind, victim, began, monotonic(), proof)
        self.strikes.append(strike)
        return strike

    async def valkey_killed(self) -> "Done":
        before, began = await self._run_id(), monotonic()
        await self._kill(self.system.valkey)
        self.system.dump_file.unlink(missing_ok=True)
        await self.system.valkey.start()
        info = await self.system.info()
        _prove(info["run_id"] != before, "the cache is the same as before")
        _prove(
            int(info.get("rdb_last_load_keys_loaded", "0")) == 0, "the cache did not start empty"
        )
        return self.system.valkey.name, f"run_id {before} became {info['run_id']}, empty", began

    async def valkey_flushed(self) -> "Done":
        """Empty it again and again: in the middle of what it took to fill it."""
        began, told = monotonic(), list[str]()
        for _ in range(FLUSHES):
            told.append(await self._flush())
            await asyncio.sleep(self.dice.uniform(0, FLUSH_PAUSE_MAX_S))
        return self.system.valkey.name, "; ".join(told), began

    async def _flush(self) -> str:
        await self.system.redis("SET", MARK, "here")
        script = (
            "local before = redis.call('DBSIZE'); redis.call('FLUSHALL'); "
            "return {before, redis.call('DBSIZE')}"
        )
        before, after = await self.system.redis("EVAL", script, "0")
        _prove(before > 0 and after == 0, f"{before} keys before the flush, {after} after it")
        _prove(await self.system.redis("GET", MARK) is None, "a key has survived the flush")
        return f"{before} keys became {after}"

    async def valkey_paused(self) -> "Done":
        return await self._pause([self.system.valkey])

    async def valkey_from_an_old_dump(self) -> "Done":
        before, began = await self._run_id(), monotonic()
        await self._kill(self.system.valkey)
        await asyncio.to_thread(shutil.copyfile, self._old_dump, self.system.dump_file)
        await self.system.valkey.start()
        info = await self.system.info()
        self.system.dump_file.unlink()
        _prove(info["run_id"] != before, "the cache is the same as before")
        mark = await self.system.redis("GET", MARK)
        _prove(mark == self._dump_mark.encode(), "the cache has not loaded the old dump")
        loaded = int(info["rdb_last_load_keys_loaded"])
        return self.system.valkey.name, f"{loaded} keys of the dump {self._dump_mark}", began

    async def projector_killed(self) -> "Done":
        return await self._kill_and_start(self.dice.choice(self.system.projectors))

    async def projector_paused(self) -> "Done":
        """Freeze one, some times for a moment, so that what it was about to do comes late; or all."""
        if self.dice.random() < 1 / 3:
            return await self._pause(self.system.projectors)
        victim = self.dice.choice(self.system.projectors)
        began = monotonic()
        for _ in range(MOMENTS):
            victim.send(signal.SIGSTOP)
            await asyncio.sleep(self.dice.uniform(0, MOMENT_MAX_S))
            victim.send(signal.SIGCONT)
            await asyncio.sleep(self.dice.uniform(0, MOMENT_MAX_S))
        names, proof, _ = await self._pause([victim])
        return names, proof, began

    async def registry_killed(self) -> "Done":
        return await self._kill_and_start(self.dice.choice(self.system.registries))

    async def check_killed(self) -> "Done":
        return await self._kill_and_start(self.dice.choice(self.system.checks))

    async def postgres_restarted(self) -> "Done":
        before, began = await self.system.ledger_started_at(), monotonic()
        await self.system.postgres.stop()
        return await self._ledger_back(before, began)

    async def postgres_killed(self) -> "Done":
        before, began = await self.system.ledger_started_at(), monotonic()
        await self._kill(self.system.postgres)
        return await self._ledger_back(before, began)

    async def _ledger_back(self, before: str, began: float) -> "Done":
        await self.system.postgres.start()
        after = await self.system.ledger_started_at()
        _prove(after > before, "the ledger is the same as before")
        return LEDGER, f"started {before}, then {after}", began

    async def _kill_and_start(self, child: Child) -> "Done":
        before, began = child.pid, monotonic()
        await self._kill(child)
        await child.start()
        _prove(child.pid != before, f"{child.name} is the same as before")
        return child.name, f"{child.name} was {before} and is {child.pid}", began

    async def _kill(self, child: Child) -> None:
        await child.kill()
        code = None if child.process is None else child.process.returncode
        _prove(code == -signal.SIGKILL, f"{child.name} ended with {code}")
        _prove(child.state() == "", f"{child.name} is still there")

    async def _pause(self, children: list[Child]) -> "Done":
        began = monotonic()
        try:
            for child in children:
                child.send(signal.SIGSTOP)
            await _until_state(children, "T")
            pause_s = self.dice.uniform(PAUSE_MIN_S, max(PAUSE_MIN_S, self.pause_max_s))
            await asyncio.sleep(pause_s)
            _prove(all(child.state() == "T" for child in children), "it did not stay frozen")
        finally:
            for child in children:
                child.send(signal.SIGCONT)
        names = " and ".join(child.name for child in children)
        return names, f"{names} in state T for {pause_s:.1f} s", began

    async def _run_id(self) -> str:
        return (await self.system.info())["run_id"]


Done = tuple[str, str, float]

_FAULTS: Final[Mapping[str, Callable[[Tormentor], Awaitable[Done]]]] = {
    "valkey killed": Tormentor.valkey_killed,
    "valkey flushed": Tormentor.valkey_flushed,
    "valkey paused": Tormentor.valkey_paused,
    "valkey from an old dump": Tormentor.valkey_from_an_old_dump,
    "projector killed": Tormentor.projector_killed,
    "projector paused": Tormentor.projector_paused,
    "registry killed": Tormentor.registry_killed,
    "check killed": Tormentor.check_killed,
    "postgres restarted": Tormentor.postgres_restarted,
    "postgres killed": Tormentor.postgres_killed,
}


async def _until_state(children: list[Child], state: str) -> None:
    async with asyncio.timeout(5):
        while not all(child.state() == state for child in children):  # noqa: ASYNC110  # the kernel tells nobody
            await asyncio.sleep(POLL_S)


def _prove(claim: bool, otherwise: str) -> None:  # noqa: FBT001  # it is what is proven
    if not claim:
        raise NotProvenError(otherwise)

"""Concurrent single writes of a brand share a transaction, and so one flush to disk.

A write joins the group that is gathering while the brand's earlier groups commit. A write whose key is
locked or has moved on leaves the group and goes alone, so that nobody waits behind a stranger's lock:
the group that it left goes on without it. Refusals go first, and are taken however many writes wait
(promise 3).
"""

import asyncio
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass, field

from shared.ledger.append import Appender, NewMovement, Stored
from shared.ledger.failures import LedgerUnavailableError, MovementRefusedError, StaleStateError
from shared.telemetry import metrics

GROUP_SIZE_MAX = 200
GROUPS_A_BRAND_MAX = 2
WAITING_A_BRAND_MAX = 20_000
# Writes that wait for a lock hold a connection each; the others need some to go on with.
ALONE_MAX = 4


@dataclass(slots=True)
class _Write:
    movement: NewMovement
    outcome: asyncio.Future[Stored]


@dataclass(slots=True)
class _Lane:
    """What waits for one brand, and how many of its groups are under way."""

    refusals: deque[_Write] = field(default_factory=deque[_Write])
    waiting: deque[_Write] = field(default_factory=deque[_Write])
    groups: int = 0

    def put(self, write: _Write) -> None:
        """Queue a write; raises LedgerUnavailableError when too many wait that are no refusals."""
        if write.movement.is_refusal:
            self.refusals.append(write)
        elif len(self.waiting) < WAITING_A_BRAND_MAX:
            self.waiting.append(write)
        else:
            raise LedgerUnavailableError("too many writes are waiting")

    def next_group(self) -> list[_Write]:
        """Take the oldest writes, refusals first; a second write of a key waits for the next group."""
        group: dict[tuple[bytes, str, str], _Write] = {}
        for queue in (self.refusals, self.waiting):
            again: list[_Write] = []
            while queue and len(group) < GROUP_SIZE_MAX:
                write = queue.popleft()
                if write.movement.key in group:
                    again.append(write)
                else:
                    group[write.movement.key] = write
            queue.extendleft(reversed(again))
        return list(group.values())


class GroupCommit:
    """Takes single movements and stores them in groups, brand by brand."""

    def __init__(self, appender: Appender) -> None:
        self._appender = appender
        self._lanes: dict[int, _Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._alone = asyncio.Semaphore(ALONE_MAX)

    async def store(self, brand_code: int, movement: NewMovement) -> Stored:
        """Store one movement and return when it is durable.

        Raises StaleStateError (read and judge again), CommitUnknownError, LedgerUnavailableError. An
        asker who gives up does not stop the write.
        """
        lane = self._lanes.setdefault(brand_code, _Lane())
        write = _Write(movement, asyncio.get_running_loop().create_future())
        lane.put(write)
        if lane.groups < GROUPS_A_BRAND_MAX:
            lane.groups += 1
            self._spawn(self._drain(brand_code, lane))
        return await asyncio.shield(write.outcome)

    async def drain(self) -> None:
        """Return when nothing is under way any more; called before the connections close."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drain(self, brand_code: int, lane: _Lane) -> None:
        await asyncio.sleep(0)  # everybody of this tick gets into the first group
        while group := lane.next_group():
            await self._commit(brand_code, group)
        lane.groups -= 1
        if not lane.groups:
            self._lanes.pop(brand_code, None)

    async def _commit(self, brand_code: int, group: list[_Write]) -> None:
        try:
            metrics.WRITE_GROUP_MOVEMENTS.observe(len(group))
            movements = [write.movement for write in group]
            stored, in_the_way = await self._appender.append(brand_code, movements, wait=False)
        except (StaleStateError, MovementRefusedError) as error:
            if len(group) == 1:
                _fail(group, error)
            else:
                self._spawn(self._commit_alone(brand_code, group))
        except Exception as error:  # noqa: BLE001  # it belongs to the askers, not to this task
            _fail(group, error)
        else:
            if in_the_way:
                blocked = set(in_the_way)
                self._spawn(self._commit_alone(brand_code, [group[n] for n in sorted(blocked)]))
                rest = [write for n, write in enumerate(group) if n not in blocked]
                if rest:
                    await self._commit(brand_code, rest)
                return
            for write, result in zip(group, stored, strict=True):
                _settle(write, result)

    async def _commit_alone(self, brand_code: int, writes: list[_Write]) -> None:
        await asyncio.gather(*(self._commit_one(brand_code, write) for write in writes))

    async def _commit_one(self, brand_code: int, write: _Write) -> None:
        try:
            async with self._alone:
                stored, in_the_way = await self._appender.append(
                    brand_code, [write.movement], wait=True
                )
        except Exception as error:  # noqa: BLE001  # it belongs to the asker, not to this task
            _fail([write], error)
            return
        if in_the_way:
            _fail([write], StaleStateError("the key has moved on"))
        else:
            _settle(write, stored[0])


def _settle(write: _Write, result: Stored) -> None:
    if not write.outcome.done():
        write.outcome.set_result(result)


def _fail(writes: list[_Write], error: Exception) -> None:
    for write in writes:
        if not write.outcome.done():
            write.outcome.set_exception(error)

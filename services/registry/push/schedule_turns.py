"""Who gets a turn when: whoever has something to read, soon after it was written.

Nudges say where to look at once; they may be lost, so everybody is looked at every second, or less often
where that takes long. A receiver that fails waits behind those that do not: its attempts fill at most half
of the places, so that a thousand dead receivers are a bother to nobody but themselves.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final

import structlog

from shared.ledger.deadline import heed_cancellation
from shared.ledger.failures import LedgerUnavailableError
from shared.ledger.push_queue import Due, find_due, find_due_at
from shared.ledger.store import ReaderPool

LOOK_EVERY_S: Final = 1.0
# A look at everybody takes at most a tenth of the time.
LOOK_SHARE: Final = 10
NUDGE_REST_S: Final = 0.05
DUE_AT_ONCE: Final = 1000
END_WITHIN_S: Final = 3.0
_log: Final[structlog.typing.FilteringBoundLogger] = structlog.get_logger()


class Schedule:
    """Turns of many connections at once, at most one of each in this process.

    `turn` says whether there is more to do at once; then the connection queues up again.
    """

    def __init__(
        self,
        pool: ReaderPool,
        turn: Callable[[int], Awaitable[bool]],
        *,
        places: int,
        now: Callable[[], datetime],
    ) -> None:
        self._pool = pool
        self._turn = turn
        self._places = places
        self._now = now
        self._running: dict[int, tuple[asyncio.Task[None], bool]] = {}
        self._waiting: dict[bool, dict[int, None]] = {False: {}, True: {}}
        self._nudged: set[int] = set()
        self._wake = asyncio.Event()
        self._look_at_all = True
        self._is_open = True

    def hear(self, brand_code: int) -> None:
        """Look at this brand soon."""
        self._nudged.add(brand_code)
        self._wake.set()

    def miss(self) -> None:
        """Look at everybody soon: nudges may have been lost."""
        self._look_at_all = True
        self._wake.set()

    async def run(self) -> None:
        """Look and give turns, until cancelled; turns that are under way end with it.

        Raises LedgerUnavailableError.
        """
        loop = asyncio.get_running_loop()
        next_look_at = loop.time()
        try:
            while True:
                heed_cancellation()
                began_at = loop.time()
                if self._look_at_all or began_at >= next_look_at:
                    await self.look_at_all()
                    took_s = loop.time() - began_at
                    next_look_at = began_at + max(LOOK_EVERY_S, LOOK_SHARE * took_s)
                elif self._nudged:
                    await self._look_at_nudged()
                await self._rest(next_look_at - loop.time())
        finally:
            self._is_open = False
            await end_soon([task for task, _failing in self._running.values()])

    async def look_at_all(self) -> None:
        """Find every connection that is due, and give turns while there are places."""
        self._look_at_all = False
        self._nudged.clear()
        after, page = 0, [Due(0, failing=False)]
        while page:
            page = await find_due(self._pool, now=self._now(), after=after, limit=DUE_AT_ONCE)
            self._queue(page)
            after = page[-1].registration_id if page else 0

    async def settle(self) -> None:
        """Wait until every turn that was found due has ended."""
        while self._running:
            await asyncio.wait([task for task, _failing in self._running.values()])

    async def _look_at_nudged(self) -> None:
        brands = sorted(self._nudged)
        self._nudged.clear()
        self._queue(await find_due_at(self._pool, brands, now=self._now()))

    async def _rest(self, seconds: float) -> None:
        """Wait until something is heard or the next look is due, and a moment for more to be heard."""
        self._wake.clear()
        if not (self._nudged or self._look_at_all):
            try:
                async with asyncio.timeout(max(seconds, 0)):
                    await self._wake.wait()
            except TimeoutError:
                return
        await asyncio.sleep(NUDGE_REST_S)

    def _queue(self, found: list[Due]) -> None:
        for due in found:
            if due.registration_id not in self._running:
                self._waiting[due.failing][due.registration_id] = None
        self._start()

    def _start(self) -> None:
        """Fill the places; those that fail get at most half of them."""
        failing = sum(is_failing for _task, is_failing in self._running.values())
        while self._is_open and len(self._running) < self._places:
            if self._waiting[False]:
                is_failing = False
            elif self._waiting[True] and failing < self._places // 2:
                is_failing, failing = True, failing + 1
            else:
                return
            registration_id = next(iter(self._waiting[is_failing]))
            del self._waiting[is_failing][registration_id]
            if registration_id not in self._running:
                task = asyncio.get_running_loop().create_task(self._take_turn(registration_id))
                self._running[registration_id] = (task, is_failing)

    async def _take_turn(self, registration_id: int) -> None:
        has_more = False
        try:
            has_more = await self._turn(registration_id)
        except LedgerUnavailableError:
            pass  # the lease runs out, and the looks say that the ledger is away
        except Exception:  # noqa: BLE001  # told; the other connections are not to blame
            _log.exception("push.turn.failed", registration=registration_id)
        finally:
            self._running.pop(registration_id, None)
            if has_more:
                self._waiting[False][registration_id] = None
            self._start()


async def end_soon(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait for a moment: the clean-up of a driver may wait for a server that is silent."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=END_WITHIN_S)

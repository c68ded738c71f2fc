"""A provider's quota: how many addresses it may have on record (H525), and how exact that is.

What is on record is counted in the ledger right before the write, without a lock: the brands' heads are
locked for no more than it takes to commit. Within a process the writes that have been let in since are
counted with it, so one process alone never stores more than the quota. Others may be letting in at the
same moment: together they may go beyond it by the writes that are under way in the others just then.

Only new records of providers with a quota are counted; nobody else waits for anything.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from shared.domain.consent import Status
from shared.domain.faults import QuotaUsedUp, RuleBrokenError
from shared.domain.subscription import uses_quota
from shared.domain.transitions import CounterChange
from shared.ledger.directory import BrandRow
from shared.ledger.store import ReaderPool
from shared.ledger.subscriptions import count_on_record


@dataclass(slots=True)
class _LetIn:
    """Writes of one provider that were let in by this process, and what waits for them."""

    inside: int = 0
    under_way: int = 0
    over: int = 0
    waiting: list[asyncio.Future[None]] = field(default_factory=list["asyncio.Future[None]"])


class Quota:
    """Lets new records in as long as there is room. One in a process."""

    def __init__(self, pool: ReaderPool, *, default: int | None) -> None:
        self._pool = pool
        self._default = default
        self._let_in: dict[int, _LetIn] = {}

    def limit_for(self, brand: BrandRow, status: Status, change: CounterChange) -> int | None:
        """Return the quota that storing this has to respect; None: none."""
        if brand.subscription is None or not uses_quota(status, change):
            return None
        return brand.subscription.quota(self._default)

    @asynccontextmanager
    async def room(self, iys_code: int, limit: int) -> AsyncGenerator[None]:
        """Hold room for one new record of a provider while it is stored.

        Raises RuleBrokenError (H525) when there is none, LedgerUnavailableError.
        """
        let_in = self._let_in.setdefault(iys_code, _LetIn())
        let_in.inside += 1
        try:
            await self._wait_for_room(let_in, iys_code, limit)
            let_in.under_way += 1
            try:
                yield
            finally:
                let_in.under_way -= 1
                let_in.over += 1
                _wake(let_in)
        finally:
            let_in.inside -= 1
            if not let_in.inside:
                self._let_in.pop(iys_code, None)

    async def _wait_for_room(self, let_in: _LetIn, iys_code: int, limit: int) -> None:
        while True:
            before = let_in.over
            on_record = await count_on_record(self._pool, iys_code)
            if on_record >= limit:
                raise RuleBrokenError(QuotaUsedUp())
            # What was over before the count is in it; of the others nobody knows.
            if on_record + let_in.under_way + let_in.over - before < limit:
                return
            if let_in.under_way:
                ended = asyncio.get_running_loop().create_future()
                let_in.waiting.append(ended)
                await ended


def _wake(let_in: _LetIn) -> None:
    waiting, let_in.waiting = let_in.waiting, []
    for ended in waiting:
        if not ended.done():  # its asker may have given up
            ended.set_result(None)

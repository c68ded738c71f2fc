"""Counting a request against the limits of the table, or telling its caller when to come back.

A caller is asked for once and by one thing: by its account, by the network address that it comes from, or
by the user name that it tries. Asking goes out at once; whoever wants to go on waits for the answer.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from typing import TypeAlias

from shared.cache.limits import LimitCounter
from shared.domain.faults import RuleBrokenError
from shared.domain.limit_faults import LIMIT_FAULTS
from shared.domain.limits import LimitGroup, Operation, Per, Standing, Verdict
from shared.domain.limits_table import LimitTable
from shared.domain.networks import Address, customer_of
from shared.sealing.callers import CallerDigester
from shared.telemetry import metrics

CALLERS_REMEMBERED_MAX = 20_000

Permit: TypeAlias = Callable[[], Awaitable[None]]
"""Await its call before what is limited: it raises RuleBrokenError if that must not be."""
Origin: TypeAlias = Callable[[], Address | None]


class Limits:
    """The limits of this installation, and what everybody has used of them."""

    def __init__(self, table: LimitTable, counter: LimitCounter, callers: CallerDigester) -> None:
        self.table = table
        self._counter = counter
        self._digest = lru_cache(CALLERS_REMEMBERED_MAX)(callers.digest)

    def of_request(
        self, origin: Origin, note: Callable[[Sequence[Standing]], None]
    ) -> "RequestLimits":
        """Return the limits as one request meets them; `note` is told what is left."""
        return RequestLimits(self, origin, note)

    async def look(self, group: LimitGroup, name: str) -> Verdict:
        """Return what is left to a caller, and count nothing."""
        return await self._counter.look(self._digest(group.per.value, name), group)

    def judge(self, group: LimitGroup, name: str) -> Awaitable[Verdict]:
        """Ask now; `name` is the caller's, of the kind that the group is counted by."""
        return self._counter.ask(self._digest(group.per.value, name), group)


class RequestLimits:
    """One request, which knows where it comes from."""

    def __init__(
        self, limits: Limits, origin: Origin, note: Callable[[Sequence[Standing]], None]
    ) -> None:
        self._limits = limits
        self._origin = origin
        self._note = note

    @property
    def customer(self) -> str:
        """Whom the network address is counted as."""
        return customer_of(self._origin())

    def ask(self, operation: Operation, *, user_id: int | None) -> Permit | None:
        """Count this request, from now on; None where nothing limits it."""
        group = self._limits.table.of(operation)
        if group is None:
            return None
        name = self.customer if group.per is Per.ADDRESS else str(user_id)
        asked = self._limits.judge(group, name)

        async def permit() -> None:
            self.require(await asked)

        return permit

    async def look(self, group: LimitGroup, name: str) -> Verdict:
        """Return what is left to a caller, and count nothing."""
        return await self._limits.look(group, name)

    async def note(self, group: LimitGroup, name: str) -> None:
        """Count what happened to a caller, where nothing of this request hangs on it any more."""
        await self._limits.judge(group, name)

    def group(self, operation: Operation) -> LimitGroup | None:
        """Return the limits of an operation."""
        return self._limits.table.of(operation)

    def require(self, verdict: Verdict) -> None:
        """Tell what is left in the answer; raise RuleBrokenError if the request may not go on."""
        self._note(verdict.standings)
        if not verdict.allowed:
            limit = verdict.obstacle.limit
            metrics.LIMITED.add(limit.name)
            fault = LIMIT_FAULTS[limit.code](retry_after_s=verdict.retry_after_s)
            raise RuleBrokenError(fault)

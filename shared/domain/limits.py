"""How often a caller may ask: what is counted, against which number, and what is left.

A limit allows so many requests in any span of its window, not in windows that begin at fixed times: what
was used comes back when it is a window old, and nothing else brings it back or holds it up. A request that
is refused is not counted, so asking again during the wait costs nothing and prolongs nothing.

Time is counted in ticks, sixteen to a window, because what is remembered of a caller has to be small. The
tick that was begun a window ago is forgotten as a whole, and so a little early: whoever keeps to the
published number is never refused, and nobody gets more than it in any fifteen sixteenths of a window.

Refusals are never limited (promise 3): `holds_refusal` says which bodies have one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from math import ceil
from typing import Final, cast

TICKS: Final = 16
_REFUSED: Final = "RET"


class Operation(Enum):
    """What is counted apart. Checks, refusals and refreshed tokens are none of these."""

    TOKEN = "token"  # noqa: S105  # a token asked for with a password
    TRY = "try"  # a wrong password for a user name
    ADD = "add"
    BATCH = "batch"
    STATUS = "status"
    HISTORY = "history"
    INFO = "info"
    OTHER = "other"


class Per(Enum):
    """Whose requests are counted together."""

    ADDRESS = "address"  # the network address that a request comes from
    ACCOUNT = "account"
    USERNAME = "username"  # a name that somebody tries to sign in with
    SIGN_IN = "sign_in"  # a name that has signed in, and the address from which it did


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `quota` of these operations in any `window_s` seconds; `code` is the wire's word for more."""

    name: str
    operations: frozenset[Operation]
    per: Per
    quota: int
    window_s: int
    code: str

    @property
    def tick_s(self) -> float:
        """How long a tick is."""
        return self.window_s / TICKS


@dataclass(frozen=True, slots=True, eq=False)
class LimitGroup:
    """Limits that one request counts for, by one and the same caller.

    `keep_s` is the longest window of any limit that is counted by such callers: so long is kept what is
    known of one. Compared by identity, since it is looked up with every request.
    """

    per: Per
    limits: tuple[Limit, ...]
    keep_s: int


@dataclass(frozen=True, slots=True)
class Standing:
    """What is left of a limit, and in how many seconds the first of what was used comes back.

    Where nothing was used that is the whole window: so long no more than what is left can be used.
    """

    limit: Limit
    remaining: int
    reset_s: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request may go on, with what is left after it of each limit that it counts for."""

    allowed: bool
    standings: tuple[Standing, ...]

    @property
    def obstacle(self) -> Standing:
        """The limit that is used up, and that takes longest to come back; only of a refused request."""
        used_up = (one for one in self.standings if one.remaining < 1)
        return max(used_up, key=lambda one: one.reset_s)

    @property
    def retry_after_s(self) -> int:
        """In how many whole seconds a refused request may be made."""
        return max(1, ceil(self.obstacle.reset_s))


@dataclass(slots=True)
class Counts:
    """How often one caller has used one limit: a number for each tick in which it did, in their order."""

    by_tick: dict[int, int] = field(default_factory=dict[int, int])

    def standing(self, limit: Limit, now_s: float) -> Standing:
        """Return what is left at a moment."""
        held = self._within(limit, now_s)
        reset_s = float(limit.window_s)
        if held:
            reset_s = (next(iter(held)) + TICKS) * limit.tick_s - now_s
        return Standing(limit, max(0, limit.quota - sum(held.values())), reset_s)

    def add(self, limit: Limit, now_s: float, times: int) -> None:
        """Count more, and forget what is a window old."""
        self.by_tick = self._within(limit, now_s)
        tick = int(now_s // limit.tick_s)
        self.by_tick[tick] = self.by_tick.get(tick, 0) + times

    def _within(self, limit: Limit, now_s: float) -> dict[int, int]:
        """Return what still counts; of a clock that was set back nothing does."""
        tick = int(now_s // limit.tick_s)
        if self.by_tick and next(reversed(self.by_tick)) > tick:
            return {}
        return {at: used for at, used in self.by_tick.items() if at > tick - TICKS}


def count(
    held: dict[str, Counts], limits: Sequence[Limit], now_s: float, wanted: int = 1
) -> tuple[int, tuple[Standing, ...]]:
    """Judge requests of a caller by what is held of it, and count those that may go on.

    `wanted` is how many there are, none to look only. Returns how many may go on, and what is left after
    them. The script of `shared/cache/limits.py` does the same.
    """
    counts = [held.setdefault(limit.name, Counts()) for limit in limits]
    left = [one.standing(limit, now_s) for one, limit in zip(counts, limits, strict=True)]
    granted = min([wanted, *(standing.remaining for standing in left)])
    if granted:
        for one, limit in zip(counts, limits, strict=True):
            one.add(limit, now_s, granted)
        left = [one.standing(limit, now_s) for one, limit in zip(counts, limits, strict=True)]
    return granted, tuple(left)


def is_refusal(body: object) -> bool:
    """Say whether a consent of the wire withdraws, whatever else is wrong with it."""
    return isinstance(body, dict) and cast("Mapping[str, object]", body).get("status") == _REFUSED


def holds_refusal(body: object) -> bool:
    """Say whether a body of the wire withdraws, or is a batch in which something does.

    Such a body is stored whatever the limits say: a refusal does not wait for what it was sent together with.
    """
    if isinstance(body, list):
        return any(is_refusal(item) for item in cast("list[object]", body))
    return is_refusal(body)

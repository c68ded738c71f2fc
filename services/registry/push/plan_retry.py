"""When a delivery that failed is tried again, and when no more."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.ledger.push_queue import Failure, Lease
from shared.webhooks.call_receiver import Outcome, Reply

FIRST_PAUSE_S: Final = 5.0
PAUSE_MAX_S: Final = 900.0
_DOUBLINGS_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class RetryPlan:
    """Pauses double up to a quarter of an hour, each shortened by chance by up to a half.

    So receivers that failed together do not come back together. After `give_up_after` of failures the
    connection is suspended; at once when the receiver says that it is gone (410). `chance` is in [0, 1).
    """

    give_up_after: timedelta
    chance: Callable[[], float]

    def after(self, lease: Lease, reply: Reply, *, until: int | None, now: datetime) -> Failure:
        """Return what follows this reply; `until` is where the delivery ended."""
        pause_s = min(FIRST_PAUSE_S * 2 ** min(lease.attempts, _DOUBLINGS_MAX), PAUSE_MAX_S)
        pause_s = max(pause_s * (1 - self.chance() / 2), reply.retry_after_s)
        failing_since = lease.failing_since or now
        return Failure(
            outcome=reply.outcome.value,
            batch_until=until,
            next_attempt_at=now + timedelta(seconds=pause_s),
            suspends=reply.outcome is Outcome.GONE or now - failing_since >= self.give_up_after,
        )

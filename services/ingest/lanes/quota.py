"""A provider's quota against many rows at once: new records as long as there is room, the others H525.

What is on record is counted right before the step, without a lock. Several workers, or single adds beside
them, may together go beyond the quota by what is under way just then; refusals and renewals use none and
always pass.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.ingest.lanes.judge_rows import Outcome
from shared.domain.faults import QuotaUsedUp
from shared.domain.subscription import uses_quota
from shared.domain.transitions import CounterChange
from shared.ledger.directory import BrandRow, UserRow
from shared.ledger.store import ReaderPool
from shared.ledger.subscriptions import count_on_record


@dataclass(frozen=True, slots=True)
class Quota:
    """How many more addresses a provider may put on record; `default` is for subscriptions without."""

    pool: ReaderPool
    default: int | None

    def is_limited(self, brand: BrandRow | None) -> bool:
        """Say whether there is a quota at all."""
        return self._limit(brand) is not None

    async def within(self, outcomes: Sequence[Outcome], brand: BrandRow | None) -> list[Outcome]:
        """Return the outcomes with new records turned away that there is no room for."""
        limit = self._limit(brand)
        if brand is None or limit is None or not any(map(_is_new, outcomes)):
            return list(outcomes)
        room = limit - await count_on_record(self.pool, brand.iys_code)
        kept: list[Outcome] = []
        for outcome in outcomes:
            if _is_new(outcome):
                room -= 1
                if room < 0:
                    kept.append(outcome._replace(movement=None, fault=QuotaUsedUp()))
                    continue
            kept.append(outcome)
        return kept

    def _limit(self, brand: BrandRow | None) -> int | None:
        if brand is None or brand.subscription is None:
            return None
        return brand.subscription.quota(self.default)


def is_open(user: UserRow, brand: BrandRow, *, now: datetime) -> bool:
    """Say whether the subscriptions open the wire for approvals: the provider's, and a partner's own."""
    ours = (
        [brand.subscription] if user.role == "provider" else [brand.subscription, user.subscription]
    )
    return all(one is not None and one.is_open_at(now) for one in ours)


def _is_new(outcome: Outcome) -> bool:
    movement = outcome.movement
    if movement is None or outcome.fault is not None:
        return False
    change = CounterChange(movement.approvals, movement.rejections)
    return uses_quota(movement.consent.status, change)

"""Subscriptions: who may use the wire, and how many addresses may be on record (iys-api 10.3, J9).

Neither state nor quota ever stops a refusal or a check (design 9): who asks here has looked for that.

The quota counts keys on record: an address counts once for each brand, channel and recipient type that has
a record of it, in ONAY or RET, for as long as there is one. So it is a new record that uses quota; an
approval over an approval, a refusal, and an approval after a refusal use none.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Final
from uuid import UUID

from shared.domain.consent import IysCode, Status
from shared.domain.faults import (
    Fault,
    PackageWithoutApi,
    SubscriptionClosed,
    SubscriptionMissing,
    SubscriptionPaused,
)
from shared.domain.transitions import CounterChange

NO_END: Final = datetime(2099, 12, 31, 20, 59, 59, tzinfo=UTC)
"""The last second of 2099 in Turkey: the wire always names an end, so this one stands for none."""


class SubscriptionState(Enum):
    """The states that the wire knows."""

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    EXPIRED = "EXPIRED"
    CLOSED = "CLOSED"


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a provider or a partner has subscribed to.

    The moment of its end belongs to it; that of its beginning is shown, and nothing hangs on it.
    `consent_limit` is None where the subscription is silent about it.
    """

    subscription_id: UUID
    package: str
    with_api: bool
    state: SubscriptionState
    starts_at: datetime
    ends_at: datetime
    consent_limit: int | None
    may_exceed: bool

    def is_open_at(self, now: datetime) -> bool:
        """Say whether it opens the wire: asked by every request."""
        return self.state is SubscriptionState.ACTIVE and self.with_api and now <= self.ends_at

    def state_at(self, now: datetime) -> SubscriptionState:
        """Return the state by the clock: past its end it is expired, unless it was closed."""
        if now > self.ends_at and self.state is not SubscriptionState.CLOSED:
            return SubscriptionState.EXPIRED
        return self.state

    def quota(self, default: int | None) -> int | None:
        """Return how many addresses may be on record, None for any number.

        `default` is the installation's limit, for subscriptions that name none.
        """
        if self.may_exceed:
            return None
        return default if self.consent_limit is None else self.consent_limit


def closed_by(subscription: Subscription | None, *, subscriber: int, now: datetime) -> Fault | None:
    """Return why this subscription does not open the wire now: H524, H521, H586, H520; or None."""
    if subscription is None:
        return SubscriptionMissing(iys_code=IysCode(subscriber))
    if subscription.is_open_at(now):
        return None
    state = subscription.state_at(now)
    if state is SubscriptionState.CLOSED:
        return SubscriptionClosed()
    if not subscription.with_api:
        return PackageWithoutApi()
    return SubscriptionPaused(state=state.value)


def uses_quota(status: Status, change: CounterChange) -> bool:
    """Say whether storing this makes a record where none was; a refusal never asks for quota."""
    return status is Status.GRANTED and change.approvals + change.rejections > 0

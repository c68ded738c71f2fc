"""Subscriptions over `/accounts`, our own surface: staff looks after everybody's."""

from datetime import date, datetime, timedelta
from typing import Final, Literal, cast

from fastapi import APIRouter, Request, Response

from services.registry.partners.area import Partners
from services.registry.partners.manage_subscriptions import ManageSubscriptions
from services.registry.partners.schemas import SubscriptionAnswer, SubscriptionBody
from shared.domain.subscription import NO_END, Subscription, SubscriptionState
from shared.domain.wire_time import bounds_of_day, turkish_day
from shared.ledger.subscriptions import NewSubscription
from shared.web.own_surface import PathCode, authorization, problems

router = APIRouter(prefix="/accounts", tags=["accounts"])

Kind = Literal["providers", "partners"]
_ONE_SECOND: Final = timedelta(seconds=1)
PROBLEMS: Final = problems("UNKNOWN_ACCOUNT", "UNKNOWN_SUBSCRIPTION")


def _subscriptions(request: Request) -> ManageSubscriptions:
    return cast("Partners", request.state.partners).manage_subscriptions


@router.get("/{kind}/{code}/subscription", responses=PROBLEMS)
async def show_subscription(request: Request, kind: Kind, code: PathCode) -> SubscriptionAnswer:
    """Show what a provider or a partner has subscribed to, and how much is on record (staff)."""
    return await _shown(request, kind, code)


@router.put("/{kind}/{code}/subscription", responses=PROBLEMS)
async def put_subscription(
    request: Request, kind: Kind, code: PathCode, body: SubscriptionBody
) -> SubscriptionAnswer:
    """Say what a subscription is to be, in place of what it was, from the next request on (staff)."""
    subscriptions = _subscriptions(request)
    first = body.startDate or turkish_day(subscriptions.now())
    new = NewSubscription(
        package=body.package,
        with_api=body.withApi,
        state=SubscriptionState(body.state),
        starts_at=bounds_of_day(first)[0],
        ends_at=_end(body.expirationDate),
        consent_limit=body.consentLimit,
        may_exceed=body.mayExceed,
    )
    await subscriptions.put(authorization(request), kind.removesuffix("s"), code, new)
    return await _shown(request, kind, code)


@router.delete("/{kind}/{code}/subscription", status_code=204, responses=PROBLEMS)
async def remove_subscription(request: Request, kind: Kind, code: PathCode) -> Response:
    """Take a subscription away; the wire answers `H524` from the next request on (staff)."""
    await _subscriptions(request).remove(authorization(request), kind.removesuffix("s"), code)
    return Response(status_code=204)


async def _shown(request: Request, kind: Kind, code: int) -> SubscriptionAnswer:
    subscriptions = _subscriptions(request)
    subscription, on_record = await subscriptions.show(
        authorization(request), kind.removesuffix("s"), code
    )
    return _answer(subscription, on_record, now=subscriptions.now())


def _answer(subscription: Subscription, on_record: int, *, now: datetime) -> SubscriptionAnswer:
    return SubscriptionAnswer(
        subscriptionId=str(subscription.subscription_id),
        package=subscription.package,
        withApi=subscription.with_api,
        state=subscription.state.value,
        stateNow=subscription.state_at(now).value,
        startDate=turkish_day(subscription.starts_at),
        expirationDate=turkish_day(subscription.ends_at),
        consentLimit=subscription.consent_limit,
        mayExceed=subscription.may_exceed,
        onRecord=on_record,
    )


def _end(day: date | None) -> datetime:
    """Return the last second of a day: that is what the wire shows."""
    return NO_END if day is None else bounds_of_day(day)[1] - _ONE_SECOND

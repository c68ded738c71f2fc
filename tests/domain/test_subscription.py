"""When a subscription opens the wire, and what uses its quota (iys-api 10.3, J9)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from shared.domain.consent import Status
from shared.domain.subscription import (
    NO_END,
    Subscription,
    SubscriptionState,
    closed_by,
    uses_quota,
)
from shared.domain.transitions import CounterChange
from shared.domain.wire_time import consent_date_to_wire, turkish_day

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
PROVIDER = 650001
ACTIVE, PAUSED, EXPIRED, CLOSED = SubscriptionState
SUBSCRIPTION = Subscription(
    subscription_id=UUID(int=1),
    package="izin",
    with_api=True,
    state=ACTIVE,
    starts_at=NOW - timedelta(days=1),
    ends_at=NOW + timedelta(days=1),
    consent_limit=None,
    may_exceed=False,
)


def code_of(subscription: Subscription | None, *, now: datetime = NOW) -> str | None:
    fault = closed_by(subscription, subscriber=PROVIDER, now=now)
    return None if fault is None else fault.code


@pytest.mark.parametrize(
    ("state", "with_api", "code"),
    [
        (ACTIVE, True, None),
        (ACTIVE, False, "H586"),
        (PAUSED, True, "H520"),
        (PAUSED, False, "H586"),
        (EXPIRED, True, "H520"),
        (CLOSED, True, "H521"),
        (CLOSED, False, "H521"),
    ],
)
def test_a_state_and_a_package_open_the_wire_or_say_why_not(
    *,
    state: SubscriptionState,
    with_api: bool,
    code: str | None,
) -> None:
    assert code_of(replace(SUBSCRIPTION, state=state, with_api=with_api)) == code


def test_who_has_none_is_told_by_its_number() -> None:
    fault = closed_by(None, subscriber=PROVIDER, now=NOW)
    assert fault is not None
    assert (fault.code, getattr(fault, "iys_code", None)) == ("H524", PROVIDER)


def test_it_runs_out_by_the_clock_after_its_last_second() -> None:
    end, second = SUBSCRIPTION.ends_at, timedelta(seconds=1)
    assert code_of(SUBSCRIPTION, now=end) is None
    assert SUBSCRIPTION.state_at(end) is ACTIVE
    assert code_of(SUBSCRIPTION, now=end + second) == "H520"
    assert SUBSCRIPTION.state_at(end + second) is EXPIRED
    assert replace(SUBSCRIPTION, state=PAUSED).state_at(end + second) is EXPIRED
    assert replace(SUBSCRIPTION, state=CLOSED).state_at(end + second) is CLOSED


def test_the_end_that_stands_for_none_is_a_day_s_last_second_in_turkey() -> None:
    assert consent_date_to_wire(NO_END) == "2099-12-31 23:59:59"
    assert turkish_day(NO_END).isoformat() == "2099-12-31"


@pytest.mark.parametrize(
    ("own", "may_exceed", "default", "quota"),
    [
        (None, False, None, None),
        (None, False, 7, 7),
        (5, False, 7, 5),
        (0, False, 7, 0),
        (5, True, 7, None),
        (None, True, 7, None),
    ],
)
def test_a_quota_is_the_subscription_s_or_the_installation_s(
    *,
    own: int | None,
    may_exceed: bool,
    default: int | None,
    quota: int | None,
) -> None:
    given = replace(SUBSCRIPTION, consent_limit=own, may_exceed=may_exceed)
    assert given.quota(default) == quota


@pytest.mark.parametrize(
    ("status", "approvals", "rejections", "used"),
    [
        (Status.GRANTED, 1, 0, True),  # a new record
        (Status.GRANTED, 0, 0, False),  # an approval over an approval
        (Status.GRANTED, 1, -1, False),  # an approval after a refusal
        (Status.WITHDRAWN, -1, 1, False),
        (Status.WITHDRAWN, 0, 1, False),  # never a refusal
    ],
)
def test_what_uses_quota_is_a_new_record(
    *,
    status: Status,
    approvals: int,
    rejections: int,
    used: bool,
) -> None:
    assert uses_quota(status, CounterChange(approvals, rejections)) is used

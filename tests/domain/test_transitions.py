"""State rules R1–R5, R12, R14, R20 and C1–C4, C6, C8, C13, one by one, and what replay keeps."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.consent import Channel, ConsentState, NewConsent, RecipientType, Source, Status
from shared.domain.faults import (
    ConsentTooLate,
    DateInFuture,
    DateNotLater,
    EmailMalformed,
    Fault,
    FirstRecordIsProviderDecision,
    FirstRecordIsRefusal,
    UpdateWithoutDate,
    UpdateWithoutSource,
)
from shared.domain.transitions import (
    CounterChange,
    after_block,
    after_record,
    block_date,
    counts,
    is_blocked,
    judge,
    leaves_block,
)

NOON = datetime(2026, 3, 2, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ONAY, RET = Status.GRANTED, Status.WITHDRAWN
INDIVIDUAL, MERCHANT = RecipientType.INDIVIDUAL, RecipientType.MERCHANT


def consent(
    status: Status = ONAY,
    *,
    date: datetime | None = NOON,
    source: Source | None = Source.WEB,
    kind: RecipientType = INDIVIDUAL,
) -> NewConsent:
    return NewConsent("ayse@mail.example", Channel.EMAIL, kind, status, source, date)


def state(
    status: Status | None = ONAY,
    *,
    date: datetime | None = NOON,
    blocked_at: datetime | None = None,
) -> ConsentState:
    return ConsentState(status, date, blocked_at)


def code(current: ConsentState | None, new: NewConsent) -> str | None:
    fault = judge(current, new)
    return None if fault is None else fault.code


ONLY_BLOCKED = state(None, date=None, blocked_at=NOON)


@pytest.mark.parametrize("current", [None, ONLY_BLOCKED])
@pytest.mark.parametrize("kind", list(RecipientType))
def test_r1_c1_the_first_record_may_not_be_a_refusal(
    current: ConsentState | None, kind: RecipientType
) -> None:
    assert code(current, consent(RET, kind=kind)) == "H175"
    assert code(current, consent(ONAY, kind=kind)) is None


@pytest.mark.parametrize("delay", [-SECOND, timedelta(0), SECOND])
def test_r2_c2_a_refusal_over_a_refusal_is_refused_whatever_its_date(delay: timedelta) -> None:
    fault = judge(state(RET), consent(RET, date=NOON + delay))
    assert fault is not None
    assert fault.code == "H174"
    assert getattr(fault, "current", None) is RET


def test_r3_c3_an_approval_may_refresh_an_approval_with_a_later_date() -> None:
    assert code(state(ONAY), consent(ONAY, date=NOON + SECOND)) is None
    assert code(state(ONAY), consent(ONAY, date=NOON)) == "H178"


@pytest.mark.parametrize(("before", "after"), [(ONAY, RET), (RET, ONAY), (ONAY, ONAY)])
def test_r4_c4_a_consent_date_must_be_later_than_the_stored_one(
    before: Status, after: Status
) -> None:
    assert code(state(before), consent(after, date=NOON - SECOND)) == "H178"
    assert code(state(before), consent(after, date=NOON)) == "H178"


@pytest.mark.parametrize(("before", "after"), [(ONAY, RET), (RET, ONAY)])
def test_r5_a_change_of_status_needs_a_later_date_only(before: Status, after: Status) -> None:
    assert code(state(before), consent(after, date=NOON + SECOND)) is None


@pytest.mark.parametrize("current", [None, ONLY_BLOCKED])
def test_r12_c6_a_providers_own_decision_may_not_stand_first(current: ConsentState | None) -> None:
    assert code(current, consent(RET, source=Source.PROVIDER_DECISION)) == "H486"
    decision = consent(RET, source=Source.PROVIDER_DECISION, date=NOON + SECOND)
    assert code(state(ONAY), decision) is None


@pytest.mark.parametrize("status", list(Status))
def test_r14_c8_a_merchants_update_needs_source_and_date(status: Status) -> None:
    later = NOON + SECOND
    assert code(None, consent(ONAY, kind=MERCHANT, date=None, source=None)) is None
    assert code(state(), consent(status, kind=MERCHANT, date=later, source=None)) == "H463"
    assert code(state(), consent(status, kind=MERCHANT, date=None)) == "H462"
    assert code(state(), consent(status, kind=MERCHANT, date=None, source=None)) == "H463"
    assert code(state(), consent(status, kind=MERCHANT, date=later)) is None
    assert code(state(RET), consent(RET, kind=MERCHANT, date=None)) == "H462"


@pytest.mark.parametrize("status", list(Status))
def test_r20_a_record_without_a_date_has_nothing_to_compare_with(status: Status) -> None:
    long_ago = datetime(2015, 5, 1, tzinfo=UTC)
    assert code(state(date=None), consent(status, kind=MERCHANT, date=long_ago)) is None


def test_r4_an_undated_consent_is_not_later_than_a_dated_one() -> None:
    assert code(state(), consent(date=None)) == "H178"


@pytest.mark.parametrize(
    ("fault", "current", "leaves"),
    [
        (FirstRecordIsRefusal(), None, True),
        (FirstRecordIsProviderDecision(), None, True),
        (ConsentTooLate(), None, True),
        (ConsentTooLate(), state(), True),
        (DateNotLater(), state(date=NOON), True),
        (DateNotLater(), state(date=NOON + SECOND), False),
        (DateNotLater(), None, False),
        (judge(state(RET), consent(RET)), state(RET), False),
        (UpdateWithoutDate(), state(), False),
        (UpdateWithoutSource(), state(), False),
        (EmailMalformed(), None, False),
    ],
)
def test_c13_which_refused_refusals_leave_a_block(
    fault: Fault, current: ConsentState | None, *, leaves: bool
) -> None:
    assert leaves_block(consent(RET), fault, current) is leaves
    assert leaves_block(consent(ONAY), fault, current) is False


@pytest.mark.parametrize(
    ("delay", "leaves"), [(-SECOND, False), (timedelta(0), False), (SECOND, True)]
)
def test_c13_a_repeated_refusal_leaves_a_block_when_its_date_is_later(
    delay: timedelta,
    leaves: bool,  # noqa: FBT001  # a column of the table
) -> None:
    """Else an approval from between the two would undo the second."""
    current, again = state(RET), consent(RET, date=NOON + delay)
    fault = judge(current, again)
    assert fault is not None
    assert leaves_block(again, fault, current) is leaves


def test_c13_an_approval_from_between_two_refusals_does_not_allow() -> None:
    blocked = after_block(state(RET), NOON + 2 * SECOND)
    between = consent(ONAY, date=NOON + SECOND)
    assert judge(blocked, between) is None
    assert is_blocked(after_record(blocked, between))


def test_c13_a_refusal_from_a_clock_ahead_leaves_a_block_dated_now() -> None:
    ahead = consent(RET, date=NOON + SECOND)
    assert leaves_block(ahead, DateInFuture(), state(ONAY))
    assert not leaves_block(consent(ONAY, date=NOON + SECOND), DateInFuture(), state(ONAY))
    assert block_date(ahead, now=NOON) == NOON


def test_c13_a_block_has_the_date_of_the_refusal_or_else_of_its_arrival() -> None:
    assert block_date(consent(RET), now=NOON + SECOND) == NOON
    assert block_date(consent(RET, date=None, kind=MERCHANT), now=NOON) == NOON


@pytest.mark.parametrize(
    ("current", "blocked"),
    [
        (state(ONAY), False),
        (state(RET), False),
        (state(None, date=None, blocked_at=NOON), True),
        (state(RET, date=NOON + SECOND, blocked_at=NOON), True),
        (state(ONAY, date=NOON - SECOND, blocked_at=NOON), True),
        (state(ONAY, date=NOON, blocked_at=NOON), True),
        (state(ONAY, date=None, blocked_at=NOON), True),
        (state(ONAY, date=NOON + SECOND, blocked_at=NOON), False),
    ],
)
def test_c13_only_an_approval_with_a_later_date_ends_a_block(
    current: ConsentState, *, blocked: bool
) -> None:
    assert is_blocked(current) is blocked


def test_c13_of_two_blocks_the_later_decides_in_either_order() -> None:
    one_way = after_block(after_block(None, NOON), NOON + SECOND)
    other_way = after_block(after_block(None, NOON + SECOND), NOON)
    assert one_way == other_way == state(None, date=None, blocked_at=NOON + SECOND)
    assert after_block(state(), NOON) == state(blocked_at=NOON)


def test_c13_a_record_does_not_forget_the_block_before_it() -> None:
    assert after_record(None, consent()) == state()
    assert after_record(ONLY_BLOCKED, consent(date=NOON)) == state(blocked_at=NOON)
    assert is_blocked(after_record(ONLY_BLOCKED, consent(date=NOON)))
    assert not is_blocked(after_record(ONLY_BLOCKED, consent(date=NOON + SECOND)))


@pytest.mark.parametrize(
    ("current", "status", "change"),
    [
        (None, ONAY, CounterChange(1, 0)),
        (ONLY_BLOCKED, ONAY, CounterChange(1, 0)),
        (None, RET, CounterChange(0, 1)),  # the registry's own, e.g. a line that was closed
        (state(ONAY), ONAY, CounterChange(0, 0)),
        (state(ONAY), RET, CounterChange(-1, 1)),
        (state(RET), ONAY, CounterChange(1, -1)),
    ],
)
def test_counters_count_keys_by_what_they_are_now(
    current: ConsentState | None, status: Status, change: CounterChange
) -> None:
    assert counts(current, consent(status)) == change


DATES = st.integers(0, 9).map(lambda n: NOON + n * SECOND)


@st.composite
def merchant_consents(draw: st.DrawFn) -> NewConsent:
    return consent(
        draw(st.sampled_from(Status)),
        date=draw(st.none() | DATES),
        source=draw(st.sampled_from([None, Source.WEB, Source.PROVIDER_DECISION])),
        kind=MERCHANT,
    )


INDIVIDUAL_CONSENTS = st.builds(consent, st.sampled_from(Status), date=DATES)
HISTORIES = st.lists(INDIVIDUAL_CONSENTS) | st.lists(merchant_consents())


def replay(news: Sequence[NewConsent]) -> list[ConsentState | None]:
    """Write one after the other as the registry would, and return every state on the way."""
    states: list[ConsentState | None] = [None]
    for new in news:
        current = states[-1]
        fault = judge(current, new)
        if fault is None:
            current = after_record(current, new)
        elif leaves_block(new, fault, current):
            current = after_block(current, block_date(new, now=NOON))
        states.append(current)
    return states


@given(HISTORIES)
def test_r4_the_dates_of_a_record_never_go_back(news: list[NewConsent]) -> None:
    dates = [s.consent_date for s in replay(news) if s is not None and s.consent_date is not None]
    assert dates == sorted(dates)


@given(HISTORIES)
def test_c13_a_block_is_never_lost_without_a_later_approval(news: list[NewConsent]) -> None:
    states = replay(news)
    for before, after in itertools.pairwise(states):
        if before is None or not is_blocked(before):
            continue
        assert after is not None
        assert before.blocked_at is not None
        if not is_blocked(after):
            assert after.status is ONAY
            assert after.consent_date is not None
            assert after.consent_date > before.blocked_at


@given(HISTORIES)
def test_counters_always_add_up_to_the_state(news: list[NewConsent]) -> None:
    approvals = rejections = 0
    current: ConsentState | None = None
    for new in news:
        if judge(current, new) is None:
            change = counts(current, new)
            approvals += change.approvals
            rejections += change.rejections
            current = after_record(current, new)
    last = None if current is None else current.status
    assert (approvals, rejections) == (int(last is ONAY), int(last is RET))

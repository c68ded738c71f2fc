"""What the registry writes itself: citizens decide at any time; a closed line takes its consents with it."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.domain.consent import ConsentState, NewConsent, Source, Status
from shared.domain.registry_movements import (
    ClosingStep,
    Effect,
    Ruling,
    decided_at_to_wire,
    is_reference,
    next_closing_step,
    rule,
    unfit,
)
from shared.domain.transitions import after_block, after_record, is_blocked, judge
from shared.domain.wire_time import consent_date_to_wire
from tests.support.builders import NOW, consent

ONAY, RET = Status.GRANTED, Status.WITHDRAWN
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
LATER_IN_THE_SECOND = NOW + timedelta(milliseconds=700)


def asked(status: Status, source: Source = Source.REGISTRY_WEB) -> NewConsent:
    return consent(status=status, source=source, consent_date=None)


def state(
    status: Status | None, date: datetime | None = None, blocked_at: datetime | None = None
) -> ConsentState:
    return ConsentState(status, date, blocked_at)


def after(current: ConsentState | None, ruling: Ruling) -> ConsentState | None:
    match ruling.effect:
        case Effect.RECORDED:
            return after_record(current, ruling.consent)
        case Effect.KEPT:
            assert ruling.consent.consent_date is not None
            return after_block(current, ruling.consent.consent_date)
        case Effect.UNCHANGED:
            return current


@pytest.mark.parametrize(
    "current", [None, state(None, blocked_at=NOW - DAY), state(ONAY, NOW - DAY), state(ONAY)]
)
def test_r1_a_citizen_may_refuse_at_any_time_and_it_is_a_record(
    current: ConsentState | None,
) -> None:
    ruling = rule(current, asked(RET), now=LATER_IN_THE_SECOND)
    assert ruling.effect is Effect.RECORDED
    assert ruling.consent.consent_date == NOW, "in whole seconds, as the wire writes dates"
    assert after(current, ruling) is not None


@pytest.mark.parametrize(
    "current", [None, state(None, blocked_at=NOW - DAY), state(RET, NOW - DAY), state(RET)]
)
def test_a_citizen_may_grant_at_any_time(current: ConsentState | None) -> None:
    ruling = rule(current, asked(ONAY), now=LATER_IN_THE_SECOND)
    assert (ruling.effect, ruling.consent.consent_date) == (Effect.RECORDED, NOW)
    changed = after(current, ruling)
    assert changed is not None
    assert not is_blocked(changed)


def test_r3_a_grant_over_a_grant_changes_nothing() -> None:
    ruling = rule(state(ONAY, NOW - DAY, NOW - 2 * DAY), asked(ONAY), now=NOW)
    assert ruling.effect is Effect.UNCHANGED


def test_a_grant_over_a_grant_that_a_block_denies_ends_the_block() -> None:
    blocked = state(ONAY, NOW - 2 * DAY, NOW - DAY)
    ruling = rule(blocked, asked(ONAY), now=NOW)
    assert ruling.effect is Effect.RECORDED
    changed = after(blocked, ruling)
    assert changed is not None
    assert not is_blocked(changed)


def test_c13_a_refusal_over_a_refusal_is_kept_so_that_no_grant_from_between_undoes_it() -> None:
    refused = state(RET, NOW - 2 * DAY)
    ruling = rule(refused, asked(RET), now=NOW)
    assert (ruling.effect, ruling.consent.consent_date) == (Effect.KEPT, NOW)
    late = consent(consent_date=NOW - DAY)
    twice = after(refused, ruling)
    assert judge(twice, late) is None, "the rules for providers let it in"
    assert twice is not None
    assert is_blocked(after_record(twice, late)), "and it does not help"


@pytest.mark.parametrize(
    "refused", [state(RET, NOW), state(RET, NOW - DAY, NOW), state(RET, None, NOW + SECOND)]
)
def test_a_refusal_that_says_nothing_new_leaves_nothing(refused: ConsentState) -> None:
    assert rule(refused, asked(RET), now=NOW).effect is Effect.UNCHANGED


def test_a_refusal_of_an_undated_refusal_is_kept() -> None:
    assert rule(state(RET), asked(RET), now=NOW).effect is Effect.KEPT


@pytest.mark.parametrize("blocked_at", [None, NOW, LATER_IN_THE_SECOND])
def test_a_grant_in_the_second_of_the_refusal_is_later_than_it(blocked_at: datetime | None) -> None:
    refused = state(RET, NOW, blocked_at)
    ruling = rule(refused, asked(ONAY), now=LATER_IN_THE_SECOND)
    assert ruling.consent.consent_date == NOW + SECOND
    changed = after(refused, ruling)
    assert changed is not None
    assert not is_blocked(changed)


def test_a_refusal_is_never_earlier_than_the_grant_that_it_ends() -> None:
    ahead = NOW + 90 * SECOND  # a provider's clock that we tolerate
    ruling = rule(state(ONAY, ahead), asked(RET), now=NOW)
    assert ruling.consent.consent_date == ahead
    between = consent(consent_date=NOW + 30 * SECOND)
    assert judge(after(state(ONAY, ahead), ruling), between) is not None


def test_a_provider_that_dates_a_refusal_in_the_second_of_a_grant_meets_its_equal() -> None:
    granted = after(None, rule(None, asked(ONAY), now=LATER_IN_THE_SECOND))
    assert granted is not None
    assert granted.consent_date == NOW, "so that the refusal leaves a block (C13)"


def test_only_the_first_record_of_a_key_is_a_first_grant() -> None:
    first = asked(ONAY, Source.REGISTRY_WEB_FIRST)
    for current in (None, state(None, blocked_at=NOW - DAY)):
        assert rule(current, first, now=NOW).consent.source is Source.REGISTRY_WEB_FIRST
    again = rule(state(RET, NOW - DAY), first, now=NOW).consent
    assert (again.source, again.status) == (Source.REGISTRY_WEB, ONAY)
    other = rule(state(RET, NOW - DAY), asked(ONAY, Source.REGISTRY_MOBILE), now=NOW).consent
    assert other.source is Source.REGISTRY_MOBILE


def test_r13_what_cannot_stand_together_is_refused_with_its_reason() -> None:
    for source in Source:
        fit = not source.from_provider and source is not Source.REGISTRY_LINE_CLOSED
        first = source is Source.REGISTRY_WEB_FIRST
        assert (unfit(ONAY, source, None) is None) is fit, source
        assert (unfit(RET, source, None) is None) is (fit and not first), source
        assert (unfit(ONAY, source, "Deneme Kişi") is None) is first, source


@pytest.mark.parametrize("text", ["VAKA-2026/114", "şikâyet #12 (telefonla)", "123456"])
def test_a_reference_may_name_a_case(text: str) -> None:
    assert is_reference(text)


@pytest.mark.parametrize("text", ["", "5990000001", "a@b.example", "x" * 65, "a\nb", "12 34567890"])
def test_a_reference_has_no_room_for_an_address(text: str) -> None:
    assert not is_reference(text)


STORED = NOW - DAY


def steps(current: ConsentState, *, recorded_at: datetime | None = STORED) -> list[ClosingStep]:
    """Take the steps until nothing is left."""
    taken: list[ClosingStep] = []
    while step := next_closing_step(current, recorded_at=recorded_at, closed_at=NOW):
        taken.append(step)
        is_block = step is ClosingStep.BLOCK
        current = after_block(current, NOW) if is_block else replace(current, status=RET)
    return taken


BLOCK, REFUSAL = ClosingStep.BLOCK, ClosingStep.REFUSAL


@pytest.mark.parametrize(
    ("current", "taken"),
    [
        (state(ONAY, NOW - DAY), [BLOCK, REFUSAL]),
        (state(ONAY, NOW), [BLOCK, REFUSAL]),
        (state(ONAY), [BLOCK, REFUSAL]),
        (state(ONAY, NOW - DAY, NOW - 2 * DAY), [BLOCK, REFUSAL]),
        (state(ONAY, NOW - DAY, NOW), [REFUSAL]),
        (state(RET, NOW - DAY), [BLOCK]),
        (state(RET, NOW - DAY, NOW + DAY), []),
        (state(None, blocked_at=NOW - DAY), [BLOCK]),
        (state(None, blocked_at=NOW), []),
    ],
)
def test_a_closed_line_takes_its_consents_with_it(
    current: ConsentState, taken: list[ClosingStep]
) -> None:
    assert steps(current, recorded_at=None if current.status is None else STORED) == taken


def test_what_the_next_owner_decided_stays() -> None:
    later = NOW + DAY
    for current in (state(ONAY, later), state(RET, later), state(ONAY)):
        assert steps(current, recorded_at=later) == []


def test_a_date_ahead_of_the_clock_does_not_make_a_consent_the_next_owners() -> None:
    assert steps(state(ONAY, NOW + 5 * SECOND), recorded_at=NOW - SECOND) == [BLOCK, REFUSAL]


def test_a_late_upload_of_the_last_owner_does_not_pass_to_the_next() -> None:
    """The refusal bears the last known date (iys-api 4.9), so the rules for providers let a later one in."""
    closed = after_record(after_block(state(ONAY, NOW - 3 * DAY), NOW), consent(status=RET))
    closed = replace(closed, consent_date=NOW - 3 * DAY)
    late, fresh = consent(consent_date=NOW - DAY), consent(consent_date=NOW + DAY)
    assert judge(closed, late) is None
    assert is_blocked(after_record(closed, late))
    assert not is_blocked(after_record(closed, fresh)), "the next owner starts clean"


def test_a_date_is_written_as_the_wire_writes_dates() -> None:
    shown = decided_at_to_wire(NOW, source="IYS_WEB", recipient_type="BIREYSEL")
    assert shown == consent_date_to_wire(NOW)


@pytest.mark.parametrize(
    ("source", "recipient_type", "shown"),
    [
        ("IYS_AHS_HAT_KAPATMA", "TACIR", ""),
        ("IYS_AHS_HAT_KAPATMA", "BIREYSEL", None),
        ("HS_WEB", "TACIR", None),
        (None, "TACIR", None),
    ],
)
def test_only_a_merchants_closed_line_has_an_empty_date(
    source: str | None, recipient_type: str, shown: str | None
) -> None:
    assert decided_at_to_wire(None, source=source, recipient_type=recipient_type) == shown

"""The decision, step by step (regulation e), and the table of outages."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.consent import ConsentState, RecipientType, Status
from shared.domain.decision import (
    DEFAULT_RECIPIENT_TYPE,
    OUTAGE,
    Decision,
    Reason,
    SenderFacts,
    decide,
    decide_sender,
    decide_unverified,
)
from shared.domain.exemptions import ExemptionBasis, MessageClass, is_exempt

NOON = datetime(2026, 3, 2, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ONAY, RET = Status.GRANTED, Status.WITHDRAWN
INDIVIDUAL, MERCHANT = RecipientType.INDIVIDUAL, RecipientType.MERCHANT

GRANTED = ConsentState(ONAY, NOON, None)
WITHDRAWN = ConsentState(RET, NOON, None)
UNDATED = ConsentState(ONAY, None, None)
BLOCKED = ConsentState(None, None, NOON)
BLOCKED_GRANT = ConsentState(ONAY, NOON, NOON)
BLOCK_ENDED = ConsentState(ONAY, NOON + SECOND, NOON)
EMPTY = ConsentState(None, None, None)


def test_b1_an_individual_needs_an_approval_on_record() -> None:
    assert decide(GRANTED, INDIVIDUAL) == Decision(Reason.CONSENT, ONAY)
    assert decide(WITHDRAWN, INDIVIDUAL) == Decision(Reason.REFUSED, RET)
    assert decide(None, INDIVIDUAL) == Decision(Reason.NO_RECORD, None)
    assert decide(EMPTY, INDIVIDUAL) == Decision(Reason.NO_RECORD, None)


def test_b2_a_merchant_on_record_need_not_have_approved() -> None:
    for state in (GRANTED, UNDATED):
        assert decide(state, MERCHANT) == Decision(Reason.MERCHANT_ON_RECORD, ONAY)


def test_b3_a_merchant_who_refused_is_left_alone() -> None:
    assert decide(WITHDRAWN, MERCHANT) == Decision(Reason.REFUSED, RET)


def test_b4_a_merchant_not_on_record_is_no_green_light() -> None:
    for state in (None, EMPTY):
        assert decide(state, MERCHANT) == Decision(Reason.REGISTER_ADDRESS_FIRST, None)


def test_b5_b6_the_two_records_of_one_address_are_answered_apart() -> None:
    """The exemption follows the person: without a record of that type, the other one is no help."""
    records: dict[RecipientType, ConsentState] = {MERCHANT: GRANTED}
    assert decide(records.get(MERCHANT), MERCHANT).reason.allowed
    assert not decide(records.get(INDIVIDUAL), INDIVIDUAL).reason.allowed


def test_b7_there_are_two_types_and_esnaf_is_filed_as_tacir() -> None:
    assert [kind.value for kind in RecipientType] == ["BIREYSEL", "TACIR"]


def test_b8_who_does_not_say_the_type_means_the_individual() -> None:
    assert DEFAULT_RECIPIENT_TYPE is INDIVIDUAL


@pytest.mark.parametrize("kind", list(RecipientType))
@pytest.mark.parametrize("state", [BLOCKED, BLOCKED_GRANT, ConsentState(RET, NOON, NOON)])
def test_c13_a_block_refuses_both_types_alike(state: ConsentState, kind: RecipientType) -> None:
    assert decide(state, kind) == Decision(Reason.REFUSED, RET)


@pytest.mark.parametrize("kind", list(RecipientType))
def test_c13_a_later_approval_lets_the_record_speak_again(kind: RecipientType) -> None:
    assert decide(BLOCK_ENDED, kind) == decide(GRANTED, kind)


def test_exactly_four_reasons_let_a_message_out() -> None:
    assert {reason.value for reason in Reason if reason.allowed} == {
        "CONSENT",
        "MERCHANT_ON_RECORD",
        "EXEMPT",
        "EXEMPT_UNVERIFIED",
    }
    assert all(reason.value == reason.name for reason in Reason)


@pytest.mark.parametrize(
    "facts",
    [
        SenderFacts(*row)
        for row in product(
            (True, False), (True, False), (True, False, None), (True, False), (True, False, None)
        )
    ],
)
def test_e2_the_sender_is_decided_on_in_the_order_of_the_steps(facts: SenderFacts) -> None:
    """All 72 combinations, against the table written the other way round: last step first."""
    expected: Reason | None = None
    if facts.retailer_has_access is False:
        expected = Reason.NOT_AUTHORISED
    if facts.exempt:
        expected = Reason.EXEMPT
    if facts.header_bound is False:
        expected = Reason.HEADER_MISMATCH
    if not facts.caller_may_ask:
        expected = Reason.NOT_AUTHORISED
    if not facts.brand_active:
        expected = Reason.SENDER_NOT_REGISTERED
    assert decide_sender(facts) is expected


def test_e2_an_unregistered_sender_is_not_helped_by_an_exempt_class() -> None:
    facts = SenderFacts(
        brand_active=False,
        caller_may_ask=True,
        header_bound=None,
        exempt=True,
        retailer_has_access=None,
    )
    assert decide_sender(facts) is Reason.SENDER_NOT_REGISTERED


@pytest.mark.parametrize(
    ("message_class", "basis"), list(product(MessageClass, [None, *ExemptionBasis]))
)
def test_e3_without_the_ledger_nothing_commercial_goes_out(
    message_class: MessageClass, basis: ExemptionBasis | None
) -> None:
    exempt = is_exempt(message_class, basis=basis)
    decision = decide_unverified(exempt=exempt)
    assert decision.status is None
    assert decision.reason is (Reason.EXEMPT_UNVERIFIED if exempt else Reason.UNVERIFIED)
    assert decision.reason.allowed is exempt
    assert OUTAGE[exempt] is decision


MOMENTS = st.none() | st.integers(0, 3).map(lambda n: NOON + n * SECOND)
STATES = st.builds(ConsentState, st.none() | st.sampled_from(Status), MOMENTS, MOMENTS)


@given(st.none() | STATES, st.sampled_from(RecipientType))
def test_nothing_is_allowed_without_an_approval_on_record(
    state: ConsentState | None, kind: RecipientType
) -> None:
    decision = decide(state, kind)
    if decision.reason.allowed:
        assert state is not None
        assert state.status is ONAY
        assert decision.status is ONAY

"""Exempt messages and exempt senders (regulation a.2, a.3)."""

import pytest

from shared.domain.exemptions import ExemptionBasis, MessageClass, is_exempt

BASES = [None, *ExemptionBasis]


@pytest.mark.parametrize("basis", BASES)
def test_a_commercial_message_is_never_exempt(basis: ExemptionBasis | None) -> None:
    assert not is_exempt(MessageClass.COMMERCIAL, basis=basis)


@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize(
    "message_class",
    [
        MessageClass.CHANGE_USE_MAINT,
        MessageClass.ONGOING_RELATION,
        MessageClass.LEGAL_NOTICE,
        MessageClass.CAPITAL_MARKETS,
    ],
)
def test_a6_a7_a8_a9_a_declared_class_is_exempt_for_every_provider(
    message_class: MessageClass, basis: ExemptionBasis | None
) -> None:
    assert is_exempt(message_class, basis=basis)


@pytest.mark.parametrize("basis", list(ExemptionBasis))
def test_a12_a13_a14_a15_a16_a_basis_on_file_exempts_its_relation(basis: ExemptionBasis) -> None:
    assert is_exempt(MessageClass.EXEMPT_SENDER, basis=basis)


def test_a12_without_a_basis_on_file_nobody_is_an_exempt_sender() -> None:
    assert not is_exempt(MessageClass.EXEMPT_SENDER, basis=None)

"""What is true of the sender of a question, whoever its addresses are: asked once, for both shells."""

from datetime import date

from services.check.question import Question
from shared.auth.rights import header_is_bound, may_ask
from shared.domain.decision import SenderFacts
from shared.domain.exemptions import ExemptionBasis, is_exempt
from shared.ledger.directory import BrandRow, UserRow


def sender_facts(
    question: Question, user: UserRow, brand: BrandRow | None, *, today: date
) -> SenderFacts:
    """Return what is known before anybody's consent is looked at; `today` is the date in Turkey."""
    return SenderFacts(
        brand_active=brand is not None and brand.active,
        caller_may_ask=brand is not None and may_ask(user, brand, question.channel, today=today),
        header_bound=None
        if question.header is None or brand is None
        else header_is_bound(user, brand, question.header),
        exempt=is_exempt(question.message_class, basis=exemption_basis(brand)),
        retailer_has_access=None,
    )


def exemption_basis(brand: BrandRow | None) -> ExemptionBasis | None:
    """Return why the brand's provider is outside the regime, if it is."""
    if brand is None or brand.exemption_basis is None:
        return None
    return ExemptionBasis(brand.exemption_basis)

"""Messages that need no approval, and senders outside the regime (regulation a.2, a.3).

An exempt message goes out without a look at any consent, so everything hangs on the word of the
one who declares the class. That word is therefore required on every check, has no silent default
but the strict one, and is kept with the caller's name in case somebody complains (A11). A
message that promotes anything is commercial, whatever it was declared to be (A10); content is
not ours to read.

The exemption of a sender is another thing than that of a message: it is a fact about the
provider that the registry has on file (A12–A16), and it reaches only as far as the relation in
question. What the file does not say, nobody can declare.
"""

from enum import Enum
from typing import assert_never


class MessageClass(Enum):
    """What the caller declares the message to be. The values are the words of the wire."""

    COMMERCIAL = "COMMERCIAL"
    """Promotes, or raises recognition, greetings included; needs consent (A1, A2)."""

    CHANGE_USE_MAINT = "CHANGE_USE_MAINT"
    """On change, use or upkeep of what was supplied, to an address left for such contact (A6)."""

    ONGOING_RELATION = "ONGOING_RELATION"
    """Of a running subscription or membership: collection, debts, deliveries and the like (A7)."""

    LEGAL_NOTICE = "LEGAL_NOTICE"
    """What a law obliges the sender to tell (A8)."""

    CAPITAL_MARKETS = "CAPITAL_MARKETS"
    """A capital-market intermediary's information to its own customers (A9)."""

    EXEMPT_SENDER = "EXEMPT_SENDER"
    """Within the relation that the provider's exemption on file covers (A12–A16)."""


class ExemptionBasis(Enum):
    """Why a provider is outside the regime, and for which relation only."""

    PROFESSIONAL_BODY = "PROFESSIONAL_BODY"
    """Public-law professional body, public-benefit association, tax-exempt foundation: to its own
    members, about its own enterprises (A12)."""

    EDUCATION = "EDUCATION"
    """Foundation university or other private school: to its students and their parents (A13)."""

    PUBLIC_BODY = "PUBLIC_BODY"
    """State, municipality or other public legal person: to inform the public (A14)."""

    BROADCASTER = "BROADCASTER"
    """Radio or television: public information about the broadcast service (A15)."""

    TELECOM_OPERATOR = "TELECOM_OPERATOR"
    """Telecom operator: to its own subscribers about its own goods, under the telecom law's own
    rule of permission and refusal (A16)."""


def is_exempt(message_class: MessageClass, *, basis: ExemptionBasis | None) -> bool:
    """Tell whether a message so declared needs no consent (A6–A9; on a basis on file, A12–A16)."""
    match message_class:
        case MessageClass.COMMERCIAL:
            return False
        case (
            MessageClass.CHANGE_USE_MAINT
            | MessageClass.ONGOING_RELATION
            | MessageClass.LEGAL_NOTICE
            | MessageClass.CAPITAL_MARKETS
        ):
            return True
        case MessageClass.EXEMPT_SENDER:
            return basis is not None
        case _:
            assert_never(message_class)

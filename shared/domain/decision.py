"""May this message go out? The question that everything else is for (regulation e).

The steps, in their order. Who sends comes before what is sent, because an operator must not send
for an unregistered provider whatever the message (E2), and because an answer about a person is
given to those only who have a right to it:

1. The brand is unknown or suspended: SENDER_NOT_REGISTERED. The caller has no right to it:
   NOT_AUTHORISED.
2. A header was given that is not bound to the brand: HEADER_MISMATCH, else one firm could speak
   under another's name (E8).
3. The message is exempt: EXEMPT, without a look at the consent. Then, if a retailer is to use
   the consent, it must have access to it: NOT_AUTHORISED.
4. BIREYSEL with ONAY: CONSENT. Approval is needed first, and lasts until refused (B1).
5. BIREYSEL with RET: REFUSED; without a record: NO_RECORD.
6. TACIR on record and not RET: MERCHANT_ON_RECORD. A merchant need not approve (B2); esnaf are
   filed as TACIR, there are but two types (B7).
7. TACIR with RET: REFUSED, until an approval comes (B3).
8. TACIR not on record: REGISTER_ADDRESS_FIRST. Not being here is no green light: the law wants
   the address registered, so that the merchant had a chance to refuse (B4).

A block entry is a refusal that the record does not show, for both types. The exemption of
merchants follows the person, not the mailbox (B5): a manager's own address has a BIREYSEL
record, and the two records of one address never speak for each other (B6). Who does not say
which one is meant is answered as BIREYSEL, the safer of the two (B8).

When the ledger cannot be asked, silence must not become consent: commercial messages are
UNVERIFIED and stay. Exempt ones need no ledger and go; their answer says that nothing was looked
at.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final, assert_never

from shared.domain.consent import ConsentState, RecipientType, Status
from shared.domain.transitions import is_blocked

DEFAULT_RECIPIENT_TYPE: Final = RecipientType.INDIVIDUAL
"""What is meant when nothing is said (B8; and B6 on a write)."""


class Reason(Enum):
    """Why a message may go out or not. The values are the words of the wire."""

    CONSENT = "CONSENT"
    REFUSED = "REFUSED"
    NO_RECORD = "NO_RECORD"
    MERCHANT_ON_RECORD = "MERCHANT_ON_RECORD"
    REGISTER_ADDRESS_FIRST = "REGISTER_ADDRESS_FIRST"
    EXEMPT = "EXEMPT"
    EXEMPT_UNVERIFIED = "EXEMPT_UNVERIFIED"
    UNVERIFIED = "UNVERIFIED"
    SENDER_NOT_REGISTERED = "SENDER_NOT_REGISTERED"
    NOT_AUTHORISED = "NOT_AUTHORISED"
    HEADER_MISMATCH = "HEADER_MISMATCH"
    INVALID_RECIPIENT = "INVALID_RECIPIENT"

    @property
    def allowed(self) -> bool:
        """True for the four that let a message out. A reason added later says no until listed."""
        return self in _ALLOWED


_ALLOWED: Final = (
    Reason.CONSENT,
    Reason.MERCHANT_ON_RECORD,
    Reason.EXEMPT,
    Reason.EXEMPT_UNVERIFIED,
)


@dataclass(frozen=True, slots=True)
class Decision:
    """One answer. `status` is what the person said last, as far as somebody looked."""

    reason: Reason
    status: Status | None


_REFUSED: Final = Decision(Reason.REFUSED, Status.WITHDRAWN)

OUTAGE: Final[Mapping[bool, Decision]] = MappingProxyType(
    {
        True: Decision(Reason.EXEMPT_UNVERIFIED, None),
        False: Decision(Reason.UNVERIFIED, None),
    }
)
"""What is answered while the ledger is silent, by whether the message is exempt."""


@dataclass(frozen=True, slots=True)
class SenderFacts:
    """What is known before anybody's consent is looked at.

    `header_bound` is None if no header was given, `retailer_has_access` if no retailer was.
    """

    brand_active: bool
    caller_may_ask: bool
    header_bound: bool | None
    exempt: bool
    retailer_has_access: bool | None


def decide_sender(facts: SenderFacts) -> Reason | None:
    """Take steps 1 to 3 (E2, E8, A6–A9); None means that the consent must be looked up."""
    if not facts.brand_active:
        return Reason.SENDER_NOT_REGISTERED
    if not facts.caller_may_ask:
        return Reason.NOT_AUTHORISED
    if facts.header_bound is False:
        return Reason.HEADER_MISMATCH
    if facts.exempt:
        return Reason.EXEMPT
    if facts.retailer_has_access is False:
        return Reason.NOT_AUTHORISED
    return None


def decide(state: ConsentState | None, recipient_type: RecipientType) -> Decision:
    """Take steps 4 to 8 (E3, B1–B4, C13). No record is a no, for either type."""
    if state is None:
        return _decide_unknown(recipient_type)
    if is_blocked(state):
        return _REFUSED
    match state.status:
        case Status.GRANTED:
            return _decide_granted(recipient_type)
        case Status.WITHDRAWN:
            return _REFUSED
        case None:
            return _decide_unknown(recipient_type)
        case _:
            assert_never(state.status)


def decide_unverified(*, exempt: bool) -> Decision:
    """Answer while the ledger is silent: nothing commercial goes out on a guess."""
    return OUTAGE[exempt]


def _decide_granted(recipient_type: RecipientType) -> Decision:
    """Allow both (steps 4 and 6), for different reasons in law (B1, B2)."""
    match recipient_type:
        case RecipientType.INDIVIDUAL:
            return Decision(Reason.CONSENT, Status.GRANTED)
        case RecipientType.MERCHANT:
            return Decision(Reason.MERCHANT_ON_RECORD, Status.GRANTED)
        case _:
            assert_never(recipient_type)


def _decide_unknown(recipient_type: RecipientType) -> Decision:
    """Deny both (steps 5 and 8); for the merchant the reason names the way out (B4)."""
    match recipient_type:
        case RecipientType.INDIVIDUAL:
            return Decision(Reason.NO_RECORD, None)
        case RecipientType.MERCHANT:
            return Decision(Reason.REGISTER_ADDRESS_FIRST, None)
        case _:
            assert_never(recipient_type)

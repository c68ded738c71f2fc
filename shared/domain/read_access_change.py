"""Reading the calls that change which retailers may use consents (iys-api 6).

Four calls, one shape: a channel, a recipient type, the address or addresses, and but for one of them the
retailers. The codes are the published ones; so is the oddest of them, H168 at `recipients` where a grant has
no `recipient`. Unknown properties are left alone, as in a question. Where the publication is silent:

- An address may stand in the list twice, for the published requests have it so: it is worked on once. A
  retailer may not (H193).
- Addresses are read as on a write, so an over-long phone has two codes; each bad one of a list is named.
"""

from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from shared.domain.consent import Channel, RecipientType, RetailerCode
from shared.domain.faults import (
    ABSENT,
    Fault,
    RecipientsEmpty,
    RecipientsMissing,
    RecipientsNotList,
    RecipientTypeMissing,
    TooManyRecipients,
)
from shared.domain.read_retailers import read_access
from shared.domain.read_words import (
    Body,
    Faults,
    is_list,
    is_object,
    read_channel,
    read_recipient_type,
)
from shared.domain.recipient import Purpose, read_recipient, recipient_fault
from shared.domain.retailer_faults import (
    AccessMissing,
    RemovalUnusable,
    ReplacementUnusable,
    RetailerRequestUnusable,
)

RECIPIENTS_MAX: Final = 100
RETAILERS_MAX: Final = 100


class AccessCall(Enum):
    """What is asked for."""

    GRANT = "grant"
    REPLACE = "replace"
    REMOVE = "remove"
    REMOVE_ALL = "remove all"


_UNUSABLE: Final[dict[AccessCall, type[Fault]]] = {
    AccessCall.GRANT: RetailerRequestUnusable,
    AccessCall.REPLACE: ReplacementUnusable,
    AccessCall.REMOVE: RemovalUnusable,
    AccessCall.REMOVE_ALL: RemovalUnusable,
}


@dataclass(frozen=True, slots=True)
class AccessChange:
    """Which consents, and which retailers; a grant has one recipient, a removal of all no retailers."""

    call: AccessCall
    channel: Channel
    recipient_type: RecipientType
    recipients: tuple[str, ...]
    retailers: tuple[RetailerCode, ...]


@dataclass(frozen=True, slots=True)
class AccessReading:
    """What became of one call: good if there are no faults. `channel` is there as soon as it is known."""

    call: AccessCall
    channel: Channel | None
    change: AccessChange | None
    faults: Faults


def read_access_change(body: object, *, call: AccessCall, admit_test_range: bool) -> AccessReading:
    """Read one call; whether consents and retailers exist is the ledger's to know."""
    if not is_object(body):
        return AccessReading(call, None, None, (_UNUSABLE[call](),))
    channel, channel_faults = read_channel(body)
    kind, kind_faults = read_recipient_type(body, missing=RecipientTypeMissing)
    recipients, recipient_faults = _read_recipients(
        body, channel, call=call, admit_test_range=admit_test_range
    )
    retailers, retailer_faults = _read_retailers(body, call)
    faults = (*channel_faults, *kind_faults, *recipient_faults, *retailer_faults)
    if faults or channel is None or kind is None:
        return AccessReading(call, channel, None, faults)
    change = AccessChange(call, channel, kind, recipients, retailers)
    return AccessReading(call, channel, change, ())


def _read_retailers(body: Body, call: AccessCall) -> tuple[tuple[RetailerCode, ...], Faults]:
    if call is AccessCall.REMOVE_ALL:
        return (), ()
    if "retailerAccess" not in body:
        return (), (AccessMissing(("retailerAccess",)),)
    return read_access(body, count_max=RETAILERS_MAX)


def _read_recipients(
    body: Body, channel: Channel | None, *, call: AccessCall, admit_test_range: bool
) -> tuple[tuple[str, ...], Faults]:
    raw = _named(body, call)
    if isinstance(raw, Fault):
        return (), (raw,)
    if channel is None:  # what an address must look like depends on the channel
        return (), ()
    good: dict[str, None] = {}  # a set that remembers the order
    faults: list[Fault] = []
    for index, element in enumerate(raw):
        read = _read_address(element, channel, admit_test_range=admit_test_range)
        if isinstance(read, str):
            good[read] = None
        elif call is AccessCall.GRANT:
            faults.extend(read)
        else:
            faults.extend(replace(fault, location=("recipients", index)) for fault in read)
    return tuple(good), tuple(faults)


def _named(body: Body, call: AccessCall) -> list[object] | Fault:
    """Return the addresses as they were sent, or what is wrong with the list as a whole."""
    raw = body.get("recipient" if call is AccessCall.GRANT else "recipients", ABSENT)
    if raw is ABSENT:
        return RecipientsMissing(("recipients",))
    if call is AccessCall.GRANT:
        return [raw]
    if not is_list(raw):
        return RecipientsNotList(("recipients",), raw)
    if not raw:
        return RecipientsEmpty(("recipients",), raw)
    if len(raw) > RECIPIENTS_MAX:
        return TooManyRecipients(("recipients",), raw, count_max=RECIPIENTS_MAX)
    return raw


def _read_address(raw: object, channel: Channel, *, admit_test_range: bool) -> str | Faults:
    if not isinstance(raw, str):
        return (recipient_fault(raw, channel),)
    return read_recipient(raw, channel, purpose=Purpose.WRITE, admit_test_range=admit_test_range)

"""Reading the two questions of the wire about consents: about one, and about a list of addresses.

Both are asked by people who want to send, so a malformed address is an error here and not a "no
record": the caller would take that for an answer about the person. Every bad address of a list
is named, not only the first. Repeats are refused because a list with repeats is most often two
lists by mistake; addresses are compared as they are kept, the fault echoes what was sent.
"""

from dataclasses import dataclass

from shared.domain.consent import Channel, RecipientType
from shared.domain.faults import (
    ABSENT,
    ConsentQueryUnusable,
    EntryRepeated,
    Fault,
    RecipientMissing,
    RecipientsEmpty,
    RecipientsMissing,
    RecipientsNotList,
    RecipientTypeMissing,
    TooManyRecipients,
)
from shared.domain.read_words import Faults, is_list, is_object, read_channel, read_recipient_type
from shared.domain.recipient import Purpose, read_recipient, recipient_fault


@dataclass(frozen=True, slots=True)
class Question:
    """Which record somebody asks about."""

    recipient: str
    channel: Channel
    recipient_type: RecipientType


def read_question(body: object, *, admit_test_range: bool) -> Question | Faults:
    """Read a question about one consent; unlike a write, it must say the recipient type."""
    if not is_object(body):
        return (ConsentQueryUnusable(),)
    channel, channel_faults = read_channel(body)
    kind, kind_faults = read_recipient_type(body, missing=RecipientTypeMissing)
    raw = body.get("recipient", ABSENT)
    recipient: str | Faults
    if raw is ABSENT:
        recipient = (RecipientMissing(("recipient",)),)
    elif channel is None:
        recipient = ()  # what an address must look like depends on the channel
    else:
        recipient = _read_address(raw, channel, admit_test_range=admit_test_range)
    if not isinstance(recipient, str):
        return (*recipient, *channel_faults, *kind_faults)
    if channel is None or kind is None:
        return (*channel_faults, *kind_faults)
    return Question(recipient, channel, kind)


def read_recipients(
    body: object, channel: Channel, *, count_max: int, admit_test_range: bool
) -> list[str] | Faults:
    """Read the addresses of a list question, in their order."""
    if not is_object(body) or "recipients" not in body:
        return (RecipientsMissing(("recipients",)),)
    raw = body["recipients"]
    if not is_list(raw):
        return (RecipientsNotList(("recipients",), raw),)
    if not raw:
        return (RecipientsEmpty(("recipients",), raw),)
    if len(raw) > count_max:
        return (TooManyRecipients(("recipients",), count_max=count_max),)
    addresses: dict[str, None] = {}  # a set that remembers the order
    faults: list[Fault] = []
    for index, element in enumerate(raw):
        read = _read_address(element, channel, admit_test_range=admit_test_range)
        if not isinstance(read, str):
            faults.extend(read)
        elif read in addresses:
            faults.append(EntryRepeated(("recipients", index), element))
        else:
            addresses[read] = None
    return tuple(faults) or list(addresses)


def _read_address(raw: object, channel: Channel, *, admit_test_range: bool) -> str | Faults:
    """Take any JSON value for an address: what is no text is as malformed as bad text."""
    if not isinstance(raw, str):
        return (recipient_fault(raw, channel),)
    return read_recipient(raw, channel, purpose=Purpose.QUERY, admit_test_range=admit_test_range)

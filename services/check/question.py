"""Reading what an operator asks: JSON in, a question out, or every mistake in it. Pure.

The question names the sender by brand, by SMS header, or by both, and one address or many. A malformed
address fails a single question, and stands for itself in a batch (design 9).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from itertools import islice
from typing import Final, TypeVar, cast

from shared.domain.consent import Channel, RecipientType
from shared.domain.decision import DEFAULT_RECIPIENT_TYPE
from shared.domain.exemptions import MessageClass
from shared.domain.recipient import read_addresses

Word = TypeVar("Word", bound=Enum)

_NUMBER_MAX: Final = 2**31 - 1
_RETAILER_CODES: Final = range(10_000_000, 100_000_000)
_HEADER_LENGTH_MAX: Final = 64
# Whoever sends a megabyte of unknown fields is told of these, and makes no other check wait.
_UNKNOWN_NAMED_MAX: Final = 20
_COMMON: Final = frozenset(
    {"brandCode", "header", "type", "recipientType", "messageClass", "retailerCode"}
)


@dataclass(frozen=True, slots=True)
class Question:
    """One question about one sender and one or many addresses.

    `recipients` are normalised, in the order asked; None stands for one that is no address.
    """

    brand_code: int | None
    header: str | None
    channel: Channel
    recipient_type: RecipientType
    message_class: MessageClass
    retailer_code: int | None
    recipients: tuple[str | None, ...]


class InvalidQuestionError(Exception):
    """The question is not well formed: field and reason of every mistake."""

    def __init__(self, mistakes: Mapping[str, str], *, bad_recipient: bool = False) -> None:
        super().__init__(", ".join(mistakes))
        self.mistakes = dict(mistakes)
        self.bad_recipient = bad_recipient


class TooManyRecipientsError(Exception):
    """A batch holds more addresses than one request may."""


@dataclass(slots=True)
class _Reader:
    """Takes fields out of a body and collects what is wrong with them."""

    body: dict[str, object]
    mistakes: dict[str, str] = field(default_factory=dict[str, str])

    def refuse_unknown(self, known: frozenset[str]) -> None:
        unknown = (name for name in self.body if name not in known)
        for name in islice(unknown, _UNKNOWN_NAMED_MAX):
            self.mistakes[name] = "is not a field of this question"

    def word(self, name: str, kind: type[Word], *, default: Word | None) -> Word | None:
        if name not in self.body:
            if default is None:
                self.mistakes[name] = "is missing"
            return default
        value = self.body[name]
        try:
            return kind(value)
        except ValueError:
            words = ", ".join(str(member.value) for member in kind)
            self.mistakes[name] = f"must be one of {words}"
            return default

    def number(self, name: str, allowed: range) -> int | None:
        value = self.body.get(name)
        if name not in self.body:
            return None
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 10:  # noqa: PLR2004  # digits of the largest
            value = int(value)  # clients of the wire send numbers as text, too
        if isinstance(value, int) and not isinstance(value, bool) and value in allowed:
            return value
        self.mistakes[name] = f"must be a whole number from {allowed.start} to {allowed.stop - 1}"
        return None

    def header(self) -> str | None:
        value = self.body.get("header")
        if "header" not in self.body:
            return None
        if isinstance(value, str) and 0 < len(value) <= _HEADER_LENGTH_MAX and value.isprintable():
            return value
        self.mistakes["header"] = "must be the sender name of the SMS"
        return None


def read_single(body: object, *, admit_test_range: bool) -> Question:
    """Read a question about one address; raises InvalidQuestionError."""
    reader = _open(body, _COMMON | {"recipient"})
    raw = reader.body.get("recipient")
    if not isinstance(raw, str):
        reader.mistakes["recipient"] = "is missing" if raw is None else "must be text"
        raw = ""
    question = _common(reader, (raw,))
    (recipient,) = read_addresses([raw], question.channel, admit_test_range=admit_test_range)
    if recipient is None:
        reason = {"recipient": f"is not an address for {question.channel.value}"}
        raise InvalidQuestionError(reason, bad_recipient=True)
    return replace(question, recipients=(recipient,))


def open_batch(body: object, *, count_max: int) -> tuple[Question, list[object]]:
    """Read a question about many addresses, and return those beside it as they were sent.

    Raises InvalidQuestionError, TooManyRecipientsError. The addresses are read by
    `shared.domain.recipient.read_addresses`, by whoever decides how many at a time.
    """
    reader = _open(body, _COMMON | {"recipients"})
    raw = reader.body.get("recipients")
    recipients = cast("list[object]", raw) if isinstance(raw, list) else []
    if len(recipients) > count_max:
        raise TooManyRecipientsError
    if not recipients:
        reader.mistakes["recipients"] = "must be a list of at least one address"
    return _common(reader, ()), recipients


def _open(body: object, known: frozenset[str]) -> _Reader:
    if not isinstance(body, dict):
        raise InvalidQuestionError({"": "the question must be a JSON object"})
    reader = _Reader(cast("dict[str, object]", body))
    reader.refuse_unknown(known)
    return reader


def _common(reader: _Reader, recipients: tuple[str | None, ...]) -> Question:
    channel = reader.word("type", Channel, default=None)
    recipient_type = reader.word("recipientType", RecipientType, default=DEFAULT_RECIPIENT_TYPE)
    message_class = reader.word("messageClass", MessageClass, default=MessageClass.COMMERCIAL)
    brand_code = reader.number("brandCode", range(1, _NUMBER_MAX + 1))
    retailer_code = reader.number("retailerCode", _RETAILER_CODES)
    header = reader.header()
    if "brandCode" not in reader.body and "header" not in reader.body:
        reader.mistakes["brandCode"] = "brandCode, header or both must name the sender"
    if header is not None and channel not in {None, Channel.SMS}:
        reader.mistakes["header"] = "only a message (MESAJ) has a header"
    if reader.mistakes or channel is None or recipient_type is None or message_class is None:
        raise InvalidQuestionError(reader.mistakes)
    return Question(
        brand_code, header, channel, recipient_type, message_class, retailer_code, recipients
    )

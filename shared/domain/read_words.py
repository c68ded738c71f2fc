"""JSON values and the words of the wire's enums, as every reader needs them.

A word must stand exactly as published: no other case, no blanks, and nothing but text. A field
that is there but null or empty is unfit rather than missing (C12), so absence has a marker of
its own.
"""

from collections.abc import Mapping
from typing import Final, TypeGuard, TypeVar

from shared.domain.consent import Channel, RecipientType, Source, Status
from shared.domain.faults import ABSENT, ChannelMissing, ChannelUnknown, Fault, RecipientTypeUnknown

Body = Mapping[str, object]
Faults = tuple[Fault, ...]
_Word = TypeVar("_Word", Channel, RecipientType, Status, Source)

_CHANNELS: Final[Mapping[str, Channel]] = {word.value: word for word in Channel}
_RECIPIENT_TYPES: Final[Mapping[str, RecipientType]] = {word.value: word for word in RecipientType}


def is_object(value: object) -> TypeGuard[Body]:
    """Tell a JSON object, whose names are always text."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[object]]:
    """Tell a JSON array."""
    return isinstance(value, list)


def read_word(
    body: Body,
    name: str,
    words: Mapping[str, _Word],
    missing: type[Fault] | None,
    unknown: type[Fault],
) -> tuple[_Word | None, Faults]:
    """Look the field up, or return its one fault; `missing` is None where it may be absent."""
    raw = body.get(name, ABSENT)
    if raw is ABSENT:
        return None, (missing((name,)),) if missing else ()
    word = words.get(raw) if isinstance(raw, str) else None
    return word, () if word else (unknown((name,), raw),)


def read_channel(body: Body) -> tuple[Channel | None, Faults]:
    """Read `type`, which nothing can do without."""
    return read_word(body, "type", _CHANNELS, ChannelMissing, ChannelUnknown)


def read_recipient_type(
    body: Body, *, missing: type[Fault] | None
) -> tuple[RecipientType | None, Faults]:
    """Read `recipientType`; a question must name it, a write need not (B6)."""
    return read_word(body, "recipientType", _RECIPIENT_TYPES, missing, RecipientTypeUnknown)

"""Reading what a caller asks of the feed of changes (iys-api 4.9).

Parameters come as the texts of a query; an empty one is as good as none. A cursor is opaque to clients, and
the publication has no code for a bad one. So every text is one of three things: a cursor, a date to begin
at, or nothing at all; what that means for the reader is decided where the feed is read.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Final

from shared.domain.faults import Fault
from shared.domain.feed_faults import ChangesLimitUnfit, ChangeSourceUnknown
from shared.domain.read_words import Faults
from shared.domain.wire_time import parse_wire_date

CHANGES_PAGE_MAX: Final = 1000

_NUMBER: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
_CURSOR: Final = re.compile(r"([0-9]{9,11}|[0-9]{12,14})(?:_(.*))?", re.ASCII | re.DOTALL)
_TOKEN: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)
_MILLISECOND: Final = timedelta(milliseconds=1)
_DIGITS_OF_SECONDS_MAX: Final = 11


class SourceKind(Enum):
    """Who wrote a movement: a provider (or somebody on its behalf), or the registry itself."""

    PROVIDER = "HS"
    REGISTRY = "IYS"


_KINDS: Final[Mapping[str, SourceKind]] = {kind.value: kind for kind in SourceKind}


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a reader stands, as it says: a moment that is `unit` long, and 32 bytes if it has them."""

    moment: datetime
    unit: timedelta
    token: bytes | None


@dataclass(frozen=True, slots=True)
class ChangesQuestion:
    """Which changes; `after` is a cursor, a moment to begin at, or None for the whole window."""

    source: SourceKind
    limit: int
    after: Cursor | datetime | None


def read_changes_question(source: str, limit: str, after: str) -> ChangesQuestion | Faults:
    """Read what changes are asked for, or return H506 and H507. A cursor is never a fault."""
    kind = _KINDS.get(source or SourceKind.REGISTRY.value)
    size = _size(limit)
    faults: list[Fault] = []
    if kind is None:
        faults.append(ChangeSourceUnknown(("source",), source))
    if size is None:
        faults.append(ChangesLimitUnfit(("limit",), limit))
    if kind is None or size is None:
        return tuple(faults)
    return ChangesQuestion(kind, size, read_after(after))


def read_after(text: str) -> Cursor | datetime | None:
    """Read where to go on: a cursor, a date of the wire with or without its time, or None."""
    cursor = _CURSOR.fullmatch(text)
    if cursor is None:
        moment = parse_wire_date(f"{text} 00:00:00" if _DAY.fullmatch(text) else text)
        return moment if isinstance(moment, datetime) else None
    digits: str = cursor[1]
    rest: str | None = cursor[2]
    unit = _SECOND if len(digits) <= _DIGITS_OF_SECONDS_MAX else _MILLISECOND
    token = bytes.fromhex(rest) if rest and _TOKEN.fullmatch(rest) else None
    return Cursor(_EPOCH + int(digits) * unit, unit, token)


def write_cursor(moment: datetime, token: bytes) -> str:
    """Write a cursor as the publication shows one: seconds, and 64 hexadecimal digits."""
    return f"{(moment - _EPOCH) // _SECOND}_{token.hex()}"


def _size(limit: str) -> int | None:
    """Return how many rows are asked for, None if that is no number that a page can hold."""
    if not limit:
        return CHANGES_PAGE_MAX
    size = int(limit) if _NUMBER.fullmatch(limit) else 0
    return size if 1 <= size <= CHANGES_PAGE_MAX else None

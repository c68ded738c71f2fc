"""Rows on their way into a file: what stands in their cells, and what they mean."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from random import Random
from typing import Final

from loadtests.consent_files.model import APPROVAL, Meaning, Outcome, Record
from loadtests.consent_files.spelling import channel_of

NUMBERS: Final = 10_000_000
PLAIN_NUMBERS: Final = 8_000_000
# Any odd number that five does not divide permutes the range; neighbours land far apart.
SPREAD: Final = 6_180_339
MOMENT: Final = "%Y-%m-%d %H:%M:%S"
PLAIN: Final = "plain"
"""The kind of rows that are what most rows are."""


@dataclass(frozen=True, slots=True)
class Formula:
    """A cell with a formula, and the value that was computed when the file was saved."""

    text: str
    value: str


Cell = str | float | datetime | Formula | None


class Shape(Enum):
    """How the row stands in its file, apart from what its cells hold."""

    WHOLE = auto()
    TORN = auto()  # its first cell alone
    LONG = auto()  # cells behind the last column
    BLANKS = auto()  # likewise, but empty
    SHORT = auto()  # empty cells at its end left out
    QUOTED = auto()  # every cell in quotation marks
    EMPTY = auto()  # nothing but the end of its line
    LONE_QUOTE = auto()  # a quotation mark that nobody closes
    MERGED = auto()  # a cell that is merged with its neighbour


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody's address at a brand, before a channel and a recipient type are chosen."""

    number: str
    brand_code: int


@dataclass(frozen=True, slots=True)
class Said:
    """What a row says that can be read, and about which key: the address as it is kept."""

    brand_code: int
    recipient: str
    channel: str
    meaning: Meaning


@dataclass(slots=True)
class Row:
    """One row to be. `read` is the code for which it cannot be read, `denied` one for which it stays out."""

    kind: str
    person: Person
    cells: dict[str, Cell]
    record: Record
    meaning: Meaning
    read: str | None = None
    denied: str | None = None
    shape: Shape = Shape.WHOLE

    def outcome(self) -> Outcome:
        """Say what becomes of it; called once for each row, in the order of the file."""
        code = self.read or self.denied
        return self.record.take(self.meaning) if code is None else Outcome(code)

    def said(self) -> Said | None:
        """Return what the row says, None where it cannot be read or is somebody else's."""
        if self.read or self.denied:
            return None
        written = self.cells["recipient"]
        is_mail = isinstance(written, str) and "@" in written
        recipient = str(written).lower() if is_mail else self.person.number
        channel = channel_of(str(self.cells["type"]))
        return Said(self.person.brand_code, recipient, channel, self.meaning)


@dataclass(frozen=True, slots=True)
class Line:
    """A row in its place. `number` counts as a person does: a header is row 1."""

    number: int
    kind: str
    cells: Sequence[Cell]
    shape: Shape
    read: str | None
    outcome: Outcome
    said: Said | None


@dataclass(slots=True)
class Draw:
    """What rows are made of: dice, people that no other row is about, and moments in time.

    Everything follows from the seed and from `now` (Turkish local time).
    """

    random: Random
    now: datetime
    brand_codes: Sequence[int]
    has_brand_column: bool
    taken: int = field(default=0)

    def person(self) -> Person:
        """Return somebody of whom no other row of this file speaks."""
        n, self.taken = self.taken, self.taken + 1
        at, brand = _spread(n, PLAIN_NUMBERS, NUMBERS, self.brand_codes)
        return Person(number_of(at), brand)

    def row(
        self,
        kind: str,
        person: Person,
        meaning: Meaning | None = None,
        *,
        record: Record | None = None,
        cells: Mapping[str, Cell] | None = None,
    ) -> Row:
        """Return a row about somebody, a plain approval if nothing is said; `cells` is written otherwise."""
        means = meaning or self.meaning()
        written: dict[str, Cell] = {
            "recipient": person.number,
            "type": "MESAJ",
            "status": means.status,
            "source": means.source,
            "consentDate": means.date and f"{means.date:{MOMENT}}",
            "recipientType": means.recipient_type,
            "brandCode": str(person.brand_code) if self.has_brand_column else None,
        }
        written.update(cells or {})
        return Row(kind, person, written, record or self.record(), means)

    def meaning(
        self,
        status: str = APPROVAL,
        date: datetime | None = None,
        source: str | None = "HS_WEB",
        recipient_type: str = "BIREYSEL",
        untimely: str | None = None,
    ) -> Meaning:
        """Return what a row means; without a date it was decided in the last two days."""
        return Meaning(status, source, date or self.recently(), recipient_type, untimely)

    def record(self) -> Record:
        """Return a key of which nothing is on record."""
        return Record(self.now)

    def recently(self) -> datetime:
        """Return a moment of the last two days: in time for a day from `now`, whatever weekday it is."""
        return moment_before(self.now, 60 + self.random.randrange(170_000))

    def moments(self, count: int) -> list[datetime]:
        """Return moments of the last two days, from the oldest to the newest, no two the same."""
        ages = self.random.sample(range(60, 170_000), count)
        return [moment_before(self.now, age) for age in sorted(ages, reverse=True)]


def plain_person(n: int, brand_codes: Sequence[int]) -> Person | None:
    """Return the n-th of the people that plain rows are about; None when no number is left."""
    if n >= PLAIN_NUMBERS * len(brand_codes):
        return None
    at, brand = _spread(n, 0, PLAIN_NUMBERS, brand_codes)
    return Person(number_of(at), brand)


def number_of(at: int) -> str:
    """Return one of ten million numbers of the test range."""
    return f"+90599{at * SPREAD % NUMBERS:07d}"


def moment_before(now: datetime, seconds: int) -> datetime:
    """Return a moment some seconds before, whole seconds."""
    return now.replace(microsecond=0) - timedelta(seconds=seconds)


def _spread(n: int, first: int, behind: int, brand_codes: Sequence[int]) -> tuple[int, int]:
    """Return a number's place and a brand, a pair that no other n has."""
    turn, at = divmod(n, behind - first)
    if turn >= len(brand_codes):
        raise SystemExit("so many rows need more brands: there are ten million numbers")
    return first + at, brand_codes[(at + turn) % len(brand_codes)]

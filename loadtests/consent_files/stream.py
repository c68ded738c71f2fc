"""The rows of a file, one after the other: drawn by a seed, in memory that does not grow with the file.

Rows of one person stand some way apart, from neighbours to tens of thousands of rows, and in their order;
what is to come is all that is remembered.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from heapq import heappop, heappush
from random import Random
from typing import Final, Literal

from loadtests.consent_files import bad, good, sequences
from loadtests.consent_files.model import ACCEPTED, Meaning, Outcome
from loadtests.consent_files.rows import (
    MOMENT,
    PLAIN,
    Draw,
    Line,
    Row,
    Said,
    Shape,
    moment_before,
    plain_person,
)

Format = Literal["csv", "xlsx", "parquet"]
COLUMNS: Final = ("recipient", "type", "status", "source", "consentDate", "recipientType")
WITH_BRANDS: Final = (*COLUMNS[:5], "brandCode", *COLUMNS[5:])
RETAILERS: Final = ("retailerCode", "retailerAccess")
HEADLESS: Final = ("type", "source", "recipient", "status", "consentDate", "recipientType")
"""The layout of the registry's own upload tool, which has no header."""
GAPS: Final = (1, 1, 2, 17, 400, 6_000, 60_000)
SOURCES: Final = ("HS_WEB", "HS_MOBIL", "HS_CAGRI_MERKEZI", "HS_FIZIKSEL_ORTAM", "HS_ISLAK_IMZA")
PLAIN_OUTCOME: Final = Outcome(ACCEPTED)
Maker = Callable[[Draw, str], list[Row]]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a file is to be like. Shares are of rows; what they leave over is plain.

    `bad` rows are turned away each for itself, `repeated` ones meet others of their person, `odd` ones are
    good ones in unusual spelling. `now` is Turkish local time: the file comes out as expected for a day.
    """

    rows: int
    now: datetime
    seed: int = 1
    bad: float = 0.0
    repeated: float = 0.0
    odd: float = 0.0
    format: Format = "csv"
    has_header: bool = True
    brand_codes: Sequence[int] = (1,)
    has_brand_column: bool = False
    has_retailer_columns: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the fields of the columns, in their order."""
        if not self.has_header:
            return HEADLESS
        columns = WITH_BRANDS if self.has_brand_column else COLUMNS
        return (*columns, *RETAILERS) if self.has_retailer_columns else columns

    @property
    def first_number(self) -> int:
        """Return the number of the first row, as a person counts."""
        return 2 if self.has_header else 1


@dataclass(slots=True)
class Tally:
    """How many rows there are of each kind, and how many end how."""

    kinds: Counter[str] = field(default_factory=Counter[str])
    outcomes: Counter[str] = field(default_factory=Counter[str])
    blocks: int = 0

    def count(self, line: Line) -> None:
        """Count a row."""
        self.kinds[line.kind] += 1
        self.outcomes[line.outcome.word] += 1
        self.blocks += line.outcome.block


def kinds_of(recipe: Recipe) -> dict[str, dict[str, Maker]]:
    """Return the kinds that such a file can have, by the share that they belong to."""
    return {
        "bad": {name: _alone(make) for name, make in _bad_kinds(recipe).items()},
        "repeated": dict(sequences.SEQUENCES),
        "odd": {name: _alone(make) for name, make in _odd_kinds(recipe).items()},
    }


def lines(recipe: Recipe) -> Iterator[Line]:
    """Yield the rows of the file in their order."""
    columns, shares = recipe.columns, _Shares(recipe)
    waiting: list[tuple[int, int, Row]] = []  # row to stand before, when it came up, and the row
    plain = _plain_lines(recipe)
    came = 0
    number = recipe.first_number
    behind = number + recipe.rows
    while number < behind:
        left = behind - number
        row: Row | None = None
        if waiting and (waiting[0][0] <= number or len(waiting) >= left):
            row = heappop(waiting)[2]
        elif (
            number > recipe.first_number
        ):  # the first row is plain: a file without header is known by it
            row, *others = shares.next_rows(left - len(waiting)) or (None,)
            due = number
            for other in others:
                due += shares.gap()
                came += 1
                heappush(waiting, (due, came, other))
        yield replace(next(plain), number=number) if row is None else _line(number, row, columns)
        number += 1


def _line(number: int, row: Row, columns: Sequence[str]) -> Line:
    cells = [row.cells.get(name) for name in columns]
    untimely = row.meaning.untimely
    read = row.read or untimely
    return Line(number, row.kind, cells, row.shape, read, row.outcome(), row.said())


def _plain_lines(recipe: Recipe) -> Iterator[Line]:
    """Yield plain rows, still without their place: first approvals, as they mostly come."""
    random = Random(f"{recipe.seed} plain")
    columns = recipe.columns
    n = 0
    while True:
        person = plain_person(n, recipe.brand_codes)
        recipient, channel = f"uye{n}@ornek.example", "EPOSTA"
        if person is not None:
            recipient, channel = person.number, "MESAJ"
        brand = recipe.brand_codes[n % len(recipe.brand_codes)]
        if person is not None:
            brand = person.brand_code
        moment = moment_before(recipe.now, 60 + random.randrange(170_000))
        source = SOURCES[n % len(SOURCES)]
        cells = {
            "recipient": recipient,
            "type": channel,
            "status": "ONAY",
            "source": source,
            "consentDate": f"{moment:{MOMENT}}",
            "recipientType": "BIREYSEL",
            "brandCode": str(brand),
        }
        values = [cells.get(name, "") for name in columns]
        said = Said(brand, recipient, channel, Meaning("ONAY", source, moment, "BIREYSEL"))
        yield Line(0, PLAIN, values, Shape.WHOLE, None, PLAIN_OUTCOME, said)
        n += 1


class _Shares:
    """Draws what comes next; the kinds of a share take turns, in an order that is shuffled each time."""

    def __init__(self, recipe: Recipe) -> None:
        self._random = Random(f"{recipe.seed} rows")
        self._draw = Draw(
            self._random, recipe.now, recipe.brand_codes, has_brand_column=recipe.has_brand_column
        )
        self._kinds = kinds_of(recipe)
        self._turns: dict[str, list[str]] = {name: [] for name in self._kinds}
        # What is drawn as a sequence stands for two or three rows; the shares are of rows.
        length = _mean_length(self._kinds["repeated"], recipe)
        draws_a_row = 1 - recipe.repeated * (1 - 1 / length)
        each = {"bad": recipe.bad, "repeated": recipe.repeated / length, "odd": recipe.odd}
        self._bounds = [(name, share / draws_a_row) for name, share in each.items() if share > 0]

    def next_rows(self, at_most: int) -> list[Row] | None:
        """Return the rows of what comes next, None for a plain row."""
        dice = self._random.random()
        for share, size in self._bounds:
            dice -= size
            if dice < 0:
                return self._of(share, at_most)
        return None

    def gap(self) -> int:
        """Return by how many rows the next of a sequence stands behind the one before."""
        return self._random.choice(GAPS)

    def _of(self, share: str, at_most: int) -> list[Row] | None:
        turns = self._turns[share]
        if not turns:
            turns += self._kinds[share]
            self._random.shuffle(turns)
        kind = turns.pop()
        rows = self._kinds[share][kind](self._draw, kind)
        if len(rows) <= at_most:
            return rows
        turns.append(kind)
        return None


def _mean_length(kinds: Mapping[str, Maker], recipe: Recipe) -> float:
    draw = Draw(Random(0), recipe.now, recipe.brand_codes, recipe.has_brand_column)
    return sum(len(make(draw, kind)) for kind, make in kinds.items()) / len(kinds)


def _alone(make: Callable[[Draw, str], Row]) -> Maker:
    return lambda draw, kind: [make(draw, kind)]


def _bad_kinds(recipe: Recipe) -> Mapping[str, Callable[[Draw, str], Row]]:
    columns = frozenset(recipe.columns)
    unreadable = {**bad.UNREADABLE, **(bad.UNREADABLE_IN_XLSX if recipe.format == "xlsx" else {})}
    kinds: dict[str, Callable[[Draw, str], Row]] = {
        name: kind for name, kind in unreadable.items() if kind.columns <= columns
    }
    kinds |= bad.TURNED_AWAY
    if recipe.has_brand_column:
        kinds |= bad.WITH_BRANDS
    if recipe.format == "csv":
        kinds |= bad.IN_CSV
    if recipe.format == "xlsx":
        kinds |= bad.IN_XLSX
    return kinds


def _odd_kinds(recipe: Recipe) -> Mapping[str, Callable[[Draw, str], Row]]:
    of_format = {"csv": good.GOOD_IN_CSV, "xlsx": good.GOOD_IN_XLSX}.get(recipe.format, {})
    return {**good.GOOD, **of_format}

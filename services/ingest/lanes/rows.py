"""Rows of an uploaded file on their way: raw as they stand in it, prepared as consents, or turned away.

A piece is a fixed number of the file's rows, counted from the first row of all, title and names of columns
included. So the number of a row, as a person counts, is `number * rows + offset + 1` in every format.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from shared.domain.consent import NewConsent
from shared.domain.faults import Fault

Cells = list[str | None]


class FileRefusedError(Exception):
    """The file as a whole cannot be read; `code` is ours, `detail` (Turkish) is for whoever sent it."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


class ReadingStoppedError(Exception):
    """Reading was stopped by something outside the file (a signal, a full disk): it can be tried again."""


def no_cells(_offset: int) -> Cells:
    """Return nothing: of a piece whose rows nobody can show."""
    return []


@dataclass(frozen=True, slots=True)
class RowFault:
    """Why a row was turned away: its place in the piece, maybe the field, code and explanation (Turkish)."""

    offset: int
    column: str | None
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class RawPiece:
    """Some rows of a file, column by column, in texts.

    `number` counts pieces from 0; `first_row` is the first row's number as a person counts. The first `lead`
    of the `count` rows hold no data but a title and the names of the columns. `fields` has the columns that
    stand for something, by the wire's names; `broken` the rows that cannot be read, one fault for each.
    `cells` returns a whole row as it stands in the file, by its offset.
    """

    number: int
    first_row: int
    count: int
    is_last: bool
    fields: Mapping[str, Sequence[str | None]]
    broken: Sequence[RowFault] = ()
    lead: int = 0
    cells: Callable[[int], Cells] = no_cells


class PreparedRow(NamedTuple):
    """A row that is a well-formed consent. `fault` is H467 or H162, for which a refusal leaves a block."""

    offset: int
    brand_code: int
    consent: NewConsent
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class SurveyedPiece:
    """A piece at the survey: how many rows it has, blank ones left out, and those of them that refuse."""

    count: int
    refusals: Sequence[PreparedRow]


@dataclass(frozen=True, slots=True)
class PreparedPiece:
    """A piece once it was read: good rows, and those that are turned away whatever the ledger says.

    `count` is how many rows these are together: blank ones are none. `cells` is as in `RawPiece`.
    """

    number: int
    first_row: int
    count: int
    is_last: bool
    rows: Sequence[PreparedRow]
    faults: Sequence[RowFault] = field(default_factory=list[RowFault])
    cells: Callable[[int], Cells] = no_cells

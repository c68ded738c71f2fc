"""Several rows about one person: repeats, both orders, refusals after approvals and the other way round.

What becomes of each is not written here: the model says it, row by row, in the order of the file.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from loadtests.consent_files import spelling
from loadtests.consent_files.model import APPROVAL, MERCHANT, REFUSAL, TOO_LATE, Meaning
from loadtests.consent_files.rows import Cell, Draw, Person, Row

Maker = Callable[[Draw, str], list[Row]]
LATE: Final = timedelta(days=40)


def _at(*said: tuple[str, int], recipient_type: str = "BIREYSEL") -> Maker:
    """Return a maker of rows of one key: each with its status, and which of the moments in time it has."""

    def make(draw: Draw, kind: str) -> list[Row]:
        moments = draw.moments(1 + max(moment for _status, moment in said))
        meanings = [
            draw.meaning(status, moments[moment], recipient_type=recipient_type)
            for status, moment in said
        ]
        return _of_one(draw, kind, meanings)

    return make


def _of_one(draw: Draw, kind: str, meanings: Sequence[Meaning]) -> list[Row]:
    person, record = draw.person(), draw.record()
    return [draw.row(kind, person, meaning, record=record) for meaning in meanings]


def _spelled_otherwise(draw: Draw, kind: str) -> list[Row]:
    first, again = _at((APPROVAL, 0), (APPROVAL, 0))(draw, kind)
    again.cells["recipient"] = draw.random.choice(spelling.PHONES)(str(first.cells["recipient"]))
    again.cells["consentDate"] = _date(first, spelling.MOMENTS[0])
    return [first, again]


def _mails(draw: Draw, kind: str) -> list[Row]:
    rows = _at((APPROVAL, 0), (APPROVAL, 0))(draw, kind)
    for row, name in zip(rows, ("ortak", "ORTAK"), strict=True):
        row.cells["type"] = "EPOSTA"
        row.cells["recipient"] = f"{name}.{draw.taken}@ornek.example"
    return rows


def _date(row: Row, write: Callable[[datetime], str]) -> str:
    assert row.meaning.date is not None  # noqa: S101  # these rows have one
    return write(row.meaning.date)


def _two_keys(change: Callable[[Row], None]) -> Maker:
    """Return a maker of two rows of one person that are about different keys."""

    def make(draw: Draw, kind: str) -> list[Row]:
        person: Person = draw.person()
        first, second = draw.row(kind, person), draw.row(kind, person)
        change(second)
        return [first, second]

    return make


def _other_channel(row: Row) -> None:
    row.cells["type"] = "ARAMA"


def _other_type(row: Row) -> None:
    row.meaning = replace(row.meaning, recipient_type=MERCHANT)
    row.cells["recipientType"] = MERCHANT


def _decision(draw: Draw, kind: str) -> list[Row]:
    approved, revoked = draw.moments(2)
    own = draw.meaning(REFUSAL, revoked, source="HS_KARAR")
    return _of_one(draw, kind, [draw.meaning(APPROVAL, approved), own])


def _late_refusal(draw: Draw, kind: str) -> list[Row]:
    approved = draw.meaning(APPROVAL)
    refused = draw.meaning(REFUSAL, draw.recently() - LATE, untimely=TOO_LATE)
    return _of_one(draw, kind, [approved, refused, refused])


def _merchants(*missing: tuple[str, ...]) -> Maker:
    """Return a maker of approvals of a merchant, each of which lacks the named fields."""

    def make(draw: Draw, kind: str) -> list[Row]:
        rows: list[Row] = []
        person, record = draw.person(), draw.record()
        for lacks, moment in zip(missing, draw.moments(len(missing)), strict=True):
            meaning = Meaning(
                APPROVAL,
                None if "source" in lacks else "HS_WEB",
                None if "consentDate" in lacks else moment,
                MERCHANT,
            )
            cells: dict[str, Cell] = dict.fromkeys(lacks)
            rows.append(draw.row(kind, person, meaning, record=record, cells=cells))
        return rows

    return make


SEQUENCES: Final[Mapping[str, Maker]] = {
    "older, then newer": _at((APPROVAL, 0), (APPROVAL, 1)),
    "newer, then older": _at((APPROVAL, 1), (APPROVAL, 0)),
    "the same twice": _at((APPROVAL, 0), (APPROVAL, 0)),
    "the same, spelled otherwise": _spelled_otherwise,
    "the same e-mail in other case": _mails,
    "refusal after approval": _at((APPROVAL, 0), (REFUSAL, 1)),
    "approval after a first refusal": _at((REFUSAL, 0), (APPROVAL, 1)),
    "first refusal, then an older approval": _at((REFUSAL, 1), (APPROVAL, 0)),
    "approval, refusal, approval": _at((APPROVAL, 0), (REFUSAL, 1), (APPROVAL, 2)),
    "refusal older than the approval": _at((APPROVAL, 1), (REFUSAL, 0)),
    "refusal of the same second": _at((APPROVAL, 0), (REFUSAL, 0)),
    "approval of the same second": _at((APPROVAL, 0), (REFUSAL, 1), (APPROVAL, 1)),
    "refused twice": _at((APPROVAL, 0), (REFUSAL, 1), (REFUSAL, 2)),
    "refusal repeated": _at((APPROVAL, 0), (REFUSAL, 1), (REFUSAL, 1)),
    "refused twice, the older one last": _at((APPROVAL, 0), (REFUSAL, 2), (REFUSAL, 1)),
    "first refusals, newer and older": _at((REFUSAL, 1), (REFUSAL, 2), (REFUSAL, 0)),
    "refusal of a merchant": _at((APPROVAL, 0), (REFUSAL, 1), recipient_type=MERCHANT),
    "refusals that come too late, after an approval": _late_refusal,
    "provider's decision after approval": _decision,
    "two channels of one person": _two_keys(_other_channel),
    "two recipient types of one person": _two_keys(_other_type),
    "merchant, the date later": _merchants(("source", "consentDate"), ()),
    "merchant without source again": _merchants((), ("source",)),
    "merchant without date again": _merchants((), ("consentDate",)),
    "merchant without both, twice": _merchants(
        ("source", "consentDate"), ("source", "consentDate")
    ),
}

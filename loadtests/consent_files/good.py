"""Rows that are plain or merely written in an unusual way: all of them go in, but for blank ones."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, time
from typing import Final

from loadtests.consent_files import spelling
from loadtests.consent_files.model import BLANK, MERCHANT
from loadtests.consent_files.rows import Cell, Draw, Formula, Row, Shape

LAW_IN_FORCE: Final = datetime(2015, 5, 1)  # noqa: DTZ001  # Turkish local time, as a file has it
Maker = Callable[[Draw, str], Row]


def _written(cells: Callable[[Draw, Row], Mapping[str, Cell]]) -> Maker:
    """Return a maker of approvals whose cells are written in another way."""

    def make(draw: Draw, kind: str) -> Row:
        row = draw.row(kind, draw.person())
        row.cells.update(cells(draw, row))
        return row

    return make


def _shaped(shape: Shape) -> Maker:
    def make(draw: Draw, kind: str) -> Row:
        cells = {"recipientType": None} if shape is Shape.SHORT else None
        row = draw.row(kind, draw.person(), cells=cells)
        row.shape = shape
        return row

    return make


def _blank(shape: Shape) -> Maker:
    def make(draw: Draw, kind: str) -> Row:
        row = draw.row(kind, draw.person())
        row.cells.clear()
        row.read, row.shape = BLANK, shape
        return row

    return make


def _number(row: Row) -> str:
    return str(row.cells["recipient"])


def _date(row: Row) -> datetime:
    assert row.meaning.date is not None  # noqa: S101  # a plain row has one
    return row.meaning.date


def _with_date(row: Row, moment: datetime) -> datetime:
    row.meaning = replace(row.meaning, date=moment)
    return moment


def _words(draw: Draw, row: Row) -> Mapping[str, Cell]:
    """Write every word as people do; the channel, the source and the status are drawn anew."""
    pick = draw.random.choice
    source = pick(tuple(spelling.SOURCES))
    row.meaning = replace(row.meaning, source=source)
    return {
        "type": pick(spelling.CHANNELS[pick(("MESAJ", "ARAMA"))]),
        "status": pick(spelling.STATUSES[row.meaning.status]),
        "source": pick(spelling.SOURCES[source]),
        "recipientType": pick(spelling.RECIPIENT_TYPES["BIREYSEL"]),
    }


def _day_alone(_draw: Draw, row: Row) -> Mapping[str, Cell]:
    day = datetime.combine(_date(row).date(), time())
    return {"consentDate": f"{_with_date(row, day):%d.%m.%Y}"}


def _minute(_draw: Draw, row: Row) -> Mapping[str, Cell]:
    minute = _date(row).replace(second=0)
    return {"consentDate": f"{_with_date(row, minute):%d.%m.%Y %H:%M}"}


def _mail(_draw: Draw, row: Row) -> Mapping[str, Cell]:
    return {"type": "EPOSTA", "recipient": f"kisi.{_number(row)[6:]}@ornek.example"}


def _mail_in_capitals(_draw: Draw, row: Row) -> Mapping[str, Cell]:
    return {"type": "E-posta", "recipient": f"Kisi{_number(row)[6:]}@Ornek.Example"}


def _old_consent(_draw: Draw, row: Row) -> Mapping[str, Cell]:
    _with_date(row, LAW_IN_FORCE)
    row.meaning = replace(row.meaning, source="HS_2015")
    return {"source": "HS_2015", "consentDate": "2015-05-01 00:00:00"}


def _merchant(draw: Draw, row: Row) -> Mapping[str, Cell]:
    row.meaning = replace(row.meaning, recipient_type=MERCHANT)
    return {"recipientType": draw.random.choice((MERCHANT, *spelling.RECIPIENT_TYPES[MERCHANT]))}


def _bare_merchant(_draw: Draw, row: Row) -> Mapping[str, Cell]:
    row.meaning = replace(row.meaning, recipient_type=MERCHANT, source=None, date=None)
    return {"recipientType": MERCHANT, "source": None, "consentDate": None}


GOOD: Final[Mapping[str, Maker]] = {
    "phone spelled": _written(
        lambda draw, row: {"recipient": draw.random.choice(spelling.PHONES)(_number(row))}
    ),
    "phone in full scientific notation": _written(
        lambda _draw, row: {"recipient": spelling.scientific(_number(row))}
    ),
    "date spelled": _written(
        lambda draw, row: {"consentDate": draw.random.choice(spelling.MOMENTS)(_date(row))}
    ),
    "date as a day": _written(_day_alone),
    "date to the minute": _written(_minute),
    "date as a serial number": _written(
        lambda _draw, row: {"consentDate": f"{spelling.serial(_date(row)):.8f}"}
    ),
    "date as a serial number with a comma": _written(
        lambda _draw, row: {"consentDate": f"{spelling.serial(_date(row)):.8f}".replace(".", ",")}
    ),
    "words as people write them": _written(_words),
    "call": _written(lambda _draw, _row: {"type": "ARAMA"}),
    "e-mail": _written(_mail),
    "e-mail in capitals": _written(_mail_in_capitals),
    "merchant": _written(_merchant),
    "merchant without date and source": _written(_bare_merchant),
    "consent of before the law": _written(_old_consent),
    "no recipient type": _written(lambda _draw, _row: {"recipientType": None}),
    "row of empty cells": _blank(Shape.WHOLE),
    "blanks around": _written(lambda _draw, row: {"status": f" {row.cells['status']} "}),
}
GOOD_IN_CSV: Final[Mapping[str, Maker]] = {
    "empty line": _blank(Shape.EMPTY),
    "row without its empty end": _shaped(Shape.SHORT),
    "row with blanks behind": _shaped(Shape.BLANKS),
    "row in quotation marks": _shaped(Shape.QUOTED),
    "row with a lone quotation mark": _shaped(Shape.LONE_QUOTE),
}
GOOD_IN_XLSX: Final[Mapping[str, Maker]] = {
    "phone in a cell of numbers": _written(
        lambda _draw, row: {"recipient": float(_number(row)[3:])}
    ),
    "date in a cell of dates": _written(lambda _draw, row: {"consentDate": _date(row)}),
    "date in a cell of numbers": _written(
        lambda _draw, row: {"consentDate": spelling.serial(_date(row))}
    ),
    "phone by a formula": _written(
        lambda _draw, row: {"recipient": Formula('="+90"&"599"', _number(row))}
    ),
}

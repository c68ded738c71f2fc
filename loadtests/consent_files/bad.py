"""Rows that are turned away, one kind for each reason: what is written, and the code that it gets.

Codes of the wire that no row of a file can get are not here: H118 (a column that nobody knows is passed
over), H158 (a date in another spelling is read, or is DATE_UNREADABLE), H163 (an empty cell names no list).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from loadtests.consent_files import spelling
from loadtests.consent_files.model import APPROVAL, IN_FUTURE, REFUSAL, TOO_LATE, Meaning
from loadtests.consent_files.rows import Cell, Draw, Formula, Row, Shape

ACCESS_MAX: Final = 3_000
FIRST_RETAILER: Final = 10_000_001
NOBODYS_BRAND: Final = 999_999
Maker = Callable[[Draw, str], Row]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A row with these cells cannot be read, and gets this code."""

    code: str
    cells: Mapping[str, Cell]

    def __call__(self, draw: Draw, kind: str) -> Row:
        """Return one such row."""
        row = draw.row(kind, draw.person(), cells=self.cells)
        row.read = self.code
        return row

    @property
    def columns(self) -> frozenset[str]:
        """Return the columns that the file must have."""
        return frozenset(self.cells)


UNREADABLE: Final[Mapping[str, Unreadable]] = {
    "recipient missing": Unreadable("H114", {"recipient": None}),
    "channel missing": Unreadable("H111", {"type": None}),
    "source missing": Unreadable("H113", {"source": " "}),
    "status missing": Unreadable("H110", {"status": None}),
    "date missing": Unreadable("H112", {"consentDate": None}),
    "channel unknown": Unreadable("H117", {"type": "FAKS"}),
    "source unknown": Unreadable("H119", {"source": "gazete ilanı"}),
    "source of the registry": Unreadable("H119", {"source": "IYS_WEB"}),
    "status unknown": Unreadable("H115", {"status": "belki"}),
    "recipient type unknown": Unreadable("H116", {"recipientType": "OZEL"}),
    "e-mail malformed": Unreadable("H120", {"type": "EPOSTA", "recipient": "ad.soyad@ornek"}),
    "e-mail wanted": Unreadable("H120", {"type": "EPOSTA", "recipient": "yok"}),
    "number not in use": Unreadable("H121", {"recipient": "+900000000000"}),
    "short scrap with a sign for SMS": Unreadable("H121", {"recipient": "yok@yok"}),
    "address for no channel": Unreadable("H122", {"type": "FAKS", "recipient": "yok@yok"}),
    "long scrap with a sign for SMS": Unreadable("H160", {"recipient": "ad.soyad@@ornek.example"}),
    "e-mail for SMS": Unreadable("H464", {"recipient": "ad.soyad@ornek.example"}),
    "phone for e-mail": Unreadable("H464", {"type": "EPOSTA"}),
    "before the law": Unreadable("H156", {"consentDate": "2015-04-30 23:59:59"}),
    "HS_2015 of another day": Unreadable("H155", {"source": "HS_2015"}),
    "no such day": Unreadable("H157", {"consentDate": "30.02.2026 10:00"}),
    "no such hour": Unreadable("H157", {"consentDate": "2026-03-02 24:00:00"}),
    "approval by the provider itself": Unreadable("H408", {"source": "HS_KARAR"}),
    "phone too short": Unreadable("PHONE_UNREADABLE", {"recipient": "0599 111 22"}),
    "phone with a letter": Unreadable("PHONE_UNREADABLE", {"recipient": "+90 599 111 22 3O"}),
    "phone is a word": Unreadable("PHONE_UNREADABLE", {"recipient": "aranmasın"}),
    "phone rounded": Unreadable("PHONE_ROUNDED", {"recipient": "5,99E+09"}),
    "date is a word": Unreadable("DATE_UNREADABLE", {"consentDate": "dün"}),
    "date without its year": Unreadable("DATE_UNREADABLE", {"consentDate": "3 Mart"}),
    "phone and date unreadable": Unreadable(
        "PHONE_UNREADABLE", {"recipient": "yok", "consentDate": "yok"}
    ),
    "retailer unknown": Unreadable("H180", {"retailerCode": "123"}),
    "retailer in access unknown": Unreadable("H180", {"retailerAccess": "10000001, bayi"}),
    "retailer in access twice": Unreadable("H193", {"retailerAccess": "10000001|10000001"}),
    "too many retailers in access": Unreadable(
        "H126",
        {"retailerAccess": "|".join(str(FIRST_RETAILER + n) for n in range(ACCESS_MAX + 1))},
    ),
    "brand missing": Unreadable("BRAND_MISSING", {"brandCode": None}),
    "brand is a word": Unreadable("BRAND_MISSING", {"brandCode": "marka"}),
}
UNREADABLE_IN_XLSX: Final[Mapping[str, Unreadable]] = {
    "phone is an error": Unreadable("CELL_IN_ERROR", {"recipient": Formula("=1/0", "#DIV/0!")}),
    "date is an error": Unreadable("CELL_IN_ERROR", {"consentDate": Formula("=NA()", "#N/A")}),
}


def _shaped(shape: Shape, code: str) -> Maker:
    def make(draw: Draw, kind: str) -> Row:
        row = draw.row(kind, draw.person())
        row.read, row.shape = code, shape
        return row

    return make


def _untimely(status: str, code: str) -> Maker:
    """Return a maker of rows of long ago, or of some days ahead."""

    def make(draw: Draw, kind: str) -> Row:
        days = draw.random.randrange(30, 400) if code == TOO_LATE else -draw.random.randrange(2, 30)
        moment = draw.recently() - timedelta(days=days)
        meaning = draw.meaning(status, moment, untimely=code)
        return draw.row(kind, draw.person(), meaning)

    return make


def _meaning(make_meaning: Callable[[Draw], Meaning]) -> Maker:
    def make(draw: Draw, kind: str) -> Row:
        return draw.row(kind, draw.person(), make_meaning(draw))

    return make


def _late_serial(draw: Draw, kind: str) -> Row:
    moment = datetime(2025, 1, 2, 3, 4, 5)  # noqa: DTZ001  # Turkish local time
    meaning = draw.meaning(APPROVAL, moment, untimely=TOO_LATE)
    cells: dict[str, Cell] = {"consentDate": f"{spelling.serial(moment):.8f}"}
    return draw.row(kind, draw.person(), meaning, cells=cells)


def _brand_of_others(draw: Draw, kind: str) -> Row:
    row = draw.row(kind, draw.person(), cells={"brandCode": str(NOBODYS_BRAND)})
    row.denied = "H353"
    return row


TURNED_AWAY: Final[Mapping[str, Maker]] = {
    "approval reported too late": _untimely(APPROVAL, TOO_LATE),
    "refusal reported too late": _untimely(REFUSAL, TOO_LATE),
    "late date as a serial number": _late_serial,
    "approval of tomorrow": _untimely(APPROVAL, IN_FUTURE),
    "refusal of tomorrow": _untimely(REFUSAL, IN_FUTURE),
    "refusal of somebody unknown": _meaning(lambda draw: draw.meaning(REFUSAL)),
    "provider's decision about somebody unknown": _meaning(
        lambda draw: draw.meaning(REFUSAL, source="HS_KARAR")
    ),
}
"""Rows that can be read: the refusals among them leave a block."""
WITH_BRANDS: Final[Mapping[str, Maker]] = {"brand of somebody else": _brand_of_others}
IN_CSV: Final[Mapping[str, Maker]] = {
    "row torn off": _shaped(Shape.TORN, "ROW_BROKEN"),
    "row too long": _shaped(Shape.LONG, "ROW_BROKEN"),
}
IN_XLSX: Final[Mapping[str, Maker]] = {"cell merged": _shaped(Shape.MERGED, "CELL_MERGED")}

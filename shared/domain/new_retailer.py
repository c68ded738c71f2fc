"""Reading a retailer of the wire: everything that can be said without looking at the ledger (iys-api 5).

The shape and the codes are the published ones. A body that lacks a field, or has one that no retailer has, is
H016 and nothing else is looked at; otherwise each field reports its first broken rule and several report
together, in the order of the published list. Where the publication is silent:

- Optional means absent, here too: a null or "" is refused like any other unfit value of that field.
- A number without quotes is taken for its digits (`tckn`, `tin`, `mersis`, the codes of places): clients send
  both, and the published example does.
- "Alphanumeric" (H229) cannot mean letters and digits alone, for nearly every firm is an "A.Ş." or a
  "Ltd. Şti.": spaces and the signs of such names are taken, too. Nothing is repaired or normalised.
"""

import unicodedata
from dataclasses import dataclass
from enum import Enum
from typing import Final

from shared.domain.consent import Channel
from shared.domain.faults import Fault
from shared.domain.national_ids import (
    MERSIS_LENGTH,
    TCKN_LENGTH,
    VKN_LENGTH,
    is_mersis,
    is_tckn,
    is_tin,
)
from shared.domain.read_words import Body, is_object
from shared.domain.recipient import Purpose, read_recipient
from shared.domain.retailer_faults import (
    CityCodeEmpty,
    CityEmpty,
    CityNameEmpty,
    MersisInvalid,
    MersisLengthWrong,
    MobileMalformed,
    NameEmpty,
    RetailerFieldsWrong,
    RetailerRequestUnusable,
    RetailerStatusUnknown,
    RetailerTextTooLong,
    TcknEmpty,
    TcknInvalid,
    TcknLengthWrong,
    TextNotAlphanumeric,
    TinEmpty,
    TinInvalid,
    TinLengthWrong,
    TitleEmpty,
    TownCodeEmpty,
    TownEmpty,
    TownNameEmpty,
)

TEXT_LENGTH_MAX: Final = 255
_REQUIRED: Final = frozenset({"title", "name", "tckn", "city", "town", "tin"})
_OPTIONAL: Final = frozenset({"mobile", "alias", "mersis", "status"})
_PLACE: Final = frozenset({"code", "name"})
_SIGNS: Final = frozenset(" .,&-'’/()+:")


class RetailerStatus(Enum):
    """May the retailer use consents? Only an active one may."""

    ACTIVE = "active"
    PASSIVE = "passive"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class Place:
    """A province or a district, as the provider named it."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class NewRetailer:
    """A well-formed retailer as somebody asked to record it."""

    title: str
    name: str
    tckn: str
    tin: str
    city: Place
    town: Place
    status: RetailerStatus = RetailerStatus.ACTIVE
    mobile: str | None = None
    alias: str | None = None
    mersis: str | None = None


def read_new_retailer(body: object, *, admit_test_range: bool) -> NewRetailer | tuple[Fault, ...]:
    """Apply every rule that needs no ledger; `admit_test_range` lets +90599… be a mobile."""
    if not is_object(body):
        return (RetailerRequestUnusable(),)
    if not _has_its_fields(body):
        return (RetailerFieldsWrong(),)
    found = (
        _of_text(body["title"], TitleEmpty),
        _of_text(body["name"], NameEmpty),
        _of_text(body["alias"], TextNotAlphanumeric) if "alias" in body else None,
        _of_tckn(_digits(body["tckn"])),
        _of_tin(_digits(body["tin"])),
        _of_mersis(_digits(body["mersis"])) if "mersis" in body else None,
        _of_mobile(body, admit_test_range=admit_test_range),
        *_of_place(body["city"], CityEmpty, CityCodeEmpty, CityNameEmpty),
        *_of_place(body["town"], TownEmpty, TownCodeEmpty, TownNameEmpty),
        _of_status(body),
    )
    faults = tuple(fault for fault in found if fault is not None)
    return faults or _retailer(body)


def _has_its_fields(body: Body) -> bool:
    """Tell whether every required field is there and none that is not known, in the places as well."""
    if not _REQUIRED <= body.keys() <= _REQUIRED | _OPTIONAL:
        return False
    places = [body["city"], body["town"]]
    return all(place.keys() <= _PLACE for place in places if is_object(place))


def _of_text(raw: object, empty: type[Fault]) -> Fault | None:
    if raw is None or (isinstance(raw, str) and not raw.strip()):
        return empty()
    if not isinstance(raw, str):
        return TextNotAlphanumeric()
    if len(raw) > TEXT_LENGTH_MAX:
        return RetailerTextTooLong()
    return None if _is_alphanumeric(raw) else TextNotAlphanumeric()


def _is_alphanumeric(text: str) -> bool:
    """Take letters and digits of any script, also where an accent is a character of its own."""
    fits = all(c.isalnum() or c in _SIGNS or unicodedata.combining(c) for c in text)
    return fits and any(c.isalnum() for c in text)


def _digits(raw: object) -> str | None:
    """Return a number's text: as it stands, or of a JSON number; None for what is neither."""
    if isinstance(raw, str):
        return raw
    if isinstance(raw, int) and not isinstance(raw, bool):
        return str(raw)
    return "" if raw is None else None


def _of_tckn(text: str | None) -> Fault | None:
    if text == "":
        return TcknEmpty()
    if text is None or len(text) != TCKN_LENGTH:
        return TcknLengthWrong()
    return None if is_tckn(text) else TcknInvalid()


def _of_tin(text: str | None) -> Fault | None:
    if text == "":
        return TinEmpty()
    if text is None or len(text) not in {VKN_LENGTH, TCKN_LENGTH}:
        return TinLengthWrong()
    return None if is_tin(text) else TinInvalid()


def _of_mersis(text: str | None) -> Fault | None:
    if text is None or len(text) != MERSIS_LENGTH:
        return MersisLengthWrong()
    return None if is_mersis(text) else MersisInvalid()


def _of_mobile(body: Body, *, admit_test_range: bool) -> Fault | None:
    if "mobile" not in body:
        return None
    raw = body["mobile"]
    if isinstance(raw, str):
        read = read_recipient(
            raw, Channel.CALL, purpose=Purpose.WRITE, admit_test_range=admit_test_range
        )
        if isinstance(read, str):
            return None
    return MobileMalformed()


def _of_place(
    raw: object, empty: type[Fault], code_empty: type[Fault], name_empty: type[Fault]
) -> tuple[Fault | None, ...]:
    if not is_object(raw) or not raw:
        return (empty(),)
    return (
        _of_place_text(_digits(raw.get("code")), code_empty),
        _of_place_text(raw.get("name"), name_empty),
    )


def _of_place_text(raw: object, unfit: type[Fault]) -> Fault | None:
    if not isinstance(raw, str) or not raw.strip() or not raw.isprintable():
        return unfit()
    return RetailerTextTooLong() if len(raw) > TEXT_LENGTH_MAX else None


def _of_status(body: Body) -> Fault | None:
    known = {status.value for status in RetailerStatus}
    raw = body.get("status", RetailerStatus.ACTIVE.value)
    return None if isinstance(raw, str) and raw in known else RetailerStatusUnknown()


def _retailer(body: Body) -> NewRetailer:
    """Put together what was found to be good."""

    def text(name: str) -> str:
        return _digits(body[name]) or ""

    return NewRetailer(
        title=text("title"),
        name=text("name"),
        tckn=text("tckn"),
        tin=text("tin"),
        city=_place(body["city"]),
        town=_place(body["town"]),
        status=RetailerStatus(body.get("status", RetailerStatus.ACTIVE.value)),
        mobile=text("mobile") if "mobile" in body else None,
        alias=text("alias") if "alias" in body else None,
        mersis=text("mersis") if "mersis" in body else None,
    )


def _place(raw: object) -> Place:
    assert is_object(raw), "found to be good"  # noqa: S101  # `_of_place` sees to it
    return Place(_digits(raw["code"]) or "", _digits(raw["name"]) or "")

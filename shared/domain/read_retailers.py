"""Retailers of a consent: the one that collected it, and those that may use it.

A retailer's code is eight digits, as a number or, since many clients send it so, as text.
Anything else cannot be on file, hence H180, the code for a retailer that is not; whether a good
code belongs to this provider is the ledger's to know. Python's True is a 1, JSON's is not.
"""

import re
from typing import Final

from shared.domain.consent import RetailerCode
from shared.domain.faults import (
    ABSENT,
    EntryRepeated,
    RetailerAccessEmpty,
    RetailerUnknown,
    TooManyRetailers,
)
from shared.domain.read_words import Body, Faults, is_list

_CODE: Final = re.compile(r"[1-9][0-9]{7}")
_CODE_MIN: Final = 10_000_000
_CODE_MAX: Final = 99_999_999


def read_retailer(body: Body) -> tuple[RetailerCode | None, Faults]:
    """Read who collected the consent; most often nobody but the provider."""
    raw = body.get("retailerCode", ABSENT)
    if raw is ABSENT:
        return None, ()
    code = _retailer_code(raw)
    return code, () if code else (RetailerUnknown(("retailerCode",), raw),)


def read_access(body: Body, *, count_max: int) -> tuple[tuple[RetailerCode, ...], Faults]:
    """Read who else may use the consent; the first bad or repeated element speaks for the list."""
    raw = body.get("retailerAccess", ABSENT)
    if raw is ABSENT:
        return (), ()
    if not is_list(raw) or not raw:
        return (), (RetailerAccessEmpty(("retailerAccess",), raw),)
    if len(raw) > count_max:
        return (), (TooManyRetailers(("retailerAccess",), raw, count_max=count_max),)
    codes: dict[RetailerCode, None] = {}  # a set that remembers the order
    for index, element in enumerate(raw):
        code = _retailer_code(element)
        if code is None or code in codes:
            fault = RetailerUnknown if code is None else EntryRepeated
            return (), (fault(("retailerAccess", index), element),)
        codes[code] = None
    return tuple(codes), ()


def _retailer_code(raw: object) -> RetailerCode | None:
    """Read eight digits, as a number or as text."""
    if isinstance(raw, str) and _CODE.fullmatch(raw):
        return RetailerCode(int(raw))
    if isinstance(raw, bool) or not isinstance(raw, int):
        return None
    return RetailerCode(raw) if _CODE_MIN <= raw <= _CODE_MAX else None

"""One row's cells, brought into the wire's spelling as far as that goes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from services.ingest.faults.row_codes import RowCode
from services.ingest.reading.dates import read_moment
from services.ingest.reading.phones import read_phone
from services.ingest.reading.words import WORDS, word_of
from shared.domain.consent import Channel

_BRAND_MAX: Final = 2**31 - 1
_BRAND: Final = re.compile(r"[1-9]\d{0,9}", re.ASCII)
_LISTED: Final = re.compile(r"\s*[,;|]\s*")


@dataclass(frozen=True, slots=True)
class Spelled:
    """A row as the wire would have it, its brand beside it; or the field that cannot be read, and why."""

    body: dict[str, object]
    has_brand: bool
    brand_code: int | None
    fault: tuple[str, RowCode] | None


def spelled(cells: Mapping[str, str | None], defaults: Mapping[str, str]) -> Spelled:
    """Bring cells into the wire's spelling; blank ones count as absent, and defaults fill them."""
    body: dict[str, object] = dict(defaults)
    for name, cell in cells.items():
        if cell is not None and (text := cell.strip()):
            body[name] = (word_of(name, text) or text) if name in WORDS else text
    written = body.pop("brandCode", None)
    brand_code = None if written is None else _brand_code(str(written))
    return Spelled(body, written is not None, brand_code, _spell(body))


def _brand_code(text: str) -> int | None:
    if not _BRAND.fullmatch(text):
        return None
    return code if (code := int(text)) <= _BRAND_MAX else None


def _spell(body: dict[str, object]) -> tuple[str, RowCode] | None:
    """Spell address, date and retailers; or say which of them cannot be."""
    recipient, moment, access = (
        body.get(name) for name in ("recipient", "consentDate", "retailerAccess")
    )
    # Where an e-mail is wanted, or stands, the rules say what is wrong with it.
    if isinstance(recipient, str) and "@" not in recipient:
        phone = read_phone(recipient)
        if isinstance(phone, str):
            body["recipient"] = phone
        elif body.get("type") != Channel.EMAIL.value:
            return "recipient", phone
    if isinstance(moment, str):
        read = read_moment(moment)
        if isinstance(read, RowCode):
            return "consentDate", read
        body["consentDate"] = read
    if isinstance(access, str):
        body["retailerAccess"] = _LISTED.split(access)
    return None

"""Dates as people write them, brought into the wire's format: ISO, Turkish, and Excel's serial numbers."""

import re
from datetime import datetime, timedelta
from typing import Final

from services.ingest.faults.row_codes import RowCode
from shared.domain.wire_time import TURKEY

_WIRE: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)
_FRACTION: Final = r"(?:[.,]\d{1,9})?"
_ISO: Final = re.compile(
    rf"(\d{{4}})[-/.](\d{{1,2}})[-/.](\d{{1,2}})(?:[T ]+(\d{{1,2}}):(\d\d)(?::(\d\d){_FRACTION})?)?",
    re.ASCII,
)
_TURKISH: Final = re.compile(
    r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})(?:[ ,]+(\d{1,2})[:.](\d\d)(?:[:.](\d\d))?)?", re.ASCII
)
_ZONED: Final = re.compile(
    rf"(\d{{4}}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d){_FRACTION} ?(Z|[+-]\d\d:?\d\d)", re.ASCII
)
_SERIAL: Final = re.compile(r"\d{5}(?:[.,]\d+)?", re.ASCII)
_EXCEL_DAY_ZERO: Final = datetime(1899, 12, 30)  # noqa: DTZ001  # local time, as the cell is
_SECONDS_A_DAY: Final = 86_400


def read_moment(written: str) -> str | RowCode:
    """Return the moment as the wire writes it, in Turkey's time as it stands; or why not.

    A day alone is its first second; fractions of a second are dropped; a moment with a zone is brought to
    Turkey's time. Whether there is such a moment, and in time, is asked later.
    """
    if _WIRE.fullmatch(written):
        return written
    text = written.replace("\u00a0", " ").strip()
    if _SERIAL.fullmatch(text):
        return _from_serial(float(text.replace(",", ".")))
    zoned = _ZONED.fullmatch(text)
    if zoned is not None:
        return _to_turkey(*zoned.groups())
    found = _ISO.fullmatch(text)
    if found is not None:
        year, month, day, *clock = found.groups()
    elif (found := _TURKISH.fullmatch(text)) is not None:
        day, month, year, *clock = found.groups()
    else:
        return RowCode.DATE_UNREADABLE
    hour, minute, second = (part or "0" for part in clock)
    return f"{year}-{month:0>2}-{day:0>2} {hour:0>2}:{minute:0>2}:{second:0>2}"


def _from_serial(serial: float) -> str:
    """Excel counts days from the end of 1899; the fraction is the time of the day, to the second."""
    moment = _EXCEL_DAY_ZERO + timedelta(seconds=round(serial * _SECONDS_A_DAY))
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _to_turkey(day: str, clock: str, zone: str) -> str | RowCode:
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}{zone}").astimezone(TURKEY)
    except (ValueError, OverflowError):
        return RowCode.DATE_UNREADABLE
    return moment.replace(tzinfo=None).isoformat(" ", "seconds")

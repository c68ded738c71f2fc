"""How a moment is written on the wire, and the zone that business days are counted in (D12).

The wire says local Turkey time, whole seconds, no offset. Turkey has been at UTC+3 all year
since September 2016; before that it changed its clocks twice a year. We use the fixed offset for
older dates as well: what counts is that a client reads back the digits that it sent.
"""

import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from enum import Enum
from typing import Final

TURKEY: Final = timezone(timedelta(hours=3), "Europe/Istanbul")

# ASCII: elsewhere a digit may be Arabic. And fullmatch, since `$` would forgive a final newline.
_FORMAT: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)


class DateFlaw(Enum):
    """Why a text is no date; the wire has a code for each (R9)."""

    WRONG_FORMAT = "not YYYY-MM-DD HH:mm:ss"
    NO_SUCH_MOMENT = "the fifteenth month, or 24 o'clock"


def parse_wire_date(raw: object) -> datetime | DateFlaw:
    """Read a date of the wire into UTC (R9). It must be exact: one trailing space is refused."""
    if not isinstance(raw, str) or not _FORMAT.fullmatch(raw):
        return DateFlaw.WRONG_FORMAT
    try:
        return datetime.fromisoformat(raw).replace(tzinfo=TURKEY).astimezone(UTC)
    except (ValueError, OverflowError):  # overflow: the year 1 began in Turkey before it had UTC
        return DateFlaw.NO_SUCH_MOMENT


def consent_date_to_wire(moment: datetime) -> str:
    """Write a moment as Turkey's clocks showed it, cut to the second."""
    return moment.astimezone(TURKEY).replace(tzinfo=None).isoformat(" ", "seconds")


def turkish_day(moment: datetime) -> date:
    """Return the day that a moment belongs to in Turkey: licences and subscriptions end with one."""
    return moment.astimezone(TURKEY).date()


def bounds_of_day(day: date) -> tuple[datetime, datetime]:
    """Return where a day of Turkey begins and where the next one does, in UTC."""
    begin = datetime.combine(day, time(), TURKEY).astimezone(UTC)
    return begin, begin + timedelta(days=1)

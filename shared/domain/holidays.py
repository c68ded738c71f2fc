"""Turkey's public holidays, as data (Law 2429; D8, D11).

National holidays recur every year. Religious ones follow the moon and the decision of the
Diyanet, so nobody computes them: they stand in a table. **To add a year**, look up the first
days of both feasts in the Diyanet's calendar of religious days and add a line to each table;
eves and lengths follow. The calendar must be extended before `RELIGIOUS_YEARS` ends: in a year
that is missing, the feast's days count as business days, which makes a deadline too early, never
too late.

A feast begins at 13:00 on its eve, and the Republic's at 13:00 on 28 October: those are half
days, and whether one counts is the calendar's switch (D10). That the Saturday after a holiday
Friday is a holiday, too, changes nothing here, since no Saturday is a business day.
"""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from types import MappingProxyType
from typing import Final

# (month, day): the first year in which it was a holiday. Before 2015 nothing is ever asked.
_SINCE_BEFORE_2015: Final = 2015
NATIONAL_HOLIDAYS: Final[Mapping[tuple[int, int], int]] = MappingProxyType(
    {
        (1, 1): _SINCE_BEFORE_2015,  # New Year
        (4, 23): _SINCE_BEFORE_2015,  # National Sovereignty and Children's Day
        (5, 1): _SINCE_BEFORE_2015,  # Labour and Solidarity Day
        (5, 19): _SINCE_BEFORE_2015,  # Commemoration of Atatürk, Youth and Sports Day
        (7, 15): 2017,  # Democracy and National Unity Day, of the attempted coup of 2016
        (8, 30): _SINCE_BEFORE_2015,  # Victory Day
        (10, 29): _SINCE_BEFORE_2015,  # Republic Day
    }
)
NATIONAL_HALF_DAYS: Final[Mapping[tuple[int, int], int]] = MappingProxyType(
    {(10, 28): _SINCE_BEFORE_2015}
)

_RAMAZAN_DAYS: Final = 3
_RAMAZAN_FIRST_DAYS: Final = (
    date(2020, 5, 24),
    date(2021, 5, 13),
    date(2022, 5, 2),
    date(2023, 4, 21),
    date(2024, 4, 10),
    date(2025, 3, 30),
    date(2026, 3, 20),
)
_KURBAN_DAYS: Final = 4
_KURBAN_FIRST_DAYS: Final = (
    date(2020, 7, 31),
    date(2021, 7, 20),
    date(2022, 7, 9),
    date(2023, 6, 28),
    date(2024, 6, 16),
    date(2025, 6, 6),
    date(2026, 5, 27),
)

RELIGIOUS_YEARS: Final = frozenset(day.year for day in _RAMAZAN_FIRST_DAYS)
"""The years whose feasts are known; operations warn when the current one is the last."""


def _days(first_days: Iterable[date], *, length: int) -> frozenset[date]:
    return frozenset(first + timedelta(days=n) for first in first_days for n in range(length))


RELIGIOUS_HOLIDAYS: Final = _days(_RAMAZAN_FIRST_DAYS, length=_RAMAZAN_DAYS) | _days(
    _KURBAN_FIRST_DAYS, length=_KURBAN_DAYS
)
RELIGIOUS_EVES: Final = frozenset(
    first - timedelta(days=1) for first in (*_RAMAZAN_FIRST_DAYS, *_KURBAN_FIRST_DAYS)
)


def recurs_on(day: date, *, yearly: Mapping[tuple[int, int], int]) -> bool:
    """Tell whether a yearly day of the table, in force by then, falls on `day` (D8)."""
    first_year = yearly.get((day.month, day.day))
    return first_year is not None and first_year <= day.year

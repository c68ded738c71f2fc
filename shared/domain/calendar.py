"""Business days, and the third of them after a consent: the last on which it may be reported.

The law gives a provider three business days to bring a consent here that it took elsewhere (D1),
and an approval that was not brought is void (D2). It never says what a business day is. Ours
(D9): Monday to Friday, unless a full public holiday; the day of the event does not count; the
window closes with the third day, at 23:59:59 in Istanbul. In between, seconds do not matter: a
consent of 00:01 and one of 23:50 have the same last day.

Two things a court might read otherwise are switches (D10). Half days count as business days,
which makes deadlines earlier and so is the careful reading for a sender. Administrative leave,
which the government hands out to its own staff around feasts, does not stop the clock unless
asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from shared.domain.holidays import (
    NATIONAL_HALF_DAYS,
    NATIONAL_HOLIDAYS,
    RELIGIOUS_EVES,
    RELIGIOUS_HOLIDAYS,
    recurs_on,
)
from shared.domain.wire_time import TURKEY

REPORTING_DAYS: Final = 3
"""How many business days a provider has (D1, C7)."""

_ONE_DAY: Final = timedelta(days=1)
_SATURDAY: Final = 5
_LAST_SECOND: Final = time(23, 59, 59, tzinfo=TURKEY)


@dataclass(frozen=True, slots=True)
class BusinessCalendar:
    """Which days count. The defaults are Turkey's; another registry hands in its own (D8–D12).

    `holidays` and `half_days` name single dates (the religious ones), `yearly_…` those that recur.
    """

    holidays: frozenset[date] = RELIGIOUS_HOLIDAYS
    half_days: frozenset[date] = RELIGIOUS_EVES
    half_days_are_business_days: bool = True
    leave_days: frozenset[date] = frozenset()
    leave_days_count_as_holidays: bool = False
    yearly_holidays: Mapping[tuple[int, int], int] = field(
        default_factory=lambda: NATIONAL_HOLIDAYS, hash=False
    )
    yearly_half_days: Mapping[tuple[int, int], int] = field(
        default_factory=lambda: NATIONAL_HALF_DAYS, hash=False
    )

    def is_business_day(self, day: date) -> bool:
        """Apply D8–D11: Monday to Friday, no full holiday, and the two switches."""
        if day.weekday() >= _SATURDAY or self._is_holiday(day):
            return False
        if self.leave_days_count_as_holidays and day in self.leave_days:
            return False
        return self.half_days_are_business_days or not self._is_half_day(day)

    def last_day(self, event: date, *, days: int = REPORTING_DAYS) -> date:
        """Return the `days`-th business day after `event`, whose own day does not count (D9)."""
        day = event
        for _ in range(days):
            day += _ONE_DAY
            while not self.is_business_day(day):
                day += _ONE_DAY
        return day

    def deadline(self, event: datetime, *, days: int = REPORTING_DAYS) -> datetime:
        """Return the last second in which `event` may be reported, in UTC (D9, D12)."""
        last_day = self.last_day(event.astimezone(TURKEY).date(), days=days)
        return datetime.combine(last_day, _LAST_SECOND).astimezone(UTC)

    def is_late(self, event: datetime, *, now: datetime) -> bool:
        """Tell whether the window has closed by `now` (R10, C7). Its last second is 23:59:59.999….

        Three business days are at least three days, so the usual fresh consent needs no calendar.
        """
        if now - event < REPORTING_DAYS * _ONE_DAY:
            return False
        return now >= self.deadline(event) + timedelta(seconds=1)

    def _is_holiday(self, day: date) -> bool:
        return day in self.holidays or recurs_on(day, yearly=self.yearly_holidays)

    def _is_half_day(self, day: date) -> bool:
        return day in self.half_days or recurs_on(day, yearly=self.yearly_half_days)

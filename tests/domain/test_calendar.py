"""Business days: the vectors of regulation d.2 at both positions of the switch, and properties."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.calendar import BusinessCalendar
from shared.domain.holidays import RELIGIOUS_EVES, RELIGIOUS_HOLIDAYS, RELIGIOUS_YEARS
from shared.domain.wire_time import TURKEY

HALF_DAYS_COUNT = BusinessCalendar()
HALF_DAYS_ARE_FREE = BusinessCalendar(half_days_are_business_days=False)
DAYS = st.dates(min_value=date(2015, 5, 1), max_value=date(2060, 12, 31))
MOMENTS = st.datetimes(
    min_value=datetime(2015, 5, 1),  # noqa: DTZ001  # hypothesis wants it so
    max_value=datetime(2060, 12, 31),  # noqa: DTZ001  # the same
    timezones=st.just(UTC),
)
CALENDARS = st.sampled_from([HALF_DAYS_COUNT, HALF_DAYS_ARE_FREE])


@pytest.mark.parametrize(
    ("event", "half_days_count", "half_days_free"),
    [
        (date(2025, 3, 27), date(2025, 4, 3), date(2025, 4, 3)),
        (date(2025, 6, 5), date(2025, 6, 12), date(2025, 6, 12)),
        (date(2025, 10, 27), date(2025, 10, 31), date(2025, 11, 3)),
        (date(2025, 9, 5), date(2025, 9, 10), date(2025, 9, 10)),
        (date(2025, 9, 6), date(2025, 9, 10), date(2025, 9, 10)),
        (date(2025, 6, 3), date(2025, 6, 10), date(2025, 6, 11)),  # over the eve of 5 June
    ],
)
def test_d9_d10_the_last_day_is_the_third_business_day_after_the_event(
    event: date, half_days_count: date, half_days_free: date
) -> None:
    assert HALF_DAYS_COUNT.last_day(event) == half_days_count
    assert HALF_DAYS_ARE_FREE.last_day(event) == half_days_free


@pytest.mark.parametrize(
    "day",
    [
        date(2026, 1, 1),
        date(2026, 4, 23),
        date(2026, 5, 1),
        date(2026, 5, 19),
        date(2026, 7, 15),
        date(2027, 8, 30),
        date(2026, 10, 29),
        date(2099, 1, 1),
    ],
)
def test_d8_national_holidays_are_no_business_days(day: date) -> None:
    assert day.weekday() < 5
    assert not HALF_DAYS_COUNT.is_business_day(day)


def test_d8_the_fifteenth_of_july_is_a_holiday_since_2017() -> None:
    assert HALF_DAYS_COUNT.is_business_day(date(2015, 7, 15))
    assert HALF_DAYS_COUNT.is_business_day(date(2016, 7, 15))
    assert not HALF_DAYS_COUNT.is_business_day(date(2019, 7, 15))


def test_d9_weekends_are_no_business_days() -> None:
    week = [HALF_DAYS_COUNT.is_business_day(date(2026, 9, 7) + timedelta(n)) for n in range(7)]
    assert week == [True] * 5 + [False] * 2


def test_d10_half_days_follow_the_switch() -> None:
    for half_day in (date(2026, 10, 28), date(2026, 3, 19), date(2026, 5, 26)):
        assert HALF_DAYS_COUNT.is_business_day(half_day)
        assert not HALF_DAYS_ARE_FREE.is_business_day(half_day)


def test_d10_administrative_leave_counts_only_if_asked_for() -> None:
    leave = frozenset({date(2026, 5, 25)})
    assert BusinessCalendar(leave_days=leave).is_business_day(date(2026, 5, 25))
    calendar = BusinessCalendar(leave_days=leave, leave_days_count_as_holidays=True)
    assert not calendar.is_business_day(date(2026, 5, 25))
    assert calendar.is_business_day(date(2026, 5, 22))


def test_d11_religious_holidays_stand_in_the_table_with_their_eves() -> None:
    assert frozenset(range(2020, 2027)) <= RELIGIOUS_YEARS
    assert len(RELIGIOUS_HOLIDAYS) == 7 * len(RELIGIOUS_YEARS)
    assert len(RELIGIOUS_EVES) == 2 * len(RELIGIOUS_YEARS)
    assert {date(2026, 3, 20), date(2026, 3, 22), date(2026, 5, 30)} <= RELIGIOUS_HOLIDAYS
    assert not {date(2026, 3, 19), date(2026, 3, 23), date(2026, 5, 31)} & RELIGIOUS_HOLIDAYS
    assert RELIGIOUS_EVES.isdisjoint(RELIGIOUS_HOLIDAYS)


def test_d11_beyond_the_table_the_national_holidays_still_hold() -> None:
    assert HALF_DAYS_COUNT.last_day(date(2040, 4, 20)) == date(2040, 4, 26)
    assert HALF_DAYS_COUNT.last_day(date(2015, 4, 30)) == date(2015, 5, 6)


def test_d12_days_are_counted_in_turkey_and_the_window_closes_at_its_midnight() -> None:
    # 22:30 UTC on Thursday is half past one on Friday in Istanbul.
    event = datetime(2025, 9, 4, 22, 30, tzinfo=UTC)
    assert HALF_DAYS_COUNT.deadline(event) == datetime(2025, 9, 10, 20, 59, 59, tzinfo=UTC)
    in_time = datetime(2025, 9, 10, 20, 59, 59, 999_999, tzinfo=UTC)
    assert not HALF_DAYS_COUNT.is_late(event, now=in_time)
    assert HALF_DAYS_COUNT.is_late(event, now=datetime(2025, 9, 10, 21, tzinfo=UTC))


def test_another_registry_hands_in_its_own_days() -> None:
    calendar = BusinessCalendar(holidays=frozenset(), yearly_holidays={(7, 14): 1880})
    assert calendar.is_business_day(date(2026, 4, 23))
    assert not calendar.is_business_day(date(2026, 7, 14))
    assert hash(calendar) != hash(HALF_DAYS_COUNT)


@given(CALENDARS, MOMENTS, MOMENTS)
def test_a_later_event_never_has_an_earlier_deadline(
    calendar: BusinessCalendar, one: datetime, other: datetime
) -> None:
    assert calendar.deadline(min(one, other)) <= calendar.deadline(max(one, other))


@given(CALENDARS, DAYS, st.integers(min_value=1, max_value=10))
def test_the_last_day_is_a_business_day_and_the_right_number_of_them_on(
    calendar: BusinessCalendar, event: date, days: int
) -> None:
    last = calendar.last_day(event, days=days)
    between = [event + timedelta(n) for n in range(1, (last - event).days + 1)]
    assert sum(calendar.is_business_day(day) for day in between) == days
    assert calendar.is_business_day(last)


@given(MOMENTS)
def test_free_half_days_never_bring_a_deadline_forward(event: datetime) -> None:
    assert HALF_DAYS_ARE_FREE.deadline(event) >= HALF_DAYS_COUNT.deadline(event)


@given(CALENDARS, MOMENTS, st.timedeltas(timedelta(0), timedelta(days=20)))
def test_c7_late_is_exactly_what_comes_after_the_last_day(
    calendar: BusinessCalendar, event: datetime, delay: timedelta
) -> None:
    now = event + delay
    last_day = calendar.last_day(event.astimezone(TURKEY).date())
    midnight = datetime.combine(last_day + timedelta(days=1), time(), TURKEY)
    assert calendar.is_late(event, now=now) is (now >= midnight)

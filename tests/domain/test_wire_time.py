"""Moments as the wire writes them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.wire_time import DateFlaw, consent_date_to_wire, parse_wire_date


def test_d12_the_wire_shows_turkey_time_and_we_keep_utc() -> None:
    moment = parse_wire_date("2026-03-02 00:05:09")
    assert moment == datetime(2026, 3, 1, 21, 5, 9, tzinfo=UTC)
    assert isinstance(moment, datetime)
    assert moment.utcoffset() == timedelta(0)
    assert consent_date_to_wire(moment) == "2026-03-02 00:05:09"


@pytest.mark.parametrize(
    "raw",
    [
        "",
        None,
        7,
        True,
        [],
        "2026-03-02",
        "2026-03-02T14:05:09",
        "2026-03-02 14:05:09 ",
        "2026-03-02 14:05:09\n",
        " 2026-03-02 14:05:09",
        "2026-03-02 14:05",
        "2026-3-2 14:05:09",
        "99999-01-01 00:00:00",
        "2026-03-02 14:05:0\u0669",
        "2026-03-02 14:05:09+03:00",
        "2026-03-02 14:05:09.5",
        "20260302 140509",
    ],
)
def test_r9_another_format_is_no_date(raw: object) -> None:
    assert parse_wire_date(raw) is DateFlaw.WRONG_FORMAT


@pytest.mark.parametrize(
    "raw",
    [
        "2020-15-01 13:35:00",
        "2026-02-29 00:00:00",
        "2026-04-31 00:00:00",
        "2026-01-01 24:00:00",
        "2026-01-01 00:60:00",
        "2026-01-01 00:00:60",
        "0000-01-01 00:00:00",
        "0001-01-01 00:00:00",
        "2026-00-00 00:00:00",
    ],
)
def test_r9_an_impossible_moment_is_told_from_another_format(raw: str) -> None:
    assert parse_wire_date(raw) is DateFlaw.NO_SUCH_MOMENT


@given(st.datetimes(min_value=datetime(1, 1, 2), timezones=st.just(UTC)))  # noqa: DTZ001  # hypothesis wants it so
def test_a_date_reads_back_as_it_was_written(moment: datetime) -> None:
    if moment.year < 9999:
        assert parse_wire_date(consent_date_to_wire(moment)) == moment.replace(microsecond=0)

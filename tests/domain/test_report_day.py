"""Which days may be reconciled, and where they begin and end."""

from datetime import UTC, date, datetime

import pytest

from shared.domain.faults import ABSENT
from shared.domain.reconciliation_faults import (
    AgreementNotTrue,
    ReportDateMalformed,
    ReportDateOutOfWindow,
)
from shared.domain.report_day import days_to_report, read_agreement, read_report_date
from shared.domain.wire_time import bounds_of_day

TODAY = date(2026, 3, 2)


@pytest.mark.parametrize("text", ["2026-03-01", "2026-02-23"])
def test_yesterday_and_the_seventh_day_before_are_read(text: str) -> None:
    assert read_report_date(text, today=TODAY, days_back=7) == date.fromisoformat(text)


@pytest.mark.parametrize(
    "text", ["2026-03-02", "2026-03-03", "2026-02-22", "0001-01-01", "9999-12-31"]
)
def test_a_day_that_is_not_over_or_too_long_ago_is_out_of_the_window(text: str) -> None:
    fault = read_report_date(text, today=TODAY, days_back=7)
    assert fault == ReportDateOutOfWindow(("reportDate",), text, days_back=7)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "06.07.2020",
            "2026-3-1",
            "20260301",
            "2026-03-01 ",
            "2026-03-01\n",
            "2026-02-30",
            "2026-W09-7",
        ),
        *("٢٠٢٦-٠٣-٠١", "0000-01-01", "yesterday"),
    ],
)
def test_what_is_no_date_is_malformed(text: str) -> None:
    fault = read_report_date(text, today=TODAY, days_back=7)
    assert fault == ReportDateMalformed(("reportDate",), text)


def test_nothing_is_echoed_where_nothing_was_said() -> None:
    fault = read_report_date("", today=TODAY, days_back=7)
    assert fault == ReportDateMalformed(("reportDate",), ABSENT)


def test_the_days_to_report_are_those_that_may_be_asked_for() -> None:
    days = days_to_report(TODAY, days_back=7)
    assert days[0] == date(2026, 2, 23)
    assert days[-1] == date(2026, 3, 1)
    assert len(days) == 7
    for day in days:
        assert read_report_date(day.isoformat(), today=TODAY, days_back=7) == day


def test_a_day_is_turkey_s() -> None:
    begin, end = bounds_of_day(TODAY)
    assert begin == datetime(2026, 3, 1, 21, tzinfo=UTC)
    assert end == datetime(2026, 3, 2, 21, tzinfo=UTC)


def test_one_can_agree_and_nothing_else() -> None:
    assert read_agreement({"agreementStatus": True}) is None
    assert read_agreement({"agreementStatus": True, "note": "x"}) is None
    fault = AgreementNotTrue(("agreementStatus",))
    for body in (
        *({}, {"agreementStatus": False}, {"agreementStatus": "true"}, {"agreementStatus": 1}),
        *(None, [], True, "true", [{"agreementStatus": True}]),
    ):
        assert read_agreement(body) == fault

"""The move of old consents into the registry (regulation d.3)."""

from datetime import UTC, date, datetime

from shared.domain.transition_calendar import (
    LARGE,
    MILESTONES,
    SMALL,
    group_of,
    is_standing_approval,
    may_upload,
)


def test_d13_only_above_the_threshold_is_a_provider_large() -> None:
    assert group_of(approvals=0) is SMALL
    assert group_of(approvals=150_000) is SMALL
    assert group_of(approvals=150_001) is LARGE


def test_d13_each_group_has_its_dates() -> None:
    assert (LARGE.upload_until, LARGE.check_until) == (date(2020, 12, 31), date(2021, 2, 15))
    assert (SMALL.upload_until, SMALL.check_until) == (date(2021, 5, 31), date(2021, 7, 15))
    binding = {milestone.day for milestone in MILESTONES if not milestone.is_superseded}
    assert {LARGE.upload_until, LARGE.check_until, SMALL.upload_until, SMALL.check_until} < binding


def test_d14_what_nobody_refused_is_an_approval_from_the_next_day() -> None:
    assert LARGE.valid_from == date(2021, 2, 16)
    assert not is_standing_approval(LARGE, now=datetime(2021, 2, 15, 20, 59, 59, tzinfo=UTC))
    assert is_standing_approval(LARGE, now=datetime(2021, 2, 15, 21, tzinfo=UTC))


def test_d15_after_the_upload_period_only_an_open_window_of_its_own_helps() -> None:
    last_second = datetime(2021, 5, 31, 20, 59, 59, tzinfo=UTC)
    next_second = datetime(2021, 5, 31, 21, tzinfo=UTC)
    assert may_upload(SMALL, own_window_is_open=False, now=last_second)
    assert not may_upload(SMALL, own_window_is_open=False, now=next_second)
    assert may_upload(SMALL, own_window_is_open=True, now=next_second)
    assert not may_upload(LARGE, own_window_is_open=False, now=last_second)

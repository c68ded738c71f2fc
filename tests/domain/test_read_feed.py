"""What a caller may ask of the feed, and what its texts mean."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.faults import Fault
from shared.domain.read_feed import (
    ChangesQuestion,
    Cursor,
    SourceKind,
    read_after,
    read_changes_question,
    write_cursor,
)

MOMENT = datetime(2026, 3, 2, 9, 5, 11, tzinfo=UTC)
SECOND, MILLISECOND = timedelta(seconds=1), timedelta(milliseconds=1)
TOKEN = bytes(range(32))


def test_nothing_asked_for_is_the_documented_default() -> None:
    assert read_changes_question("", "", "") == ChangesQuestion(SourceKind.REGISTRY, 1000, None)


def test_everything_may_be_said() -> None:
    asked = read_changes_question("HS", "7", "2026-03-02")
    assert asked == ChangesQuestion(SourceKind.PROVIDER, 7, datetime(2026, 3, 1, 21, tzinfo=UTC))


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "1.0", " 1", "١", "1e3", "9" * 20])
def test_a_limit_that_is_none(limit: str) -> None:
    (fault,) = _faults("IYS", limit)
    assert (fault.code, fault.location, fault.value) == ("H507", ("limit",), limit)


@pytest.mark.parametrize("source", ["hs", "HS ", "HS_WEB", "IYS,HS"])
def test_a_source_that_is_none(source: str) -> None:
    assert [fault.code for fault in _faults(source, "")] == ["H506"]
    assert [fault.code for fault in _faults(source, "x")] == ["H506", "H507"]


@pytest.mark.parametrize(
    ("text", "cursor"),
    [
        ("1772442311", Cursor(MOMENT, SECOND, None)),
        (f"1772442311_{TOKEN.hex()}", Cursor(MOMENT, SECOND, TOKEN)),
        (f"1772442311000_{TOKEN.hex()}", Cursor(MOMENT, MILLISECOND, TOKEN)),
        ("1772442311_", Cursor(MOMENT, SECOND, None)),
        (f"1772442311_{TOKEN.hex().upper()}", Cursor(MOMENT, SECOND, None)),
        ("1772442311_anything\nat all", Cursor(MOMENT, SECOND, None)),
    ],
)
def test_a_cursor(text: str, cursor: Cursor) -> None:
    assert read_after(text) == cursor


def test_a_date_is_one_of_turkey() -> None:
    assert read_after("2026-03-02 12:05:11") == MOMENT
    assert read_after("2026-03-02") == datetime(2026, 3, 1, 21, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "2026-02-31", "2026-03-02T12:05:11", "17724423", "12", "_" + TOKEN.hex(), "null"]
)
def test_anything_else_is_nothing(text: str) -> None:
    assert read_after(text) is None


@given(st.text())
def test_no_text_is_a_fault(text: str) -> None:
    assert isinstance(read_after(text), Cursor | datetime | None)


@given(
    st.datetimes(datetime(2015, 5, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.binary(min_size=32, max_size=32),
)
def test_what_is_written_is_read_again(moment: datetime, token: bytes) -> None:
    read = read_after(write_cursor(moment, token))
    assert read == Cursor(moment.replace(microsecond=0), SECOND, token)


def _faults(source: str, limit: str) -> tuple[Fault, ...]:
    faults = read_changes_question(source, limit, "")
    assert isinstance(faults, tuple)
    return faults

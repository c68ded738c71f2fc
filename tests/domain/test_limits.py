"""The arithmetic of limits: never more than the quota, never less than what was published."""

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.limit_faults import LIMIT_FAULTS
from shared.domain.limits import (
    TICKS,
    Counts,
    Limit,
    LimitGroup,
    Operation,
    Per,
    Verdict,
    count,
    holds_refusal,
    is_refusal,
)
from shared.domain.limits_table import (
    PROFILES,
    SIGNED_IN,
    LimitsFileError,
    LimitTable,
    Profile,
    read_overrides,
    table_of,
)

# Powers of two, so that a tick and every sum of ticks are exact.
MOMENTS = st.lists(st.integers(0, 4 * 64).map(lambda n: n / 64), max_size=60).map(sorted)


def judge(held: dict[str, Counts], limits: list[Limit], now_s: float, wanted: int = 1) -> Verdict:
    granted, standings = count(held, limits, now_s, wanted)
    return Verdict(granted == wanted, standings)


def limit(quota: int = 3, window_s: int = 1, *, name: str = "requests") -> Limit:
    return Limit(name, frozenset({Operation.OTHER}), Per.ADDRESS, quota, window_s, "H124")


@given(MOMENTS, st.integers(1, 5))
def test_nobody_gets_more_than_the_quota(moments: list[float], quota: int) -> None:
    held: dict[str, Counts] = {}
    passed = [at for at in moments if judge(held, [limit(quota)], at).allowed]
    shortest = 1 - 1 / TICKS
    for first in passed:
        assert sum(first <= at < first + shortest for at in passed) <= quota


@given(MOMENTS, st.integers(1, 5))
def test_whoever_keeps_the_quota_is_never_refused(moments: list[float], quota: int) -> None:
    held: dict[str, Counts] = {}
    passed: list[float] = []
    for at in moments:
        keeps_it = sum(at - 1 < earlier for earlier in passed) < quota
        if keeps_it:
            assert judge(held, [limit(quota)], at).allowed
            passed.append(at)


@given(MOMENTS, st.integers(1, 5))
def test_a_refused_request_is_let_through_just_when_it_was_told(
    moments: list[float], quota: int
) -> None:
    held: dict[str, Counts] = {}
    for at in moments:
        verdict = judge(held, [limit(quota)], at)
        if verdict.allowed:
            continue
        after_s = verdict.obstacle.reset_s
        assert 0 < after_s <= 1
        assert verdict.retry_after_s == max(1, ceil(after_s))
        copy = {name: Counts(dict(one.by_tick)) for name, one in held.items()}
        assert not judge(copy, [limit(quota)], at + after_s - 1 / 128).allowed
        assert judge(copy, [limit(quota)], at + after_s).allowed


def test_asking_during_the_wait_prolongs_nothing() -> None:
    patient: dict[str, Counts] = {}
    impatient: dict[str, Counts] = {}
    for held in (patient, impatient):
        assert all(judge(held, [limit(3)], 0.0).allowed for _ in range(3))
    assert not any(judge(impatient, [limit(3)], n / 100).allowed for n in range(100))
    assert judge(patient, [limit(3)], 1.0).allowed
    assert judge(impatient, [limit(3)], 1.0).allowed


def test_looking_counts_nothing() -> None:
    held: dict[str, Counts] = {}
    looked = [judge(held, [limit(1)], 0.0, 0) for _ in range(5)]
    assert {one.standings[0].remaining for one in looked} == {1}
    assert looked[0].standings[0].reset_s == 1
    assert judge(held, [limit(1)], 0.0).allowed
    assert judge(held, [limit(1)], 0.0, 0).allowed


def test_a_request_counts_for_all_its_limits_or_for_none() -> None:
    held: dict[str, Counts] = {}
    both = [limit(1, 1, name="second"), limit(2, 60, name="minute")]
    assert judge(held, both, 0.0).allowed
    refused = judge(held, both, 0.5)
    assert (refused.allowed, [one.remaining for one in refused.standings]) == (False, [0, 1])
    assert refused.obstacle.limit.name == "second"
    assert judge(held, both, 1.0).allowed
    refused = judge(held, both, 1.5)
    assert refused.obstacle.limit.name == "minute", "of two, the one that takes longer to come back"
    assert refused.retry_after_s == 59


def test_of_several_requests_at_once_as_many_go_on_as_fit() -> None:
    held: dict[str, Counts] = {}
    both = [limit(5, 1, name="second"), limit(4, 60, name="minute")]
    assert count(held, both, 0.0, 3)[0] == 3
    granted, left = count(held, both, 0.0, 3)
    assert (granted, [one.remaining for one in left]) == (1, [1, 0])
    assert count(held, both, 0.0, 3)[0] == 0


def test_a_clock_that_was_set_back_forgives() -> None:
    held: dict[str, Counts] = {}
    assert judge(held, [limit(1)], 100.0).allowed
    assert judge(held, [limit(1)], 10.0).allowed


def test_bodies_that_withdraw_are_refusals_whatever_else_they_say() -> None:
    assert is_refusal({"status": "RET", "type": "nonsense"})
    others: list[object] = [{"status": "ONAY"}, {"status": "ret"}, {}, [], "RET", None]
    assert not any(is_refusal(body) for body in others)
    assert holds_refusal({"status": "RET"})
    assert holds_refusal([{"status": "ONAY"}, 1, {"status": "RET"}])
    batches: list[object] = [[], [{"status": "ONAY"}], [["RET"]], {"status": "ONAY"}]
    assert not any(holds_refusal(body) for body in batches)


@pytest.mark.parametrize("profile", Profile)
def test_each_request_is_counted_by_one_thing(profile: Profile) -> None:
    limits = PROFILES[profile]
    assert len({one.name for one in limits}) == len(limits)
    assert {one.code for one in limits} <= set(LIMIT_FAULTS)
    for operation in Operation:
        assert len({one.per for one in limits if operation in one.operations}) == 1, operation


def test_the_official_profile_has_the_published_numbers() -> None:
    published = {
        one.name: (one.quota, one.window_s, one.code) for one in PROFILES[Profile.OFFICIAL]
    }
    assert published["requests"] == (10, 1, "H124")
    assert published["token"] == (100, 3600, "H084")
    assert published["status"] == (1000, 3600, "H086")
    assert published["history"] == (100, 3600, "H089")


def test_a_row_is_changed_or_taken_away() -> None:
    file = {"token": {"quota": 10}, "history": None, "requests": {"window_s": 2}}
    table = table_of(Profile.OFFICIAL, read_overrides(file))
    rows = {one.name: (one.quota, one.window_s) for one in table.limits}
    assert rows["token"] == (10, 3600)
    assert rows["requests"] == (10, 2)
    assert "history" not in rows
    history = table.of(Operation.HISTORY)
    assert history is not None
    assert [one.name for one in history.limits] == ["requests"]


def test_what_is_known_of_a_caller_is_kept_for_its_longest_window() -> None:
    table = table_of(Profile.OFFICIAL, {})
    group = table.of(Operation.OTHER)
    assert group is not None
    assert (group.per, group.keep_s) == (Per.ADDRESS, 3600)
    everything = table.by(Per.ADDRESS)
    assert everything is not None
    assert len(everything.limits) == 5
    assert isinstance(SIGNED_IN, LimitGroup)


def test_without_limits_nothing_is_limited() -> None:
    table = LimitTable(Profile.IZIN, [])
    assert table.of(Operation.ADD) is None
    assert table.by(Per.ACCOUNT) is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([], "not a JSON object of limits by name"),
        ({"token": 10}, "token: not an object with quota or window_s, nor null"),
        ({"token": {}}, "token: not an object with quota or window_s, nor null"),
        ({"token": {"per": "ip"}}, "token.per: not a number of a limit; say quota or window_s"),
        ({"token": {"quota": 0}}, "token.quota: not a whole number from 1 to 1000000000"),
        ({"token": {"quota": True}}, "token.quota: not a whole number from 1 to 1000000000"),
        ({"token": {"quota": "10"}}, "token.quota: not a whole number from 1 to 1000000000"),
        ({"token": {"window_s": 86401}}, "token.window_s: not a whole number from 1 to 86400"),
    ],
)
def test_a_file_that_makes_no_sense_is_told_where(content: object, said: str) -> None:
    with pytest.raises(LimitsFileError) as refused:
        read_overrides(content)
    assert str(refused.value) == said


def test_a_row_that_the_profile_has_not_got_is_refused() -> None:
    with pytest.raises(
        LimitsFileError, match="history: the profile izin has no such limit; it has"
    ):
        table_of(Profile.IZIN, {"history": None})

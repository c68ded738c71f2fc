"""Histories made by hand, those that a fresh service can have and those that it cannot."""

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.torture.history import Asked, History, Key, Read, Register, Write
from tests.torture.judge import judge_register
from tests.torture.verdict import Demands, Run, Sample, Strike, reach_verdict

KEY = Key(600001, "+905990000001")
LENIENT = Demands(answers_min=0, faults=(), allowed_share_min=0.0, cache_share_min=0.0)


def written(*changes: tuple[str, float, float | None]) -> Register:
    """Return a consent with changes, each its value, when it was sent and when acknowledged."""
    return Register(("consent", 600001), "none", [Write(*change) for change in changes])


def kinds(register: Register, *reads: tuple[str, float, float]) -> list[str]:
    """Return what the judge says about reads, each its value, when asked and when answered."""
    register.reads[:] = [Read(*read, "somebody", read[0] == "ONAY") for read in reads]
    return [finding.kind for finding in judge_register(register)]


Reads = list[tuple[str, float, float]]

FRESH: dict[str, tuple[Register, Reads]] = {
    "nothing was written": (written(), [("none", 0, 1)]),
    "after the acknowledgement": (written(("ONAY", 1, 2)), [("ONAY", 3, 4)]),
    "old and new while the change is under way": (
        written(("ONAY", 1, 4)),
        [("none", 2, 3), ("ONAY", 3.5, 5)],
    ),
    "asked before the acknowledgement, answered with the old": (
        written(("ONAY", 0, 1), ("RET", 2, 4)),
        [("ONAY", 3.9, 9)],
    ),
    "a lost change has happened": (written(("ONAY", 0, 1), ("RET", 2, None)), [("RET", 9, 10)]),
    "a lost change has not happened": (
        written(("ONAY", 0, 1), ("RET", 2, None)),
        [("ONAY", 9, 10)],
    ),
    "a lost change happens late": (
        written(("ONAY", 0, 1), ("RET", 2, None)),
        [("ONAY", 9, 10), ("RET", 11, 12)],
    ),
    "a lost change happens before the next is acknowledged": (
        written(("ONAY", 0, 1), ("RET", 2, None), ("ONAY", 5, 8)),
        [("RET", 6, 7), ("ONAY", 9, 10)],
    ),
    "two who ask at the same time may see one the new, one the old": (
        written(("ONAY", 1, 9)),
        [("ONAY", 2, 5), ("none", 3, 6)],
    ),
    "there and back": (
        written(("ONAY", 0, 1), ("RET", 2, 3), ("ONAY", 4, 5)),
        [("ONAY", 1.5, 4.5), ("RET", 3.1, 3.9), ("ONAY", 6, 7)],
    ),
}

NOT_FRESH: dict[str, tuple[Register, Reads, list[str]]] = {
    "an acknowledged refusal is not seen": (
        written(("ONAY", 0, 1), ("RET", 2, 3)),
        [("ONAY", 3.1, 3.2)],
        ["stale allow"],
    ),
    "an acknowledged approval is not seen": (
        written(("ONAY", 0, 1)),
        [("none", 1.1, 1.2)],
        ["stale deny"],
    ),
    "no record where a refusal is": (
        written(("ONAY", 0, 1), ("RET", 2, 3)),
        [("none", 4, 5)],
        ["stale deny"],
    ),
    "from the future": (written(("ONAY", 5, 6)), [("ONAY", 1, 2)], ["stale allow"]),
    "never written": (written(), [("ONAY", 1, 2)], ["stale allow"]),
    "back to the old while the change is under way": (
        written(("ONAY", 0, 1), ("RET", 2, 9)),
        [("RET", 3, 4), ("ONAY", 5, 6)],
        ["stale allow"],
    ),
    "a lost change that was seen is undone": (
        written(("ONAY", 0, 1), ("RET", 2, None)),
        [("RET", 3, 4), ("ONAY", 5, 6)],
        ["stale allow"],
    ),
    "a lost change comes back after the next was acknowledged": (
        written(("ONAY", 0, None), ("RET", 2, 3)),
        [("ONAY", 4, 5)],
        ["stale allow"],
    ),
    "one of many": (
        written(("ONAY", 0, 1), ("RET", 2, 3), ("ONAY", 4, 5)),
        [("ONAY", 1.5, 1.6), ("ONAY", 3.2, 3.3), ("RET", 3.4, 3.5), ("ONAY", 6, 7)],
        ["stale allow"],
    ),
    "a chain of readers, each later than the one before": (
        written(("ONAY", 0, 1), ("RET", 2, 20), ("ONAY", 21, 40)),
        [("RET", 3, 22), ("ONAY", 22.5, 23), ("RET", 24, 25)],
        ["stale deny"],
    ),
}


@pytest.mark.parametrize("name", FRESH)
def test_what_a_fresh_service_may_say_is_accepted(name: str) -> None:
    register, reads = FRESH[name]
    assert kinds(register, *reads) == []


@pytest.mark.parametrize("name", NOT_FRESH)
def test_what_no_fresh_service_says_is_found(name: str) -> None:
    register, reads, expected = NOT_FRESH[name]
    assert kinds(register, *reads) == expected


def is_linearizable(writes: list[Write], reads: list[Read]) -> bool:
    """Search for an order of all that happened, in which each read sees the change before it.

    Slow and plain: what comes next is any step that no other step still to come was over before.
    """

    @cache
    def can_end(value: str, written_so_far: int, read_so_far: frozenset[int]) -> bool:
        to_read = [n for n in range(len(reads)) if n not in read_so_far]
        ends = [reads[n].answered for n in to_read]
        ends += [write.done for write in writes[written_so_far:] if write.done is not None]
        if not to_read:
            return True
        first_end = min(ends)
        if written_so_far < len(writes):
            write = writes[written_so_far]
            if write.done is None and can_end(value, written_so_far + 1, read_so_far):
                return True  # it never happens
            if write.sent <= first_end and can_end(write.value, written_so_far + 1, read_so_far):
                return True
        return any(
            reads[n].asked <= first_end
            and reads[n].value == value
            and can_end(value, written_so_far, read_so_far | {n})
            for n in to_read
        )

    return can_end("none", 0, frozenset())


VALUES = st.sampled_from(["none", "ONAY", "RET"])
MOMENTS = st.integers(0, 30)


@settings(max_examples=500, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["ONAY", "RET"]), st.booleans()), max_size=4),
    st.lists(MOMENTS, min_size=8, max_size=8, unique=True).map(sorted),
    st.lists(st.tuples(VALUES, MOMENTS, MOMENTS), max_size=5),
)
def test_the_judge_accepts_exactly_what_an_exhaustive_search_explains(
    changes: list[tuple[str, bool]], moments: list[int], looks: list[tuple[str, int, int]]
) -> None:
    writes = [
        Write(value, moments[2 * n], moments[2 * n + 1] if known else None)
        for n, (value, known) in enumerate(changes)
    ]
    reads = [
        Read(value, min(one, other) + 0.5, max(one, other) + 0.5, "somebody")
        for value, one, other in looks
    ]
    findings = judge_register(Register(("consent", 600001), "none", writes, reads))
    assert (not findings) is is_linearizable(writes, reads)


def test_the_story_shows_the_change_that_was_missed_and_the_answer() -> None:
    register = written(("ONAY", 0, 1), ("RET", 2, 3))
    register.reads.append(Read("ONAY", 3.5, 3.6, "operator at check-1"))
    [finding] = judge_register(register)
    assert "change 2 to RET: sent 2.0000, acknowledged 3.0000" in finding.story
    assert ">>> ONAY seen by operator at check-1: asked 3.5000, answered 3.6000" in finding.story


def asked(at: float, **changes: object) -> Asked:
    facts = {"process": "check-1", "by": "somebody", "asked": at, "answered": at + 0.1}
    return Asked(**{**facts, **changes})  # type: ignore[arg-type]  # facts of all kinds


def revoked_history() -> History:
    """Return a history in which grant and state of a brand were taken away before second 2."""
    history = History()
    for name, initial, value in (
        (("grant", KEY.brand_code, "MESAJ"), "given", "none"),
        (("header", KEY.brand_code), "bound", "unbound"),
        (("account", 7), "ACTIVE", "SUSPENDED"),
    ):
        write = history.begin(history.register(name, initial), value, now=1)
        history.acknowledge([write], now=2)
    consent = history.register(KEY.register, "none")
    history.acknowledge([history.begin(consent, "ONAY", now=0)], now=1)
    return history


@pytest.mark.parametrize(
    "circumstances", [{"is_partner": True}, {"with_header": True}, {"account": 7}], ids=str
)
def test_an_answer_in_spite_of_a_revoked_right_is_a_stale_allow(
    circumstances: dict[str, object],
) -> None:
    history = revoked_history()
    history.answer(asked(3, **circumstances), KEY, "CONSENT", allowed=True)
    assert reach_verdict(Run(history), LENIENT).kinds == {"stale allow", "too few from the cache"}


def test_a_no_to_somebody_who_may_not_ask_is_told_too_much() -> None:
    history = revoked_history()
    history.answer(asked(3, is_partner=True), KEY, "CONSENT", allowed=False)
    assert "stale right" in reach_verdict(Run(history), LENIENT).kinds


def test_a_refusal_of_a_right_that_was_given_is_a_stale_deny() -> None:
    history = History()
    history.answer(asked(1), KEY, "SENDER_NOT_REGISTERED", allowed=False)
    history.answer(asked(1, is_partner=True), KEY, "NOT_AUTHORISED", allowed=False)
    history.answer(asked(1, with_header=True), KEY, "HEADER_MISMATCH", allowed=False)
    history.signed_out(asked(1, account=7))
    verdict = reach_verdict(Run(history), LENIENT)
    assert verdict.count("stale deny") == 4


def test_an_operator_does_not_hang_on_a_partner_s_grant() -> None:
    history = revoked_history()
    history.answer(asked(3), KEY, "CONSENT", allowed=True)
    assert reach_verdict(Run(history), LENIENT).kinds == {"too few from the cache"}


@pytest.mark.parametrize(("at", "excused"), [(4, False), (5.5, True), (7.5, True), (9.5, False)])
def test_unverified_needs_a_ledger_that_is_away_or_just_back(at: float, *, excused: bool) -> None:
    history = History()
    history.answer(asked(at), KEY, "UNVERIFIED", allowed=False)
    strike = Strike("postgres killed", "ledger", 5, 6, "")
    verdict = reach_verdict(Run(history, [strike]), LENIENT)
    assert ("unverified without cause" in verdict.kinds) is not excused


def test_a_cache_that_is_away_excuses_nothing() -> None:
    history = History()
    history.answer(asked(5.5), KEY, "UNVERIFIED", allowed=False)
    strike = Strike("valkey killed", "valkey", 5, 6, "")
    assert "unverified without cause" in reach_verdict(Run(history, [strike]), LENIENT).kinds


@pytest.mark.parametrize(("victim", "excused"), [("check-1", True), ("check-2", False)])
def test_only_its_own_death_excuses_a_process_that_does_not_answer(
    victim: str, *, excused: bool
) -> None:
    history = History()
    history.not_answered(asked(5), "nothing")
    strike = Strike("check killed", victim, 5, 6, "")
    verdict = reach_verdict(Run(history, [strike]), LENIENT)
    assert ("no answer" in verdict.kinds) is not excused


@pytest.mark.parametrize(("at", "excused"), [(0, False), (1.5, True), (3, True)])
def test_the_suspension_of_who_asks_excuses_a_list_that_breaks_off(
    at: float, *, excused: bool
) -> None:
    history = revoked_history()
    history.not_answered(asked(at, account=7), "nothing")
    assert ("no answer" in reach_verdict(Run(history), LENIENT).kinds) is not excused


def test_only_calm_times_count_for_the_cache() -> None:
    strike = Strike("valkey killed", "valkey", 5, 6, "")
    samples = [
        Sample("check-1", 1, 2, {"cache": 96, "ledger": 4, "none": 0}),
        Sample("check-1", 4.9, 5.1, {"cache": 0, "ledger": 99, "none": 0}),
        Sample("check-1", 7.9, 8.1, {"cache": 0, "ledger": 99, "none": 0}),
    ]
    demands = Demands(answers_min=0, faults=(), allowed_share_min=0.0)
    run = Run(History(), [strike], samples)
    assert reach_verdict(run, demands).cache_share == 0.96
    assert not reach_verdict(run, demands).complaints
    run.samples.append(Sample("check-2", 10, 11, {"cache": 90, "ledger": 10, "none": 0}))
    assert reach_verdict(run, demands).kinds == {"too few from the cache"}


def test_a_run_without_faults_answers_or_permissions_shows_nothing() -> None:
    history = History()
    for _ in range(3):
        history.answer(asked(1), KEY, "NO_RECORD", allowed=False)
    demands = Demands(answers_min=10, faults=("valkey killed",), cache_share_min=0.0)
    verdict = reach_verdict(Run(history, errors=["check-1: it broke"]), demands)
    assert verdict.kinds == {
        *("too few answers", "too few allowed", "fault missing", "error logged"),
        "too few from the cache",
    }

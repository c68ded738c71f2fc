"""What a run must show, besides that nothing was stale: that it was a test at all.

A service that denies everything is never stale-allow, one that is always UNVERIFIED is never wrong, and a
fault that did not happen breaks nothing. So the run as a whole has demands, too. Pure.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.torture.history import History, Trouble, account_register
from tests.torture.judge import Finding, judge, may_have_been

LEDGER: Final = "ledger"

FAULTS: Final = (
    "valkey killed",
    "valkey flushed",
    "valkey paused",
    "valkey from an old dump",
    "projector killed",
    "projector paused",
    "registry killed",
    "check killed",
    "postgres restarted",
    "postgres killed",
)

SOURCES: Final = ("cache", "ledger", "none")


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault: from the blow until the victim was back. `proof` is what shows that it happened.

    `victim` is the ledger, or the name of one process.
    """

    kind: str
    victim: str
    began: float
    ended: float
    proof: str


@dataclass(frozen=True, slots=True)
class Sample:
    """From where the addresses between two looks at a process' metrics were answered."""

    process: str
    began: float
    ended: float
    by_source: dict[str, float]


@dataclass(frozen=True, slots=True)
class Demands:
    """What the run must reach. Allowances are generous: they bound an excuse, they are no benchmark.

    `ledger_back_s`: deadline of a check and time to connect again, after the ledger is back.
    `process_back_s`: after a check process is ready again. `settled_s`: after any fault, until the cache is
    expected to answer.
    """

    answers_min: int
    faults: Sequence[str] = FAULTS
    allowed_share_min: float = 1 / 3
    cache_share_min: float = 0.95
    ledger_back_s: float = 3.0
    process_back_s: float = 1.0
    settled_s: float = 2.0


@dataclass(slots=True)
class Run:
    """All that is known of one run."""

    history: History
    strikes: list[Strike] = field(default_factory=list[Strike])
    samples: list[Sample] = field(default_factory=list[Sample])
    errors: list[str] = field(default_factory=list[str])
    served: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])


@dataclass(frozen=True, slots=True)
class Verdict:
    """What speaks against the run, by kind; and what it came to."""

    complaints: Sequence[Finding]
    calm: Counter[str]

    @property
    def kinds(self) -> frozenset[str]:
        return frozenset(complaint.kind for complaint in self.complaints)

    def count(self, kind: str) -> int:
        return sum(complaint.kind == kind for complaint in self.complaints)

    @property
    def cache_share(self) -> float | None:
        """The share of the answers outside fault windows that came from the cache; None without any."""
        return self.calm["cache"] / self.calm.total() if self.calm.total() else None


def reach_verdict(run: Run, demands: Demands) -> Verdict:
    """Judge a run."""
    calm = calm_answers(run, settled_s=demands.settled_s)
    complaints = [
        *judge(run.history),
        *_unexcused(run, demands),
        *(Finding("strange", what) for what in run.history.strange),
        *(Finding("error logged", what) for what in run.errors),
        *_missing(run, demands),
    ]
    verdict = Verdict(complaints, calm)
    share = verdict.cache_share
    if share is None or share < demands.cache_share_min:
        told = "no answer" if share is None else f"{share:.1%} of {calm.total():.0f} answers"
        complaints.append(
            Finding("too few from the cache", f"{told} outside fault windows came from the cache")
        )
    return verdict


def calm_answers(run: Run, *, settled_s: float) -> Counter[str]:
    """Add up from where answers came in samples that no fault, nor the time after one, touches."""
    calm: Counter[str] = Counter()
    for sample in run.samples:
        if is_calm(run, sample.began, sample.ended, settled_s=settled_s):
            calm.update({name: round(count) for name, count in sample.by_source.items()})
    return calm


def is_calm(run: Run, began: float, ended: float, *, settled_s: float) -> bool:
    """Say whether no fault, nor the time after one, touches what lies in between."""
    return not any(
        strike.began <= ended and began <= strike.ended + settled_s for strike in run.strikes
    )


def _unexcused(run: Run, demands: Demands) -> Iterable[Finding]:
    """Yield what was not verified while the ledger was there, and not answered by a process that was."""
    ledger = [strike for strike in run.strikes if strike.victim == LEDGER]
    for trouble in run.history.unverified:
        if not _excused(trouble, ledger, demands.ledger_back_s):
            yield Finding("unverified without cause", _told(trouble))
    for trouble in run.history.unanswered:
        own = [strike for strike in run.strikes if strike.victim == trouble.process]
        if not (_excused(trouble, own, demands.process_back_s) or _cut(run.history, trouble)):
            yield Finding("no answer", _told(trouble))


def _excused(trouble: Trouble, strikes: Iterable[Strike], back_s: float) -> bool:
    return any(
        strike.began <= trouble.answered and trouble.asked <= strike.ended + back_s
        for strike in strikes
    )


def _cut(history: History, trouble: Trouble) -> bool:
    """Say whether the caller may have been suspended while it was being answered."""
    register = history.registers.get(account_register(trouble.account))
    return register is not None and may_have_been(
        register, "SUSPENDED", since=trouble.asked, until=trouble.answered
    )


def _told(trouble: Trouble) -> str:
    return f"{trouble.what} (asked {trouble.asked:.4f}, ended {trouble.answered:.4f})"


def _missing(run: Run, demands: Demands) -> Iterable[Finding]:
    """Yield what a run must have and this one has not."""
    history = run.history
    if history.answers < demands.answers_min:
        told = f"{history.answers} addresses answered, {demands.answers_min} are asked for"
        yield Finding("too few answers", told)
    if history.allowed < history.answers * demands.allowed_share_min:
        yield Finding("too few allowed", f"{history.allowed} of {history.answers}")
    for kind in demands.faults:
        if not any(strike.kind == kind for strike in run.strikes):
            yield Finding("fault missing", kind)

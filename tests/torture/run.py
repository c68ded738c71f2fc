"""One run after the other on one system: `python -m tests.torture.run --seconds 3600`.

A run has a world of its own, writers, checkers, a seeded order of faults, and a verdict. With an odd seed
faults come twice and by twos. Exits 1 if anything speaks against a run, and tells what, with its seed.
"""

import argparse
import asyncio
import random
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from tests.torture.faults import PAUSE_MAX_S, Tormentor
from tests.torture.logs import LogWatch
from tests.torture.sampler import Sampler
from tests.torture.scene import Scene, open_scene
from tests.torture.stopwatch import percentiles
from tests.torture.system import CHECK_DEADLINE_S, System, open_system
from tests.torture.verdict import FAULTS, Demands, Run, Verdict, is_calm, reach_verdict

ANSWERS_A_SECOND_MIN: Final = 50
RUN_S: Final = 60.0
SECONDS_MAX: Final = 86_400
TOLD_MAX: Final = 5
WARM_S: Final = 15.0
SETTLE_S: Final = 0.5  # nobody writes any more


@dataclass(frozen=True, slots=True)
class Plan:
    """One run: its length without warming up, and what is drawn from its seed.

    `together` is how many faults may overlap.
    """

    seed: int
    seconds: float
    faults: Sequence[str] = FAULTS
    pause_max_s: float = PAUSE_MAX_S
    together: int = 1
    demands: Demands = field(default_factory=lambda: Demands(answers_min=0))


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run and what is said about it."""

    plan: Plan
    run: Run
    verdict: Verdict


async def torture(system: System, plan: Plan, *, number: int = 1) -> Outcome:
    """Run once."""
    # Two dice: what people draw depends on how quick they are, and must not change the order of faults.
    faults, people = (random.Random(f"{plan.seed} {who}") for who in ("faults", "people"))  # noqa: S311  # no secret
    tormentor = Tormentor(system, faults, pause_max_s=plan.pause_max_s)
    watch = LogWatch(system)
    async with open_scene(system, people, number=number, checks=system.checks) as scene:
        sampler = Sampler(system.checks)
        script = _faults_in_turn(system, tormentor, sampler, plan)
        await stir(scene, script, [sampler.sample_all_the_time()])
        await asyncio.sleep(SETTLE_S)
        await sampler.look()
        await scene.ask_everything()
        await sampler.look()
        run = Run(scene.history, tormentor.strikes, sampler.samples, watch.errors())
        if scene.stopwatch is not None:
            run.served += scene.stopwatch.served
    return Outcome(plan, run, reach_verdict(run, plan.demands))


async def stir(
    scene: Scene, script: Awaitable[None], others: Sequence[Coroutine[None, None, None]] = ()
) -> None:
    """Let everybody write and ask while the script goes on; whoever fails ends it."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work) for work in (*scene.everybody(), *others)]
        await script
        for task in tasks:
            task.cancel()


async def _faults_in_turn(
    system: System, tormentor: Tormentor, sampler: Sampler, plan: Plan
) -> None:
    """Bring about every fault once, in an order of the dice, with time to settle after each."""
    await sampler.until_warm(timeout_s=WARM_S)
    await tormentor.keep_dump()
    kinds = tormentor.dice.sample(plan.faults, len(plan.faults))
    turns = _turns(kinds, together=plan.together)
    calm_s = plan.demands.settled_s + 2 * sampler.pause_s + 0.5
    began = monotonic()
    for n, turn in enumerate(turns):
        due = began + n * plan.seconds / max(1, len(turns))
        await asyncio.sleep(max(calm_s, due - monotonic()))
        async with asyncio.TaskGroup() as group:
            for kind in turn:
                group.create_task(tormentor.strike(kind))
    await asyncio.sleep(max(calm_s, began + plan.seconds - monotonic()))


def _turns(kinds: Sequence[str], *, together: int) -> list[list[str]]:
    """Put so many faults into each turn, none of them twice at the same kind of process."""
    turns: list[list[str]] = []
    for kind in kinds:
        subject = kind.split()[0]
        for turn in turns:
            if len(turn) < together and all(other.split()[0] != subject for other in turn):
                turn.append(kind)
                break
        else:
            turns.append([kind])
    return turns


def demands_for(seconds: float, *, check_deadline_s: float = CHECK_DEADLINE_S) -> Demands:
    """Return what a run of this length must show."""
    return Demands(
        answers_min=round(ANSWERS_A_SECOND_MIN * seconds), ledger_back_s=check_deadline_s + 2.0
    )


def report(outcome: Outcome) -> str:
    """Tell what speaks against a run, and how to repeat it."""
    told = Counter(complaint.kind for complaint in outcome.verdict.complaints)
    lines = [f"seed {outcome.plan.seed}: {dict(told) or 'nothing speaks against it'}"]
    for kind in told:
        some = [each for each in outcome.verdict.complaints if each.kind == kind][:TOLD_MAX]
        lines += [f"--- {kind}: {each.story}" for each in some]
    if told:
        lines += [
            f"fault: {s.kind} ({s.victim}) {s.began:.4f} to {s.ended:.4f}: {s.proof}"
            for s in outcome.run.strikes
        ]
    return "\n".join(lines)


def figures(outcome: Outcome) -> str:
    """Tell in one line what a run came to."""
    history, verdict = outcome.run.history, outcome.verdict
    share = verdict.cache_share
    return (
        f"{history.answers} answers ({history.allowed / max(1, history.answers):.0%} allowed, "
        f"{len(history.unverified)} unverified, {len(history.unanswered)} lost), "
        f"{history.writes_acknowledged} writes ({history.writes_lost} lost), "
        f"{len(outcome.run.strikes)} faults, {verdict.count('stale allow')} stale allows, "
        f"{verdict.count('stale deny')} stale denies, "
        f"{'no' if share is None else f'{share:.1%} of'} {verdict.calm.total():.0f} calm answers from the "
        f"cache; from acknowledged to served {percentiles(_calm_times(outcome))}"
    )


def _calm_times(outcome: Outcome) -> list[float]:
    """Return how long the cache took to follow, apart from faults."""
    settled_s = outcome.plan.demands.settled_s
    return [
        seconds
        for began, seconds in outcome.run.served
        if is_calm(outcome.run, began, began + seconds, settled_s=settled_s)
    ]


async def run_for(
    seconds: float, *, seed: int, check_deadline_s: float, say: Callable[[str], object]
) -> int:
    """Run again and again; return how many runs had something against them."""
    failed = 0
    began = monotonic()
    totals: Counter[str] = Counter()
    async with open_system(check_deadline_s=check_deadline_s) as system:
        number = 0
        while not number or monotonic() - began < seconds:
            number += 1
            length = min(RUN_S, seconds)
            together = 1 + (seed + number - 1) % 2
            plan = Plan(
                seed=seed + number - 1,
                seconds=length,
                faults=FAULTS * together,
                together=together,
                demands=demands_for(length, check_deadline_s=check_deadline_s),
            )
            outcome = await torture(system, plan, number=number)
            failed += bool(outcome.verdict.complaints)
            _add_up(totals, outcome)
            say(f"{monotonic() - began:6.0f} s  run {number}, {figures(outcome)}")
            if outcome.verdict.complaints:
                say(report(outcome))
    say(f"in all: {number} runs, {failed} with complaints; " + _listed(totals))
    return failed


def _add_up(totals: Counter[str], outcome: Outcome) -> None:
    history = outcome.run.history
    totals["answers"] += history.answers
    totals["allowed"] += history.allowed
    totals["unverified"] += len(history.unverified)
    totals["writes"] += history.writes_acknowledged
    totals["writes lost"] += history.writes_lost
    totals.update(strike.kind for strike in outcome.run.strikes)
    totals.update(complaint.kind for complaint in outcome.verdict.complaints)
    totals.update({f"calm, from {source}": n for source, n in outcome.verdict.calm.items()})


def _listed(totals: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in totals.items())


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=3600, help="how long, at most a day")
    parser.add_argument(
        "--seed", type=int, default=1, help="of the first run; the next has the next"
    )
    parser.add_argument("--check-deadline-s", type=float, default=CHECK_DEADLINE_S)
    options = parser.parse_args(arguments)
    if options.seconds > SECONDS_MAX:
        parser.error("at most a day")

    def say(line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    running = run_for(
        options.seconds, seed=options.seed, check_deadline_s=options.check_deadline_s, say=say
    )
    return int(asyncio.run(running) > 0)


if __name__ == "__main__":
    sys.exit(main())

"""One run of the bench: how long its turns are, and how turns of several programs alternate."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Final

from loadtests.kit.load import Measured
from loadtests.kit.report import Report
from loadtests.kit.world import World

STARTED: Final = perf_counter()


@dataclass(frozen=True, slots=True)
class IngestSize:
    """How much is stored before files come, how many rows they have, and what goes on beside them."""

    world: World
    large: World
    rows: int
    xlsx_rows: int
    beside_rows: int
    idle_s: int
    checks_per_s: int


@dataclass(frozen=True, slots=True)
class Size:
    """How much is asked, and how long."""

    world: World
    small: World
    few_brands: World
    seconds: int
    rounds: int
    questions: int
    batches: int
    agreement: int
    refusals: int
    ingest: IngestSize

    def changed(self, seconds: int | None, rounds: int | None) -> "Size":
        """Return the same with turns of another length or number, where one is given."""
        return replace(self, seconds=seconds or self.seconds, rounds=rounds or self.rounds)


FULL: Final = Size(
    world=World(10_000_000),
    small=World(100_000),
    few_brands=World(1_000_000, fewest=1, most=3),
    seconds=8,
    rounds=3,
    questions=300_000,
    batches=400,
    agreement=10_000,
    refusals=1_000,
    ingest=IngestSize(
        world=World(1_000_000),
        large=World(20_000_000),
        rows=1_000_000,
        xlsx_rows=300_000,
        beside_rows=2_000_000,
        idle_s=30,
        checks_per_s=1_000,
    ),
)
QUICK: Final = Size(
    world=World(100_000),
    small=World(100_000),
    few_brands=World(100_000, fewest=1, most=3),
    seconds=2,
    rounds=1,
    questions=50_000,
    batches=50,
    agreement=1_000,
    refusals=50,
    ingest=IngestSize(
        world=World(100_000),
        large=World(100_000),
        rows=100_000,
        xlsx_rows=20_000,
        beside_rows=100_000,
        idle_s=5,
        checks_per_s=1_000,
    ),
)


@dataclass(frozen=True, slots=True)
class Bench:
    """What every scenario is given."""

    size: Size
    report: Report = field(default_factory=Report)

    def say(self, text: str) -> None:
        """Print a line of progress."""
        print(f"[{perf_counter() - STARTED:5.0f} s] {text}", file=sys.stderr, flush=True)

    def alternate(
        self, turns: Mapping[str, Callable[[], Measured]], *, rounds: int = 0
    ) -> dict[str, list[Measured]]:
        """Let everybody take a turn, round after round, each round begun by another."""
        names = list(turns)
        taken: dict[str, list[Measured]] = {name: [] for name in names}
        for n in range(rounds or self.size.rounds):
            first = n % len(names)
            for name in (*names[first:], *names[:first]):
                measured = turns[name]()
                taken[name].append(measured)
                self.report.turn(name, n + 1, measured)
                tail = f", p99 {measured.p99:.2f} ms" if measured.p99 else ""
                self.say(f"{name}: {measured.rate:,.0f}/s{tail}")
        return taken

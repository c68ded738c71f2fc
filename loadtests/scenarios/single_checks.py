"""How fast is a single check, beside what a user would pick instead?

Closed loop: wrk with 64 connections on the load's core, the measured server alone on its own, all of
them on the same Valkey with the same entries. Before anything is timed the rivals answer 10,000 questions
as we do, or their rows are void; nginx with Lua must reach half of what nginx reaches with a constant.
Then an open loop at a fifth of what we reached, with latency counted from the time at which a request
was due.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

from loadtests.kit.agreement import (
    decisions,
    first_difference,
    questions_with_oddities,
    statuses_by_webdis,
)
from loadtests.kit.lab import Lab
from loadtests.kit.load import Measured, open_loop, wrk
from loadtests.kit.prepared import body_of, places, post, webdis_lookups, write_prepared
from loadtests.kit.report import Goal
from loadtests.kit.rivals import fastapi_plain, front_door, nginx_lua, webdis, write_facts
from loadtests.kit.run import Bench
from loadtests.kit.stack import Server
from loadtests.kit.tools import missing

OURS: Final = "single check"
LUA: Final = "nginx + Lua, one pipeline for all"
LUA_POOL: Final = "nginx + Lua, a pooled connection each"
CONSTANT: Final = "nginx, a constant"
FASTAPI: Final = "FastAPI + redis-py"
WEBDIS: Final = "webdis, the bare look-up"
DOOR: Final = "through the front door"
OPEN: Final = "open loop at a fifth"
OPEN_LUA: Final = "open loop, nginx + Lua"
WARM_S: Final = 2
HALF: Final = 0.5
SHARE_OF_CAPACITY: Final = 0.2
OPEN_SECONDS_FACTOR: Final = 2


@dataclass(slots=True)
class Stage:
    """Who runs, on which requests, and why a row would be void."""

    lab: Lab
    requests: Path
    servers: dict[str, tuple[Server, Path]] = field(default_factory=dict[str, tuple[Server, Path]])
    void: dict[str, str] = field(default_factory=dict[str, str])
    lacking: dict[str, str] = field(default_factory=dict[str, str])

    def turn(self, name: str, seconds: int) -> Callable[[], Measured]:
        """Return a closed-loop turn of one server."""
        server, requests = self.servers[name]
        return partial(wrk, server, requests, seconds=seconds)


def run(bench: Bench, lab: Lab) -> None:
    """Measure, and add the rows."""
    lack = missing("wrk", "gcc")
    if lack:
        bench.report.row("single checks", reached=lack)
        return
    with ExitStack() as running:
        stage = Stage(lab, lab.single_checks(bench.size.questions))
        _start(bench, stage, running)
        _compare_answers(bench, stage)
        taken = _closed_loop(bench, stage)
        _rows(bench, stage, taken)
        _open_loop(bench, stage, median(turn.rate for turn in taken[OURS]))


def _start(bench: Bench, stage: Stage, running: ExitStack) -> None:
    lab, folder = stage.lab, stage.lab.folder
    facts = write_facts(folder, lab.product, lab.layout())
    stage.servers[OURS] = (lab.check, stage.requests)
    stage.lacking = {
        LUA: missing("nginx+lua"),
        WEBDIS: missing("webdis"),
        DOOR: missing("nginx"),
    }
    if not stage.lacking[LUA]:
        nginx = running.enter_context(nginx_lua(folder, facts))
        stage.servers[LUA] = (nginx, stage.requests)
        for name, path in ((LUA_POOL, "/check/pool"), (CONSTANT, "/constant")):
            bodies = (
                post(path, lab.token, body_of(question))
                for question in lab.questions(bench.size.questions)
            )
            file = write_prepared(folder / path.replace("/", "-"), bodies)
            stage.servers[name] = (nginx, file)
    if not stage.lacking[WEBDIS]:
        found = places(lab.questions(bench.size.questions), lab.keys, lab.layout())
        file = write_prepared(folder / "webdis-requests", webdis_lookups(found))
        stage.servers[WEBDIS] = (running.enter_context(webdis(folder, lab.product)), file)
    plain = running.enter_context(fastapi_plain(folder, facts))
    stage.servers[FASTAPI] = (plain, stage.requests)
    if not stage.lacking[DOOR]:
        door = running.enter_context(front_door(folder, lab.product, lab.check.port))
        stage.servers[DOOR] = (door, stage.requests)


def _compare_answers(bench: Bench, stage: Stage) -> None:
    """Ask everybody the same; whoever answers otherwise has its rows void."""
    count = bench.size.agreement
    bench.say(f"comparing {count} answers")
    asked = questions_with_oddities(stage.lab, count)
    ours = decisions(stage.lab.check, "/check", asked)
    for name, path in ((LUA, "/check"), (LUA_POOL, "/check/pool"), (FASTAPI, "/check")):
        if name in stage.servers:
            theirs = decisions(stage.servers[name][0], path, asked)
            difference = first_difference(ours, theirs)
            if difference:
                stage.void[name] = f"void: other answers ({difference})"
    if WEBDIS in stage.servers:
        questions = stage.lab.questions(count)
        found = statuses_by_webdis(stage.lab, stage.servers[WEBDIS][0], questions)
        for question, (token, body), said, status in zip(
            questions, asked, ours, found, strict=True
        ):
            plain = token == stage.lab.token and body == body_of(question)
            if plain and said != (200, *said[1:3], status):
                stage.void[WEBDIS] = "void: it finds other entries"
    agreed = "not all the same" if stage.void else "the same from all"
    bench.report.remark(f"Answers to {count} questions before the first turn: {agreed}.")


def _closed_loop(bench: Bench, stage: Stage) -> dict[str, list[Measured]]:
    for name in stage.servers:
        stage.turn(name, WARM_S)()
    before = stage.lab.answered_from()
    taken = bench.alternate({name: stage.turn(name, bench.size.seconds) for name in stage.servers})
    after = stage.lab.answered_from()
    spent = {source: after[source] - before.get(source, 0) for source in after}
    total = sum(spent.values())
    if total:
        shares = ", ".join(f"{source} {count / total:.2%}" for source, count in spent.items())
        bench.report.remark(f"Our answers of the closed loop came from: {shares}.")
    return taken


def _rows(bench: Bench, stage: Stage, taken: dict[str, list[Measured]]) -> None:
    report, ours = bench.report, taken[OURS]
    if stage.lacking[LUA]:
        report.row("single check, against nginx + Lua", reached=stage.lacking[LUA])
    else:
        for name in (LUA, LUA_POOL):
            half = median(turn.rate for turn in taken[name])
            constant = median(turn.rate for turn in taken[CONSTANT])
            if half < HALF * constant:
                stage.void.setdefault(name, f"void: {half / constant:.0%} of nginx's constant")
        best = max((LUA, LUA_POOL), key=lambda name: median(turn.rate for turn in taken[name]))
        report.ratio(
            f"single check, 64 connections, against {best} (the faster one)",
            *(ours, taken[best], Goal(1.0, 1.5)),
            void=stage.void.get(best, ""),
        )
        other = LUA if best == LUA_POOL else LUA_POOL
        report.ratio(f"… against {other}", ours, taken[other], void=stage.void.get(other, ""))
        report.ratio(f"… against {CONSTANT}", ours, taken[CONSTANT])
        theirs = median(turn.p99 for turn in taken[best])
        report.figure(
            f"… p99, below that of {best}",
            median(turn.p99 for turn in ours),
            Goal(theirs, min(theirs, 1.0), " ms", smaller_is_better=True),
            beside=f"{theirs:.2f} ms",
            void=stage.void.get(best, ""),
        )
    report.ratio(
        f"… against plain {FASTAPI}",
        *(ours, taken[FASTAPI], Goal(12, 25)),
        void=stage.void.get(FASTAPI, ""),
    )
    if stage.lacking[WEBDIS]:
        report.row(f"… against {WEBDIS}", reached=stage.lacking[WEBDIS])
    else:
        report.ratio(f"… against {WEBDIS}", ours, taken[WEBDIS], void=stage.void.get(WEBDIS, ""))
    if stage.lacking[DOOR]:
        report.row(f"… {DOOR}", reached=stage.lacking[DOOR])
    else:
        report.ratio(f"single check {DOOR}, beside: without", taken[DOOR], ours)


def _open_loop(bench: Bench, stage: Stage, capacity: float) -> None:
    rate, seconds = capacity * SHARE_OF_CAPACITY, bench.size.seconds * OPEN_SECONDS_FACTOR
    names = {OPEN: OURS, OPEN_LUA: LUA}
    taken = bench.alternate(
        {
            name: partial(open_loop, *stage.servers[server], rate, seconds=seconds)
            for name, server in names.items()
            if server in stage.servers
        }
    )
    ours = taken[OPEN]
    held = sum(turn.held for turn in ours)
    void = "" if held == len(ours) else f"void: {len(ours) - held} of {len(ours)} did not hold"
    failed = sum(turn.failed for turn in ours)
    void = void or (f"void: {failed} requests failed" if failed else "")
    theirs = taken.get(OPEN_LUA, [])
    bench.report.row(f"open loop at {rate:,.0f}/s, a fifth of the above; beside: nginx + Lua")
    for name, goal, of in (
        ("p50", Goal(0.3, 0.3, " ms", smaller_is_better=True), lambda turn: turn.p50),
        ("p99", Goal(1.0, 1.0, " ms", smaller_is_better=True), lambda turn: turn.p99),
        ("p99.9", Goal(3.0, 3.0, " ms", smaller_is_better=True), lambda turn: turn.p999),
    ):
        beside = f"{median(map(of, theirs)):.2f} ms" if theirs else stage.lacking[LUA]
        bench.report.figure(f"… {name}", median(map(of, ours)), goal, beside=beside, void=void)

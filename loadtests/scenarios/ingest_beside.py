"""What does everybody else notice while a file goes in?

The check process, Valkey and the generator of checks have core 0; everything else has core 1 and is niced:
web, worker, PostgreSQL, projector. So it is while nothing goes in, too. An open loop asks the check process
about people of the seeded world; withdrawals (`kit/withdrawals.py`) go over the wire one after the other. The
same is measured idle, and while a mixed file goes in, from its first byte until the cache serves its brand
again. The worker's memory is watched. The picture has the rate above, and below who waits how long.
"""

import json
import signal
import subprocess
import threading
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Final

from loadtests.consent_files.stream import lines
from loadtests.kit.ingest_stage import MIXED, File, Stage, ingest_stage
from loadtests.kit.load import CONNECTIONS
from loadtests.kit.picture import Panel, Series, draw
from loadtests.kit.prepared import checks, single_questions, write_prepared
from loadtests.kit.processes import Memory, below, memory_of, named, place
from loadtests.kit.report import Goal
from loadtests.kit.run import Bench
from loadtests.kit.stack import LOAD_CORE, SERVER_CORE, check_process, running
from loadtests.kit.tools import DATA, built, missing
from loadtests.kit.withdrawals import OTHERS, WHOSE, Sender, Sent, percentiles, withdrawals

NICENESS: Final = 10
WINDOW_S: Final = 1
LONGEST_S: Final = 3_600
WATCH_S: Final = 0.25
PROGRESS_S: Final = 0.5
PICTURE: Final = DATA / "last-ingest.svg"
CHECK_GOAL: Final = Goal(3.0, 1.5, " ×", smaller_is_better=True)
RET_GOAL: Final = Goal(100, 50, " ms", smaller_is_better=True)
WORKER_GOAL: Final = Goal(400, 200, " MB", smaller_is_better=True)
IDLE: Final = "idle"
LOADED: Final = "while a file goes in"


@dataclass(slots=True)
class Watched:
    """What was seen in one phase; `windows` and `progress` by seconds since it began."""

    began: float = field(default_factory=perf_counter)
    checks: dict[str, object] = field(default_factory=dict[str, object])
    windows: list[dict[str, float]] = field(default_factory=list[dict[str, float]])
    sent: Sent = field(default_factory=Sent)
    progress: list[tuple[float, int]] = field(default_factory=list[tuple[float, int]])
    memory: Memory = field(default_factory=Memory)
    seconds: float = 0.0

    def check_ms(self, name: str) -> float:
        """Return a percentile of the checks' latency."""
        latency = self.checks["latency_ms"]
        assert isinstance(latency, dict)  # noqa: S101  # the generator's report
        return float(latency[name])


@dataclass(frozen=True, slots=True)
class Scene:
    """A stage whose processes have their places, the check process, and prepared questions."""

    bench: Bench
    stage: Stage
    check_port: int
    requests: Path
    file: File
    numbers: "array[int]"


def run(bench: Bench) -> None:
    """Measure, add the rows, draw the picture."""
    lack = missing("gcc", "taskset")
    if lack:
        bench.report.row("checks and withdrawals beside a file", reached=lack)
        return
    size = bench.size.ingest
    with (
        ingest_stage(size.world, core=LOAD_CORE) as stage,
        check_process(stage.product, core=SERVER_CORE) as check,
    ):
        _place(stage)
        bench.say(f"making a file of {size.beside_rows:,} rows")
        file = stage.make(size.beside_rows, MIXED)
        questions = single_questions(stage.world, bench.size.questions, seed=1)
        token = stage.product.demo_text("operator", "api_key")
        requests = write_prepared(stage.folder / "questions", checks(questions, token))
        scene = Scene(bench, stage, check.port, requests, file, _numbers(file))
        _phase(scene, 2, IDLE)  # warms up
        idle = _phase(scene, size.idle_s, IDLE)
        loaded = _phase(scene, LONGEST_S, LOADED)
    _rows(scene, idle, loaded)
    _draw(scene, idle, loaded)


def _place(stage: Stage) -> None:
    """Give Valkey the check's core, and have everything else be nice on the other."""
    everything = below(stage.up_pid)
    valkey = named(everything, "valkey-server")
    for pid in everything:
        if pid in valkey:
            place(pid, SERVER_CORE)
        else:
            place(pid, LOAD_CORE, niceness=NICENESS)


def _numbers(file: File) -> "array[int]":
    """Return the last seven digits of each readable row's number, -1 where it has another address."""
    return array(
        "i",
        (
            int(said.recipient[6:])
            if (said := line.said) and said.channel == "MESAJ" and "@" not in said.recipient
            else -1
            for line in lines(file.recipe)
        ),
    )


def _phase(scene: Scene, seconds: int, name: str) -> Watched:
    """Watch for some seconds, or while the file goes in."""
    scene.bench.say(name)
    watched, stage = Watched(), scene.stage
    done = [0]
    product = stage.product
    sender = Sender(
        registry_port=stage.uploader.port,
        check_port=scene.check_port,
        path=f"/sps/{product.demo_text('provider', 'iys_code')}",
        provider_token=stage.uploader.token,
        operator_token=product.demo_text("operator", "api_key"),
        world=stage.world,
        brand_code=scene.file.brand_code,
        numbers=scene.numbers,
        done=lambda: done[0],
    )
    with (
        memory_of(stage.worker(), every_s=WATCH_S) as watched.memory,
        _asking(scene, watched, seconds),
        withdrawals(sender) as watched.sent,
    ):
        if name == LOADED:
            _load(scene, watched, done)
        else:
            threading.Event().wait(seconds)
        watched.seconds = perf_counter() - watched.began
    return watched


def _load(scene: Scene, watched: Watched, done: list[int]) -> None:
    uploader = scene.stage.uploader
    job_id = uploader.send(scene.file.path, scene.file.brand_code)

    def told(rows_done: int) -> None:
        done[0] = rows_done
        watched.progress.append((perf_counter() - watched.began, rows_done))

    uploader.wait(job_id, every_s=PROGRESS_S, told=told)
    scene.stage.wait_until_served(scene.file.brand_code)


@contextmanager
def _asking(scene: Scene, watched: Watched, seconds: int) -> Iterator[None]:
    """Ask in an open loop while the block runs; its report comes with its end."""
    command = [
        *(str(built("openloop")), "127.0.0.1", str(scene.check_port), str(scene.requests)),
        *(str(scene.bench.size.ingest.checks_per_s), str(min(seconds, LONGEST_S) + 60)),
        *(str(CONNECTIONS), "poisson", str(WINDOW_S)),
    ]
    log = scene.stage.folder / "checks.log"
    log.unlink(missing_ok=True)
    with running("checks", command, log=log, core=SERVER_CORE) as process:
        watched.began = perf_counter()
        yield
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            raise SystemExit("the generator of checks does not end") from None
    said = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    watched.windows = [one for one in said if "at_s" in one]
    watched.checks = next(one for one in said if "latency_ms" in one)


def _rows(scene: Scene, idle: Watched, loaded: Watched) -> None:
    report, rows = scene.bench.report, scene.file.recipe.rows
    report.row(
        f"{rows:,} rows go in beside it, on the niced core, in {loaded.seconds:.0f} s",
        f"{rows / loaded.seconds:,.0f}/s",
        reached="—",
    )
    ratio = loaded.check_ms("p99") / max(idle.check_ms("p99"), 1e-9)
    report.figure(
        f"check p99 {LOADED}, against idle, {scene.bench.size.ingest.checks_per_s:,} checks/s",
        ratio,
        CHECK_GOAL,
        beside=f"{loaded.check_ms('p99'):.2f} ms, idle {idle.check_ms('p99'):.2f} ms",
        void=_void(idle) or _void(loaded),
    )
    p50, p99 = percentiles(loaded.sent.acknowledged())
    report.figure(
        f"single RET acknowledged {LOADED}, p99 of {len(loaded.sent.all)}",
        p99,
        RET_GOAL,
        beside=f"p50 {p50:.1f} ms, idle p99 {percentiles(idle.sent.acknowledged())[1]:.1f} ms",
        void="void: " + loaded.sent.failed[0] if loaded.sent.failed else "",
    )
    for whose in WHOSE:
        p50, p99 = percentiles(loaded.sent.acknowledged(whose))
        report.row(f"… of {whose}", f"p99 {p99:.1f} ms", f"p50 {p50:.1f} ms", reached="—")
    exceptions = Goal(0, 0, "", smaller_is_better=True)
    report.figure("… checks that still allow afterwards", loaded.sent.allowed_after, exceptions)
    report.figure(
        f"memory of the worker {LOADED}, mixed CSV: resident, at most",
        loaded.memory.worker_mb,
        WORKER_GOAL,
        beside=f"{loaded.memory.children} children",
    )
    report.remark(
        f"The file beside was CSV, mixed; checks were asked in an open loop; largest {LOADED} "
        f"{loaded.check_ms('max'):.1f} ms, p99.9 {loaded.check_ms('p99.9'):.2f} ms, idle "
        f"{idle.check_ms('max'):.1f} and {idle.check_ms('p99.9'):.2f} ms."
    )


def _void(watched: Watched) -> str:
    """Say why the checks of a phase count for nothing; a generator that was late itself says so."""
    if watched.checks["not_200"] or watched.checks["broken"]:
        return f"void: {watched.checks['not_200']} not 200, {watched.checks['broken']} broken"
    return ""


def _draw(scene: Scene, idle: Watched, loaded: Watched) -> None:
    steps = list(zip(loaded.progress, loaded.progress[1:], strict=False))
    rate = [(at, (n - before) / (at - since)) for (since, before), (at, n) in steps if at > since]
    ended = loaded.progress[-1][0]
    checks_p99 = [(one["at_s"], one["p99"]) for one in loaded.windows]
    level = idle.check_ms("p99")
    denied = {
        whose: [
            (one.at - loaded.began, one.denied_ms)
            for one in loaded.sent.all
            if (one.whose == OTHERS) is (whose == OTHERS)
        ]
        for whose in (OTHERS, "the file's brand")
    }
    draw(
        PICTURE,
        f"{scene.file.recipe.rows:,} rows go in at {scene.stage.world.consents:,} stored",
        [
            Panel("rows worked off a second", "/s", [Series("rows/s", "#2b6cb0", rate)]),
            Panel(
                "how long others wait",
                "ms",
                [
                    Series("check, p99 of a second", "#c05621", checks_p99),
                    Series("the same, idle", "#999999", [(0, level), (ended, level)], dashed=True),
                    Series(
                        "RET sent until denied, other brands", "#2f855a", denied[OTHERS], dots=True
                    ),
                    Series(
                        "the same, the file's brand",
                        "#6b46c1",
                        denied["the file's brand"],
                        dots=True,
                    ),
                ],
                is_log=True,
            ),
        ],
        shaded=(loaded.progress[0][0], ended),
    )
    scene.bench.say(f"picture: {PICTURE}")

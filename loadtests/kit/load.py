"""Sending load, and what came of it. Every generator is a program of its own, on the load's core."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from loadtests.kit.stack import LOAD_CORE, SERVER_CORE, Server, pinned
from loadtests.kit.tools import GENERATOR, built, found

CONNECTIONS: Final = 64
PIPELINE: Final = 100
RAW_CONNECTIONS: Final = 50  # what redis-benchmark uses when nothing is said


@dataclass(slots=True)
class Busy:
    """Share of the time that each core was busy, and that the host took from it, 0 to 1."""

    cores: list[float] = field(default_factory=list[float])
    stolen: float = 0.0

    def shown(self) -> str:
        """Return it for a table."""
        cores = " ".join(f"{core:.0%}" for core in self.cores)
        return f"{cores}, stolen {self.stolen:.0%}" if self.stolen >= 0.01 else cores


@dataclass(frozen=True, slots=True)
class Measured:
    """One turn: requests a second, percentiles in ms, CPU time of the server in µs a request.

    What the generator does not know is zero. `held` is false for an open loop that fell behind.
    """

    rate: float
    p50: float = 0.0
    p99: float = 0.0
    p999: float = 0.0
    cpu_us: float = 0.0
    failed: int = 0
    busy: Busy = field(default_factory=Busy)
    held: bool = True
    note: str = ""


def wrk(
    server: Server, requests: Path, *, seconds: int, connections: int = CONNECTIONS
) -> Measured:
    """Send in a closed loop: each connection asks again as soon as it is answered."""
    script = str(GENERATOR / "wrk_prepared.lua")
    url = f"http://127.0.0.1:{server.port}"
    used = server.cpu_seconds()
    with busy_cores() as busy:
        printed = _run(
            LOAD_CORE,
            [
                *(found("wrk"), "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s"),
                *("-s", script, url, "--", str(requests)),
            ],
        )
    match = re.search(r"^RESULT (\{.*\})$", printed, re.MULTILINE)
    if match is None:
        sys.exit(f"wrk said:\n{printed}")
    result = json.loads(match[1])
    cpu_us = (server.cpu_seconds() - used) / max(result["requests"], 1) * 1e6
    return Measured(
        cpu_us=cpu_us,
        rate=result["requests"] / (result["micros"] / 1e6),
        p50=result["p50"] / 1000,
        p99=result["p99"] / 1000,
        p999=result["p99.9"] / 1000,
        failed=result["not_200"] + result["broken"],
        busy=busy,
    )


def open_loop(
    server: Server, requests: Path, rate: float, *, seconds: int, connections: int = CONNECTIONS
) -> Measured:
    """Send in an open loop: requests are due at random times, and latency counts from then."""
    with busy_cores() as busy:
        printed = _run(
            LOAD_CORE,
            [
                *(str(built("openloop")), "127.0.0.1", str(server.port), str(requests)),
                *(f"{rate:.1f}", str(seconds), str(connections), "poisson"),
            ],
        )
    result = json.loads(printed)
    latency = result["latency_ms"]
    return Measured(
        rate=result["achieved"],
        p50=latency["p50"],
        p99=latency["p99"],
        p999=latency["p99.9"],
        failed=result["not_200"] + result["broken"],
        busy=busy,
        held=result["held"],
        note=(
            f"intended {result['intended']:.0f}/s, achieved {result['achieved']:.0f}/s "
            f"({result['achieved'] / result['intended']:.1%}), largest {latency['max']:.1f} ms, "
            f"own lag p50 {result['lag_ms']['p50']:.3f} p99 {result['lag_ms']['p99']:.3f} ms"
        ),
    )


def generator_sees_stalls() -> tuple[bool, str]:
    """Run the open-loop generator against a server that stalls on purpose; say what it saw."""
    done = subprocess.run(
        pinned(LOAD_CORE, [str(built("openloop")), "--self-check"]),
        capture_output=True,
        text=True,
        check=False,
    )
    result = json.loads(done.stdout)
    saw = (
        f"a stall of 200 ms shows as p99 {result['latency_ms']['p99']:.0f} ms from the due time, "
        f"and as {result['naive_ms']['p99']:.2f} ms from the sending, as a closed loop counts"
    )
    return done.returncode == 0, saw


def raw_pipe(socket: Path, commands: Path, *, seconds: int) -> Measured:
    """Bare pipelined look-ups, the client where the measured server otherwise is."""
    with busy_cores() as busy:
        printed = _run(
            SERVER_CORE,
            [
                *(str(built("rawpipe")), str(socket), str(commands), str(seconds)),
                *(str(PIPELINE), str(RAW_CONNECTIONS)),
            ],
        )
    result = json.loads(printed)
    return Measured(result["per_second"], busy=busy, note=f"{result['found']:.1%} found")


def redis_benchmark(socket: Path, command: Sequence[str], *, requests: int) -> Measured:
    """Let redis-benchmark send one command again and again; it can take no list of keys."""
    printed = _run(
        SERVER_CORE,
        [
            *(found("redis-benchmark"), "-s", str(socket), "-P", str(PIPELINE)),
            *("-c", str(RAW_CONNECTIONS), "-n", str(requests), "--csv", *command),
        ],
    )
    match = re.findall(r'^"[^"]*","([\d.]+)"', printed, re.MULTILINE)
    if not match:
        sys.exit(f"redis-benchmark said:\n{printed}")
    return Measured(float(match[-1]))


@contextmanager
def busy_cores() -> Iterator[Busy]:
    """Watch the cores while the block runs; the result is filled in at its end."""
    busy, before = Busy(), _jiffies()
    yield busy
    after = _jiffies()
    total_stolen = total = 0
    for (work0, stolen0, all0), (work1, stolen1, all1) in zip(before, after, strict=True):
        spent = max(all1 - all0, 1)
        busy.cores.append((work1 - work0) / spent)
        total_stolen += stolen1 - stolen0
        total += spent
    busy.stolen = total_stolen / max(total, 1)


def _jiffies() -> list[tuple[int, int, int]]:
    """Return for each core the time at work, stolen, and in all."""
    try:
        lines = Path("/proc/stat").read_text().splitlines()
    except OSError:
        return []
    found_cores: list[tuple[int, int, int]] = []
    for line in lines:
        if re.match(r"cpu\d", line):
            user, nice, system, idle, wait, irq, softirq, steal = map(int, line.split()[1:9])
            work = user + nice + system + irq + softirq
            found_cores.append((work, steal, work + steal + idle + wait))
    return found_cores


def _run(core: int, command: Sequence[str]) -> str:
    done = subprocess.run(pinned(core, command), capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{command[0]} failed:\n{done.stdout}\n{done.stderr}")
    return done.stdout

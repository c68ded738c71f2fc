"""What does a consent cost in the cache, in bytes of the server's memory?

The cache is emptied, its memory read before anybody writes, built again by the projector, and read again:
the difference, divided by the consents. Everything counts that the server counts: keys, watermarks, its own
tables. Also says how long the projector took.
"""

import time
from typing import Final

from loadtests.kit.cache import empty, used_memory
from loadtests.kit.lab import Lab, lab
from loadtests.kit.report import Goal
from loadtests.kit.run import Bench

QUIET_S: Final = 3
PATIENCE_S: Final = 60
BYTES: Final = Goal(20, 12, " B", smaller_is_better=True)


def run(bench: Bench, measured: Lab) -> None:
    """Measure the bench's world, and add the row."""
    _add_row(bench, measured, BYTES)


def run_few_brands(bench: Bench) -> None:
    """Measure a world whose addresses have one to three brands; reported, with no goal."""
    with lab(bench.size.few_brands, wait=False) as measured:
        _add_row(bench, measured, None)


def _add_row(bench: Bench, measured: Lab, goal: Goal | None) -> None:
    world = measured.world
    bench.say(f"emptying the cache of {world.name} and building it again")
    before = empty(measured.cache)
    seconds = measured.wait_for_cache()
    each = (_at_rest(measured) - before) / measured.consents
    bench.say(f"built in {seconds:.1f} s, {each:.1f} bytes a consent")
    what = (
        f"memory of a consent in the cache, {measured.consents:,} at {world.fewest} to {world.most} "
        f"brands an address (mean {world.mean:g})"
    )
    facts = measured.cache.info("memory")
    assert isinstance(facts, dict)  # noqa: S101  # not the asynchronous client
    bench.report.remark(
        f"{world.name}: the projector built the cache from empty in {seconds:.1f} s "
        f"({measured.consents / seconds:,.0f} consents/s); allocator {facts['mem_allocator']}, "
        f"resident {facts['used_memory_rss'] / 2**20:,.0f} MB."
    )
    if goal is None:
        bench.report.row(what, f"{each:.1f} B", reached="—")
    else:
        bench.report.figure(what, each, goal)


def _at_rest(measured: Lab) -> int:
    """Return the memory once it has stood still for some seconds: old generations are gone then."""
    last, since = used_memory(measured.cache), time.monotonic()
    deadline = since + PATIENCE_S
    while time.monotonic() < min(since + QUIET_S, deadline):
        time.sleep(0.2)
        now = used_memory(measured.cache)
        if abs(now - last) > last // 1000:
            last, since = now, time.monotonic()
    return last

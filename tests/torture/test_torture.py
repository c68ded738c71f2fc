"""The whole system, broken in every way that is foreseen, while people write and ask.

The race: whatever dies, freezes, forgets or comes back as it was earlier, somewhere an answer is given from
what the ledger has already left behind. Without the comparison of watermark and head it happens within
seconds, as the second test shows; and a service that just denies passes none of it, as the third does.
"""

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic

import pytest

from tests.torture.denier import open_denier
from tests.torture.judge import Finding, judge
from tests.torture.run import Plan, demands_for, figures, report, stir, torture
from tests.torture.sampler import Sampler
from tests.torture.scene import Scene, make_scene, open_scene
from tests.torture.system import Child, System, open_system
from tests.torture.verdict import Demands, Run, reach_verdict
from tests.torture.world import World

SEED = 20260302
RUN_S = 50.0
PAUSE_MAX_S = 1.5
CONTROL_S_MAX = 20.0
DENIED_S = 1.5
WARM_S = 15.0


@pytest.fixture(scope="module")
async def system() -> AsyncIterator[System]:
    async with open_system() as opened:
        yield opened


@pytest.fixture
async def credulous(system: System) -> AsyncIterator[Child]:
    child = system.describe_check("check-credulous", module="tests.torture.credulous")
    await child.start()
    yield child
    await child.stop()


def dice() -> random.Random:
    return random.Random(SEED)  # noqa: S311  # a schedule, no secret


async def test_nothing_is_stale_whatever_breaks(system: System) -> None:
    plan = Plan(SEED, RUN_S, pause_max_s=PAUSE_MAX_S, demands=demands_for(RUN_S))
    outcome = await torture(system, plan)
    assert not outcome.verdict.complaints, report(outcome)
    assert outcome.verdict.calm.total() > 0, figures(outcome)


async def test_without_the_comparison_stale_answers_are_found(
    system: System, credulous: Child
) -> None:
    """The same judge, writers and checkers, and a check process that compares nothing."""
    found: list[Finding] = []
    async with open_scene(system, dice(), number=2, checks=[credulous]) as scene:
        sampler = Sampler([credulous])

        async def freeze_and_look() -> None:
            await sampler.until_warm(timeout_s=WARM_S)
            with frozen(system.projectors):
                deadline = monotonic() + CONTROL_S_MAX
                while not is_found(found) and monotonic() < deadline:
                    await asyncio.sleep(0.5)
                    found[:] = judge(scene.history)

        await stir(scene, freeze_and_look(), [sampler.sample_all_the_time()])
    assert is_found(found)


def is_found(found: list[Finding]) -> bool:
    return {"stale allow", "stale deny"} <= {finding.kind for finding in found}


@contextmanager
def frozen(children: Sequence[Child]) -> Iterator[None]:
    try:
        for child in children:
            child.send(signal.SIGSTOP)
        yield
    finally:
        for child in children:
            child.send(signal.SIGCONT)


@pytest.mark.parametrize(
    ("reason", "complaints"),
    [
        ("NO_RECORD", {"stale deny", "too few allowed", "too few from the cache"}),
        ("UNVERIFIED", {"unverified without cause", "too few allowed", "too few from the cache"}),
    ],
)
async def test_a_service_that_just_denies_fails(reason: str, complaints: set[str]) -> None:
    async with open_denier(reason) as denier:
        scene = make_scene(WORLD, [denier], [denier], dice())
        await scene.write_still_keys()
        await stir(scene, asyncio.sleep(DENIED_S))
        await scene.close()
    verdict = reach_verdict(Run(scene.history), Demands(answers_min=1, faults=()))
    assert verdict.kinds - {"strange", "stale right"} == complaints, strange(scene)


def strange(scene: Scene) -> list[str]:
    return scene.history.strange[:3]


WORLD = World(
    iys_code=600001,
    flipped=[600001, 600002, 600003],
    growing=600004,
    granting=600005,
    suspended=600006,
    header="TORTUR0000",
    integrator_code=700001,
    operator="Bearer operator",
    second_operator="Bearer second",
    second_operator_code=800002,
    partner="Bearer partner",
    provider="Bearer provider",
    staff="Bearer staff",
)

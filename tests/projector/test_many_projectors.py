"""Any number of projectors, dying at any moment: the cache never lies, and gets there in the end."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

import pytest

from services.check.projector.project_brand import Turn
from services.check.projector.schedule_brands import BrandsProjector
from shared.cache.store import open_store
from shared.domain.consent import Status
from shared.ledger import read_changes
from shared.ledger.nudge import follow_nudges
from shared.ledger.store import role_dsn
from tests.projector.side import Side, until
from tests.support.builders import NOW, consent, phone

SECOND = timedelta(seconds=1)


@dataclass
class Crowd:
    """Projectors as processes run them, each with connections of its own; `kill` ends one at once."""

    side: Side
    url: str
    sweep_interval_s: float = 0.05
    running: list["asyncio.Task[None]"] = field(default_factory=list)
    projectors: list[BrandsProjector] = field(default_factory=list)

    def start(self) -> None:
        self.running.append(asyncio.create_task(self._run()))

    async def kill(self, n: int = 0) -> None:
        victim = self.running.pop(n)
        victim.cancel()
        await asyncio.wait([victim])

    async def _run(self) -> None:
        async with open_store(self.url) as store, asyncio.TaskGroup() as tasks:
            projector = BrandsProjector(
                self.side.ledger.changes,
                store,
                brands_at_a_time=2,
                sweep_interval_s=self.sweep_interval_s,
                tidy_period_s=0.2,
            )
            self.projectors.append(projector)
            tasks.create_task(projector.run())
            dsn = role_dsn(self.side.ledger.dsn, "izin_projector")
            tasks.create_task(follow_nudges(dsn, heard=projector.hear, missed=projector.look_soon))


@pytest.fixture
async def crowd(side: Side, valkey_url: str) -> AsyncIterator[Crowd]:
    crowd = Crowd(side, valkey_url)
    yield crowd
    while crowd.running:
        await crowd.kill()


async def until_all_agree(side: Side) -> None:
    world = side.ledger.world
    for brand in (world.brand_code, world.second_brand_code):
        await until(partial(side.agree, brand))


async def test_several_at_once_with_kills_and_writes(
    crowd: Crowd, side: Side, brand: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The race: three write the same buckets, each may stop between any two of its steps."""
    monkeypatch.setattr(read_changes, "MOVEMENTS_A_PAGE", 3)
    monkeypatch.setattr(read_changes, "CONSENTS_A_PAGE", 6)
    life = random.Random(1)  # noqa: S311  # a dice, no secret
    for _ in range(3):
        crowd.start()
    for n in range(60):
        status = life.choice(list(Status))
        new = consent(phone(life.randrange(12)), status=status, consent_date=NOW + n * SECOND)
        await side.ledger.scribe.write(brand, new)
        if not n % 6:
            await crowd.kill(life.randrange(3))
            crowd.start()
        if not n % 15:
            await side.redis.flushall()
        await side.agree(brand)
    await until_all_agree(side)
    await until(partial(side.nothing_is_left_over, brand))


async def test_what_the_last_one_left_half_built_is_finished_and_removed(
    crowd: Crowd, side: Side, brand: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_changes, "CONSENTS_A_PAGE", 6)
    await side.ledger.write(brand, range(30))
    await side.bring_up(brand)
    assert await side.projector().begin_anew(brand) is Turn.UNFINISHED
    for _ in range(4):
        assert await side.projector(turn_s=0).take_turn(brand) is Turn.UNFINISHED
    assert await side.building(brand)
    crowd.start()
    await until_all_agree(side)
    await until(partial(side.nothing_is_left_over, brand))


async def test_a_write_is_followed_at_once_without_waiting_for_the_look_at_all(
    crowd: Crowd, side: Side, brand: int
) -> None:
    crowd.sweep_interval_s = 60
    crowd.start()
    await until_all_agree(side)
    for n in range(5):
        await side.ledger.write(brand, [n])
        await until_all_agree(side)
    assert crowd.projectors[0].take_tally().movements == 5
    assert crowd.projectors[0].take_tally().movements == 0


async def test_a_lost_nudge_is_made_up_for_by_the_look_at_all(
    crowd: Crowd, side: Side, brand: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(side.ledger.scribe.appender, "_committed", lambda _brand: None)
    crowd.start()
    await until_all_agree(side)
    await side.ledger.write(brand, range(3))
    await until_all_agree(side)


async def test_a_brand_that_is_made_while_they_run_gets_its_copy(
    crowd: Crowd, side: Side, brand: int
) -> None:
    crowd.start()
    await until_all_agree(side)
    await side.ledger.owner.execute(
        "INSERT INTO brand (brand_code, iys_code, name) VALUES ($1, $2, 'Yeni')", brand + 500, brand
    )
    await until(partial(side.agree, brand + 500))


async def test_one_brand_s_long_work_does_not_hold_up_another(
    crowd: Crowd, side: Side, brand: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A build of so many steps that it outlasts the test; beside it the other brand is followed."""
    monkeypatch.setattr(read_changes, "CONSENTS_A_PAGE", 1)
    other = side.ledger.world.second_brand_code
    for start in range(0, 10_000, 500):
        await side.ledger.write(brand, range(start, start + 500))
    crowd.start()
    for n in range(5):
        await side.ledger.write(other, [n])
        await until(partial(side.agree, other))
    assert await side.serving(brand) is None
    monkeypatch.undo()
    await until_all_agree(side)

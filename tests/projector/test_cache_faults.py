"""The cache is emptied, killed, paused, filled up: readers never see a lie, and it is built again."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from functools import partial
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError
from structlog.testing import capture_logs

from services.check.projector import schedule_brands
from services.check.projector.project_brand import is_at
from services.check.projector.schedule_brands import BrandsProjector
from shared.cache import layout
from shared.cache.client import CacheFullError, CacheUnavailableError
from shared.cache.reader import CacheReader, Page
from shared.cache.servers import open_cache
from shared.cache.store import open_store
from shared.ledger import read_changes
from tests.cache.valkey import OwnServer, own_server
from tests.projector.side import Ledger, Side, until
from tests.support.builders import phone

PEOPLE = 600


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OwnServer]:
    with own_server(tmp_path, "--maxmemory-policy", "noeviction") as server:
        yield server


@pytest.fixture
async def hurt(side_ledger: Ledger, server: OwnServer) -> AsyncIterator[Side]:
    """Return a ledger, and a cache that a test may hurt."""
    async with (
        open_store(server.url, timeout_s=0.5) as store,
        Redis.from_url(server.url) as client,
    ):
        side = Side(side_ledger, store, client)
        await side.ledger.write(side.ledger.world.brand_code, range(PEOPLE))
        yield side


@pytest.fixture
async def projector(hurt: Side) -> AsyncIterator[BrandsProjector]:
    projector = BrandsProjector(
        hurt.ledger.changes, hurt.store, brands_at_a_time=2, sweep_interval_s=0.05
    )
    running = asyncio.create_task(projector.run())
    yield projector
    running.cancel()
    await asyncio.wait([running])


class Reader:
    """Somebody who asks like a check, again and again, while the ledger stands still."""

    def __init__(self, side: Side, brand: int) -> None:
        self.side, self.brand = side, brand
        self.hits = self.misses = 0

    async def read_on(self, server: OwnServer) -> None:
        head = await self.side.ledger.head(self.brand)
        on_file = await self.side.ledger.on_file(self.brand)
        digests = [self.side.ledger.scribe.digester.digest(phone(n)) for n in range(0, PEOPLE, 60)]
        expected = [on_file[digest] for digest in digests]
        async with open_cache(server.url, timeout_s=0.25) as servers:
            cache = CacheReader(servers)
            while True:
                answer: asyncio.Future[Mapping[int, Page]] = asyncio.Future()
                cache.read({self.brand: digests}, answer.set_result)
                page = (await answer).get(self.brand)
                if page is None or not is_at(page.watermark.encode(), head):
                    self.misses += 1
                else:
                    assert list(page.values) == expected
                    self.hits += 1
                await asyncio.sleep(0.001)


async def test_readers_go_on_while_it_is_flushed_and_killed(
    hurt: Side,
    server: OwnServer,
    projector: BrandsProjector,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(read_changes, "CONSENTS_A_PAGE", 50)
    brand = hurt.ledger.world.brand_code
    reader = Reader(hurt, brand)
    reading = asyncio.create_task(reader.read_on(server))
    await until(lambda: reader.hits > 20 or reading.done())
    for hurts in (hurt.redis.flushall, server.kill, hurt.redis.flushdb):
        hits, misses = reader.hits, reader.misses
        await _hurt(hurts, server)
        await until(lambda: reader.misses > misses or reading.done())  # noqa: B023  # called at once
        hits = reader.hits
        await until(lambda: reader.hits > hits + 20 or reading.done())  # noqa: B023  # called at once
        assert not reading.done(), reading.exception()
        await until(partial(_agrees, hurt, brand))
    reading.cancel()
    await asyncio.wait([reading])


async def _hurt(how: object, server: OwnServer) -> None:
    if how == server.kill:
        server.kill()
        server.start()
    elif callable(how):
        await how()


async def _agrees(side: Side, brand: int) -> bool:
    try:
        return await side.agree(brand)
    except RedisError:
        return False


async def test_an_outage_is_told_of_once_and_so_is_its_end(
    hurt: Side,
    server: OwnServer,
    projector: BrandsProjector,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(schedule_brands, "CALM_S", 0.3)
    brand = hurt.ledger.world.brand_code
    await until(partial(_agrees, hurt, brand))
    with capture_logs() as logs:
        server.kill()
        await until(lambda: logs)
        for _ in range(20):
            projector.hear(brand)
            await asyncio.sleep(0.01)
        server.start()
        await until(partial(_agrees, hurt, brand))
        await until(lambda: len(logs) > 1)
    assert [(line["event"], line["part"]) for line in logs] == [
        ("projector.part.lost", "cache"),
        ("projector.part.regained", "cache"),
    ]


async def test_a_full_cache_stays_behind_and_is_not_wrong(hurt: Side, server: OwnServer) -> None:
    brand = hurt.ledger.world.brand_code
    await hurt.bring_up(brand)
    mark = await hurt.serving(brand)
    used = (await hurt.redis.info("memory"))["used_memory"]
    await hurt.redis.config_set("maxmemory", used // 2)
    await hurt.ledger.write(brand, range(PEOPLE, PEOPLE + 5))
    with pytest.raises(CacheFullError):
        await hurt.projector().take_turn(brand)
    assert await hurt.serving(brand) == mark
    assert not await hurt.is_at_head(brand)
    await hurt.redis.config_set("maxmemory", 0)
    await hurt.bring_up(brand)
    assert await hurt.agree(brand)


async def test_garbage_can_be_removed_from_a_full_cache(hurt: Side) -> None:
    brand = hurt.ledger.world.brand_code
    await hurt.bring_up(brand)
    assert await hurt.store.forget(brand)
    used = (await hurt.redis.info("memory"))["used_memory"]
    await hurt.redis.config_set("maxmemory", used // 2)
    with pytest.raises(CacheFullError):
        await hurt.projector().take_turn(brand, thorough=True)
    assert await hurt.keys(brand) == {layout.next_key(brand)}


async def test_a_silent_cache_is_no_more_than_unavailable(hurt: Side, server: OwnServer) -> None:
    brand = hurt.ledger.world.brand_code
    await hurt.bring_up(brand)
    server.pause()
    with pytest.raises(CacheUnavailableError):
        await hurt.projector().take_turn(brand)
    server.resume()
    await hurt.ledger.write(brand, range(PEOPLE, PEOPLE + 5))
    await hurt.bring_up(brand)
    assert await hurt.agree(brand)

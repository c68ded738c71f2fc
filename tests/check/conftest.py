from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from tests.check.cached import CachedCheck, open_cached_town
from tests.registry.doors import Town, open_town
from tests.support.ledger import database


@pytest.fixture(scope="module")
async def town(
    server_dsn: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Town]:
    """Return a world and the product in front of it, for the tests of one module."""
    async with (
        database(server_dsn, template=template) as dsn,
        open_town(dsn, tmp_path_factory.mktemp("town")) as opened,
    ):
        yield opened


@pytest.fixture(scope="module")
async def cached(
    server_dsn: str, template: str, valkey_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[CachedCheck]:
    """Return a world, a cache that a projector keeps up, and a check that asks it."""
    async with (
        database(server_dsn, template=template) as dsn,
        open_cached_town(dsn, valkey_url, tmp_path_factory.mktemp("cached")) as opened,
    ):
        yield opened


@pytest.fixture
async def owner_of_valkey(cached: CachedCheck) -> AsyncIterator[Redis]:
    """Return a client that a test may do anything with."""
    async with Redis.from_url(cached.redis_url) as redis:
        yield redis

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from shared.cache.store import ProjectionStore, open_store
from shared.sealing.keyring import KeyRing
from tests.projector.side import Ledger, Side, open_side


@pytest.fixture
async def redis(valkey_url: str) -> AsyncIterator["Redis"]:
    """Return a client of the emptied cache, with which a test may do anything."""
    async with Redis.from_url(valkey_url) as client:
        await client.flushall()
        yield client


@pytest.fixture
async def store(valkey_url: str, redis: "Redis") -> AsyncIterator[ProjectionStore]:
    async with open_store(valkey_url) as opened:
        yield opened


@pytest.fixture
async def side_ledger(fresh_ledger: str, key_ring: KeyRing) -> AsyncIterator[Ledger]:
    async with open_side(fresh_ledger, key_ring) as opened:
        yield opened


@pytest.fixture
async def side(side_ledger: Ledger, store: ProjectionStore, redis: "Redis") -> Side:
    """Return a ledger with one of everybody, and an empty cache."""
    return Side(side_ledger, store, redis)


@pytest.fixture
def brand(side: Side) -> int:
    return side.ledger.world.brand_code

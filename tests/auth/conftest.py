"""A directory over the real ledger, whose questions are counted and whose answers can be held back."""

import asyncio
from typing import Any

import pytest

from shared.auth.directory import Directory
from shared.ledger.read_state import Key, read_states
from shared.ledger.store import ReaderPool
from tests.support.builders import World


class CountingPool:
    """The real pool; counts what is asked, and can hold a reply back once it has been computed."""

    def __init__(self, pool: ReaderPool) -> None:
        self._pool = pool
        self.asked = 0
        self.hold: asyncio.Event | None = None
        self.held = asyncio.Event()
        self.fails = False

    async def fetchrow(self, *arguments: Any, **options: Any) -> Any:
        self.asked += 1
        row = await self._pool.fetchrow(*arguments, **options)
        hold, self.hold = self.hold, None
        if hold is not None:
            self.held.set()
            await hold.wait()
        if self.fails:
            raise ConnectionResetError
        return row

    async def fetch(self, *arguments: Any, **options: Any) -> Any:
        self.asked += 1
        return await self._pool.fetch(*arguments, **options)


@pytest.fixture
def pool(reader: ReaderPool) -> CountingPool:
    return CountingPool(reader)


@pytest.fixture
def directory(pool: CountingPool) -> Directory:
    return Directory(pool)  # type: ignore[arg-type]  # the two methods that it uses


async def version_of(reader: ReaderPool) -> int:
    return (await read_states(reader, [Key(1)], digest_key_id=1))[0].directory_version


async def authority_of(reader: ReaderPool, brand_code: int) -> int | None:
    return (await read_states(reader, [Key(brand_code)], digest_key_id=1))[0].authority_version


@pytest.fixture
async def authority(reader: ReaderPool, world: World) -> int:
    version = await authority_of(reader, world.brand_code)
    assert version is not None
    return version

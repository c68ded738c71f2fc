"""The slow hash under a flood: who tries thousands of passwords waits for itself alone."""

import asyncio
from collections.abc import AsyncGenerator
from ipaddress import ip_address

import pytest

from shared.auth.origin import came_from
from shared.auth.passwords import hash_secret, secret_matches
from shared.domain.networks import Address

HERE, ELSEWHERE = ip_address("203.0.113.7"), ip_address("203.0.113.8")
CROWD = 60


async def _try_from(address: Address, secret_hash: str | None, secret: str) -> bool:
    came_from(lambda: address)
    return await secret_matches(secret_hash, secret)


@pytest.fixture
async def crowd() -> AsyncGenerator[list[asyncio.Task[bool]]]:
    """Many wrong passwords from one address, all waiting for the slow hash."""
    tasks = [asyncio.create_task(_try_from(HERE, None, "guess")) for _ in range(CROWD)]
    await asyncio.sleep(0)  # each has begun to wait
    yield tasks
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_crowd_of_guesses_does_not_hold_up_somebody_elsewhere(
    crowd: list[asyncio.Task[bool]],
) -> None:
    own = asyncio.create_task(_try_from(ELSEWHERE, hash_secret("right"), "right"))

    assert await own
    assert sum(not task.done() for task in crowd) > CROWD // 2

"""While the last release still runs, the key that it keeps in a user's own row is one of the user's keys."""

from datetime import timedelta

import asyncpg
import pytest

from shared.auth.passwords import api_key_digest
from shared.ledger import api_keys
from shared.ledger.api_keys import NewKey
from shared.ledger.store import WriterPool
from tests.support.builders import NOW, World

OLD, NEW = api_key_digest("izin_old"), api_key_digest("izin_new")
GIVE: str = "UPDATE api_user SET api_key_digest = $2 WHERE user_id = $1"


@pytest.fixture
async def user_id(owner: asyncpg.Connection, world: World) -> int:
    """Return the operator's user, with a key that the last release gave it."""
    number: int = await owner.fetchval("SELECT user_id FROM api_user WHERE role = 'operator'")
    await owner.execute(GIVE, number, OLD)
    return number


async def _is_good(writer: WriterPool, digest: bytes) -> bool:
    return await api_keys.meet_key(writer, digest, now=NOW) is not None


async def test_a_key_that_it_gives_is_good(writer: WriterPool, user_id: int) -> None:
    assert await _is_good(writer, OLD)


async def test_a_key_that_it_replaces_has_ended_everywhere(
    writer: WriterPool, owner: asyncpg.Connection, user_id: int
) -> None:
    await owner.execute(GIVE, user_id, NEW)
    assert not await _is_good(writer, OLD)
    assert await _is_good(writer, NEW)


async def test_a_key_that_it_takes_away_has_ended_everywhere(
    writer: WriterPool, owner: asyncpg.Connection, user_id: int
) -> None:
    await owner.execute(GIVE, user_id, None)
    assert not await _is_good(writer, OLD)


async def test_a_key_that_is_rotated_keeps_its_grace(
    writer: WriterPool, owner: asyncpg.Connection, user_id: int
) -> None:
    """The key goes from the user's row, where no end can stand, and is good here until its end."""
    key_id = await owner.fetchval("SELECT key_id FROM api_key WHERE digest = $1", OLD)
    username = await owner.fetchval("SELECT username FROM api_user WHERE user_id = $1", user_id)
    until = NOW + timedelta(hours=1)
    assert await api_keys.rotate_key(
        writer, username, key_id, NewKey(NEW), old_until=until, now=NOW
    )
    assert (
        await owner.fetchval("SELECT api_key_digest FROM api_user WHERE user_id = $1", user_id)
        is None
    )
    assert await _is_good(writer, OLD)
    assert await _is_good(writer, NEW)

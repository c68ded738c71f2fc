"""The read that every cached answer hangs on: right, in time, and there again when its session was killed."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import asyncpg
import pytest

from shared.ledger import read_heads
from shared.ledger.migrate import migrate
from shared.ledger.read_heads import Head, HeadReader, Heads, open_heads
from shared.ledger.read_state import Key, read_states
from shared.ledger.store import (
    ReaderPool,
    connect_reader,
    open_reader,
    open_writer,
    role_dsn,
)
from tests.support.builders import Scribe, World, consent, make_world, phone
from tests.support.ledger import own_server, owner_connection, standby_server

TIMEOUT_S = 5.0
KILL = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND query LIKE '%h.brand_code = ANY%'
       AND pid <> pg_backend_pid()
"""


def opened(
    dsn: str, *, timeout_s: float = TIMEOUT_S, notes: list[str] | None = None
) -> AbstractAsyncContextManager[HeadReader]:
    """Open a reader that notes what happens to it."""
    told: list[str] = [] if notes is None else notes
    return open_heads(
        role_dsn(dsn, "izin_check"),
        timeout_s=timeout_s,
        on_connect=[lambda: told.append("connected")],
        on_failure=lambda: told.append("failed"),
    )


async def connected(reader: HeadReader) -> None:
    async with asyncio.timeout(10):
        while not reader.is_connected:  # noqa: ASYNC110  # it is polled
            await asyncio.sleep(0.005)


def ask(reader: HeadReader, *brand_codes: int) -> asyncio.Future[Heads | None]:
    """Ask, and see that nobody is called back within the call, nor twice."""
    answer: asyncio.Future[Heads | None] = asyncio.get_running_loop().create_future()
    reader.read(brand_codes, answer.set_result)
    assert not answer.done()
    return answer


@pytest.fixture
async def heads(ledger: str) -> AsyncIterator[HeadReader]:
    async with opened(ledger) as reader:
        await connected(reader)
        yield reader


async def test_heads_are_what_every_other_read_says_they_are(
    heads: HeadReader, scribe: Scribe, world: World, reader: ReaderPool, owner: asyncpg.Connection
) -> None:
    for n in range(3):
        await scribe.write(world.brand_code, consent(phone(n)))
    answer = await ask(heads, world.brand_code, world.second_brand_code)
    assert answer is not None
    codes = [world.brand_code, world.second_brand_code]
    snapshots = await read_states(reader, [Key(code) for code in codes], digest_key_id=1)
    assert (answer.directory_version, answer.digest_key_id) == (snapshots[0].directory_version, 1)
    assert {
        code: (head.position, head.authority_version) for code, head in answer.by_brand.items()
    } == {
        code: (snapshot.position, snapshot.authority_version)
        for code, snapshot in zip(codes, snapshots, strict=True)
    }
    row = await owner.fetchrow("SELECT * FROM brand_head WHERE brand_code = $1", codes[0])
    assert row is not None
    movement = (row["extent_id"], row["extent_nonce"], row["extent_offset"])
    assert answer.by_brand[codes[0]].movement == movement
    assert answer.by_brand[codes[1]].movement == (0, 0, 0)


@pytest.mark.parametrize("codes", [(), (999,), (0, -1, 2**31, 2**64)])
async def test_unknown_brands_are_missing_and_the_versions_are_there(
    heads: HeadReader, world: World, codes: Sequence[int]
) -> None:
    answer = await ask(heads, *codes, world.brand_code)
    assert answer is not None
    assert answer.by_brand.keys() == {world.brand_code}
    answer = await ask(heads, *codes)
    assert answer is not None
    assert answer.by_brand == {}
    assert answer.directory_version > 0


async def test_a_second_read_beside_the_first_gets_nothing_and_harms_nothing(
    heads: HeadReader, world: World
) -> None:
    first, second = ask(heads, world.brand_code), ask(heads, world.brand_code)
    assert await second is None
    assert await first is not None
    assert await ask(heads, world.brand_code) is not None


async def test_a_killed_session_is_replaced_and_told_of(
    ledger: str, world: World, owner: asyncpg.Connection
) -> None:
    notes: list[str] = []
    async with opened(ledger, notes=notes) as heads:
        await connected(heads)
        assert await ask(heads, world.brand_code) is not None
        assert notes == ["connected"]
        assert await owner.fetch(KILL)
        async with asyncio.timeout(10):
            while heads.is_connected:  # noqa: ASYNC110  # it is polled
                await asyncio.sleep(0.005)
        assert await ask(heads, world.brand_code) is None, "at once, while there is no connection"
        await connected(heads)
        assert await ask(heads, world.brand_code) is not None
    assert notes == ["connected", "connected"]


async def test_a_session_that_ended_a_moment_ago_is_no_answer(ledger: str, world: World) -> None:
    async with opened(ledger) as heads:
        await connected(heads)
        assert heads._connection is not None
        heads._connection.terminate()
        assert heads.is_connected, "nobody has been told yet"
        assert await ask(heads, world.brand_code) is None
        await connected(heads)
        assert await ask(heads, world.brand_code) is not None


async def test_a_session_killed_under_a_read_fails_that_read_alone(
    ledger: str, world: World, owner: asyncpg.Connection
) -> None:
    notes: list[str] = []
    async with opened(ledger, notes=notes) as heads, owner_connection(ledger) as blocker:
        await connected(heads)
        async with blocker.transaction():
            await blocker.execute("LOCK TABLE brand_head IN ACCESS EXCLUSIVE MODE")
            asked = ask(heads, world.brand_code)
            async with asyncio.timeout(10):
                while not await owner.fetch(KILL):  # noqa: ASYNC110  # it is polled
                    await asyncio.sleep(0.005)
                assert await asked is None
        await connected(heads)
        assert await ask(heads, world.brand_code) is not None
    assert notes == ["connected", "failed", "connected"]


async def test_a_silent_ledger_is_given_up_in_time(ledger: str, world: World) -> None:
    notes: list[str] = []
    async with (
        opened(ledger, timeout_s=0.1, notes=notes) as heads,
        owner_connection(ledger) as blocker,
    ):
        await connected(heads)
        assert await ask(heads, world.brand_code) is not None
        async with blocker.transaction():
            await blocker.execute("LOCK TABLE brand_head IN ACCESS EXCLUSIVE MODE")
            async with asyncio.timeout(5):
                assert await ask(heads, world.brand_code) is None
            assert notes == ["connected", "failed"]
            assert await ask(heads, world.brand_code) is None
        await connected(heads)
        assert await ask(heads, world.brand_code) is not None


async def test_the_timer_of_one_read_does_not_end_the_next(ledger: str, world: World) -> None:
    """One timer serves all reads: it is set by a read that is answered, and goes off during another."""
    async with opened(ledger, timeout_s=0.2) as heads:
        await connected(heads)
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + 0.5
        while loop.time() < ends_at:
            assert await ask(heads, world.brand_code) is not None
        assert heads.is_connected


async def test_a_ledger_that_is_not_there_is_looked_for_again(
    monkeypatch: pytest.MonkeyPatch, ledger: str, world: World
) -> None:
    failures = 2

    async def connect(dsn: str, *, timeout_s: float) -> object:
        nonlocal failures
        failures -= 1
        there = dsn if failures < 0 else "postgresql://nobody@/nowhere?host=/nowhere"
        return await connect_reader(there, timeout_s=timeout_s)

    monkeypatch.setattr(read_heads, "connect_reader", connect)
    async with opened(ledger) as heads:
        assert await ask(heads, world.brand_code) is None
        await connected(heads)
        assert await ask(heads, world.brand_code) is not None
    assert failures == -1


async def test_after_the_end_nobody_is_left_waiting(ledger: str, world: World) -> None:
    async with opened(ledger) as heads:
        await connected(heads)
        asked = ask(heads, world.brand_code)
    assert await asked is None
    assert await ask(heads, world.brand_code) is None


async def test_a_standby_is_believed_only_once_it_is_promoted(tmp_path: Path) -> None:
    with own_server(tmp_path / "primary") as (primary_dsn, primary):
        await migrate(primary_dsn)
        async with (
            open_writer(role_dsn(primary_dsn, "izin_registry"), size=1) as writer,
            open_reader(role_dsn(primary_dsn, "izin_check"), size=1) as reader,
        ):
            world = await make_world(writer, reader)
        with standby_server(tmp_path / "standby", primary) as dsn:
            async with opened(dsn) as heads, owner_connection(dsn) as owner:
                await connected(heads)
                assert await ask(heads, world.brand_code) is None
                assert await owner.fetchval("SELECT pg_promote()")
                await connected(heads)
                answer = await ask(heads, world.brand_code)
                assert answer is not None
                head = answer.by_brand[world.brand_code]
                assert head == Head(0, (0, 0, 0), head.authority_version)

"""Many who need the same copy at once: one read for all of them, and for nobody one that is too old."""

import asyncio
from collections.abc import Callable, Coroutine
from time import perf_counter
from typing import Any

import pytest

from shared.auth.directory import Directory
from shared.ledger import accounts
from shared.ledger.directory import BrandRow
from shared.ledger.failures import LedgerUnavailableError
from shared.ledger.store import ReaderPool, WriterPool
from tests.auth.conftest import CountingPool, version_of
from tests.support.builders import HEADER, World

KINDS: dict[str, Callable[[Directory, World, int], Coroutine[Any, Any, object]]] = {
    "user": lambda directory, world, _: directory.user(world.admin.user_id),
    "header": lambda directory, _world, _: directory.header_owner(HEADER),
    "brand": lambda directory, world, version: directory.brand(world.brand_code, version),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


@every_kind
async def test_who_needs_the_same_at_once_waits_for_one_read(
    kind: str, directory: Directory, pool: CountingPool, world: World, authority: int
) -> None:
    ask = KINDS[kind]
    found = await asyncio.gather(*(ask(directory, world, authority) for _ in range(1000)))
    assert pool.asked == 1
    assert found[0] is not None
    assert all(each is found[0] for each in found)


@every_kind
async def test_who_gives_up_waiting_stops_nobody_else(
    kind: str, directory: Directory, pool: CountingPool, world: World, authority: int
) -> None:
    pool.hold = let_through = asyncio.Event()
    first, second = (asyncio.create_task(KINDS[kind](directory, world, authority)) for _ in "ab")
    await pool.held.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    let_through.set()
    assert await second is not None
    assert pool.asked == 1


@every_kind
async def test_a_read_that_fails_fails_for_all_that_wait_and_is_forgotten(
    kind: str, directory: Directory, pool: CountingPool, world: World, authority: int
) -> None:
    pool.fails = True
    ask = KINDS[kind]
    asking = [ask(directory, world, authority) for _ in range(10)]
    found = await asyncio.gather(*asking, return_exceptions=True)
    assert all(isinstance(each, LedgerUnavailableError) for each in found)
    assert pool.asked == 1
    pool.fails = False
    assert await ask(directory, world, authority) is not None


async def test_a_read_that_nobody_waits_for_any_more_may_fail_in_silence(
    directory: Directory, pool: CountingPool, world: World
) -> None:
    loop, told = asyncio.get_running_loop(), list[dict[str, Any]]()
    loop.set_exception_handler(lambda _loop, context: told.append(context))
    pool.hold, pool.fails = asyncio.Event(), True
    let_through = pool.hold
    reading = asyncio.create_task(directory.user(world.admin.user_id))
    await pool.held.wait()
    reading.cancel()
    let_through.set()
    async with asyncio.timeout(5):
        while directory._user_reads._under_way:  # noqa: ASYNC110  # it has no event for it
            await asyncio.sleep(0)
    assert told == []


async def test_a_brand_that_is_read_before_a_change_is_not_given_to_who_knows_of_the_change(
    directory: Directory, pool: CountingPool, writer: WriterPool, world: World, authority: int
) -> None:
    """Two checks wait for one read, and a right is revoked between them: only the first may have it."""
    pool.hold = let_through = asyncio.Event()
    before = asyncio.create_task(directory.brand(world.brand_code, authority))
    await pool.held.wait()
    await accounts.remove_grant(
        writer, brand_code=world.brand_code, integrator_code=world.integrator_code
    )
    after = [
        asyncio.create_task(directory.brand(world.brand_code, authority + 1)) for _ in range(100)
    ]
    await asyncio.sleep(0)
    let_through.set()
    old = await before
    assert old is not None
    assert old.authority_version == authority
    for brand in await asyncio.gather(*after):
        assert brand is not None
        assert brand.authority_version == authority + 1
        assert brand.grants == {}
    assert pool.asked == 2


async def test_a_brand_that_was_not_there_yet_is_read_again_for_who_knows_that_it_is(
    directory: Directory, pool: CountingPool, writer: WriterPool, world: World
) -> None:
    coming = world.second_brand_code + 1
    pool.hold = let_through = asyncio.Event()
    before = asyncio.create_task(directory.brand(coming, 1))
    await pool.held.wait()
    await accounts.add_brand(writer, iys_code=world.iys_code, name="Yeni", brand_code=coming)
    after = asyncio.create_task(directory.brand(coming, 1))
    await asyncio.sleep(0)
    let_through.set()
    assert await before is None
    assert await after is not None


async def test_who_has_seen_a_newer_version_gets_no_older_user_from_a_server_that_lags(
    directory: Directory, pool: CountingPool, reader: ReaderPool, world: World
) -> None:
    """Also if what was known was forgotten while he waited: he still knows what he has read."""
    await directory.catch_up(await version_of(reader) + 1)
    pool.hold = let_through = asyncio.Event()
    reading = asyncio.create_task(directory.user(world.admin.user_id))
    await pool.held.wait()
    directory.forget_all()
    let_through.set()
    with pytest.raises(LedgerUnavailableError):
        await reading


async def test_a_read_of_a_server_that_was_lost_is_not_joined(
    directory: Directory, pool: CountingPool, world: World, authority: int
) -> None:
    pool.hold = let_through = asyncio.Event()
    before = asyncio.create_task(directory.brand(world.brand_code, authority))
    await pool.held.wait()
    directory.forget_all()
    async with asyncio.timeout(5):
        assert await directory.brand(world.brand_code, authority) is not None
    let_through.set()
    assert await before is not None


async def test_what_an_outage_leaves_to_go_by_is_a_brand_that_nobody_trusts(
    directory: Directory, world: World, authority: int
) -> None:
    code = world.brand_code
    brand = await directory.brand(code, authority)
    directory.forget_all()
    assert directory.known_brand(code) == brand
    assert directory.current_brand(code, authority) is None
    directory._last_known[1] = directory._last_known[code]
    assert await directory.brand(1, authority) is None
    assert directory.known_brand(1) is None


async def test_forgetting_many_brands_holds_nobody_up(
    directory: Directory, world: World, authority: int
) -> None:
    brand = await directory.brand(world.brand_code, authority)
    assert brand is not None
    many: dict[int, BrandRow] = dict.fromkeys(range(200_000), brand)
    directory._brands.update(many)
    directory._last_known.update(many)
    started_at = perf_counter()
    directory.forget_all()
    assert perf_counter() - started_at < 0.05
    assert directory.current_brand(7, authority) is None
    assert directory.known_brand(7) == brand

"""The process's copies: never older than the version that the caller has just read."""

import asyncio
from datetime import date

import pytest

from shared.auth.directory import Directory
from shared.ledger import accounts
from shared.ledger.failures import LedgerUnavailableError
from shared.ledger.store import ReaderPool, WriterPool
from tests.auth.conftest import CountingPool, authority_of, version_of
from tests.support.builders import HEADER, World, new_user

ROUND = range(40)


async def test_what_is_remembered_costs_nothing(
    directory: Directory, pool: CountingPool, reader: ReaderPool, world: World
) -> None:
    version = await version_of(reader)
    authority = await authority_of(reader, world.brand_code)
    for _ in range(3):
        await directory.catch_up(version)
        assert (await directory.user(world.admin.user_id)) is not None
        assert await directory.header_owner(HEADER) == world.brand_code
        assert await directory.header_owner("NOBODYS") is None
        assert await directory.user(9_999) is None
        assert await directory.brand(world.brand_code, authority) is not None
    assert pool.asked == 5


async def test_a_change_is_seen_after_catching_up_and_only_it_is_read_anew(
    directory: Directory, pool: CountingPool, reader: ReaderPool, writer: WriterPool, world: World
) -> None:
    await directory.catch_up(await version_of(reader))
    for login in (world.admin, world.partner):
        await directory.user(login.user_id)
    await accounts.set_licence(writer, world.integrator_code, date(2026, 1, 1))
    pool.asked = 0
    await directory.catch_up(await version_of(reader))
    partner = await directory.user(world.partner.user_id)
    assert partner is not None
    assert partner.licence_valid_until == date(2026, 1, 1)
    await directory.user(world.admin.user_id)
    assert pool.asked == 2, "the changes, and the user that changed"


async def test_a_header_that_was_nobodys_is_found_once_it_is_bound(
    directory: Directory, reader: ReaderPool, writer: WriterPool, world: World
) -> None:
    await directory.catch_up(await version_of(reader))
    assert await directory.header_owner("YENI") is None
    await accounts.bind_header(
        writer, brand_code=world.second_brand_code, header="YENI", operators=[]
    )
    await directory.catch_up(await version_of(reader))
    assert await directory.header_owner("YENI") == world.second_brand_code
    await accounts.unbind_header(writer, brand_code=world.second_brand_code, header="YENI")
    await directory.catch_up(await version_of(reader))
    assert await directory.header_owner("YENI") is None


async def test_a_user_that_was_not_there_is_found_once_it_is_added(
    directory: Directory, reader: ReaderPool, writer: WriterPool, world: World
) -> None:
    await directory.catch_up(await version_of(reader))
    coming = world.ministry.user_id + 1
    assert await directory.user(coming) is None
    added = await accounts.add_user(writer, new_user("admin", username="another"))
    assert added == coming
    await directory.catch_up(await version_of(reader))
    assert await directory.user(coming) is not None


async def test_a_load_that_a_change_overtakes_is_not_believed(
    directory: Directory, pool: CountingPool, reader: ReaderPool, writer: WriterPool, world: World
) -> None:
    """The race: a user is read, suspended, and the copy catches up, before the reply has arrived.

    Remembered all the same, the old row would stay: the change that could drop it is behind us.
    """
    await directory.catch_up(await version_of(reader))
    pool.hold = let_through = asyncio.Event()
    loading = asyncio.create_task(directory.user(world.operator.user_id))
    await pool.held.wait()
    await accounts.set_state(writer, "operator", world.operator_code, active=False)
    await directory.catch_up(await version_of(reader))
    let_through.set()
    operator = await loading
    assert operator is not None
    assert not operator.active
    assert (await directory.user(world.operator.user_id)) == operator


async def test_a_header_that_a_change_overtakes_is_not_believed(
    directory: Directory, pool: CountingPool, reader: ReaderPool, writer: WriterPool, world: World
) -> None:
    """The same race for the owner of a header."""
    await directory.catch_up(await version_of(reader))
    pool.hold = let_through = asyncio.Event()
    loading = asyncio.create_task(directory.header_owner(HEADER))
    await pool.held.wait()
    await accounts.unbind_header(writer, brand_code=world.brand_code, header=HEADER)
    await directory.catch_up(await version_of(reader))
    let_through.set()
    assert await loading is None
    assert await directory.header_owner(HEADER) is None


async def test_a_suspension_holds_for_whoever_asks_next_whatever_is_under_way(
    directory: Directory, reader: ReaderPool, writer: WriterPool, world: World
) -> None:
    """The race at random: many requests load and catch up while the state flips to and fro."""
    now_active = True
    done = asyncio.Event()

    async def ask() -> None:
        while not done.is_set():
            await directory.catch_up(await version_of(reader))
            await directory.user(world.operator.user_id)

    askers = [asyncio.create_task(ask()) for _ in range(8)]
    for _ in ROUND:
        now_active = not now_active
        await accounts.set_state(writer, "operator", world.operator_code, active=now_active)
        await directory.catch_up(await version_of(reader))
        operator = await directory.user(world.operator.user_id)
        assert operator is not None
        assert operator.active is now_active
    done.set()
    await asyncio.gather(*askers)


async def test_rights_at_a_brand_are_read_anew_when_its_version_has_moved(
    directory: Directory, pool: CountingPool, reader: ReaderPool, writer: WriterPool, world: World
) -> None:
    code = world.brand_code
    brand = await directory.brand(code, await authority_of(reader, code))
    assert brand is not None
    assert world.integrator_code in brand.grants
    await accounts.remove_grant(writer, brand_code=code, integrator_code=world.integrator_code)
    pool.asked = 0
    brand = await directory.brand(code, await authority_of(reader, code))
    assert brand is not None
    assert brand.grants == {}
    assert await directory.brand(code, await authority_of(reader, code)) == brand
    assert pool.asked == 1


async def test_a_brand_row_holds_all_that_its_version_covers(
    directory: Directory, reader: ReaderPool, writer: WriterPool, world: World
) -> None:
    code = world.brand_code
    await accounts.bind_header(
        writer, brand_code=code, header="BIR OP", operators=[world.operator_code]
    )
    await accounts.set_state(writer, "provider", world.iys_code, active=False)
    brand = await directory.brand(code, await authority_of(reader, code))
    assert brand is not None
    assert brand.headers == {HEADER: frozenset(), "BIR OP": frozenset({world.operator_code})}
    assert brand.retailers == {world.retailer_code}
    assert (brand.iys_code, brand.name, brand.active) == (world.iys_code, "Deneme", False)


async def test_a_brand_that_is_not_there_is_none(directory: Directory, world: World) -> None:
    assert await directory.brand(1, None) is None
    assert await directory.brand(1, 5) is None


async def test_after_the_ledger_was_away_nothing_is_remembered(
    directory: Directory, pool: CountingPool, reader: ReaderPool, world: World
) -> None:
    version = await version_of(reader)
    await directory.catch_up(version)
    await directory.user(world.admin.user_id)
    directory.forget_all()
    pool.asked = 0
    await directory.catch_up(version)
    assert await directory.user(world.admin.user_id) is not None
    assert pool.asked == 1


async def test_a_ledger_that_has_gone_back_is_refused_and_not_asked_for_ever(
    directory: Directory, pool: CountingPool, reader: ReaderPool, world: World
) -> None:
    """A restore, or a standby that lags: its versions are behind ours and stay there.

    The answer is refused, and the copies with it: the next question begins anew.
    """
    ahead = await version_of(reader) + 100
    directory._version = ahead
    async with asyncio.timeout(5):
        with pytest.raises(LedgerUnavailableError):
            await directory.user(world.admin.user_id)
        assert await directory.user(world.admin.user_id) is not None
        directory._version = ahead
        with pytest.raises(LedgerUnavailableError):
            await directory.header_owner(HEADER)
        with pytest.raises(LedgerUnavailableError):
            await directory.brand(world.brand_code, 100_000)
    assert pool.asked < 60


async def test_a_list_of_changes_that_falls_short_is_not_believed(
    directory: Directory, reader: ReaderPool, world: World
) -> None:
    """Two servers of different age behind one address: the older one does not know what was revoked."""
    version = await version_of(reader)
    await directory.catch_up(version)
    assert await directory.user(world.admin.user_id) is not None
    with pytest.raises(LedgerUnavailableError):
        await directory.catch_up(version + 1)
    assert directory._users == {}


async def test_a_read_of_a_server_that_was_lost_meanwhile_is_not_remembered(
    pool: CountingPool, directory: Directory, reader: ReaderPool, world: World
) -> None:
    """A restored ledger has the same versions again, and other rights."""
    authority = await authority_of(reader, world.brand_code)
    await directory.catch_up(await version_of(reader))
    pool.hold = asyncio.Event()
    held = pool.hold
    reading = asyncio.create_task(directory.user(world.provider.user_id))
    await pool.held.wait()
    directory.forget_all()
    asked = pool.asked
    held.set()
    assert await reading is not None
    assert pool.asked == asked + 1  # read once more, from whoever answers now
    pool.held.clear()
    pool.hold = held = asyncio.Event()
    brand = asyncio.create_task(directory.brand(world.brand_code, authority))
    await pool.held.wait()
    directory.forget_all()
    asked = pool.asked
    held.set()
    assert await brand is not None
    assert pool.asked > asked

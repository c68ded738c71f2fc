"""The races of writes that share a transaction: for a key, with a lock, with an asker that leaves."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence

import asyncpg
import pytest

from shared.domain.consent import Status
from shared.ledger.append import Appender, NewMovement, Stored
from shared.ledger.failures import CommitUnknownError, LedgerUnavailableError, StaleStateError
from shared.ledger.group_commit import GroupCommit
from shared.ledger.history import find_replayed
from shared.ledger.store import WriterPool, open_writer, role_dsn
from shared.ledger.verify import verify
from tests.support.builders import NOW, ROW_IN_THE_WAY, Scribe, World, consent, phone
from tests.support.ledger import owner_connection, until_waiting

SOON_S = 1.0  # well below the writers' lock_timeout of two seconds
LOCK_KEYS = "SELECT FROM consent WHERE brand_code = $1 AND digest = ANY ($2) FOR UPDATE"


@pytest.fixture
async def groups(appender: Appender) -> AsyncIterator[GroupCommit]:
    commits = GroupCommit(appender)
    yield commits
    await commits.drain()


async def _store(
    groups: GroupCommit, scribe: Scribe, world: World, *people: int
) -> list[Stored | BaseException]:
    """Store a consent of each of these people on top of what is there, all at once."""
    movements = [await _movement(scribe, world, n) for n in people]
    return await asyncio.gather(
        *(groups.store(world.brand_code, movement) for movement in movements),
        return_exceptions=True,
    )


async def _movement(scribe: Scribe, world: World, n: int) -> NewMovement:
    snapshot = await scribe.read(world.brand_code, consent(phone(n)))
    return scribe.movement(world.brand_code, consent(phone(n)), after=snapshot)


def _all_stored(results: list[Stored | BaseException]) -> bool:
    return all(isinstance(result, Stored) for result in results)


async def test_many_writes_share_few_transactions(
    groups: GroupCommit, scribe: Scribe, world: World, owner: asyncpg.Connection
) -> None:
    results = await _store(groups, scribe, world, *range(200))
    stored = [result for result in results if isinstance(result, Stored)]
    assert sorted(one.position for one in stored) == list(range(1, 201))
    assert len({one.transaction_id for one in stored}) == 200
    assert await owner.fetchval("SELECT count(*) FROM extent") <= 4


async def test_more_than_a_group_holds_is_stored_all_the_same(
    groups: GroupCommit, scribe: Scribe, world: World, owner: asyncpg.Connection
) -> None:
    movements = [scribe.movement(world.brand_code, consent(phone(n))) for n in range(900)]
    stored = await asyncio.gather(*(groups.store(world.brand_code, m) for m in movements))
    assert sorted(one.position for one in stored) == list(range(1, 901))
    assert await owner.fetchval("SELECT max(size) FROM extent") == 200


class NotingAppender(Appender):
    """The real one; notes what it was given, in which order."""

    groups: list[Sequence[NewMovement]]

    async def append(  # type: ignore[explicit-override]  # 3.11 has no typing.override
        self, brand_code: int, movements: Sequence[NewMovement], *, wait: bool
    ) -> tuple[list[Stored], list[int]]:
        self.groups.append(movements)
        return await super().append(brand_code, movements, wait=wait)


async def test_a_refusal_goes_before_all_that_waits(
    writer: WriterPool, scribe: Scribe, world: World
) -> None:
    """Promise 3: a thousand approvals are in the queue when somebody withdraws."""
    brand_code = world.brand_code
    await scribe.write(brand_code, consent(phone(0)))
    refusal = consent(phone(0), status=Status.WITHDRAWN, consent_date=NOW)
    withdrawal = scribe.movement(brand_code, refusal, after=await scribe.read(brand_code, refusal))
    movements = [scribe.movement(brand_code, consent(phone(n))) for n in range(1, 1_001)]
    appender = NotingAppender(writer, digest_key_id=1, sealing_key_id=1)
    appender.groups = []
    groups = GroupCommit(appender)
    stored = await asyncio.gather(
        *(groups.store(brand_code, movement) for movement in (*movements, withdrawal))
    )
    assert appender.groups[0][0] == withdrawal
    assert sorted(one.position for one in stored) == list(range(2, 1_003))


@pytest.mark.parametrize("known", [False, True], ids=["a new key", "a known key"])
async def test_of_two_writes_of_a_key_exactly_one_wins(
    groups: GroupCommit, scribe: Scribe, world: World, ledger: str, *, known: bool
) -> None:
    """Both judged by the same state. Stored one over the other, the second would rest on sand."""
    if known:
        await scribe.write(world.brand_code, consent(phone(5)))
    results = await _store(groups, scribe, world, *range(5), 5, 5, *range(6, 10))
    twins, others = results[5:7], results[:5] + results[7:]
    assert _all_stored(others)
    assert sorted(type(result).__name__ for result in twins) == ["StaleStateError", "Stored"]
    assert (await verify(ledger)).differences == []


async def test_a_locked_key_leaves_the_group_and_the_others_go_on(
    groups: GroupCommit, scribe: Scribe, world: World, ledger: str, owner: asyncpg.Connection
) -> None:
    """A stranger holds one key. Waiting for it inside the group would hold up everybody."""
    people = range(30)
    for n in people:
        await scribe.write(world.brand_code, consent(phone(n)))
    movements = [await _movement(scribe, world, n) for n in people]
    async with owner_connection(ledger) as stranger, stranger.transaction():
        await stranger.execute(LOCK_KEYS, world.brand_code, [movements[7].digest])
        writing = [asyncio.create_task(groups.store(world.brand_code, m)) for m in movements]
        locked = writing.pop(7)
        done, _ = await asyncio.wait(writing, timeout=SOON_S)
        assert len(done) == len(writing)
        assert not locked.done()
        assert await owner.fetchval("SELECT max(size) FROM extent") == len(writing), "one group"
    assert (await locked).position == 2 * len(people)


async def test_many_locked_keys_leave_connections_for_the_others(
    groups: GroupCommit, scribe: Scribe, world: World, ledger: str
) -> None:
    """Each write that waits for a lock holds a connection. Unbounded, they would hold them all."""
    people = range(1, 21)
    for n in people:
        await scribe.write(world.brand_code, consent(phone(n)))
    async with owner_connection(ledger) as stranger, stranger.transaction():
        digests = scribe.digester.digests(phone(n) for n in people)
        await stranger.execute(LOCK_KEYS, world.brand_code, digests)
        waiting = asyncio.create_task(_store(groups, scribe, world, *people))
        await until_waiting(stranger)
        assert _all_stored(await _soon(_store(groups, scribe, world, *range(100, 110))))
        assert not waiting.done()
    assert _all_stored(await waiting)


async def test_a_key_that_somebody_is_inserting_holds_nobody_up_for_ever(
    groups: GroupCommit, scribe: Scribe, world: World, ledger: str, owner: asyncpg.Connection
) -> None:
    """An absent key cannot be skipped as a locked one can: the insert waits, until `lock_timeout`."""
    async with owner_connection(ledger) as stranger:
        in_the_way = stranger.transaction()
        await in_the_way.start()
        await stranger.execute(ROW_IN_THE_WAY, world.brand_code, scribe.digester.digest(phone(1)))
        async with asyncio.timeout(6):
            results = await _store(groups, scribe, world, *range(10))
        assert isinstance(results.pop(1), StaleStateError)
        assert _all_stored(results)
        await in_the_way.rollback()
    assert await owner.fetchval("SELECT count(*) FROM movement") == 9
    assert (await verify(ledger)).differences == []
    assert _all_stored(await _store(groups, scribe, world, 1))


async def test_an_asker_who_gives_up_does_not_stop_the_write(
    groups: GroupCommit, scribe: Scribe, world: World
) -> None:
    """The client hangs up. A cancelled COMMIT would be half a promise to the others in the group."""
    movements = [scribe.movement(world.brand_code, consent(phone(n))) for n in range(3)]
    asking = [
        asyncio.create_task(groups.store(world.brand_code, movement)) for movement in movements
    ]
    await asyncio.sleep(0)
    asking[1].cancel()
    results = await asyncio.gather(*asking, return_exceptions=True)
    assert isinstance(results[1], asyncio.CancelledError)
    await groups.drain()
    for n in range(3):
        assert (await scribe.read(world.brand_code, consent(phone(n)))).latest is not None


async def test_a_session_that_is_killed_mid_write_leaves_the_outcome_open(
    groups: GroupCommit, scribe: Scribe, world: World, ledger: str, owner: asyncpg.Connection
) -> None:
    """The asker may not be told "not stored", nor "stored"; a replay finds out which."""
    new = consent(phone(1))
    first = await scribe.write(world.brand_code, new)
    again = consent(phone(1), consent_date=NOW)
    snapshot = await scribe.read(world.brand_code, again)
    movement = scribe.movement(world.brand_code, again, after=snapshot)
    async with owner_connection(ledger) as stranger, stranger.transaction():
        await stranger.execute(LOCK_KEYS, world.brand_code, [movement.digest])
        writing = asyncio.create_task(groups.store(world.brand_code, movement))
        await owner.execute("SELECT pg_terminate_backend($1)", await until_waiting(owner))
        with pytest.raises(CommitUnknownError):
            await writing
    key = scribe.key(world.brand_code, new)
    assert await find_replayed(scribe.reader, key, again) is None
    assert await find_replayed(scribe.reader, key, new) == first
    stored = await groups.store(world.brand_code, movement)
    assert await find_replayed(scribe.reader, key, again) == stored


async def test_one_error_reaches_everybody_in_the_group(
    groups: GroupCommit, scribe: Scribe, world: World
) -> None:
    movements = [scribe.movement(1, consent(phone(n))) for n in range(3)]  # there is no brand 1
    results = await asyncio.gather(
        *(groups.store(1, movement) for movement in movements), return_exceptions=True
    )
    assert [type(result) for result in results] == [LedgerUnavailableError] * 3
    assert _all_stored(await _store(groups, scribe, world, 1, 2))


@pytest.fixture
async def lone_connection(ledger: str) -> AsyncIterator[WriterPool]:
    async with open_writer(role_dsn(ledger, "izin_registry"), size=1) as pool:
        yield pool


async def test_a_connection_that_comes_back_in_a_transaction_is_clean_for_the_next(
    lone_connection: WriterPool, scribe: Scribe, world: World
) -> None:
    """Somebody was cancelled between BEGIN and COMMIT. On such a session the next write would be
    acknowledged and never committed."""
    loop = asyncio.get_running_loop()
    complaints: list[object] = []
    loop.set_exception_handler(lambda _loop, context: complaints.append(context["message"]))
    async with lone_connection.acquire() as connection:
        await connection.execute("BEGIN")
    loop.set_exception_handler(None)
    assert len(complaints) == 1
    appender = Appender(lone_connection, digest_key_id=1, sealing_key_id=1)
    movement = scribe.movement(world.brand_code, consent())
    await appender.append(world.brand_code, [movement], wait=True)
    assert (await scribe.read(world.brand_code, consent())).latest is not None


async def test_a_write_that_gets_no_connection_was_certainly_not_made(
    lone_connection: WriterPool, scribe: Scribe, world: World
) -> None:
    appender = Appender(lone_connection, digest_key_id=1, sealing_key_id=1)
    movement = scribe.movement(world.brand_code, consent())
    lone_connection.terminate()
    with pytest.raises(LedgerUnavailableError) as refused:
        await appender.append(world.brand_code, [movement], wait=True)
    assert not isinstance(refused.value, CommitUnknownError)


async def _soon(work: Awaitable[list[Stored | BaseException]]) -> list[Stored | BaseException]:
    async with asyncio.timeout(SOON_S):
        return await work

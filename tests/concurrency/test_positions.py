"""The race: a reader pages through a brand by number while writers commit in any order they like.

Numbers that are handed out before the commit (identity columns, `extent_id`) make such a reader pass
by what commits late, for ever. Positions are given under the lock of the brand's head, in the last
step of a transaction, so a page never overtakes a writer.
"""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from shared.ledger.append import APPEND, Appender, NewMovement, Stored
from shared.ledger.failures import StaleStateError
from shared.ledger.store import WriterPool, open_writer, role_dsn
from shared.ledger.tail import TailMovement, read_tail
from shared.ledger.verify import verify
from tests.support.builders import NOW, ROW_IN_THE_WAY, Scribe, World, consent, phone
from tests.support.ledger import owner_connection, until_waiting

WRITERS = 32
ROUNDS = 6
PAGE = 7
CONNECTIONS = 24

BY_EXTENT_ID = """
    SELECT extent_id FROM extent WHERE brand_code = $1 AND extent_id > $2 ORDER BY extent_id LIMIT $3
"""


@pytest.fixture
async def crowd(ledger: str) -> AsyncIterator[WriterPool]:
    """Return a pool that is wide enough for writers to really overlap."""
    async with open_writer(role_dsn(ledger, "izin_registry"), size=CONNECTIONS) as pool:
        yield pool


async def test_a_reader_by_position_sees_every_committed_movement_once_and_in_order(
    crowd: WriterPool, scribe: Scribe, world: World, ledger: str
) -> None:
    """Among the writers: some roll back, some lose a key to another, one dawdles before its commit."""
    appender = Appender(crowd, digest_key_id=1, sealing_key_id=1)
    finished = asyncio.Event()
    reading = asyncio.create_task(_follow(scribe, world.brand_code, finished))
    written = await asyncio.gather(
        *(_write(appender, crowd, scribe, world.brand_code, n) for n in range(WRITERS)),
        _dawdle(crowd, appender, scribe, world.brand_code),
    )
    finished.set()
    seen = await reading
    committed = sorted(stored.position for group in written for stored in group)
    assert [movement.position for movement in seen] == committed
    assert committed == list(range(1, len(committed) + 1))
    assert len(committed) > WRITERS * ROUNDS
    assert (await verify(ledger)).differences == []


async def _follow(scribe: Scribe, brand_code: int, finished: asyncio.Event) -> list[TailMovement]:
    seen: list[TailMovement] = []
    while True:
        last_round = finished.is_set()
        after = seen[-1].position if seen else 0
        page = await read_tail(scribe.reader, brand_code, after=after, limit=PAGE)
        seen.extend(page)
        if last_round and not page:
            return seen
        await asyncio.sleep(0)


async def _write(
    appender: Appender, pool: WriterPool, scribe: Scribe, brand_code: int, n: int
) -> list[Stored]:
    written: list[Stored] = []
    for turn in range(ROUNDS):
        first = 1_000 * n + 10 * turn
        movements = [
            scribe.movement(brand_code, consent(phone(first + k))) for k in range(1 + turn % 3)
        ]
        await _roll_back(pool, appender, brand_code, movements)
        stored, _ = await appender.append(brand_code, movements, wait=False)
        written.extend(stored)
        with pytest.raises(StaleStateError):  # the keys are there now
            await appender.append(brand_code, movements, wait=False)
    return written


async def _roll_back(
    pool: WriterPool, appender: Appender, brand_code: int, movements: list[NewMovement]
) -> None:
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.fetch(APPEND, *_arguments(appender, brand_code, movements))
        await transaction.rollback()


async def _dawdle(
    pool: WriterPool, appender: Appender, scribe: Scribe, brand_code: int
) -> list[Stored]:
    """Hold the head for a while, so that everybody else queues behind it, and then commit."""
    movements = [scribe.movement(brand_code, consent(phone(900_000 + k))) for k in range(3)]
    async with pool.acquire() as connection, connection.transaction():
        rows = await connection.fetch(APPEND, *_arguments(appender, brand_code, movements))
        await asyncio.sleep(0.1)
    return [Stored("", NOW, rows[0]["base_position"] + n, (1, n)) for n in (1, 2, 3)]


def _arguments(appender: Appender, brand_code: int, movements: list[NewMovement]) -> list[object]:
    return appender._arguments(brand_code, movements, nonce=1, wait=True)


async def test_a_reader_by_extent_id_does_miss_what_commits_late(
    appender: Appender, scribe: Scribe, world: World, owner: asyncpg.Connection, ledger: str
) -> None:
    """The check of the check: the number that is handed out early is no cursor, the position is.

    A stranger's uncommitted row stops the first writer after it has drawn its number; the second
    overtakes it, a reader passes by, and then the first commits.
    """
    brand_code = world.brand_code
    late, early = (scribe.movement(brand_code, consent(phone(n))) for n in (1, 2))
    async with owner_connection(ledger) as stranger:
        in_the_way = stranger.transaction()
        await in_the_way.start()
        await stranger.execute(ROW_IN_THE_WAY, brand_code, late.digest)
        writing = asyncio.create_task(appender.append(brand_code, [late], wait=True))
        await until_waiting(owner)
        await appender.append(brand_code, [early], wait=True)
        by_extent = [row[0] for row in await owner.fetch(BY_EXTENT_ID, brand_code, 0, PAGE)]
        by_position = await read_tail(scribe.reader, brand_code, after=0, limit=PAGE)
        await in_the_way.rollback()
        await writing
    assert [movement.digest for movement in by_position] == [early.digest]
    rest = await read_tail(scribe.reader, brand_code, after=1, limit=PAGE)
    assert [movement.digest for movement in rest] == [late.digest]
    passed_by = await owner.fetch(BY_EXTENT_ID, brand_code, by_extent[-1], PAGE)
    assert passed_by == [], "by extent_id the late one is never seen"
    assert rest[0].extent_id < by_extent[-1]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
async def test_pages_of_any_size_join_up_across_extents_of_any_size(
    appender: Appender, scribe: Scribe, world: World, limit: int
) -> None:
    sizes = [1, 5, 2, 1, 9, 3]
    people = iter(range(100))
    for size in sizes:
        movements = [
            scribe.movement(world.brand_code, consent(phone(next(people)))) for _ in range(size)
        ]
        await appender.append(world.brand_code, movements, wait=True)
    for start in range(sum(sizes) + 1):
        seen: list[int] = []
        while page := await read_tail(
            scribe.reader, world.brand_code, after=seen[-1] if seen else start, limit=limit
        ):
            seen += [movement.position for movement in page]
        assert seen == list(range(start + 1, sum(sizes) + 1))


async def test_brands_have_an_order_each(appender: Appender, scribe: Scribe, world: World) -> None:
    brands = (world.brand_code, world.second_brand_code)
    stored = await asyncio.gather(
        *(
            appender.append(brand, [scribe.movement(brand, consent(phone(n)))], wait=False)
            for n in range(8)
            for brand in brands
        )
    )
    positions = sorted(group[0].position for group, _ in stored)
    assert positions == sorted([*range(1, 9), *range(1, 9)])
    assert len({group[0].transaction_id for group, _ in stored}) == 16

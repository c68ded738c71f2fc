"""64 writers at once, some of which are broken off, and readers who page through the feed meanwhile.

What the readers have seen, page after page of seven, is exactly what was committed: in the ledger's order,
nothing left out, nothing twice. Some writers come over HTTP and are cancelled at any moment or lose their
connection to the ledger; others hold their transaction open, roll it back, or hang up in the middle.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import suppress

import asyncpg
import httpx
import pytest

from shared.clock import utc_now
from shared.domain.consent import Source
from shared.ledger.append import APPEND, transaction_id
from shared.ledger.store import role_dsn
from shared.ledger.verify import verify
from tests.registry.doors import Town, new_phone
from tests.registry.doors import consent as consent_body
from tests.registry.feeds.feed_reading import changes_path, ids, rows_of, scribe_of
from tests.support.builders import Scribe, consent

OVER_HTTP = 24
DIRECT = 40
ROUNDS = 6
PAGE = 7
SOURCES = (Source.WEB, Source.MOBILE_APP, Source.REGISTRY_WEB, Source.REGISTRY_VOICE)
NOT_THE_WRITERS = "direct"
KILL = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND usename = 'izin_registry' AND application_name = 'izin'
     ORDER BY random() LIMIT 1
"""


@pytest.fixture
async def brand(town: Town) -> int:
    return await town.new_brand()


@pytest.fixture
async def reader(town: Town) -> AsyncIterator[httpx.AsyncClient]:
    """Return the door of a process that only reads: its connections are killed like all others."""
    async with town.another_process(feed_delay_s=0) as door:
        yield door


async def test_the_union_of_the_pages_is_what_was_committed(
    town: Town, brand: int, reader: httpx.AsyncClient
) -> None:
    await town.token(town.world.provider)  # while there is peace
    chance, finished = random.Random(20260302), asyncio.Event()  # noqa: S311  # chance, repeatable
    seeds = iter([chance.random() for _ in range(OVER_HTTP + DIRECT)])
    readers = [
        asyncio.create_task(follow(town, brand, reader, source, finished))
        for source in ("HS", "IYS")
    ]
    killer = asyncio.create_task(kill(town, finished))
    acknowledged = await asyncio.gather(
        *(over_http(town, brand, next(seeds)) for _ in range(OVER_HTTP)),
        *(directly(town, brand, next(seeds)) for _ in range(DIRECT)),
    )
    finished.set()
    seen = await asyncio.gather(*readers)
    await killer

    committed = await rows_of(town, brand)
    for source, rows in zip((False, True), seen, strict=True):
        assert rows == [row.id for row in committed if row.of_registry is source]
        assert rows == await follow(town, brand, reader, "IYS" if source else "HS", finished)
    told = [transaction for writer in acknowledged for transaction in writer]
    assert set(told) <= {row.id for row in committed}
    assert len(told) > OVER_HTTP + DIRECT
    assert (await verify(town.dsn)).differences == []


async def follow(
    town: Town, brand: int, door: httpx.AsyncClient, source: str, finished: asyncio.Event
) -> list[str]:
    """Page on until the writers have finished and there is nothing more."""
    seen: list[str] = []
    after = ""
    while True:
        is_last_round = finished.is_set()
        path = changes_path(town, brand, source=source, limit=PAGE, after=after)
        answer = await town.get(path, at=door)
        match answer.status_code:
            case 200:
                after = answer.json()["after"]
                seen.extend(ids(answer.json()["list"]))
            case 204 if is_last_round:
                return seen
            case 204:
                await asyncio.sleep(0.001)
            case status:
                assert status == 503, answer.text  # its connection was killed: the same again


async def over_http(town: Town, brand: int, seed: float) -> list[str]:
    """Record approvals, and be cancelled in the middle of some; return the ids that were answered."""
    chance, told = random.Random(seed), list[str]()  # noqa: S311  # the same
    for _ in range(ROUNDS):
        request = asyncio.create_task(
            town.add(consent_body(new_phone()), brand=town.brand_path(brand))
        )
        if chance.random() < 0.3:
            await asyncio.sleep(chance.random() * 0.05)
            request.cancel()
        with suppress(asyncio.CancelledError):
            answer = await request
            if answer.status_code == 200:
                told.append(answer.json()["transactionId"])
            else:
                assert answer.status_code in {500, 503}, answer.text
    return told


async def directly(town: Town, brand: int, seed: float) -> list[str]:
    """Append with transactions that stay open for a while and may come to nothing."""
    scribe, chance, told = scribe_of(town), random.Random(seed), list[str]()  # noqa: S311  # the same
    for _ in range(ROUNDS):
        connection = await asyncpg.connect(
            role_dsn(town.dsn, "izin_registry"),
            server_settings={"application_name": NOT_THE_WRITERS},
        )
        try:
            told.extend(await append(connection, scribe, brand, chance))
        finally:
            connection.terminate()
    return told


async def append(
    connection: asyncpg.Connection, scribe: Scribe, brand: int, chance: random.Random
) -> list[str]:
    source, size, nonce = chance.choice(SOURCES), chance.randint(1, 5), chance.getrandbits(62)
    movements = [
        scribe.movement(brand, consent(new_phone(), source=source, consent_date=utc_now()))
        for _ in range(size)
    ]
    arguments = scribe.appender._arguments(brand, movements, nonce=nonce, wait=True)
    transaction = connection.transaction()
    await transaction.start()
    row = await connection.fetchrow(APPEND, *arguments)
    assert row is not None
    await asyncio.sleep(chance.random() * 0.002)
    fate = chance.random()
    if fate < 0.2:
        await transaction.rollback()
    elif fate < 0.4:
        return []  # who hangs up has committed nothing
    else:
        await transaction.commit()
        return [transaction_id(brand, row["extent_id"], nonce, n) for n in range(1, size + 1)]
    return []


async def kill(town: Town, finished: asyncio.Event) -> None:
    """Cut connections of the registry's processes, one every now and then."""
    while not finished.is_set():
        await town.owner.fetch(KILL)
        with suppress(TimeoutError):
            await asyncio.wait_for(finished.wait(), 0.05)

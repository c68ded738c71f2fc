"""What a follower of a brand is told: where it stands, what has moved, and what is on file now."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from shared.domain.consent import Channel, RecipientType, Status
from shared.ledger import read_changes
from shared.ledger.append import Appender
from shared.ledger.read_changes import BrandHead, ChangeReader, Changes, Fill, Mark
from shared.ledger.store import ReaderPool, open_reader, role_dsn
from tests.support.builders import NOW, Scribe, World, consent, phone
from tests.support.ledger import owner_connection, until_waiting

HOUR = timedelta(hours=1)
NOWHERE = Mark(0, (0, 0, 0), settled=True)
GRANTED, WITHDRAWN = 1, 2
PLACES = {Channel.SMS: 1, Channel.CALL: 10, Channel.EMAIL: 100}


def shown(statuses: Iterable[tuple[Channel, RecipientType, Status]]) -> int:
    """Show individuals in the first three decimal places and merchants in the next."""
    return sum(
        PLACES[channel]
        * (1000 if recipient_type is RecipientType.MERCHANT else 1)
        * (GRANTED if status is Status.GRANTED else WITHDRAWN)
        for channel, recipient_type, status in statuses
    )


@pytest.fixture
def changes(reader: ReaderPool) -> ChangeReader:
    return ChangeReader(reader, value_of=shown)


async def page(changes: ChangeReader, brand_code: int, mark: Mark = NOWHERE) -> Changes:
    found = await changes.changes(brand_code, mark)
    assert found is not None
    return found


async def filled(changes: ChangeReader, brand_code: int, *, after: bytes = b"") -> Fill:
    found = await changes.fill(brand_code, replace(NOWHERE, settled=False), after=after)
    assert found is not None
    return found


def settled(head: BrandHead) -> Mark:
    return Mark(head.position, head.movement, settled=True)


async def write_many(scribe: Scribe, brand_code: int, numbers: Iterable[int]) -> None:
    movements = [scribe.movement(brand_code, consent(phone(n))) for n in numbers]
    await scribe.appender.append(brand_code, movements, wait=True)


async def test_a_brand_without_movements_is_at_nothing(changes: ChangeReader, world: World) -> None:
    found = await page(changes, world.brand_code)
    assert found.is_there
    assert (found.head.position, found.head.movement) == (0, (0, 0, 0))
    assert (found.position, found.movements, found.entries, found.age_s) == (0, 0, [], None)


async def test_an_address_that_moved_brings_all_that_is_on_file_for_it(
    changes: ChangeReader, scribe: Scribe, world: World
) -> None:
    merchant = RecipientType.MERCHANT
    await scribe.write(world.brand_code, consent(channel=Channel.CALL))
    await scribe.write(world.brand_code, consent(recipient_type=merchant))
    mark = settled((await page(changes, world.brand_code)).head)
    await scribe.write(world.brand_code, consent())
    await scribe.write(world.brand_code, consent(status=Status.WITHDRAWN, consent_date=NOW))
    found = await page(changes, world.brand_code, mark)
    assert found.entries == [(scribe.digester.digest(phone(1)), 1012)]
    assert (found.movements, found.position) == (2, 4)
    assert found.age_s is not None
    assert 0 <= found.age_s < 60


async def test_what_did_not_move_is_not_told(
    changes: ChangeReader, scribe: Scribe, world: World
) -> None:
    await write_many(scribe, world.brand_code, range(5))
    mark = settled((await page(changes, world.brand_code)).head)
    assert (await page(changes, world.brand_code, mark)).entries == []
    await write_many(scribe, world.second_brand_code, range(5))
    assert (await page(changes, world.brand_code, mark)).entries == []


async def test_a_refusal_that_was_turned_away_counts_as_a_refusal(
    changes: ChangeReader, scribe: Scribe, world: World
) -> None:
    never, overruled, upheld = (phone(n) for n in (1, 2, 3))
    await scribe.write(world.brand_code, consent(never, status=Status.WITHDRAWN))
    await scribe.write(world.brand_code, consent(overruled, status=Status.WITHDRAWN))
    await scribe.write(world.brand_code, consent(overruled, consent_date=NOW))
    await scribe.write(world.brand_code, consent(upheld))
    await scribe.write(world.brand_code, consent(upheld, status=Status.WITHDRAWN))
    expected = {never: WITHDRAWN, overruled: GRANTED, upheld: WITHDRAWN}
    by_digest = {scribe.digester.digest(a): value for a, value in expected.items()}
    assert dict((await page(changes, world.brand_code)).entries) == by_digest
    assert dict((await filled(changes, world.brand_code)).entries) == by_digest


async def test_a_long_tail_comes_in_pages(
    changes: ChangeReader, scribe: Scribe, world: World
) -> None:
    for start in (0, 700, 703):
        await write_many(scribe, world.brand_code, range(start, start + (700 if not start else 3)))
    mark, seen = NOWHERE, set[bytes]()
    positions = []
    while mark.position < 706:
        found = await page(changes, world.brand_code, mark)
        assert found.is_there
        seen |= {digest for digest, _ in found.entries}
        positions.append(found.position)
        mark = Mark(found.position, found.head.movement, settled=False)
    assert positions == [500, 706]
    assert len(seen) == 706


async def test_a_mark_counts_if_its_very_movement_is_there(
    changes: ChangeReader, scribe: Scribe, world: World
) -> None:
    await write_many(scribe, world.brand_code, range(3))
    await write_many(scribe, world.brand_code, range(3, 5))
    extent, nonce, offset = (await page(changes, world.brand_code)).head.movement

    async def is_there(position: int, movement: tuple[int, int, int]) -> bool:
        return (
            await page(changes, world.brand_code, Mark(position, movement, settled=True))
        ).is_there

    assert await is_there(5, (extent, nonce, offset))
    assert await is_there(4, (extent, nonce, 1))
    assert not await is_there(5, (extent, nonce + 1, offset))
    assert not await is_there(5, (extent + 1, nonce, offset))
    assert not await is_there(4, (extent, nonce, offset))
    assert not await is_there(6, (extent, nonce, 3)), "beyond the extent's end"
    assert not await is_there(3, (extent, nonce, 0))
    assert not await is_there(0, (extent, nonce, offset))
    assert not await is_there(1, (0, 0, 0))


async def test_an_unsettled_mark_counts_if_the_newest_movement_it_has_seen_is_there(
    changes: ChangeReader, scribe: Scribe, world: World
) -> None:
    """Its entries may show that movement; a ledger that has lost it cannot go on from there."""
    await write_many(scribe, world.brand_code, range(3))
    movement = (await page(changes, world.brand_code)).head.movement
    lost = (movement[0] + 1, 77, 1)
    for position, seen, expected in [(1, movement, True), (3, movement, True), (1, lost, False)]:
        mark = Mark(position, seen, settled=False)
        assert (await page(changes, world.brand_code, mark)).is_there is expected
        fill = await changes.fill(world.brand_code, mark, after=b"")
        assert fill is not None
        assert fill.is_there is expected
    later = Mark(4, movement, settled=False)
    assert not (await page(changes, world.brand_code, later)).is_there


async def test_everything_comes_in_pages_of_whole_addresses(
    changes: ChangeReader, scribe: Scribe, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_changes, "CONSENTS_A_PAGE", 7)
    expected: dict[bytes, int] = {}
    for n in range(20):
        address = phone(n)
        for channel in list(Channel)[: 1 + n % 3]:
            await scribe.write(world.brand_code, consent(address, channel=channel))
            digest = scribe.digester.digest(address)
            expected[digest] = expected.get(digest, 0) + PLACES[channel]
    found: dict[bytes, int] = {}
    after: bytes | None = b""
    while after is not None:
        fill = await filled(changes, world.brand_code, after=after)
        assert not found.keys() & dict(fill.entries).keys()
        assert all(digest > after for digest, _ in fill.entries)
        found |= dict(fill.entries)
        after = fill.filled_to
    assert found == expected


async def test_heads_come_in_the_order_of_their_codes(
    changes: ChangeReader, scribe: Scribe, world: World
) -> None:
    await write_many(scribe, world.second_brand_code, range(3))
    heads = await changes.heads(after=0)
    assert [head.brand_code for head in heads] == sorted(
        [world.brand_code, world.second_brand_code]
    )
    [second] = await changes.heads(after=world.brand_code)
    assert (second.position, second.consents, second.digest_key_id) == (3, 3, 1)
    assert second == (await page(changes, world.second_brand_code)).head
    assert await changes.head(world.second_brand_code) == second


async def test_an_unknown_brand_is_unknown(changes: ChangeReader, world: World) -> None:
    assert await changes.changes(1, NOWHERE) is None
    assert await changes.fill(1, NOWHERE, after=b"") is None
    assert await changes.head(1) is None


HELD = """
    SELECT relation::regclass::text AS name FROM pg_locks
     WHERE pid = $1 AND granted AND relation IS NOT NULL
       AND relation::regclass::text IN ('consent', 'movement')
"""


@pytest.mark.parametrize("name", ["CHANGES", "FILL"])
@pytest.mark.parametrize("executions", [0, 1])
async def test_tables_are_locked_in_the_order_of_a_re_key(
    ledger: str, world: World, scribe: Scribe, name: str, executions: int
) -> None:
    """The race: `izin rekey` locks ledger_state, consent, movement, and waits for us while we wait for it.

    Asked of a statement that is parsed now, and of one that only has to be executed again.
    """
    await write_many(scribe, world.brand_code, range(3))

    async def ask(changes: ChangeReader) -> object:
        if name == "FILL":
            return await changes.fill(world.brand_code, NOWHERE, after=b"")
        return await changes.changes(world.brand_code, NOWHERE)

    for locked, not_yet in (("ledger_state", {"consent", "movement"}), ("consent", {"movement"})):
        async with (
            open_reader(role_dsn(ledger, "izin_projector"), size=1) as pool,
            owner_connection(ledger) as owner,
            owner_connection(ledger) as watcher,
        ):
            changes = ChangeReader(pool, value_of=shown)
            for _ in range(executions):
                await ask(changes)
            async with owner.transaction():
                await owner.execute(f"LOCK TABLE {locked} IN ACCESS EXCLUSIVE MODE")
                asking = asyncio.create_task(ask(changes))
                pid = await until_waiting(watcher)
                held = {row["name"] for row in await watcher.fetch(HELD, pid)}
            await asking
        assert not held & not_yet


async def test_a_role_of_its_own_is_enough(
    ledger: str, world: World, scribe: Scribe, appender: Appender
) -> None:
    await write_many(scribe, world.brand_code, range(3))
    async with open_reader(role_dsn(ledger, "izin_projector"), size=1) as pool:
        changes = ChangeReader(pool, value_of=shown)
        assert (await page(changes, world.brand_code)).position == 3
        assert len((await filled(changes, world.brand_code)).entries) == 3
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.fetchval("SELECT secret_hash FROM api_user")

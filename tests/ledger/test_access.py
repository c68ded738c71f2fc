"""Movements of kind ACCESS, and the count of consents that name a retailer, which goes with every append."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import asyncpg
import pytest

from shared.domain.consent import NewConsent, Source, Status
from shared.ledger.access import newest_movement, read_sources
from shared.ledger.append import APPEND, Appender, NewMovement
from shared.ledger.failures import MovementRefusedError
from shared.ledger.history import find_replayed, movements_until, read_record
from shared.ledger.migrate import migrate, migration_files
from shared.ledger.verify import verify
from tests.support.access import access_movement, change_access
from tests.support.builders import NOW, Scribe, World, consent, phone
from tests.support.ledger import owner_connection

A, B, C = 10_000_001, 10_000_002, 10_000_003
RECORD = consent(retailer_code=A, retailer_access=[B], source=Source.SMS)
REACH = "SELECT retailer_code, consents FROM retailer_reach WHERE brand_code = $1 AND consents <> 0"
DAY = timedelta(days=1)


async def reach(owner: asyncpg.Connection, brand_code: int) -> dict[int, int]:
    return {row["retailer_code"]: row["consents"] for row in await owner.fetch(REACH, brand_code)}


async def test_a_change_of_access_changes_nothing_else(
    scribe: Scribe, world: World, ledger: str
) -> None:
    await scribe.write(world.brand_code, RECORD)
    key = scribe.key(world.brand_code, RECORD)
    before, record = (
        await scribe.read(world.brand_code, RECORD),
        await read_record(scribe.reader, key),
    )
    await change_access(scribe, world.brand_code, RECORD, listed=[B, C])
    after = await scribe.read(world.brand_code, RECORD)
    assert before.position is not None
    assert after == replace(
        before,
        position=before.position + 1,
        latest=after.latest,
        retailer_code=None,
        retailer_access=frozenset({B, C}),
    )
    assert after.latest != before.latest
    assert record is not None
    expected = replace(record, retailer_code=None, retailer_access=2)
    assert await read_record(scribe.reader, key) == expected
    assert (await verify(ledger)).differences == []


async def test_it_is_no_decision_of_the_person(scribe: Scribe, world: World) -> None:
    first = await scribe.write(world.brand_code, RECORD)
    await change_access(scribe, world.brand_code, RECORD, collector=A)
    key = scribe.key(world.brand_code, RECORD)
    assert await find_replayed(scribe.reader, key, RECORD) == first
    assert len(await movements_until(scribe.reader, key)) == 1


async def test_the_newest_word_on_access_is_found_behind_blocks(
    scribe: Scribe, world: World
) -> None:
    key = scribe.key(world.brand_code, RECORD)
    assert await newest_movement(scribe.reader, key) is None
    recorded = await scribe.write(world.brand_code, RECORD)
    assert await newest_movement(scribe.reader, key) == recorded
    await change_access(scribe, world.brand_code, RECORD, listed=[C])
    changed = await newest_movement(scribe.reader, key)
    assert changed is not None
    assert changed.position == 2
    late = RECORD._replace(status=Status.WITHDRAWN)
    for days in (3, 2):
        block = late._replace(consent_date=NOW - days * DAY)
        assert await scribe.write(world.brand_code, block, too_late=True)
    assert await newest_movement(scribe.reader, key) == changed
    blocked = consent(phone(9), status=Status.WITHDRAWN)
    await scribe.write(world.brand_code, blocked)
    alone = scribe.key(world.brand_code, blocked)
    assert await newest_movement(scribe.reader, alone) is None


async def test_access_to_a_refused_consent_is_no_refusal(scribe: Scribe, world: World) -> None:
    """Refusals go first, and are taken however many writes wait; who may use one is no such thing."""
    await scribe.write(world.brand_code, consent(consent_date=NOW - 2 * DAY))
    refused = consent(status=Status.WITHDRAWN, consent_date=NOW - DAY)
    snapshot = await scribe.read(world.brand_code, refused)
    assert scribe.movement(world.brand_code, refused, after=snapshot).is_refusal
    await scribe.write(world.brand_code, refused)
    snapshot = await scribe.read(world.brand_code, refused)
    changed = await access_movement(scribe, world.brand_code, refused, after=snapshot, listed=[A])
    assert (changed.consent.status, changed.is_refusal) == (Status.WITHDRAWN, False)


async def test_sources_are_read_for_many_and_absent_where_there_is_no_record(
    scribe: Scribe, world: World
) -> None:
    blocked = consent(phone(9), status=Status.WITHDRAWN)
    await scribe.write(world.brand_code, RECORD)
    await scribe.write(world.brand_code, blocked)
    asked = [consent(phone(8)), RECORD, blocked]
    keys = [scribe.key(world.brand_code, one) for one in asked]
    assert await read_sources(scribe.reader, world.brand_code, keys) == [None, Source.SMS, None]


async def test_access_to_no_record_is_refused_by_the_schema(scribe: Scribe, world: World) -> None:
    nobody = scribe.movement(world.brand_code, consent(phone(9)))._replace(is_access=True)
    with pytest.raises(MovementRefusedError):
        await scribe.appender.append(world.brand_code, [nobody], wait=True)


async def test_who_judged_by_an_older_movement_must_judge_again(
    scribe: Scribe, world: World
) -> None:
    await scribe.write(world.brand_code, RECORD)
    snapshot = await scribe.read(world.brand_code, RECORD)
    late = await access_movement(scribe, world.brand_code, RECORD, after=snapshot, listed=[C])
    await change_access(scribe, world.brand_code, RECORD, listed=[B])
    assert await scribe.appender.append(world.brand_code, [late], wait=True) == ([], [0])


async def test_consents_are_counted_by_the_retailers_that_they_name(
    owner: asyncpg.Connection, scribe: Scribe, world: World, ledger: str
) -> None:
    brand = world.brand_code

    async def write(new: NewConsent) -> dict[int, int]:
        await scribe.write(brand, new)
        return await reach(owner, brand)

    def later(
        days: int, status: Status = Status.GRANTED, *, listed: tuple[int, ...] = ()
    ) -> NewConsent:
        date = NOW - 9 * DAY + days * DAY
        return consent(status=status, consent_date=date, retailer_access=listed)

    first = consent(retailer_code=A, retailer_access=[A, B], consent_date=NOW - 9 * DAY)
    assert await write(first) == {A: 1, B: 1}  # named twice, counted once
    assert await write(consent(phone(2), retailer_code=A)) == {A: 2, B: 1}
    assert await write(consent(phone(3))) == {A: 2, B: 1}
    assert await write(later(1)) == {A: 2, B: 1}  # the list stays, the collector does not
    assert await write(later(2, listed=(C,))) == {A: 1, C: 1}
    await change_access(scribe, brand, RECORD, collector=A, listed=[B, C])
    assert await reach(owner, brand) == {A: 2, B: 1, C: 1}
    assert await write(later(3, Status.WITHDRAWN)) == {A: 1}
    assert await reach(owner, world.second_brand_code) == {}
    assert (await verify(ledger)).differences == []


async def test_many_in_one_transaction_are_counted_together(
    owner: asyncpg.Connection, scribe: Scribe, world: World
) -> None:
    def movement(n: int) -> NewMovement:
        new = consent(phone(n), retailer_code=A, retailer_access=[B] if n % 2 else [])
        return scribe.movement(world.brand_code, new)

    movements = [movement(n) for n in range(100)]
    await scribe.appender.append(world.brand_code, movements, wait=True)
    assert await reach(owner, world.brand_code) == {A: 100, B: 50}


async def test_writers_at_the_same_time_count_right(
    owner: asyncpg.Connection, scribe: Scribe, appender: Appender, world: World, ledger: str
) -> None:
    async def write(n: int) -> None:
        new = consent(phone(n), retailer_code=(A, B, C)[n % 3], retailer_access=[(B, C, A)[n % 3]])
        await appender.append(world.brand_code, [scribe.movement(world.brand_code, new)], wait=True)

    await asyncio.gather(*(write(n) for n in range(60)))
    assert await reach(owner, world.brand_code) == {A: 40, B: 40, C: 40}
    assert (await verify(ledger)).differences == []


async def test_who_calls_the_version_before_is_counted_too(
    owner: asyncpg.Connection, scribe: Scribe, world: World, ledger: str
) -> None:
    movement = scribe.movement(world.brand_code, RECORD)
    arguments = _arguments(world.brand_code, movement)
    row = await owner.fetchrow(APPEND.replace("_v2", "_v1"), *arguments)
    assert row is not None
    assert (row["base_position"], row["left_out"]) == (0, None)
    assert await reach(owner, world.brand_code) == {A: 1, B: 1}
    again = await owner.fetchrow(
        APPEND.replace("_v2", "_v1"),
        *_arguments(world.brand_code, movement._replace(expected=(999, 1))),
    )
    assert again is not None
    assert again["left_out"] == [1]
    with pytest.raises(asyncpg.PostgresError) as appeared:
        await owner.fetchrow(APPEND.replace("_v2", "_v1"), *arguments)
    assert appeared.value.sqlstate == "IZ001"
    assert (await verify(ledger)).differences == []


def _arguments(brand_code: int, movement: NewMovement) -> list[object]:
    new, expected = movement.consent, movement.expected or (None, None)
    listed = ",".join(map(str, new.retailer_access))
    return [
        *(brand_code, 1, 1, 7, True, movement.approvals, movement.rejections),
        *([movement.digest], [new.channel.value], [new.recipient_type.value], ["CONSENT"]),
        *([new.status.value], [new.source and new.source.value], [new.consent_date]),
        *([new.retailer_code], [f"{{{listed}}}" if listed else None]),
        *([movement.sealed], [expected[0]], [expected[1]]),
    ]


async def test_a_wrong_count_is_found_and_can_be_made_right(
    owner: asyncpg.Connection, scribe: Scribe, world: World, ledger: str
) -> None:
    await scribe.write(world.brand_code, RECORD)
    await owner.execute("UPDATE retailer_reach SET consents = 5 WHERE retailer_code = $1", A)
    await owner.execute("DELETE FROM retailer_reach WHERE retailer_code = $1", B)
    await owner.execute("INSERT INTO retailer_reach VALUES ($1, $2, 3)", world.brand_code, C)
    brand = f"of brand {world.brand_code}"
    assert (await verify(ledger)).differences == [
        f"retailer {A} {brand}: 5 consents are said, 1 are there",
        f"retailer {B} {brand}: 0 consents are said, 1 are there",
        f"retailer {C} {brand}: 3 consents are said, 0 are there",
    ]
    await owner.execute("SELECT recount_retailers()")
    assert (await verify(ledger)).differences == []
    assert await reach(owner, world.brand_code) == {A: 1, B: 1}


@pytest.mark.parametrize(
    ("damage", "sign"),
    [
        (
            "UPDATE movement SET source = 'HS_WEB' WHERE kind = 'ACCESS'",
            "does not repeat the record",
        ),
        ("UPDATE movement SET status = 'RET' WHERE kind = 'ACCESS'", "does not repeat the record"),
        ("UPDATE movement SET consent_date = now() WHERE kind = 'ACCESS'", "does not repeat"),
        ("UPDATE movement SET retailer_access = '{7}' WHERE kind = 'ACCESS'", "rebuilt"),
        ("UPDATE consent SET retailer_code = 7", "rebuilt"),
        ("UPDATE consent SET latest_extent = recorded_extent", "rebuilt"),
    ],
)
async def test_damage_to_a_change_of_access_is_found(
    emptier: asyncpg.Connection, scribe: Scribe, world: World, ledger: str, damage: str, sign: str
) -> None:
    await scribe.write(world.brand_code, RECORD)
    await change_access(scribe, world.brand_code, RECORD, listed=[C])
    await emptier.execute(damage)  # its session keeps the append-only triggers asleep
    differences = (await verify(ledger)).differences
    assert any(sign in difference for difference in differences), differences


async def test_a_ledger_from_before_is_counted_when_it_is_migrated(
    empty_database: str, scribe: Scribe
) -> None:
    async with owner_connection(empty_database) as old:
        await old.execute(BEFORE)
        for path in migration_files()[:2]:
            await old.execute(path.read_text())
            digest = sha256(path.read_bytes()).hexdigest()
            await old.execute("INSERT INTO schema_migration VALUES ($1, $2)", path.stem, digest)
        await old.execute(ONE_BRAND)
        statement = APPEND.replace("_v2", "_v1")
        for new in (RECORD, consent(phone(2), retailer_access=[B])):
            movement = scribe.movement(7, new)
            await old.fetchrow(statement, *_arguments(7, movement))
        await migrate(empty_database)
        assert await reach(old, 7) == {A: 1, B: 2}
        third = scribe.movement(7, consent(phone(3), retailer_code=A))
        await old.fetchrow(statement, *_arguments(7, third))
        assert await reach(old, 7) == {A: 2, B: 2}
    assert (await verify(empty_database)).differences == []


BEFORE = "CREATE TABLE schema_migration (name text PRIMARY KEY, checksum text NOT NULL)"
ONE_BRAND = """
    INSERT INTO provider (iys_code, title, tax_number) VALUES (7, 'Deneme', '1234567890');
    INSERT INTO brand (brand_code, iys_code, name) VALUES (7, 7, 'Deneme');
"""

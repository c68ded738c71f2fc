"""Changing the digest key: every refusal still denies, or nothing has happened (design 4)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta

import asyncpg
import pytest

from shared.domain.consent import Channel, ConsentState, RecipientType, Status
from shared.domain.transitions import is_blocked
from shared.ledger.append import Appender
from shared.ledger.failures import DigestKeyRetiredError, LedgerUnavailableError
from shared.ledger.read_state import read_states
from shared.ledger.rekey import Progress, RekeyRefusedError, active_digest_key, rekey
from shared.ledger.store import open_reader, open_writer, role_dsn
from shared.ledger.verify import verify
from shared.sealing.addresses import Digester, SealBrokenError, Sealer
from shared.sealing.keyring import KeyRing
from tests.support.builders import NOW, Scribe, World, consent, make_world, phone
from tests.support.ledger import owner_connection, until_waiting

SOMEBODY_WAITS = """
    SELECT EXISTS (SELECT FROM pg_stat_activity
                    WHERE datname = current_database() AND wait_event_type = 'Lock')
"""
CATALOGUE = {
    "tables": """
        SELECT relname, relkind, reloptions, relacl, pg_get_userbyid(relowner) FROM pg_class
         WHERE relnamespace = 'public'::regnamespace ORDER BY relname""",
    "columns": """
        SELECT attrelid::regclass::text, attname, atttypid::regtype::text, attnotnull, attacl,
               attstorage
          FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
         WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0
         ORDER BY attrelid::regclass::text, attnum""",
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
         WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
         ORDER BY conrelid::regclass::text, conname""",
    "indexes": "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexdef",
    "triggers": """
        SELECT pg_get_triggerdef(oid), tgenabled FROM pg_trigger WHERE NOT tgisinternal
         ORDER BY pg_get_triggerdef(oid)""",
}

DAY = timedelta(days=1)
RET = Status.WITHDRAWN
LIVES = [
    *(consent(phone(n), consent_date=NOW - 5 * DAY) for n in range(1, 6)),
    *(consent(phone(n), status=RET, consent_date=NOW - 4 * DAY) for n in range(3, 6)),
    *(consent(phone(n), status=RET, consent_date=NOW - 4 * DAY) for n in range(6, 9)),
    consent(phone(6), consent_date=NOW - 3 * DAY),
    consent("kisi@example.com", channel=Channel.EMAIL),
    consent("kisi@example.com", channel=Channel.EMAIL, status=RET, consent_date=NOW),
    consent("baska@example.com", channel=Channel.EMAIL, status=RET),
    consent(phone(1), recipient_type=RecipientType.MERCHANT, source=None, consent_date=None),
    consent(phone(1), channel=Channel.CALL, retailer_code=10_000_001, retailer_access=[10_000_001]),
]


@dataclass
class Case:
    """A ledger of its own with two brands' worth of lives, and both keys."""

    dsn: str
    ring: KeyRing
    old: Scribe
    world: World

    @property
    def brands(self) -> tuple[int, int]:
        return (self.world.brand_code, self.world.second_brand_code)

    @property
    def new(self) -> Scribe:
        """The same pools under the new key."""
        appender = Appender(self.old.appender._pool, digest_key_id=2, sealing_key_id=1)
        return replace(
            self.old, digester=Digester(self.ring), sealer=Sealer(self.ring), appender=appender
        )


@pytest.fixture
async def case(fresh_ledger: str, key_ring: KeyRing) -> AsyncIterator[Case]:
    async with (
        open_reader(role_dsn(fresh_ledger, "izin_check"), size=2) as reader,
        open_writer(role_dsn(fresh_ledger, "izin_registry"), size=2) as writer,
    ):
        appender = Appender(writer, digest_key_id=1, sealing_key_id=1)
        old = Scribe(reader, appender, Digester(key_ring), Sealer(key_ring))
        world = await make_world(writer, reader)
        case = Case(fresh_ledger, key_ring.with_new_digest_key(), old, world)
        for brand_code in case.brands:
            for new in LIVES:
                assert await old.write(brand_code, new)
        yield case


async def _states(scribe: Scribe, brands: tuple[int, int]) -> list[ConsentState | None]:
    keys = [scribe.key(brand_code, new) for brand_code in brands for new in LIVES]
    snapshots = await read_states(scribe.reader, keys, digest_key_id=scribe.digester.key_id)
    return [snapshot.state for snapshot in snapshots]


async def test_every_state_is_the_same_under_the_new_digest(case: Case) -> None:
    before = await _states(case.old, case.brands)
    stages: list[tuple[str, int, int]] = []
    addresses = await rekey(case.dsn, case.ring, new_key_id=2, progress=_noting(stages))
    after = await _states(case.new, case.brands)
    assert after == before
    assert sum(state is not None and is_blocked(state) for state in after) >= 6
    assert sum(state is not None and state.status is RET for state in after) >= 8
    assert addresses == len({new.recipient for new in LIVES})
    assert stages[-1] == ("proof", 2 * len(LIVES), 2 * len(LIVES))
    assert (await verify(case.dsn)).differences == []
    assert await active_digest_key(case.dsn) == 2


async def test_no_old_digest_is_left(case: Case) -> None:
    await rekey(case.dsn, case.ring, new_key_id=2, progress=_silent)
    async with owner_connection(case.dsn) as owner:
        for table in ("movement", "consent"):
            digests = await owner.fetch(f"SELECT digest FROM {table}")  # noqa: S608  # constants
            old = {case.old.digester.digest(new.recipient) for new in LIVES}
            assert not old & {row["digest"] for row in digests}


async def test_the_schema_is_the_same_to_the_last_grant(case: Case) -> None:
    before = await _schema(case.dsn)
    await rekey(case.dsn, case.ring, new_key_id=2, progress=_silent)
    assert await _schema(case.dsn) == before
    async with owner_connection(case.dsn) as owner:
        with pytest.raises(asyncpg.PostgresError, match="append-only"):
            await owner.execute("DELETE FROM movement")


async def test_it_can_be_done_again(case: Case) -> None:
    before = await _states(case.old, case.brands)
    await rekey(case.dsn, case.ring, new_key_id=2, progress=_silent)
    third = case.ring.with_new_digest_key()
    await rekey(case.dsn, third, new_key_id=3, progress=_silent)
    newest = replace(case.old, digester=Digester(third))
    assert await _states(newest, case.brands) == before


async def test_who_still_has_the_old_key_is_refused(case: Case) -> None:
    """The pools are open and their statements prepared from before the swap."""
    await rekey(case.dsn, case.ring, new_key_id=2, progress=_silent)
    brand_code = case.brands[0]
    with pytest.raises(DigestKeyRetiredError):
        await case.old.read(brand_code, LIVES[0])
    movement = case.old.movement(brand_code, consent(phone(99)))
    with pytest.raises(DigestKeyRetiredError):
        await case.old.appender.append(brand_code, [movement], wait=True)
    assert await case.new.write(brand_code, consent(phone(99)))
    assert (await verify(case.dsn)).differences == []


async def test_a_process_with_the_new_key_is_refused_before(case: Case) -> None:
    with pytest.raises(DigestKeyRetiredError):
        await case.new.read(case.brands[0], LIVES[0])


async def test_a_crash_on_the_way_leaves_everything_as_it_was(case: Case) -> None:
    """The server forgets the session after the swap, before the commit."""
    before = await _states(case.old, case.brands)

    def die(stage: str, _done: int, _total: int) -> None:
        if stage == "proof":
            raise ConnectionResetError("the session is gone")

    with pytest.raises(LedgerUnavailableError):
        await rekey(case.dsn, case.ring, new_key_id=2, progress=die)
    await _expect_untouched(case, before)


async def test_a_killed_session_leaves_everything_as_it_was(case: Case) -> None:
    """pg_terminate_backend while the work waits for a lock that somebody else holds."""
    before = await _states(case.old, case.brands)
    async with (
        owner_connection(case.dsn) as killer,
        owner_connection(case.dsn) as holder,
        holder.transaction(),
    ):
        await holder.execute("LOCK TABLE consent IN ACCESS SHARE MODE")
        work = asyncio.create_task(rekey(case.dsn, case.ring, new_key_id=2, progress=_silent))
        await killer.execute("SELECT pg_terminate_backend($1)", await until_waiting(killer))
        with pytest.raises(LedgerUnavailableError):
            await work
    await _expect_untouched(case, before)


async def test_a_damaged_seal_stops_it_and_nothing_changes(case: Case) -> None:
    async with owner_connection(case.dsn, session_replication_role="replica") as owner:
        await owner.execute(r"UPDATE movement SET sealed = sealed || '\x00' WHERE extent_id = 3")
    before = await _states(case.old, case.brands)
    with pytest.raises(SealBrokenError):
        await rekey(case.dsn, case.ring, new_key_id=2, progress=_silent)
    await _expect_untouched(case, before)


async def test_a_seal_of_somebody_else_is_found_by_the_proof(case: Case) -> None:
    """Every movement is opened, not only the one that an address was read from."""
    stranger = case.old.sealer.seal(phone(77), brand_code=case.brands[1])
    async with owner_connection(case.dsn, session_replication_role="replica") as owner:
        await owner.execute(
            """UPDATE movement SET sealed = $1
                WHERE brand_code = $2 AND extent_id = (SELECT max(extent_id) FROM movement
                                                        WHERE digest = $3)""",
            stranger,
            case.brands[1],
            case.old.digester.digest(phone(1)),
        )
    before = await _states(case.old, case.brands)
    with pytest.raises(RekeyRefusedError):
        await rekey(case.dsn, case.ring, new_key_id=2, progress=_silent)
    await _expect_untouched(case, before)


async def test_a_refusal_does_not_wander_to_whom_its_seal_names(case: Case) -> None:
    """All seals of an address agree with each other, and the old digest says that they are wrong."""
    async with owner_connection(case.dsn, session_replication_role="replica") as owner:
        for brand_code in case.brands:
            stranger = case.old.sealer.seal(phone(77), brand_code=brand_code)
            await owner.execute(
                "UPDATE movement SET sealed = $1 WHERE digest = $2 AND brand_code = $3",
                *(stranger, _digest(case, phone(8)), brand_code),
            )
    before = await _states(case.old, case.brands)
    with pytest.raises(RekeyRefusedError, match="somebody else's"):
        await rekey(case.dsn, case.ring, new_key_id=2, progress=_silent)
    await _expect_untouched(case, before)


async def test_without_the_old_key_nothing_can_be_proven(case: Case) -> None:
    ring = replace(case.ring, digest_keys={2: case.ring.digest_keys[2]})
    with pytest.raises(RekeyRefusedError, match="not in the key file"):
        await rekey(case.dsn, ring, new_key_id=2, progress=_silent)


async def test_a_consent_without_movement_stops_it(case: Case) -> None:
    async with owner_connection(case.dsn, session_replication_role="replica") as owner:
        await owner.execute("DELETE FROM movement WHERE digest = $1", _digest(case, phone(8)))
    with pytest.raises(RekeyRefusedError):
        await rekey(case.dsn, case.ring, new_key_id=2, progress=_silent)
    assert await active_digest_key(case.dsn) == 1


async def test_a_new_sealing_key_still_opens_the_old_seals(case: Case) -> None:
    ring = case.ring.with_new_sealing_key()
    async with owner_connection(case.dsn) as owner:
        rows = await owner.fetch("SELECT brand_code, sealed, sealing_key_id FROM movement")
    opened = {
        Sealer(ring).open(row["sealed"], brand_code=row["brand_code"], key_id=row["sealing_key_id"])
        for row in rows
    }
    assert opened == {new.recipient for new in LIVES}
    await rekey(case.dsn, ring, new_key_id=2, progress=_silent)
    assert await active_digest_key(case.dsn) == 2


@pytest.mark.parametrize(
    "order",
    [
        ["ledger_state", "consent", "movement", "brand_head", "extent"],
        ["ledger_state", "brand_head", "consent"],
        ["consent", "movement", "extent"],
        ["extent", "movement"],
        ["brand_head", "extent", "consent", "movement"],
        ["brand_head", "ledger_state"],
    ],
    ids=["a writer", "a check", "a history", "a follower", "verify", "a change of accounts"],
)
async def test_nobody_at_work_gets_entangled_with_it(case: Case, order: list[str]) -> None:
    """The race: somebody holds one table and wants the next, and so does the re-key.

    Locks taken in an order of its own would make the two wait for each other, until the server kills
    one of them.
    """
    async with owner_connection(case.dsn) as watcher, owner_connection(case.dsn) as other:
        async with other.transaction():
            await other.execute(f"SELECT FROM {order[0]}")
            work = asyncio.create_task(rekey(case.dsn, case.ring, new_key_id=2, progress=_silent))
            while not (work.done() or await watcher.fetchval(SOMEBODY_WAITS)):  # noqa: ASYNC110  # the server tells nobody
                await asyncio.sleep(0.005)
            for table in order[1:]:
                await other.execute(f"SELECT FROM {table}")
        await work
    assert (await verify(case.dsn)).differences == []


async def _expect_untouched(case: Case, before: list[ConsentState | None]) -> None:
    assert await _states(case.old, case.brands) == before
    assert await active_digest_key(case.dsn) == 1
    async with owner_connection(case.dsn) as owner:
        assert await owner.fetchval("SELECT to_regclass('movement_rekeyed')") is None
    assert await case.old.write(case.brands[0], consent(phone(98)))


async def _schema(dsn: str) -> dict[str, list[tuple[object, ...]]]:
    async with owner_connection(dsn) as owner:
        return {
            name: [tuple(row) for row in await owner.fetch(query)]
            for name, query in CATALOGUE.items()
        }


def _digest(case: Case, recipient: str) -> bytes:
    return case.old.digester.digest(recipient)


def _noting(stages: list[tuple[str, int, int]]) -> Progress:
    return lambda stage, done, total: stages.append((stage, done, total))


def _silent(_stage: str, _done: int, _total: int) -> None:
    pass

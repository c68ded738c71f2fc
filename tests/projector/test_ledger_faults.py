"""The ledger goes back in time, falls silent, is a standby, gets another digest key: the cache never lies."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis

from services.check.projector.project_brand import Turn
from shared.cache import layout
from shared.cache.store import ProjectionStore
from shared.domain.consent import Status
from shared.ledger import read_changes
from shared.ledger.append import Appender
from shared.ledger.failures import LedgerUnavailableError
from shared.ledger.migrate import migrate
from shared.ledger.rekey import rekey
from shared.sealing.addresses import Digester
from shared.sealing.keyring import KeyRing
from tests.projector.side import Side, open_side
from tests.support.builders import NOW, consent, phone
from tests.support.ledger import (
    database,
    database_name,
    own_server,
    owner_connection,
    standby_server,
)

DAY = timedelta(days=1)
RET = Status.WITHDRAWN
KEPT = 300  # movements that are in the backup
HALF = 150
PAGE = 100


@dataclass
class Restored:
    """A ledger before its restore and after it, with one cache; `brand` is at KEPT in both.

    The cache is at HALF, where both were when it was made.
    """

    before: Side
    after: Side
    brand: int


@pytest.fixture
async def restored(
    server_dsn: str, template: str, key_ring: KeyRing, store: ProjectionStore, redis: "Redis"
) -> AsyncIterator[Restored]:
    """Return two ledgers with the same KEPT movements, and different lives from there on."""
    async with database(server_dsn, template=template) as dsn:
        async with open_side(dsn, key_ring) as first:
            brand = first.world.brand_code
            await first.write(brand, range(HALF))
            await Side(first, store, redis).bring_up(brand)
            await first.write(brand, range(HALF, KEPT))
        async with (
            database(server_dsn, template=database_name(dsn)) as backup,
            open_side(dsn, key_ring) as before,
            open_side(backup, key_ring) as after,
        ):
            yield Restored(Side(before, store, redis), Side(after, store, redis), brand)


async def withdraw(side: Side, brand: int, numbers: range) -> None:
    for n in numbers:
        new = consent(phone(n), status=RET, consent_date=NOW)
        assert await side.ledger.scribe.write(brand, new)


async def test_the_same_position_of_a_restored_ledger_is_another_one(restored: Restored) -> None:
    before, after, brand = restored.before, restored.after, restored.brand
    await withdraw(before, brand, range(5))
    await before.bring_up(brand)
    old = await before.serving(brand)
    await withdraw(after, brand, range(5, 10))
    head, lost = await after.ledger.head(brand), await before.ledger.head(brand)
    assert head.position == lost.position
    assert not await after.is_at_head(brand)
    await after.bring_up(brand)
    assert await after.agree(brand)
    new = await after.serving(brand)
    assert old is not None
    assert new is not None
    assert new.generation != old.generation
    assert await after.nothing_is_left_over(brand)


async def test_a_copy_from_before_the_restore_goes_on_where_nothing_was_lost(
    restored: Restored,
) -> None:
    before, after, brand = restored.before, restored.after, restored.brand
    await before.bring_up(brand)
    old = await before.serving(brand)
    await withdraw(before, brand, range(5))
    await withdraw(after, brand, range(5, 10))
    await after.bring_up(brand)
    assert await after.agree(brand)
    new = await after.serving(brand)
    assert old is not None
    assert new is not None
    assert new.generation == old.generation


async def test_what_an_unsettled_copy_has_seen_of_the_lost_time_does_not_stay(
    restored: Restored, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fault: entries of a page are newer than its last movement. If only that one were looked for, it
    would be found, and the first people's lost refusals would stay in the cache for ever.
    """
    before, after, brand = restored.before, restored.after, restored.brand
    monkeypatch.setattr(read_changes, "MOVEMENTS_A_PAGE", PAGE)
    await withdraw(before, brand, range(HALF, HALF + 5))
    assert await before.projector(turn_s=0).take_turn(brand) is Turn.UNFINISHED
    mark = await before.serving(brand)
    assert mark is not None
    assert (mark.position, mark.settled) == (HALF + PAGE, False)
    await after.bring_up(brand)
    assert await after.agree(brand)


async def test_what_a_filling_has_seen_of_the_lost_time_does_not_stay(
    restored: Restored, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same with a page of everything: it was read long after the generation was begun."""
    monkeypatch.setattr(read_changes, "CONSENTS_A_PAGE", KEPT - 1)
    before, after, brand = restored.before, restored.after, restored.brand
    await before.redis.flushall()
    one_step = before.projector(turn_s=0)
    assert await one_step.take_turn(brand) is Turn.UNFINISHED
    await withdraw(before, brand, range(KEPT))
    assert await one_step.take_turn(brand) is Turn.UNFINISHED
    half_way = await before.building(brand)
    assert half_way is not None
    assert half_way.filled_to is not None
    assert half_way.position == KEPT
    await after.bring_up(brand)
    assert await after.agree(brand)


async def test_a_ledger_that_was_emptied_empties_the_cache(side: Side, brand: int) -> None:
    await side.ledger.write(brand, range(5))
    await side.bring_up(brand)
    async with owner_connection(side.ledger.dsn, session_replication_role="replica") as owner:
        await owner.execute("TRUNCATE movement, consent, extent")
        await owner.execute(
            "UPDATE brand_head SET position = 0, extent_id = NULL, extent_nonce = NULL, "
            "extent_offset = NULL, approvals = 0, rejections = 0"
        )
    await side.bring_up(brand)
    assert await side.agree(brand)
    assert await side.keys(brand) == {layout.watermark_key(brand), layout.next_key(brand)}


async def test_a_silent_ledger_changes_nothing(
    side: Side, brand: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    await side.ledger.write(brand, range(5))
    await side.bring_up(brand)
    await side.ledger.write(brand, range(5, 10))
    mark = await side.serving(brand)
    monkeypatch.setattr(read_changes, "READ_TIMEOUT_S", 0.1)
    async with side.ledger.owner.transaction():
        await side.ledger.owner.execute("LOCK TABLE ledger_state IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(LedgerUnavailableError):
            await side.projector().take_turn(brand)
        assert await side.serving(brand) == mark
    monkeypatch.undo()
    await side.bring_up(brand)
    assert await side.agree(brand)


async def test_a_standby_is_not_believed(
    tmp_path: Path, key_ring: KeyRing, store: ProjectionStore, redis: "Redis"
) -> None:
    with own_server(tmp_path / "primary") as (primary_dsn, primary):
        await migrate(primary_dsn)
        async with open_side(primary_dsn, key_ring) as ledger:
            brand = ledger.world.brand_code
            await ledger.write(brand, range(5))
        with standby_server(tmp_path / "standby", primary) as dsn:
            async with open_side(dsn, key_ring) as standby:
                side = Side(standby, store, redis)
                projector = side.projector()
                for ask in (
                    projector.take_turn(brand),
                    projector.begin_anew(brand),
                    standby.changes.heads(after=0),
                ):
                    with pytest.raises(LedgerUnavailableError, match="not a primary"):
                        await ask
                assert await side.keys(brand) == set()
                assert await standby.owner.fetchval("SELECT pg_promote()")
                await side.bring_up(brand)
                assert await side.agree(brand)


@pytest.mark.parametrize("steps", [0, 1, 3, 100], ids="{} steps of a build".format)
async def test_a_re_key_has_everything_built_anew(
    side: Side, brand: int, key_ring: KeyRing, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A follower copies digests as they are, and needs no key: the ledger says which one is in use."""
    monkeypatch.setattr(read_changes, "CONSENTS_A_PAGE", 5)
    await side.ledger.write(brand, range(20))
    await withdraw(side, brand, range(3))
    one_step = side.projector(turn_s=0)
    for _ in range(steps):
        await one_step.take_turn(brand)
    ring = key_ring.with_new_digest_key()
    await rekey(side.ledger.dsn, ring, new_key_id=2, progress=lambda *_: None)
    assert not await side.is_at_head(brand)
    await side.bring_up(brand)
    assert await side.agree(brand)
    mark = await side.serving(brand)
    assert mark is not None
    assert mark.digest_key_id == 2
    assert await side.nothing_is_left_over(brand)
    await _write_under(side, ring, brand)
    await side.bring_up(brand)
    assert await side.agree(brand)


async def _write_under(side: Side, ring: KeyRing, brand: int) -> None:
    pool = side.ledger.scribe.appender._pool
    appender = Appender(pool, digest_key_id=2, sealing_key_id=1)
    scribe = replace(side.ledger.scribe, digester=Digester(ring), appender=appender)
    assert await scribe.write(brand, consent(phone(7), status=RET, consent_date=NOW))

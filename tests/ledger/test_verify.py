"""The derived state is what the movements say, and `verify` notices when it is not."""

import random
from datetime import timedelta

import asyncpg
import pytest

from shared.domain.consent import Channel, NewConsent, RecipientType, Source, Status
from shared.domain.transitions import judge, leaves_block
from shared.ledger.append import Appender, NewMovement
from shared.ledger.read_state import KeySnapshot, read_states
from shared.ledger.verify import verify
from tests.support.access import access_movement
from tests.support.builders import NOW, Scribe, World, consent, phone
from tests.support.ledger import owner_connection

REQUESTS = 4_000
KEYS_A_ROUND = 50
PEOPLE = 40


def _someone(dice: random.Random) -> NewConsent:
    """Return a request about one of few people, so that many meet a record or a block."""
    merchant = dice.random() < 0.3
    bare = merchant and dice.random() < 0.3
    channel = dice.choice(list(Channel))
    n = dice.randrange(PEOPLE)
    return consent(
        f"person{n}@example.com" if channel is Channel.EMAIL else phone(n),
        channel=channel,
        recipient_type=RecipientType.MERCHANT if merchant else RecipientType.INDIVIDUAL,
        status=dice.choice(list(Status)),
        source=None if bare else dice.choice([Source.WEB, Source.PROVIDER_DECISION, Source.SMS]),
        consent_date=None if bare else NOW - timedelta(minutes=dice.randrange(500)),
        retailer_code=dice.choice([None, 10_000_001, 10_000_002]),
        retailer_access=dice.choice([(), (), (10_000_001,), (10_000_001, 10_000_002)]),
    )


async def _judged(
    scribe: Scribe, dice: random.Random, brand_code: int, new: NewConsent, snapshot: KeySnapshot
) -> NewMovement | None:
    on_record = snapshot.state is not None and snapshot.state.status is not None
    if on_record and dice.random() < 0.2:
        collector, listed = new.retailer_code, new.retailer_access
        return await access_movement(
            scribe, brand_code, new, after=snapshot, collector=collector, listed=listed
        )
    fault = judge(snapshot.state, new)
    if fault is None:
        return scribe.movement(brand_code, new, after=snapshot)
    if new.consent_date is None or not leaves_block(new, fault, snapshot.state):
        return None
    return scribe.movement(brand_code, new, after=snapshot, is_block=True)


@pytest.mark.parametrize("seed", [1, 2])
async def test_the_rebuilt_state_is_the_live_state(
    scribe: Scribe, appender: Appender, world: World, ledger: str, seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311  # a seed that can be repeated, not a secret
    written = 0
    for n in range(REQUESTS // KEYS_A_ROUND):
        brand_code = dice.choice([world.brand_code, world.second_brand_code])
        requests = {
            scribe.key(brand_code, new): new
            for new in (_someone(dice) for _ in range(KEYS_A_ROUND))
        }
        snapshots = await read_states(scribe.reader, list(requests), digest_key_id=1)
        judged = [
            await _judged(scribe, dice, brand_code, new, snapshot)
            for new, snapshot in zip(requests.values(), snapshots, strict=True)
        ]
        movements = [movement for movement in judged if movement is not None]
        if movements:
            await appender.append(brand_code, movements, wait=bool(n % 2))
        written += len(movements)
    report = await verify(ledger)
    assert report.differences == []
    assert (report.brands, report.movements) == (2, written)
    assert report.consents > 200
    await _expect_all_kinds(ledger)


async def _expect_all_kinds(dsn: str) -> None:
    """The dice must have made blocks alone, blocks on records, and records of both statuses."""
    async with owner_connection(dsn) as owner:
        row = await owner.fetchrow(
            """SELECT count(*) FILTER (WHERE status IS NULL) AS blocks_alone,
                      count(*) FILTER (WHERE blocked_at IS NOT NULL AND status = 'ONAY') AS ended,
                      count(*) FILTER (WHERE status = 'RET') AS refusals,
                      count(*) FILTER (WHERE retailer_access IS NOT NULL) AS retailers,
                      (SELECT count(*) FROM movement WHERE kind = 'ACCESS') AS accesses,
                      (SELECT max(size) FROM extent) AS largest
                 FROM consent"""
        )
    assert row is not None
    assert all(row), dict(row)


DAMAGE = {
    "status changed": ("UPDATE consent SET status = 'ONAY' WHERE status = 'RET'", "rebuilt"),
    "date changed": ("UPDATE consent SET consent_date = now() WHERE status = 'ONAY'", "rebuilt"),
    "block moved": ("UPDATE consent SET blocked_at = '2020-01-01' WHERE status IS NULL", "rebuilt"),
    "block forgotten": (
        "UPDATE consent SET blocked_at = NULL WHERE blocked_at IS NOT NULL AND status IS NOT NULL",
        "rebuilt",
    ),
    "retailer changed": ("UPDATE consent SET retailer_access = '{1}'", "rebuilt"),
    "consent lost": ("DELETE FROM consent WHERE status = 'RET'", "is missing"),
    "consent from nowhere": (
        """INSERT INTO consent (brand_code, digest, channel, recipient_type, status, consent_date,
                                recorded_extent, latest_extent, recorded_offset, latest_offset)
           SELECT brand_code, '\\xffffffffffffffffffffffffffffffff', channel, recipient_type, 'ONAY',
                  now(), recorded_extent, latest_extent, recorded_offset, latest_offset
             FROM consent WHERE status = 'RET'""",
        "has no movement",
    ),
    "movement lost": ("DELETE FROM movement WHERE status = 'ONAY' AND extent_id = 1", "not whole"),
    "movement changed": ("UPDATE movement SET status = 'ONAY' WHERE extent_id = 2", "rebuilt"),
    "movement without extent": ("DELETE FROM extent WHERE extent_id = 1", "has no place"),
    "gap": ("UPDATE extent SET base_position = base_position + 10 WHERE extent_id = 3", "gaps"),
    "previous pointer broken": (
        "UPDATE movement SET previous_extent = 99 WHERE previous_extent IS NOT NULL",
        "does not follow",
    ),
    "approvals miscounted": ("UPDATE brand_head SET approvals = approvals + 1", "counters"),
    "rejections miscounted": ("UPDATE brand_head SET rejections = 0", "counters"),
    "head too low": ("UPDATE brand_head SET position = position - 1", "head"),
    "head on another movement": ("UPDATE brand_head SET extent_nonce = 0", "head"),
    "head without extent": ("UPDATE brand_head SET extent_id = NULL", "head"),
}  # fmt: skip


@pytest.fixture
async def small_ledger(scribe: Scribe, world: World) -> None:
    """One approval that was withdrawn, one block that an approval ended, one block alone."""
    day = timedelta(days=1)
    refusal = Status.WITHDRAWN
    for new in (
        consent(phone(1), consent_date=NOW - 3 * day),
        consent(phone(1), status=refusal, consent_date=NOW - 2 * day),
        consent(phone(2), status=refusal, consent_date=NOW - 2 * day),
        consent(phone(2), consent_date=NOW - day),
        consent(phone(3), status=refusal, consent_date=NOW - day),
    ):
        assert await scribe.write(world.brand_code, new)


@pytest.mark.usefixtures("small_ledger")
async def test_a_sound_ledger_has_no_differences(ledger: str) -> None:
    report = await verify(ledger)
    assert (report.movements, report.consents, report.differences) == (5, 3, [])


@pytest.mark.usefixtures("small_ledger")
@pytest.mark.parametrize("kind", DAMAGE)
async def test_damage_is_found(ledger: str, emptier: asyncpg.Connection, kind: str) -> None:
    statement, sign = DAMAGE[kind]
    done = await emptier.execute(statement)  # its session keeps the append-only triggers asleep
    assert done.split()[-1] != "0", "no damage was done"
    differences = (await verify(ledger)).differences
    assert any(sign in difference for difference in differences), differences


async def test_the_list_of_differences_has_an_end(
    ledger: str, emptier: asyncpg.Connection, scribe: Scribe, world: World
) -> None:
    movements = [scribe.movement(world.brand_code, consent(phone(n))) for n in range(150)]
    await scribe.appender.append(world.brand_code, movements, wait=True)
    await emptier.execute("UPDATE consent SET status = 'RET'")
    differences = (await verify(ledger)).differences
    assert len(differences) == 101
    assert differences[-1] == "… and more"


async def test_a_difference_names_no_address(
    ledger: str, emptier: asyncpg.Connection, scribe: Scribe, world: World
) -> None:
    await scribe.write(world.brand_code, consent())
    await emptier.execute("UPDATE consent SET status = 'RET'")
    text = "\n".join((await verify(ledger)).differences)
    assert scribe.digester.digest(consent().recipient).hex() not in text

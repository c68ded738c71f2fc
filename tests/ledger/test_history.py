"""What was stored stays findable: replays, and the state at any position or moment (design 4)."""

from datetime import timedelta

from shared.domain.consent import ConsentState, NewConsent, RecipientType, Source, Status
from shared.domain.transitions import after_block, after_record
from shared.ledger.append import Stored
from shared.ledger.history import PastMovement, find_replayed, movements_until, read_record
from tests.support.builders import NOW, Scribe, World, consent

DAY = timedelta(days=1)
LIFE = [
    consent(status=Status.WITHDRAWN, consent_date=NOW - 9 * DAY),  # leaves a block
    consent(consent_date=NOW - 8 * DAY),
    consent(status=Status.WITHDRAWN, consent_date=NOW - 7 * DAY),
    consent(consent_date=NOW - 6 * DAY, source=Source.SMS),
    consent(status=Status.WITHDRAWN, consent_date=NOW - 6 * DAY),  # the same second: a block
    consent(consent_date=NOW - 5 * DAY),
]


async def _live(scribe: Scribe, brand_code: int) -> list[tuple[Stored, ConsentState | None]]:
    """Write the life of one key, an hour apart, and note the state after each step."""
    steps = []
    for n, step in enumerate(LIFE):
        stored = await scribe.write(brand_code, step, now=NOW + timedelta(hours=n))
        assert stored is not None
        steps.append((stored, (await scribe.read(brand_code, step)).state))
    return steps


def _replay(movements: list[PastMovement]) -> ConsentState | None:
    state: ConsentState | None = None
    for past in movements:
        if past.is_block:
            assert past.consent_date is not None
            state = after_block(state, past.consent_date)
        else:
            new = consent(status=Status(past.status), consent_date=past.consent_date)
            state = after_record(state, new)
    return state


async def test_the_state_at_a_position_is_what_was_read_there(scribe: Scribe, world: World) -> None:
    steps = await _live(scribe, world.brand_code)
    key = scribe.key(world.brand_code, LIFE[0])
    for stored, state in steps:
        past = await movements_until(scribe.reader, key, position=stored.position)
        assert _replay(past) == state
    assert await movements_until(scribe.reader, key, position=0) == []


async def test_the_state_at_a_moment_is_what_was_read_then(scribe: Scribe, world: World) -> None:
    steps = await _live(scribe, world.brand_code)
    key = scribe.key(world.brand_code, LIFE[0])
    for stored, state in steps:
        past = await movements_until(scribe.reader, key, moment=stored.created_at)
        assert _replay(past) == state
    assert await movements_until(scribe.reader, key, moment=NOW - DAY) == []


async def test_another_keys_movements_are_not_in_a_history(scribe: Scribe, world: World) -> None:
    await _live(scribe, world.brand_code)
    for other in (
        consent(recipient="+905990000002"),
        consent(recipient_type=RecipientType.MERCHANT),
    ):
        assert await movements_until(scribe.reader, scribe.key(world.brand_code, other)) == []
    second = scribe.key(world.second_brand_code, LIFE[0])
    assert await movements_until(scribe.reader, second) == []


async def test_a_replay_is_found_even_after_others_came(scribe: Scribe, world: World) -> None:
    steps = await _live(scribe, world.brand_code)
    key = scribe.key(world.brand_code, LIFE[0])
    for n in (1, 2, 3, 5):
        assert await find_replayed(scribe.reader, key, LIFE[n]) == steps[n][0]


async def test_a_request_that_differs_in_anything_is_no_replay(
    scribe: Scribe, world: World
) -> None:
    code = world.retailer_code
    first = consent(retailer_code=code, retailer_access=[code])
    stored = await scribe.write(world.brand_code, first)
    key = scribe.key(world.brand_code, first)
    others: list[NewConsent] = [
        consent(),
        consent(retailer_code=code),
        consent(retailer_code=code, retailer_access=[code, code + 1]),
        consent(retailer_code=code, retailer_access=[code], source=Source.SMS),
        consent(retailer_code=code, retailer_access=[code], status=Status.WITHDRAWN),
        consent(retailer_code=code, retailer_access=[code], consent_date=NOW - DAY),
    ]
    for other in others:
        assert await find_replayed(scribe.reader, key, other) is None
    assert await find_replayed(scribe.reader, key, first) == stored


async def test_a_block_is_no_record_to_replay(scribe: Scribe, world: World) -> None:
    await scribe.write(world.brand_code, LIFE[0])
    key = scribe.key(world.brand_code, LIFE[0])
    assert await find_replayed(scribe.reader, key, LIFE[0]) is None
    assert await read_record(scribe.reader, key) is None


async def test_an_undated_merchant_is_found_again(scribe: Scribe, world: World) -> None:
    bare = consent(recipient_type=RecipientType.MERCHANT, source=None, consent_date=None)
    stored = await scribe.write(world.brand_code, bare)
    assert await find_replayed(scribe.reader, scribe.key(world.brand_code, bare), bare) == stored


async def test_the_record_is_the_newest_consent_whatever_blocks_came_after(
    scribe: Scribe, world: World
) -> None:
    steps = await _live(scribe, world.brand_code)
    record = await read_record(scribe.reader, scribe.key(world.brand_code, LIFE[0]))
    assert record is not None
    assert record.transaction_id == steps[5][0].transaction_id
    assert record.created_at == steps[5][0].created_at
    assert (record.status, record.consent_date) == ("ONAY", NOW - 5 * DAY)
    assert record.blocked_at == NOW - 6 * DAY
    refusal = consent(status=Status.WITHDRAWN, consent_date=NOW - 5 * DAY)
    await scribe.write(world.brand_code, refusal)
    again = await read_record(scribe.reader, scribe.key(world.brand_code, refusal))
    assert again is not None
    assert (again.status, again.blocked_at) == ("ONAY", NOW - 5 * DAY)
    assert again.transaction_id == record.transaction_id


async def test_a_record_shows_its_retailer(scribe: Scribe, world: World) -> None:
    code = world.retailer_code
    new = consent(retailer_code=code, retailer_access=[code, 10_000_001])
    await scribe.write(world.brand_code, new)
    record = await read_record(scribe.reader, scribe.key(world.brand_code, new))
    assert record is not None
    assert (record.retailer_code, record.retailer_title) == (code, "Bayi")
    assert record.retailer_access == 2

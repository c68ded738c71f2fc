"""A refusal that the wire turned away is never forgotten (regulation C13)."""

from datetime import datetime, timedelta

import asyncpg
import pytest

from shared.domain.consent import ConsentState, Status
from shared.domain.transitions import is_blocked
from tests.support.builders import NOW, Scribe, World, consent

REFUSED_AT = NOW - timedelta(days=2)
SECOND = timedelta(seconds=1)
REFUSAL = consent(status=Status.WITHDRAWN, consent_date=REFUSED_AT)


async def _state(scribe: Scribe, world: World) -> ConsentState:
    state = (await scribe.read(world.brand_code, REFUSAL)).state
    assert state is not None
    return state


async def test_a_first_refusal_stands_as_a_block_alone(scribe: Scribe, world: World) -> None:
    await scribe.write(world.brand_code, REFUSAL)
    state = await _state(scribe, world)
    assert state == ConsentState(status=None, consent_date=None, blocked_at=REFUSED_AT)
    assert is_blocked(state)


@pytest.mark.parametrize(
    ("approved_at", "denies"),
    [(REFUSED_AT - SECOND, True), (REFUSED_AT, True), (REFUSED_AT + SECOND, False)],
    ids=["older", "equal", "later"],
)
async def test_only_a_later_approval_ends_a_block(
    scribe: Scribe, world: World, approved_at: datetime, *, denies: bool
) -> None:
    await scribe.write(world.brand_code, REFUSAL)
    await scribe.write(world.brand_code, consent(consent_date=approved_at))
    state = await _state(scribe, world)
    assert state == ConsentState(Status.GRANTED, approved_at, REFUSED_AT)
    assert is_blocked(state) is denies


@pytest.mark.parametrize("later_first", [True, False])
async def test_of_two_blocks_the_later_one_decides(
    scribe: Scribe, world: World, *, later_first: bool
) -> None:
    dates = sorted([REFUSED_AT, REFUSED_AT + SECOND], reverse=later_first)
    for date in dates:
        refusal = consent(status=Status.WITHDRAWN, consent_date=date)
        await scribe.write(world.brand_code, refusal, too_late=True)
    assert (await _state(scribe, world)).blocked_at == REFUSED_AT + SECOND


async def test_a_block_on_a_record_leaves_the_record(scribe: Scribe, world: World) -> None:
    approved_at = REFUSED_AT - SECOND
    await scribe.write(
        world.brand_code, consent(consent_date=approved_at, retailer_code=10_000_001)
    )
    await scribe.write(world.brand_code, REFUSAL, too_late=True)
    snapshot = await scribe.read(world.brand_code, REFUSAL)
    assert snapshot.state == ConsentState(Status.GRANTED, approved_at, REFUSED_AT)
    assert snapshot.retailer_code == 10_000_001


async def test_later_records_do_not_forget_a_block(scribe: Scribe, world: World) -> None:
    await scribe.write(world.brand_code, REFUSAL)
    for n, status in enumerate([Status.GRANTED, Status.WITHDRAWN, Status.GRANTED]):
        date = REFUSED_AT + n * SECOND
        await scribe.write(world.brand_code, consent(status=status, consent_date=date))
    assert (await _state(scribe, world)).blocked_at == REFUSED_AT


async def test_a_block_takes_a_position_and_moves_no_counter(
    owner: asyncpg.Connection, scribe: Scribe, world: World
) -> None:
    stored = await scribe.write(world.brand_code, REFUSAL)
    assert stored is not None
    assert stored.position == 1
    head = await owner.fetchrow(
        "SELECT position, approvals, rejections FROM brand_head WHERE brand_code = $1",
        world.brand_code,
    )
    assert head is not None
    assert tuple(head) == (1, 0, 0)


async def test_an_undated_refusal_blocks_from_when_we_heard_of_it(
    scribe: Scribe, world: World
) -> None:
    await scribe.write(world.brand_code, consent(status=Status.WITHDRAWN, consent_date=None))
    assert (await _state(scribe, world)).blocked_at == NOW

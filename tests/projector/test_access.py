"""A change of access moves the brand, so the watermark moves; what is on file for the address does not."""

from services.check.projector.project_brand import Turn
from tests.projector.side import Side
from tests.support.access import change_access
from tests.support.builders import consent, phone


async def test_an_access_movement_moves_the_watermark_and_no_entry(side: Side, brand: int) -> None:
    scribe = side.ledger.scribe
    await scribe.write(brand, consent())
    await scribe.write(brand, consent(phone(2)))
    await side.bring_up(brand)
    mark = await side.serving(brand)
    assert mark is not None
    before = await side.held(brand, mark)
    await change_access(scribe, brand, consent(), listed=[10_000_001])
    assert not await side.is_at_head(brand)
    assert await side.projector().take_turn(brand) is Turn.SETTLED
    after = await side.serving(brand)
    assert after is not None
    assert (after.position, after.generation) == (mark.position + 1, mark.generation)
    assert after.movement != mark.movement
    assert await side.held(brand, after) == before != {}
    assert await side.agree(brand)


async def test_a_brand_that_ends_with_one_can_be_built_anew(side: Side, brand: int) -> None:
    scribe = side.ledger.scribe
    await scribe.write(brand, consent())
    await change_access(scribe, brand, consent(), collector=10_000_001)
    await side.redis.flushall()
    await side.bring_up(brand)
    assert await side.agree(brand)
    mark = await side.serving(brand)
    assert mark is not None
    assert mark.position == 2

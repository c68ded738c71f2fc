"""One brand, turn by turn: rounds follow the writes, and a new generation is built where none will do."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from typing_extensions import override

from services.check.projector import project_brand
from services.check.projector.project_brand import BrandProjector, Turn
from services.check.projector.rush import Rushes
from shared.cache import layout
from shared.domain.consent import Channel, RecipientType, Status
from shared.ledger import read_changes
from tests.projector.side import Side
from tests.support.builders import NOW, consent, phone

DAY = timedelta(days=1)
RET = Status.WITHDRAWN


async def value(side: Side, brand: int, recipient: str) -> int:
    """Return what a check would find for an address; the cache must be at the head."""
    assert await side.agree(brand)
    mark = await side.serving(brand)
    assert mark is not None
    digest = side.ledger.scribe.digester.digest(recipient)
    key = layout.bucket_prefix(brand, mark.generation)
    key += b"%d" % layout.bucket_number(digest, mark.bucket_bits)
    found = await side.redis.hget(key, layout.field_of(digest))
    return int(found or 0)


async def status(side: Side, brand: int, recipient: str) -> Status | None:
    found = await value(side, brand, recipient)
    return layout.status_in(found, Channel.SMS, RecipientType.INDIVIDUAL)


async def test_an_empty_brand_gets_a_watermark_under_which_nothing_is_on_file(
    side: Side, brand: int
) -> None:
    assert await side.projector().take_turn(brand) is Turn.SETTLED
    assert await status(side, brand, phone(1)) is None
    mark = await side.serving(brand)
    assert mark is not None
    assert (mark.position, mark.movement, mark.bucket_bits) == (0, layout.MovementId(), 0)
    assert await side.keys(brand) == {layout.watermark_key(brand), layout.next_key(brand)}


async def test_rounds_follow_what_is_written(side: Side, brand: int) -> None:
    write = side.ledger.scribe.write
    for n, new in enumerate(
        [
            consent(),
            consent(phone(2)),
            consent(status=RET, consent_date=NOW),
            consent(channel=Channel.CALL),
            consent(recipient_type=RecipientType.MERCHANT, source=None, consent_date=None),
            consent("kisi@ornek.example", channel=Channel.EMAIL),
        ],
        1,
    ):
        await side.bring_up(brand)
        before = await side.serving(brand)
        assert await write(brand, new)
        assert not await side.is_at_head(brand)
        assert await side.projector().take_turn(brand) is Turn.SETTLED
        assert await side.agree(brand)
        after = await side.serving(brand)
        assert before is not None
        assert after is not None
        assert (after.position, after.generation) == (n, before.generation)
    assert await status(side, brand, phone(1)) is RET
    assert await status(side, brand, phone(2)) is Status.GRANTED
    assert await status(side, brand, phone(3)) is None


@pytest.mark.parametrize("follows", [True, False], ids=["by a round", "by building"])
async def test_a_refusal_that_was_turned_away_denies_until_a_later_approval(
    side: Side,
    brand: int,
    follows: bool,  # noqa: FBT001
) -> None:
    """H175 leaves a block where there is no record, H178 one where there is."""
    write = side.ledger.scribe.write

    async def bring_up() -> None:
        if not follows:
            await side.redis.flushall()
        await side.bring_up(brand)

    await bring_up()
    first, equal = phone(1), phone(2)
    assert await write(brand, consent(first, status=RET, consent_date=NOW - DAY))
    assert await write(brand, consent(equal, consent_date=NOW - DAY))
    assert await write(brand, consent(equal, status=RET, consent_date=NOW - DAY))
    await bring_up()
    assert await status(side, brand, first) is RET
    assert await status(side, brand, equal) is RET
    assert await write(brand, consent(first, consent_date=NOW - 2 * DAY))
    await bring_up()
    assert await status(side, brand, first) is RET, "an approval from before the refusal"
    assert await write(brand, consent(first, consent_date=NOW))
    assert await write(brand, consent(equal, consent_date=NOW))
    await bring_up()
    assert await status(side, brand, first) is Status.GRANTED
    assert await status(side, brand, equal) is Status.GRANTED


async def test_nothing_is_answered_in_the_middle_of_a_long_tail(side: Side, brand: int) -> None:
    await side.ledger.write(brand, range(2000, 2600))
    await side.bring_up(brand)
    await side.ledger.write(brand, range(1200))
    seen = []
    one_step = side.projector(turn_s=0)
    while await one_step.take_turn(brand) is Turn.UNFINISHED:
        mark = await side.serving(brand)
        assert mark is not None
        assert not await side.is_at_head(brand)
        seen.append((mark.position, mark.settled))
    assert seen == [(1100, False), (1600, False)]
    assert await side.agree(brand)


async def test_a_page_that_ends_at_the_head_by_chance_is_settled(side: Side, brand: int) -> None:
    await side.ledger.write(brand, range(2000, 2600))
    await side.bring_up(brand)
    await side.ledger.write(brand, range(500))
    assert await side.projector(turn_s=0).take_turn(brand) is Turn.SETTLED
    assert await side.agree(brand)


async def test_a_brand_that_is_settled_is_left_alone(side: Side, brand: int) -> None:
    await side.ledger.write(brand, range(3))
    await side.bring_up(brand)
    before = await side.redis.info("stats")
    assert await side.projector().take_turn(brand) is Turn.SETTLED
    after = await side.redis.info("stats")
    commands = after["total_commands_processed"] - before["total_commands_processed"]
    assert commands <= 2, "its look at W, and our INFO"


async def test_an_unknown_brand_is_nothing_to_work_on(side: Side, brand: int) -> None:
    assert await side.projector().take_turn(brand + 1_000) is Turn.UNKNOWN
    assert await side.keys(brand + 1_000) == set()


async def test_a_generation_is_built_over_many_turns_while_people_write(
    side: Side, brand: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_changes, "CONSENTS_A_PAGE", 40)
    await side.ledger.write(brand, range(300))
    one_step = side.projector(turn_s=0)
    turns = 0
    while not await side.agree(brand):
        assert await one_step.take_turn(brand) in {Turn.UNFINISHED, Turn.SETTLED}
        turns += 1
        if turns < 8:
            number = consent(phone(turns), status=RET, consent_date=NOW + turns * DAY)
            assert await side.ledger.scribe.write(brand, number)
            await side.ledger.write(brand, [1000 + turns])
        assert turns < 50
    assert turns > 8
    assert await side.nothing_is_left_over(brand)


async def test_the_old_generation_serves_while_its_successor_is_built(
    side: Side, brand: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_changes, "CONSENTS_A_PAGE", 40)
    await side.ledger.write(brand, range(300))
    await side.bring_up(brand)
    old = await side.serving(brand)
    assert old is not None
    narrow = replace(old, bucket_bits=0)
    await side.redis.set(layout.watermark_key(brand), narrow.encode())
    one_step = side.projector(turn_s=0)
    assert await one_step.take_turn(brand) is Turn.UNFINISHED
    assert await one_step.take_turn(brand) is Turn.UNFINISHED
    assert (await side.building(brand)) is not None
    assert await side.serving(brand) == narrow
    await side.bring_up(brand)
    new = await side.serving(brand)
    assert new is not None
    assert new.generation != old.generation
    assert await side.agree(brand)


async def test_a_brand_that_has_outgrown_its_buckets_gets_more_of_them(
    side: Side, brand: int
) -> None:
    await side.ledger.write(brand, range(100))
    await side.bring_up(brand)
    small = await side.serving(brand)
    assert small is not None
    assert small.bucket_bits == 0
    for start in range(100, 1100, 250):
        await side.ledger.write(brand, range(start, start + 250))
        await side.bring_up(brand)
        assert await side.agree(brand)
    large = await side.serving(brand)
    assert large is not None
    assert large.bucket_bits >= 2
    assert large.generation != small.generation
    assert await side.nothing_is_left_over(brand)


async def test_refusals_without_a_record_are_in_no_count_and_get_their_buckets_all_the_same(
    side: Side, brand: int
) -> None:
    scribe = side.ledger.scribe
    movements = [
        scribe.movement(brand, consent(phone(n), status=RET), is_block=True) for n in range(3000)
    ]
    await scribe.appender.append(brand, movements, wait=True)
    assert (await side.ledger.head(brand)).consents == 0
    await side.bring_up(brand)
    assert await side.agree(brand)
    mark = await side.serving(brand)
    assert mark is not None
    assert mark.bucket_bits in {4, 5, 6}


async def test_a_brand_that_is_far_behind_is_built_and_not_followed(
    side: Side, brand: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(project_brand, "PAGES_ALWAYS_FOLLOWED", 0)
    await side.ledger.write(brand, range(9))
    await side.bring_up(brand)
    first = await side.serving(brand)
    scribe = side.ledger.scribe
    for n in range(2):
        assert await scribe.write(brand, consent(phone(1), consent_date=NOW + n * DAY))
    await side.bring_up(brand)
    followed = await side.serving(brand)
    for n in range(2, 8):
        assert await scribe.write(brand, consent(phone(1), consent_date=NOW + n * DAY))
    await side.bring_up(brand)
    built = await side.serving(brand)
    assert first is not None
    assert followed is not None
    assert built is not None
    assert first.generation == followed.generation != built.generation
    assert await side.agree(brand)


class Patience(Rushes):
    """Waits for three looks; remembers what it was asked, and whether it was told of the end."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[int, int]] = []
        self.ended: list[int] = []

    @override
    def goes_on(self, brand_code: int, position: int) -> bool:
        self.asked.append((brand_code, position))
        return len(self.asked) <= 3

    @override
    def end(self, brand_code: int) -> None:
        self.ended.append(brand_code)


@pytest.mark.parametrize(
    ("before", "after", "always_followed"), [(9, 30, 0), (100, 400, 10)], ids=["far", "outgrown"]
)
async def test_a_brand_that_is_being_loaded_is_left_alone_until_that_is_over(
    side: Side,
    brand: int,
    monkeypatch: pytest.MonkeyPatch,
    before: int,
    after: int,
    always_followed: int,
) -> None:
    monkeypatch.setattr(project_brand, "PUT_OFF_FROM", after - before)
    monkeypatch.setattr(project_brand, "PAGES_ALWAYS_FOLLOWED", always_followed)
    await side.ledger.write(brand, range(before))
    await side.bring_up(brand)
    first = await side.serving(brand)
    await side.ledger.write(brand, range(before, after))
    patience = Patience()
    patient = BrandProjector(side.ledger.changes, side.store, rushes=patience)
    for _ in range(3):
        assert await patient.take_turn(brand) is Turn.PUT_OFF
        assert await side.serving(brand) == first
        assert await side.building(brand) is None
    while await patient.take_turn(brand) is not Turn.SETTLED:
        pass
    assert set(patience.asked) == {(brand, after)}
    assert set(patience.ended) == {brand}
    second = await side.serving(brand)
    assert first is not None
    assert second is not None
    assert second.generation != first.generation
    assert await side.agree(brand)


async def test_who_keeps_up_with_a_load_is_not_left_alone(
    side: Side, brand: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(project_brand, "PUT_OFF_FROM", 22)
    monkeypatch.setattr(project_brand, "PAGES_ALWAYS_FOLLOWED", 0)
    await side.ledger.write(brand, range(9))
    await side.bring_up(brand)
    await side.ledger.write(brand, range(9, 30))
    patience = Patience()
    patient = BrandProjector(side.ledger.changes, side.store, rushes=patience)
    assert await patient.take_turn(brand) is Turn.SETTLED
    assert not patience.asked


async def test_what_is_being_built_is_never_left_alone(
    side: Side, brand: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(project_brand, "PUT_OFF_FROM", 0)
    monkeypatch.setattr(project_brand, "PAGES_ALWAYS_FOLLOWED", 0)
    monkeypatch.setattr(read_changes, "CONSENTS_A_PAGE", 6)
    await side.ledger.write(brand, range(9))
    await side.bring_up(brand)
    await side.ledger.write(brand, range(9, 60))
    while await side.building(brand) is None:  # begun by one who does not wait, and who dies
        await side.projector(turn_s=0).take_turn(brand)
    patient = BrandProjector(side.ledger.changes, side.store, turn_s=0, rushes=Rushes())
    while (turn := await patient.take_turn(brand)) is not Turn.SETTLED:
        assert turn is Turn.UNFINISHED
    assert await side.agree(brand)


async def test_what_is_no_watermark_is_built_anew(side: Side, brand: int) -> None:
    await side.ledger.write(brand, range(3))
    await side.bring_up(brand)
    for key in (layout.watermark_key(brand), layout.next_key(brand)):
        await side.redis.set(key, b"2 whatever a later version writes")
        await side.bring_up(brand)
        assert await side.agree(brand)


async def test_a_forced_rebuild_reads_nothing_of_what_is_there(side: Side, brand: int) -> None:
    await side.ledger.write(brand, range(3))
    await side.bring_up(brand)
    old = await side.serving(brand)
    assert old is not None
    bucket = layout.bucket_prefix(brand, old.generation) + b"0"
    await side.redis.delete(bucket)
    assert await side.projector().take_turn(brand) is Turn.SETTLED
    with pytest.raises(AssertionError):
        await side.agree(brand)
    assert await side.projector().begin_anew(brand) is Turn.UNFINISHED
    assert await side.serving(brand) is None
    await side.bring_up(brand)
    assert await side.agree(brand)
    assert await side.nothing_is_left_over(brand)


async def test_a_thorough_turn_finishes_what_somebody_has_left(
    side: Side, brand: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two built at once; one of them was the quicker, and the other has died."""
    monkeypatch.setattr(read_changes, "CONSENTS_A_PAGE", 2)
    await side.ledger.write(brand, range(7))
    await side.bring_up(brand)
    serving = await side.serving(brand)
    assert serving is not None
    dead = replace(serving, generation=7, settled=False, filled_to=b"")
    last = await side.raw(layout.next_key(brand))
    assert await side.store.begin(brand, expected=last, new=dead)
    assert await side.projector(turn_s=0)._step(brand, 0, thorough=True) is Turn.UNFINISHED
    assert not await side.nothing_is_left_over(brand)
    assert await side.projector().take_turn(brand, thorough=True) is Turn.SETTLED
    assert await side.agree(brand)
    assert await side.nothing_is_left_over(brand)


async def test_a_cancellation_that_a_library_took_no_notice_of_ends_a_turn(
    side: Side, brand: int
) -> None:
    async def work() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0)
        await side.projector(turn_s=60).take_turn(brand)

    await side.ledger.write(brand, range(3))
    task = asyncio.create_task(work())
    await asyncio.wait([task])
    assert task.cancelled()

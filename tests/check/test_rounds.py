"""Rounds: who may share one, what counts as fresh, and that nobody is forgotten or told twice.

Ledger and cache are stand-ins that answer when a test says so, in the order that it says: every race is
played through once, and the same each time.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from typing_extensions import override

from services.check import rounds as module
from services.check.rounds import Fresh, FreshByBrand, agrees
from shared.cache.layout import MovementId
from shared.cache.reader import Page
from shared.ledger.read_heads import Head
from shared.telemetry import metrics
from tests.check.lane import (
    BRAND,
    HEAD,
    OTHER,
    Asker,
    Clumsy,
    Lane,
    W,
    heads,
    new_lane,
)


@pytest.fixture
async def lane() -> Lane:
    return new_lane()


def missed(why: str) -> float:
    return metrics.REGISTRY.get_sample_value("izin_cache_misses_total", {"why": why}) or 0


async def test_everybody_who_asks_in_one_tick_shares_a_round(lane: Lane) -> None:
    askers = [Asker(1, 2), Asker(3, brand=OTHER), Asker(4), Asker()]
    await lane.sent(*askers)
    assert [sorted(codes) for codes in lane.ledger.asked] == [[BRAND, OTHER]]
    assert lane.cache.asked == [{BRAND: [b"\1", b"\2", b"\4"], OTHER: [b"\3"]}]
    await lane.answer()
    assert [asker.values for asker in askers] == [[1, 2], [3], [4], []]
    assert askers[0].told[0][BRAND] == Fresh(HEAD, 9, [1, 2])


async def test_nobody_joins_a_round_that_was_sent(lane: Lane) -> None:
    first, second, third = Asker(1), Asker(2), Asker(3)
    await lane.sent(first)
    await lane.sent(second)
    await lane.sent(third)
    assert len(lane.ledger.done) == len(lane.cache.done) == 1, "one at a time"
    await lane.answer()
    assert (first.values, second.told, third.told) == ([1], [], [])
    await asyncio.sleep(0)
    assert lane.cache.asked[1] == {BRAND: [b"\2", b"\3"]}, "sent as soon as the first has ended"
    await lane.answer(1)
    assert (second.values, third.values) == ([2], [3])


@pytest.mark.parametrize("heads_first", [True, False])
async def test_both_must_be_in_before_anybody_is_told(lane: Lane, *, heads_first: bool) -> None:
    asker = Asker(1)
    await lane.sent(asker)
    steps: list[Callable[[], None]] = [
        lambda: lane.ledger.done[0](heads()),
        lambda: lane.cache.answer(0),
    ]
    for step in steps if heads_first else reversed(steps):
        assert not asker.told
        step()
    await asyncio.sleep(0)
    assert asker.values == [1]


async def test_the_next_round_is_sent_before_the_answers_are_given(lane: Lane) -> None:
    sent_before: list[int] = []

    class Watchful(Asker):
        @override
        def answered(self, answers: FreshByBrand) -> None:
            super().answered(answers)
            sent_before.append(len(lane.ledger.done))

    await lane.sent(Watchful(1))
    await lane.sent(Asker(2))
    await lane.answer()
    assert sent_before == [2]


async def test_a_slip_in_the_proof_leaves_nobody_waiting(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slip(*_arguments: object) -> bool:
        raise LookupError("of ours")

    monkeypatch.setattr(module, "agrees", slip)
    asker = Asker(1)
    await lane.sent(asker)
    await lane.answer()
    assert asker.values is None


def test_the_two_agree_only_if_they_mean_the_same_movement_and_entries() -> None:
    assert agrees(W, HEAD, 1)
    assert agrees(replace(W, position=0, movement=MovementId()), Head(0, (0, 0, 0), 1), 1)
    assert not agrees(replace(W, settled=False), HEAD, 1)
    assert not agrees(W, HEAD, 2)
    for change in ({"position": 4}, {"position": 6}, {"movement": MovementId(7, 1234, 1)}):
        assert not agrees(replace(W, **change), HEAD, 1)
    for movement in ((8, 1234, 2), (7, 1235, 2), (7, 1234, 3), (0, 0, 0)):
        assert not agrees(W, HEAD._replace(movement=movement), 1)


@pytest.mark.parametrize(
    ("changes", "why", "nudges"),
    [
        ({"position": 4, "movement": MovementId(7, 1234, 1)}, "behind", 1),
        ({"position": 6, "movement": MovementId(8, 5, 1)}, "ahead", 0),
        ({"movement": MovementId(7, 99, 2)}, "other_movement", 1),
        ({"settled": False}, "unsettled", 1),
    ],
)
async def test_what_does_not_agree_is_a_miss(
    lane: Lane, changes: dict[str, object], why: str, nudges: int
) -> None:
    asker, neighbour, before = Asker(1, 2), Asker(3, brand=OTHER), missed(why)
    await lane.sent(asker, neighbour)
    lane.ledger.done[0](heads())
    lane.cache.done[0](
        {BRAND: Page(replace(W, **changes), [1, 2]), OTHER: Page(W, [3])}  # type: ignore[arg-type]  # of several types
    )
    await asyncio.sleep(0)
    assert (asker.values, neighbour.values) == (None, [3])
    assert missed(why) - before == 2, "addresses are counted"
    assert lane.nudged == [BRAND] * nudges


async def test_a_brand_without_watermark_is_a_miss_and_the_projector_is_told(lane: Lane) -> None:
    asker, before = Asker(1), missed("no_watermark")
    await lane.sent(asker)
    lane.ledger.done[0](heads())
    lane.cache.done[0]({})
    await asyncio.sleep(0)
    assert asker.values is None
    assert missed("no_watermark") - before == 1
    assert lane.nudged == [BRAND]


async def test_a_brand_that_the_ledger_does_not_know_is_a_miss(lane: Lane) -> None:
    asker, before = Asker(1, brand=999), missed("unknown_brand")
    await lane.sent(asker)
    lane.ledger.done[0](heads())
    lane.cache.answer(0)
    await asyncio.sleep(0)
    assert asker.values is None
    assert missed("unknown_brand") - before == 1
    assert lane.nudged == []


@pytest.mark.parametrize("heads_first", [True, False])
async def test_without_heads_everybody_is_told_at_once_and_the_next_round_is_sent(
    lane: Lane, *, heads_first: bool
) -> None:
    asker, later, before = Asker(1), Asker(2), missed("no_heads")
    await lane.sent(asker)
    if not heads_first:
        lane.cache.answer(0)
    lane.ledger.done[0](None)
    assert asker.values is None
    assert missed("no_heads") - before == 1
    if heads_first:
        await lane.sent(later)
        assert len(lane.ledger.done) == 1, "the cache has not answered yet"
        lane.cache.answer(0)
        await asyncio.sleep(0)
    else:
        await lane.sent(later)
    await lane.answer(1)
    assert (len(asker.told), later.values) == (1, [2])


async def test_a_process_with_a_retired_key_believes_nothing(lane: Lane) -> None:
    asker, before = Asker(1), missed("digest_key")
    await lane.sent(asker)
    lane.ledger.done[0](replace(heads(), digest_key_id=2))
    lane.cache.answer(0, replace(W, digest_key_id=2))
    assert asker.values is None
    assert missed("digest_key") - before == 1


async def test_one_asker_s_slip_is_not_the_others(lane: Lane) -> None:
    askers = [Asker(1), Clumsy(2), Asker(3)]
    await lane.sent(*askers)
    await lane.answer()
    assert [asker.values for asker in askers] == [[1], [2], [3]]
    again = Asker(4)
    await lane.sent(again)
    await lane.answer(1)
    assert again.values == [4]


async def test_whose_time_is_over_is_told_in_time(lane: Lane) -> None:
    loop = asyncio.get_running_loop()
    late, patient, before = Asker(1, expires_at=loop.time() + 0.05), Asker(2), missed("late")
    await lane.sent(late)
    waiting = Asker(3, expires_at=loop.time() + 0.05)
    await lane.sent(waiting, patient)
    async with asyncio.timeout(5):
        while not (late.told and waiting.told):  # noqa: ASYNC110  # it is polled
            await asyncio.sleep(0.005)
    assert (late.values, waiting.values, patient.told) == (None, None, [])
    assert missed("late") - before == 2
    assert len(lane.ledger.done) == 1, "what was sent goes on, and nobody joins it"
    await lane.answer()
    await asyncio.sleep(0)
    await lane.answer(1)
    assert (len(late.told), len(waiting.told), patient.values) == (1, 1, [2])


async def test_an_asker_in_a_hurry_is_looked_at_before_one_who_is_not(lane: Lane) -> None:
    await lane.sent(Asker(1))
    hurried = Asker(2, expires_at=asyncio.get_running_loop().time() + 0.05)
    await lane.sent(hurried)
    async with asyncio.timeout(5):
        while not hurried.told:  # noqa: ASYNC110  # likewise
            await asyncio.sleep(0.005)
    assert hurried.values is None


async def test_a_large_crowd_is_asked_for_in_pages_of_one_head(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ADDRESSES_A_PAGE", 3)
    askers = [Asker(*range(n)) for n in (2, 1, 3, 2, 2)]
    await lane.sent(*askers)
    sizes = [[len(digests) for digests in asked.values()] for asked in lane.cache.asked]
    assert sizes == [[3], [3]], "two pages are under way at a time"
    lane.cache.answer(1)
    lane.ledger.done[0](heads())
    lane.cache.answer(0)
    await asyncio.sleep(0)
    assert [len(asker.told) for asker in askers] == [1, 1, 1, 0, 0]
    lane.cache.answer(2)
    lane.cache.answer(3)
    await asyncio.sleep(0)
    assert [asker.values for asker in askers] == [[0, 1], [0], [0, 1, 2], [0, 1], [0, 1]]
    assert len(lane.ledger.done) == 1


async def test_a_later_page_of_another_watermark_is_a_miss(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ADDRESSES_A_PAGE", 2)
    first, second = Asker(1, 2), Asker(3, 4)
    await lane.sent(first, second)
    lane.ledger.done[0](heads())
    lane.cache.answer(0)
    lane.cache.answer(1, replace(W, position=6, movement=MovementId(8, 1, 1)))
    await asyncio.sleep(0)
    assert (first.values, second.values) == ([1, 2], None)


async def test_a_page_whose_askers_have_given_up_is_not_asked_for(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ADDRESSES_A_PAGE", 1)
    soon = asyncio.get_running_loop().time() + 0.05
    askers = [Asker(1), Asker(2), Asker(3, expires_at=soon), Asker(4)]
    await lane.sent(*askers)
    async with asyncio.timeout(5):
        while not askers[2].told:  # noqa: ASYNC110  # likewise
            await asyncio.sleep(0.005)
    lane.ledger.done[0](heads())
    for n in range(3):
        lane.cache.answer(n)
    await asyncio.sleep(0)
    assert [asker.values for asker in askers] == [[1], [2], None, [4]]
    assert len(lane.cache.done) == 3


async def test_a_round_takes_so_many_addresses_and_the_others_wait(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ADDRESSES_A_ROUND", 4)
    askers = [Asker(1, 2, 3), Asker(4, 5), Asker(6)]
    await lane.sent(*askers)
    await lane.answer()
    await asyncio.sleep(0)
    assert [len(asker.told) for asker in askers] == [1, 0, 0]
    await lane.answer(1)
    assert [asker.values for asker in askers] == [[1, 2, 3], [4, 5], [6]]


async def test_too_many_who_wait_are_refused_at_once(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ADDRESSES_WAITING_MAX", 4)
    before = missed("busy")
    under_way, waiting, refused = Asker(1), Asker(2, 3, 4), Asker(5, 6)
    await lane.sent(under_way)
    await lane.sent(waiting)
    assert not lane.rounds.join(refused)
    assert missed("busy") - before == 2
    await lane.answer()
    await asyncio.sleep(0)
    await lane.answer(1)
    assert (waiting.values, refused.told) == ([2, 3, 4], [])
    assert lane.rounds.join(refused)

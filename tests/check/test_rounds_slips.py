"""Rounds: a slip of ours or of an asker ends neither the lane nor the waiting of the others."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest
from typing_extensions import override

from tests.check.lane import Asker, Lane, heads, new_lane


@pytest.fixture
async def lane() -> Lane:
    return new_lane()


async def test_a_lane_goes_on_when_a_read_could_not_be_sent(lane: Lane) -> None:
    def fail(*_arguments: object) -> None:
        raise MemoryError

    read, lane.cache.read = lane.cache.read, fail  # type: ignore[assignment,method-assign]  # once
    first, second = Asker(1), Asker(2)
    await lane.sent(first)
    lane.cache.read = read  # type: ignore[method-assign]  # as before
    lane.ledger.done[0](heads())
    await asyncio.sleep(0)
    assert first.values is None
    await lane.sent(second)
    lane.ledger.done[1](heads())
    lane.cache.answer(0)
    await asyncio.sleep(0)
    assert second.values == [2]


async def test_an_asker_that_cannot_say_what_it_asks_is_told_that_there_is_no_answer(
    lane: Lane,
) -> None:
    class Speechless(Asker):
        @override
        def questions(self) -> Mapping[int, Sequence[bytes]]:
            raise LookupError("of its own")

    speechless, other = Speechless(1), Asker(2)
    await lane.sent(speechless)
    assert speechless.values is None
    await lane.sent(other)
    await lane.answer()
    assert other.values == [2]

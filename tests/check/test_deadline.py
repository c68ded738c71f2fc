import asyncio

import pytest

from shared.ledger.deadline import within
from tests.check.island import Stopwatch


async def stubborn(ended: asyncio.Event, let_go: asyncio.Event) -> str:
    """Clean up as the driver does: by asking the silent server, for as long as it takes."""
    try:
        await asyncio.sleep(60)
    finally:
        await let_go.wait()
        ended.set()
    return "late"


async def test_what_comes_in_time_is_returned_or_raised() -> None:
    async def fails() -> None:
        raise LookupError("of its own")

    assert await within(5, asyncio.sleep(0, "in time")) == "in time"
    with pytest.raises(LookupError, match="of its own"):
        await within(5, fails())


async def test_the_clean_up_of_what_was_given_up_is_not_waited_for() -> None:
    ended, let_go = asyncio.Event(), asyncio.Event()
    with Stopwatch() as watch, pytest.raises(TimeoutError):
        await within(0.05, stubborn(ended, let_go))
    assert watch.seconds < 2
    assert not ended.is_set()
    let_go.set()
    async with asyncio.timeout(5):
        await ended.wait()


async def test_whoever_is_cancelled_leaves_nothing_running() -> None:
    ended, let_go = asyncio.Event(), asyncio.Event()
    let_go.set()
    asker = asyncio.create_task(within(60, stubborn(ended, let_go)))
    await asyncio.sleep(0.01)
    asker.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asker
    async with asyncio.timeout(5):
        await ended.wait()

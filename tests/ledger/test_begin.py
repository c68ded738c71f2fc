"""Work that is begun at once runs as a task would, and tells its end once, whatever that is."""

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from shared.ledger.begin import begin

Told = list[tuple[object, Exception | None]]


async def run(
    work: Coroutine[object, None, object], then: Callable[[], None] = lambda: None
) -> Told:
    """Begin the work, let `then` happen, and return what was told."""
    told: Told = []
    begin(work, lambda result, error: told.append((result, error)))
    assert not told, "never from within"
    then()
    for _ in range(5):
        await asyncio.sleep(0)
    return told


async def test_the_first_step_is_taken_at_once() -> None:
    steps: list[str] = []

    async def work() -> int:
        steps.append("asked")
        await asyncio.sleep(0)
        steps.append("answered")
        return 7

    told = await run(work(), lambda: steps.append("went on"))
    assert steps == ["asked", "went on", "answered"]
    assert told == [(7, None)]


async def test_it_goes_on_when_what_it_waits_for_has_come() -> None:
    first, second = (asyncio.get_running_loop().create_future() for _ in range(2))

    async def work() -> list[object]:
        return [await first, await second]

    first.set_result(1)
    assert await run(work(), lambda: second.set_result(2)) == [([1, 2], None)]


async def test_work_that_never_waits_is_told_all_the_same() -> None:
    async def work() -> str:
        return "done"

    assert await run(work()) == [("done", None)]


@pytest.mark.parametrize("at_once", [True, False])
async def test_what_it_raises_is_told(at_once: bool) -> None:  # noqa: FBT001  # a parameter of the test
    slip = LookupError("of its own")
    waited = asyncio.get_running_loop().create_future()

    async def work() -> None:
        if not at_once:
            await waited
        raise slip

    if at_once:
        assert await run(work()) == [(None, slip)]
    else:
        assert await run(work(), lambda: waited.set_result(None)) == [(None, slip)]


async def test_a_failure_of_what_it_waits_for_reaches_it() -> None:
    waited = asyncio.get_running_loop().create_future()

    async def work() -> str:
        try:
            await waited
        except OSError as error:
            return f"was told: {error}"
        return "was not told"

    told = await run(work(), lambda: waited.set_exception(OSError("gone")))
    assert told == [("was told: gone", None)]


async def test_what_was_given_up_has_failed() -> None:
    waited = asyncio.get_running_loop().create_future()

    async def work() -> None:
        await waited

    def give_up() -> None:
        waited.cancel()

    ((result, error),) = await run(work(), give_up)
    assert result is None
    assert isinstance(error, ConnectionError)


async def test_somebody_else_may_wait_for_the_same() -> None:
    waited = asyncio.get_running_loop().create_future()

    async def work() -> object:
        return await waited

    def let_the_other_wait_first() -> None:
        asyncio.get_running_loop().call_soon(waited.set_result, 3)

    other = asyncio.create_task(work())
    told = await run(work(), let_the_other_wait_first)
    assert told == [(3, None)]
    assert await other == 3

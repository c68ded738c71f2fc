"""Begins work with the ledger now, and not in the event loop's next tick.

A task takes its first step when the loop comes to it, after everything that is to be done already: the
question would go out when those who were answered last have been written to. (From Python 3.12 on a task can
start eagerly.) The work must not need a task of its own: no `asyncio.timeout`, nobody who cancels it.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TypeVar, cast

T = TypeVar("T")


def begin(
    work: Coroutine[object, None, T], done: Callable[[T | None, Exception | None], None]
) -> None:
    """Run work up to its first wait, and from there on whenever what it waits for has come.

    `done` is called exactly once, on the loop, never from within this call: with what the work returns, or
    with what it raises. It must not raise itself.
    """
    _step(work, done, is_first=True)


def _step(
    work: Coroutine[object, None, T],
    done: Callable[[T | None, Exception | None], None],
    *,
    is_first: bool = False,
) -> None:
    loop = asyncio.get_running_loop()
    try:
        awaited = cast("asyncio.Future[object] | None", work.send(None))
    except StopIteration as end:
        result, error = cast("T", end.value), None
    except (Exception, asyncio.CancelledError) as fault:  # noqa: BLE001  # whoever began it is told
        result = None
        error = fault if isinstance(fault, Exception) else ConnectionError("given up")
    else:
        if awaited is None:  # it gives way for a tick
            loop.call_soon(_step, work, done)
        else:
            awaited._asyncio_future_blocking = False  # noqa: SLF001  # taken note of, as a task does
            awaited.add_done_callback(lambda _: _step(work, done))
        return
    if is_first:
        loop.call_soon(done, result, error)
    else:
        done(result, error)

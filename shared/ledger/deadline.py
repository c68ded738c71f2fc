"""Waiting for the ledger, and not a moment longer than promised.

`asyncio.timeout` waits until the cancelled work has cleaned up, and the driver's clean-up asks the very
server that is silent. Here whoever waits is free at the deadline, and the clean-up goes on alone.
"""

import asyncio
from collections.abc import Coroutine
from typing import Final, TypeVar

T = TypeVar("T")
_given_up: Final[set[asyncio.Task[object]]] = set()  # the event loop itself keeps tasks but weakly


async def within(seconds: float, work: Coroutine[object, None, T]) -> T:
    """Return what the work returns; raises TimeoutError at the deadline, and what the work raises.

    Is the deadline over already, the work is not begun.
    """
    if seconds <= 0:
        work.close()
        raise TimeoutError
    task = asyncio.get_running_loop().create_task(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        if not task.done():
            task.cancel()
            _given_up.add(task)
            task.add_done_callback(_forget)
    if not task.done():
        raise TimeoutError
    return task.result()


def heed_cancellation() -> None:
    """Raise CancelledError in a task that was cancelled and goes on, because a library took no notice.

    Python 3.11's `wait_for`, and the driver's, return the result if it has come in the same moment. A loop
    that should end when it is cancelled asks here in each round.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _forget(task: asyncio.Task[object]) -> None:
    """Take note of how it ended: nobody waits for it any more."""
    _given_up.discard(task)
    if not task.cancelled():
        task.exception()

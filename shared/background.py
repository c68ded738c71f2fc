"""A process without a port: it works until it is told to stop, and leaves a sign of life in a file.

What is under way when it is told may be left as it is: another process of its kind takes it up.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Final

import uvloop

from shared.ledger.deadline import heed_cancellation
from shared.ledger.failures import LedgerUnavailableError
from shared.ledger.migrate import SchemaMismatchError

HEARTBEAT_INTERVAL_S: Final = 5.0


def run_until_told(
    work: Coroutine[object, None, None], *, refusals: tuple[type[Exception], ...] = ()
) -> None:
    """Run until SIGTERM or Ctrl-C; what cannot be begun ends the process with one readable line.

    `refusals` are errors, besides those of the ledger and of a bad value, whose texts say what to do.
    """
    known: tuple[type[Exception], ...] = (SchemaMismatchError, ValueError, *refusals)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_until_told(work))
    except LedgerUnavailableError as error:
        sys.exit(
            f"izin: the ledger cannot be used ({error}); check its DSN and that it is a primary"
        )
    except known as error:
        sys.exit(f"izin: {error}")


async def show_life(heartbeat: Path | None) -> None:
    """Write to the file every five seconds, for whoever watches its date; return if there is none."""
    while heartbeat is not None:
        heed_cancellation()
        note_life(heartbeat)
        await asyncio.sleep(HEARTBEAT_INTERVAL_S)


def note_life(heartbeat: Path | None) -> None:
    """Write our process id to the file, now; that it cannot be written ends nothing."""
    if heartbeat is not None:
        with suppress(OSError):
            heartbeat.write_text(str(os.getpid()))


async def _until_told(work: Coroutine[object, None, None]) -> None:
    working = asyncio.ensure_future(work)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, working.cancel)
    with suppress(asyncio.CancelledError):
        await working

"""The registry's work that nobody waits for, in a process of its own: `python -m services.registry.worker`.

Any number may run: each job takes its share from the ledger, locked against the others. A job that fails is
begun again; the others go on meanwhile.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog
import uvloop

from services.registry.feeds.forget_names import forget_names
from services.registry.parts import Parts, open_parts
from services.registry.push.work import deliver_pushes
from services.registry.reconciliation.make_reports import make_reports
from services.registry.settings import RegistrySettings
from services.registry.system.jobs import close_lines
from shared.clock import utc_now
from shared.ledger.deadline import heed_cancellation
from shared.ledger.failures import LedgerUnavailableError
from shared.ledger.migrate import SchemaMismatchError
from shared.sealing.keyring import KeyFileError
from shared.telemetry.logs import configure_logging
from shared.web.serving import settings_or_exit

Job = Callable[[Parts], Awaitable[None]]
JOBS: Final[dict[str, Job]] = {
    "citizen_names": forget_names,
    "line_closures": close_lines,
    "push": deliver_pushes,
    "reconciliation": make_reports,
}
"""Each runs for ever, and waits by itself where there is nothing to do."""
PAUSE_S: Final = 2.0
HEARTBEAT_INTERVAL_S: Final = 5.0
_log: Final[structlog.typing.FilteringBoundLogger] = structlog.get_logger()


async def work(settings: RegistrySettings) -> None:
    """Do every job until cancelled; raises as `open_parts` when it cannot begin."""
    async with open_parts(settings, now=utc_now) as parts, asyncio.TaskGroup() as tasks:
        tasks.create_task(_show_life(settings.registry_worker_heartbeat_file))
        for name, job in JOBS.items():
            tasks.create_task(_keep_doing(name, job, parts))


def main() -> None:
    """Work with the settings of the environment, until SIGTERM or Ctrl-C."""
    settings = settings_or_exit(RegistrySettings)
    configure_logging("worker")
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_until_told(settings))
    except LedgerUnavailableError as error:
        sys.exit(
            f"izin: the ledger cannot be used ({error}); check its DSN and that it is a primary"
        )
    except (SchemaMismatchError, KeyFileError, ValueError) as error:
        sys.exit(f"izin: {error}")


async def _until_told(settings: RegistrySettings) -> None:
    """Whatever is under way when we are told to stop may be left so: another one takes it up."""
    working = asyncio.create_task(work(settings))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, working.cancel)
    with suppress(asyncio.CancelledError):
        await working


async def _keep_doing(name: str, job: Job, parts: Parts) -> None:
    while True:
        heed_cancellation()
        try:
            await job(parts)
        except LedgerUnavailableError as error:
            _log.warning("worker.ledger.lost", job=name, error=str(error))
        except Exception:  # noqa: BLE001  # told, and begun again: the other jobs are not to blame
            _log.exception("worker.job.failed", job=name)
        await asyncio.sleep(PAUSE_S)


async def _show_life(heartbeat: Path | None) -> None:
    while heartbeat is not None:
        heed_cancellation()
        _write_pid(heartbeat)
        await asyncio.sleep(HEARTBEAT_INTERVAL_S)


def _write_pid(heartbeat: Path) -> None:
    with suppress(OSError):
        heartbeat.write_text(str(os.getpid()))


if __name__ == "__main__":
    main()

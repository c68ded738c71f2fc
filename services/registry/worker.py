"""The registry's work that nobody waits for, in a process of its own: `python -m services.registry.worker`.

Any number may run: each job takes its share from the ledger, locked against the others. A job that fails is
begun again; the others go on meanwhile.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from services.registry.feeds.forget_names import forget_names
from services.registry.parts import Parts, open_parts
from services.registry.push.work import deliver_pushes
from services.registry.reconciliation.make_reports import make_reports
from services.registry.settings import RegistrySettings
from services.registry.system.jobs import close_lines
from shared.background import run_until_told, show_life
from shared.clock import utc_now
from shared.ledger.deadline import heed_cancellation
from shared.ledger.failures import LedgerUnavailableError
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
_log: Final[structlog.typing.FilteringBoundLogger] = structlog.get_logger()


async def work(settings: RegistrySettings) -> None:
    """Do every job until cancelled; raises as `open_parts` when it cannot begin."""
    async with open_parts(settings, now=utc_now) as parts, asyncio.TaskGroup() as tasks:
        tasks.create_task(show_life(settings.registry_worker_heartbeat_file))
        for name, job in JOBS.items():
            tasks.create_task(_keep_doing(name, job, parts))


def main() -> None:
    """Work with the settings of the environment, until SIGTERM or Ctrl-C."""
    settings = settings_or_exit(RegistrySettings)
    configure_logging("worker")
    run_until_told(work(settings), refusals=(KeyFileError,))


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


if __name__ == "__main__":
    main()

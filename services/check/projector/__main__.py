"""The projector, a process of its own: `python -m services.check.projector`.

It copies what the ledger says into the cache, digests as they are, and so has no key file. Any number may
run; `docs/coherence.md` says why.
"""

import asyncio
from typing import Final

import structlog

from services.check.projector.schedule_brands import BrandsProjector
from services.check.projector.settings import ProjectorSettings
from shared.background import note_life, run_until_told
from shared.cache.address import CacheAddressError
from shared.cache.layout import value_of
from shared.cache.server_info import CacheUnfitError
from shared.cache.servers import refuse_evicting
from shared.cache.store import open_store
from shared.ledger.deadline import heed_cancellation
from shared.ledger.nudge import follow_nudges
from shared.ledger.read_changes import ChangeReader
from shared.ledger.readiness import require_primary
from shared.ledger.store import open_reader
from shared.telemetry.logs import configure_logging
from shared.web.serving import settings_or_exit

SUMMARY_INTERVAL_S: Final = 60.0
REFUSALS: Final = (CacheAddressError, CacheUnfitError)
_log: Final[structlog.typing.FilteringBoundLogger] = structlog.get_logger()


async def project(settings: ProjectorSettings) -> None:
    """Project until cancelled.

    Raises LedgerUnavailableError, SchemaMismatchError or one of REFUSALS when it cannot begin: a ledger that
    is away, a standby or too old, a cache that may evict. A cache that is away is waited for.
    """
    url = settings.cache_url
    await refuse_evicting(url)
    async with (
        open_reader(settings.dsn, size=settings.projector_brands + 1) as pool,
        open_store(url) as store,
    ):
        await require_primary(pool)
        heed_cancellation()
        heartbeat = settings.projector_heartbeat_file
        projector = BrandsProjector(
            ChangeReader(pool, value_of=value_of),
            store,
            brands_at_a_time=settings.projector_brands,
            sweep_interval_s=settings.projector_sweep_interval_s,
            looked=lambda: note_life(heartbeat),
        )
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(projector.run())
            tasks.create_task(
                follow_nudges(settings.dsn, heard=projector.hear, missed=projector.look_soon)
            )
            tasks.create_task(_sum_up(projector))


def main() -> None:
    """Project with the settings of the environment, until SIGTERM or Ctrl-C."""
    settings = settings_or_exit(ProjectorSettings)
    configure_logging("projector")
    run_until_told(project(settings), refusals=REFUSALS)


async def _sum_up(projector: BrandsProjector) -> None:
    """Say now and then what was done: not every installation scrapes this process."""
    while True:
        await asyncio.sleep(SUMMARY_INTERVAL_S)
        tally = projector.take_tally()
        if tally.rounds:
            _log.info(
                "projector.work.summed",
                rounds=tally.rounds,
                movements=tally.movements,
                built=tally.built,
                lag_s_max=round(tally.lag_s_max, 4),
            )


if __name__ == "__main__":
    main()

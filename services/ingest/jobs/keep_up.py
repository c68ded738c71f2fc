"""Looking after files, again and again: closing what a dead worker left, deleting on schedule, webhooks."""

import asyncio
from typing import Final

import structlog

from services.ingest.jobs.tidy_files import INTERVAL_S
from services.ingest.jobs.upkeep import Upkeep
from shared.ledger.deadline import heed_cancellation
from shared.ledger.failures import LedgerUnavailableError

_log: Final[structlog.typing.FilteringBoundLogger] = structlog.get_logger()


async def keep_up(upkeep: Upkeep) -> None:
    """Look after files every few seconds, until cancelled."""
    while True:
        heed_cancellation()
        try:
            await upkeep.tidy()
            await upkeep.call_webhooks()
        except (LedgerUnavailableError, OSError) as error:
            _log.warning("ingest.upkeep.stopped", error=str(error))
        await asyncio.sleep(INTERVAL_S)

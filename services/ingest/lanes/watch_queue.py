"""Numbers of the queue for the metrics: since when the oldest waits in each lane, and files by state."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.ledger.deadline import heed_cancellation
from shared.ledger.failures import LedgerUnavailableError
from shared.ledger.ingest_jobs import Lane
from shared.ledger.ingest_upkeep import read_queue
from shared.ledger.store import ReaderPool
from shared.telemetry import metrics

INTERVAL_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class WatchQueue:
    """The loop with what it needs."""

    pool: ReaderPool
    now: Callable[[], datetime]

    async def run(self) -> None:
        """Look at the queue until cancelled; while the ledger is away the numbers stay as they were."""
        while True:
            heed_cancellation()
            with suppress(LedgerUnavailableError):  # whoever needs it says so
                await self.look()
            await asyncio.sleep(INTERVAL_S)

    async def look(self) -> None:
        """Look once. Raises LedgerUnavailableError."""
        queue = await read_queue(self.pool)
        now = self.now()
        for lane in Lane:
            oldest = queue.oldest.get(lane.value)
            age_s = 0.0 if oldest is None else max((now - oldest).total_seconds(), 0.0)
            metrics.INGEST_OLDEST_SECONDS.labels(lane.value).set(age_s)
        for state in metrics.INGEST_STATES:
            metrics.INGEST_FILES.labels(state).set(queue.files.get(state, 0))

"""Working off the lanes: claim one, record its steps, close the job when both are done.

Refusals have a loop of their own, so they wait behind no approvals, of any job. A job that fails again and
again is closed, so that it cannot hold up the others.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from services.ingest.batches.work_batch import WorkBatch
from services.ingest.jobs.close_file import CloseFile
from services.ingest.lanes.rows import FileRefusedError, ReadingStoppedError
from services.ingest.lanes.work_file import WorkFile
from shared.ledger.deadline import heed_cancellation
from shared.ledger.failures import LedgerUnavailableError, MovementRefusedError
from shared.ledger.ingest_jobs import (
    Claim,
    Lane,
    claim_lane,
    finish_job,
    forget_jobs,
    give_up_job,
    give_up_lane,
    release_claim,
    renew_claim,
)
from shared.ledger.ingest_steps import LeaseLostError
from shared.ledger.store import WriterPool
from shared.sealing.addresses import SealBrokenError

IDLE_S: Final = {Lane.REFUSALS: 0.05, Lane.APPROVALS: 0.2}
"""Seconds between two looks at an empty queue."""
PAUSE_S: Final = 1.0
ATTEMPTS_MAX: Final = 5
TIDY_INTERVAL_S: Final = 600.0
_log: Final[structlog.typing.FilteringBoundLogger] = structlog.get_logger()


class TooOftenError(Exception):
    """A lane was begun again and again, and never came further."""


@dataclass(frozen=True, slots=True)
class WorkLanes:
    """The worker's loops with what they need."""

    writer: WriterPool
    work_batch: WorkBatch
    work_file: WorkFile
    close_file: CloseFile
    lease_s: float
    result_days: int
    now: Callable[[], datetime]

    async def run(self, lane: Lane) -> None:
        """Work off lanes of this name until cancelled."""
        while True:
            heed_cancellation()
            try:
                worked = await self.work_one(lane)
            except LedgerUnavailableError as error:
                _log.warning("ingest.ledger.lost", lane=lane.value, error=str(error))
                await asyncio.sleep(PAUSE_S)
                continue
            if not worked:
                await asyncio.sleep(IDLE_S[lane])

    async def work_one(self, lane: Lane) -> bool:
        """Work off one lane, if there is one. Raises LedgerUnavailableError."""
        now = self.now()
        claim = await claim_lane(
            self.writer, lane, now=now, until=now + timedelta(seconds=self.lease_s)
        )
        if claim is None:
            return False
        try:
            is_ours = await self._attempt(claim)
        except LedgerUnavailableError:
            raise
        except Exception:  # noqa: BLE001  # told, and tried again: the other files are not to blame
            _log.exception("ingest.lane.failed", job=str(claim.job_id), lane=claim.lane.value)
            await renew_claim(self.writer, claim, until=self.now() + timedelta(seconds=PAUSE_S))
            is_ours = True
        if is_ours:
            await self._finish(claim)
        return True

    async def _attempt(self, claim: Claim) -> bool:
        """Work on a lane, and see to what may go wrong; say whether it is still ours."""
        try:
            await self._work(claim)
        except LeaseLostError:
            return False  # somebody else is at it
        except FileRefusedError as error:
            await self._give_up_job(claim, error.code, error.detail)
        except (SealBrokenError, ValueError) as error:
            await self._give_up_job(claim, type(error).__name__, None)
        except (MovementRefusedError, TooOftenError) as error:
            _log.error("ingest.lane.given_up", job=str(claim.job_id), failure=type(error).__name__)
            await give_up_lane(self.writer, claim, failure=type(error).__name__)
        except (ReadingStoppedError, OSError) as error:
            # Of this machine, or of this moment: the lane goes back, and is given up if that happens often.
            _log.warning("ingest.reading.stopped", job=str(claim.job_id), error=str(error))
            await renew_claim(self.writer, claim, until=self.now() + timedelta(seconds=PAUSE_S))
        except LedgerUnavailableError:
            # Nobody knows whether the step is done: whoever claims the lane next sees it.
            await release_claim(self.writer, claim, now=self.now())
            raise
        return True

    async def tidy(self) -> None:
        """Forget results whose time is over, now and then, until cancelled."""
        while True:
            heed_cancellation()
            try:
                await forget_jobs(self.writer, before=self.now() - timedelta(days=self.result_days))
            except LedgerUnavailableError as error:
                _log.warning("ingest.ledger.lost", lane="tidy", error=str(error))
            await asyncio.sleep(TIDY_INTERVAL_S)

    async def _work(self, claim: Claim) -> None:
        # A refusal is never given up for having failed: it is tried again and again, in its turn.
        if claim.attempts > ATTEMPTS_MAX and claim.lane is not Lane.REFUSALS:
            raise TooOftenError
        await (self.work_batch(claim) if claim.kind == "BATCH" else self.work_file(claim))

    async def _finish(self, claim: Claim) -> None:
        """Close the job if this was the last of its work."""
        if claim.kind == "BATCH":
            await finish_job(self.writer, claim.job_id, now=self.now())
        else:
            await self.close_file(claim.job_id)

    async def _give_up_job(self, claim: Claim, failure: str, detail: str | None) -> None:
        _log.error("ingest.job.failed", job=str(claim.job_id), failure=failure)
        await give_up_job(self.writer, claim.job_id, now=self.now(), failure=failure, detail=detail)

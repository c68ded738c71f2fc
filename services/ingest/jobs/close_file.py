"""Closing a file that is worked off: the faults are put together, the job is done, the upload goes."""

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import orjson
import structlog

from services.ingest.faults.fault_rows import (
    FAULT_ROWS,
    CellReader,
    collect_fault_rows,
    has_fault_rows,
)
from services.ingest.lanes.rows import FileRefusedError, ReadingStoppedError
from services.ingest.spool import JobSpool, Spool
from shared.ledger.ingest_files import FileJob, read_file_job
from shared.ledger.ingest_jobs import finish_job
from shared.ledger.ingest_upkeep import is_worked_off
from shared.ledger.store import ReaderPool, WriterPool
from shared.sealing.addresses import SealBrokenError
from shared.sealing.job_keys import JobKeys

QUEUED: Final = "QUEUED"
_log: Final[structlog.typing.FilteringBoundLogger] = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class CloseFile:
    """The use case with what it needs. Call it as a function; any number may, for the same job."""

    pool: ReaderPool
    writer: WriterPool
    keys: JobKeys
    spool: Spool
    read: CellReader
    now: Callable[[], datetime]

    async def __call__(self, job_id: UUID) -> bool:
        """Close a job if its lanes are all done; False when there is still work, or it was closed before.

        Raises LedgerUnavailableError; then it may be done again.
        """
        if not await is_worked_off(self.writer, job_id):
            return False
        job = await read_file_job(self.pool, job_id, of=None)
        if job is None or job.state != QUEUED:
            return False
        await asyncio.to_thread(self._collect, job)
        done = await finish_job(self.writer, job_id, now=self.now())
        await asyncio.to_thread(self._clear, job)
        return done

    async def clear(self, job_id: UUID) -> None:
        """Keep of a job that has ended, however, the faults alone. Raises LedgerUnavailableError."""
        job = await read_file_job(self.pool, job_id, of=None)
        if job is not None:
            await asyncio.to_thread(self._collect, job)
            await asyncio.to_thread(self._clear, job)

    def _collect(self, job: FileJob) -> None:
        """Put the faults together, if there are any; a job is closed also where that cannot be done."""
        spool = self._spool_of(job)
        if spool is None or has_fault_rows(spool):
            return
        try:
            collect_fault_rows(spool, orjson.loads(job.options), self.read)
        except (FileRefusedError, ReadingStoppedError, SealBrokenError, OSError) as error:
            _log.warning("ingest.faults.lost", job=str(job.job_id), error=type(error).__name__)

    def _clear(self, job: FileJob) -> None:
        folder = self.spool.path / str(job.job_id)
        if not folder.is_dir():
            return
        for path in folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            elif path.name != FAULT_ROWS:
                path.unlink(missing_ok=True)
        if not (folder / FAULT_ROWS).exists():
            shutil.rmtree(folder, ignore_errors=True)

    def _spool_of(self, job: FileJob) -> JobSpool | None:
        if job.job_key is None:
            return None
        try:
            key = self.keys.open(job.job_key, job_id=job.job_id, key_id=job.sealing_key_id)
        except SealBrokenError:
            return None
        return JobSpool(self.spool.path / str(job.job_id), key)

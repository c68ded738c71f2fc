"""Ending a job before its time, and forgetting one at once."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.ingest.senders import organisation_of
from services.ingest.spool import Spool
from services.ingest.uploads.upload import remove_upload
from shared.ledger.directory import UserRow
from shared.ledger.ingest_files import FileJob, cancel_file, delete_file, read_file_job
from shared.ledger.store import ReaderPool, WriterPool
from shared.web.problems import ProblemError

CANCELLED = "CANCELLED"
UPLOADING = "UPLOADING"


@dataclass(frozen=True, slots=True)
class CancelJob:
    """The use cases with what they need. Raises ProblemError: UNKNOWN_JOB; LedgerUnavailableError."""

    pool: ReaderPool
    writer: WriterPool
    spool: Spool
    now: Callable[[], datetime]

    async def cancel(self, user: UserRow, job_id: UUID) -> None:
        """Stop a job: no row is recorded from now on; those before stay. CONFLICT: it has ended."""
        job = await self._own(user, job_id)
        if job.state == CANCELLED:
            return
        if not await cancel_file(self.writer, job_id, now=self.now()):
            raise ProblemError("CONFLICT", "the job has ended")
        if job.state == UPLOADING:
            await self._remove(job)  # of one that is worked on, the faults so far are kept first

    async def delete(self, user: UserRow, job_id: UUID) -> None:
        """Forget a job and its key, and so everything that was made of it; what was recorded stays."""
        job = await self._own(user, job_id)
        is_open = await cancel_file(self.writer, job_id, now=self.now())
        await delete_file(self.writer, job_id)
        if job.state == UPLOADING or not is_open:
            await self._remove(job)  # a worker may be reading the others; nobody can after it

    async def _own(self, user: UserRow, job_id: UUID) -> FileJob:
        job = await read_file_job(self.pool, job_id, of=organisation_of(user))
        if job is None:
            raise ProblemError("UNKNOWN_JOB")
        return job

    async def _remove(self, job: FileJob) -> None:
        await asyncio.to_thread(remove_upload, self.spool.path / str(job.job_id))

"""The rows of a file that were turned away, for whoever has sent it, once it is worked off."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from services.ingest.faults.fault_file import FaultFormat, format_of
from services.ingest.faults.fault_rows import FaultHead, FaultRow, read_fault_rows
from services.ingest.jobs.read_job import ReadJob
from services.ingest.spool import JobSpool, Spool
from shared.ledger.directory import UserRow
from shared.ledger.ingest_files import FileJob
from shared.sealing.job_keys import JobKeys
from shared.web.problems import ProblemError

RETRY_S = 5


class FaultFile(NamedTuple):
    """A file of faults to be sent: how it is served, and its bytes. Reading them blocks."""

    format: FaultFormat
    chunks: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class ReadFaults:
    """The use case with what it needs. Call it as a function."""

    read: ReadJob
    keys: JobKeys
    spool: Spool

    async def __call__(self, user: UserRow, job_id: UUID) -> FaultFile | None:
        """Return the file, or None where no row was turned away.

        Raises ProblemError: UNKNOWN_JOB; CONFLICT while it is worked off, and when it has been deleted.
        """
        job = await self.read.job(user, job_id)
        if job.finished_at is None:
            raise ProblemError("CONFLICT", "the file is not worked off yet", retry_after_s=RETRY_S)
        if not job.refused:
            return None
        if job.job_key is None:
            raise ProblemError("CONFLICT", "the faults have been deleted, their time is over")
        try:
            head, rows = await asyncio.to_thread(self._opened, job, job.job_key)
        except FileNotFoundError:
            # Of a job that was cancelled or has failed they are put together after its end.
            raise ProblemError(
                "CONFLICT", "the faults are being put together", retry_after_s=RETRY_S
            ) from None
        shape = format_of(head)
        return FaultFile(shape, shape.write(head, rows))

    def _opened(self, job: FileJob, sealed_key: bytes) -> tuple[FaultHead, Iterator[FaultRow]]:
        key = self.keys.open(sealed_key, job_id=job.job_id, key_id=job.sealing_key_id)
        return read_fault_rows(JobSpool(self.spool.path / str(job.job_id), key))

"""What is told of a file: how far it is, how its rows end, and that brand by brand."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import orjson

from services.ingest.senders import Senders, organisation_of
from services.ingest.uploads.accept_file import NAME, UPLOADING
from shared.ledger.directory import BrandRow, UserRow
from shared.ledger.ingest_files import BrandCount, FileJob, list_files, read_counts, read_file_job
from shared.ledger.store import ReaderPool
from shared.sealing.addresses import SealBrokenError
from shared.sealing.job_keys import JobKeys
from shared.web.problems import ProblemError

ACCEPTED: Final = "ACCEPTED"
UNCHANGED: Final = "UNCHANGED"
UNREADABLE: Final = 0
"""The brand of rows whose brand cannot be read."""

Shown = dict[str, object]


@dataclass(frozen=True, slots=True)
class ReadJob:
    """The use cases with what they need. Raises ProblemError: UNKNOWN_JOB; LedgerUnavailableError."""

    senders: Senders
    pool: ReaderPool
    keys: JobKeys
    now: Callable[[], datetime]

    async def job(self, user: UserRow, job_id: UUID) -> FileJob:
        """Return a job of the user's organisation."""
        job = await read_file_job(self.pool, job_id, of=organisation_of(user))
        if job is None:
            raise ProblemError("UNKNOWN_JOB")
        return job

    async def show(self, user: UserRow, job_id: UUID) -> Shown:
        """Return how far a job is."""
        return self.shown(await self.job(user, job_id))

    async def page(self, user: UserRow, *, before: UUID | None, limit: int) -> Shown:
        """Return the organisation's jobs, the newest first, and where the next page begins."""
        jobs = await list_files(self.pool, organisation_of(user), before=before, limit=limit + 1)
        follows = len(jobs) > limit
        return {
            "items": [self.shown(job) for job in jobs[:limit]],
            "next": str(jobs[limit - 1].job_id) if follows else None,
        }

    async def report(self, user: UserRow, job_id: UUID) -> Shown:
        """Return how the rows ended, brand by brand; of brands that are the user's also whose they are."""
        job = await self.job(user, job_id)
        counts = await read_counts(self.pool, job.job_id)
        codes = sorted({count.brand_code for count in counts} - {UNREADABLE})
        customers = await self.senders.customers(user, set(codes))
        return {
            "id": str(job.job_id),
            "state": job.state,
            "brands": [
                {**_named(code, customers.get(code)), **_outcomes(counts, code)} for code in codes
            ],
            "unreadable": _outcomes(counts, UNREADABLE)["refused"],
            "unreadableByCode": _outcomes(counts, UNREADABLE)["refusedByCode"],
        }

    def shown(self, job: FileJob, *, rate: float | None = None) -> Shown:
        """Write a job down. `rate` is rows a second just now; else the average since it was queued."""
        options = orjson.loads(job.options)
        path = f"/ingest/jobs/{job.job_id}"
        rate = rate or self._average(job)
        seen = job.rows_seen if job.surveyed else None
        return {
            "id": str(job.job_id),
            "state": job.state,
            "name": self._name(job),
            "brandCode": job.brand_code,
            "dryRun": job.dry_run,
            "createdAt": job.created_at.isoformat(),
            "finishedAt": None if job.finished_at is None else job.finished_at.isoformat(),
            "size": job.size,
            "received": job.received,
            "uploadUrl": f"{path}/content" if job.state == UPLOADING else None,
            "rowsSeen": seen,
            "rowsDone": job.rows_done,
            "accepted": job.accepted,
            "unchanged": job.unchanged,
            "refused": job.refused,
            "refusedByCode": dict(job.refusals),
            "rowsPerSecond": None if rate is None else round(rate, 1),
            "secondsLeft": _seconds_left(job, seen, rate),
            "faultsUrl": f"{path}/faults" if _has_faults(job) else None,
            "duplicateOf": options.get("duplicate_of"),
            "failure": None
            if job.failure is None
            else {"code": job.failure, "detail": job.failure_detail},
        }

    def _name(self, job: FileJob) -> str | None:
        """Return the file's name; None once its key is gone."""
        if job.job_key is None or job.name is None:
            return None
        try:
            key = self.keys.open(job.job_key, job_id=job.job_id, key_id=job.sealing_key_id)
            return key.open(job.name, name=NAME).decode()
        except SealBrokenError:
            return None

    def _average(self, job: FileJob) -> float | None:
        if job.queued_at is None or not job.rows_done:
            return None
        seconds = ((job.finished_at or self.now()) - job.queued_at).total_seconds()
        return job.rows_done / seconds if seconds > 0 else None


def _has_faults(job: FileJob) -> bool:
    return job.finished_at is not None and job.refused > 0 and job.job_key is not None


def _seconds_left(job: FileJob, seen: int | None, rate: float | None) -> float | None:
    if seen is None or not rate or job.finished_at is not None:
        return None
    return round(max(seen - job.rows_done, 0) / rate, 1)


def _named(code: int, brand: BrandRow | None) -> Shown:
    return {
        "brandCode": code,
        "brandName": None if brand is None else brand.name,
        "iysCode": None if brand is None else brand.iys_code,
    }


def _outcomes(counts: Sequence[BrandCount], brand_code: int) -> Shown:
    of_brand: Mapping[str, int] = {
        count.code: count.rows for count in counts if count.brand_code == brand_code
    }
    refusals = {code: rows for code, rows in of_brand.items() if code not in {ACCEPTED, UNCHANGED}}
    return {
        "accepted": of_brand.get(ACCEPTED, 0),
        "unchanged": of_brand.get(UNCHANGED, 0),
        "refused": sum(refusals.values()),
        "refusedByCode": refusals,
    }

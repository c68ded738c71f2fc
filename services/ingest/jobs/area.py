"""Files as jobs, put together for the routes."""

from dataclasses import dataclass
from typing import Final

from services.ingest.faults.read_faults import ReadFaults
from services.ingest.jobs.cancel_job import CancelJob
from services.ingest.jobs.job_events import JobEvents
from services.ingest.jobs.read_job import ReadJob
from services.ingest.parts import Parts
from services.ingest.senders import Senders
from services.ingest.spool import Spool
from services.ingest.uploads.accept_file import AcceptFile, FileLimits
from shared.sealing.content_macs import ContentMacs

UPLOADS: Final = {"/ingest/files": None, "/ingest/jobs/": None}
"""Below these paths bodies are bounded by the routes themselves: they are written while they come."""


@dataclass(frozen=True, slots=True)
class Files:
    """What the routes call; the composition root yields it as `request.state.files`."""

    senders: Senders
    accept: AcceptFile
    read: ReadJob
    faults: ReadFaults
    events: JobEvents
    cancel: CancelJob
    admit_http: bool


def build_files(parts: Parts) -> Files:
    """Return what the routes call."""
    settings = parts.settings
    senders = senders_of(parts)
    read = reader_of(parts, senders)
    limits = FileLimits(
        bytes_max=settings.ingest_file_bytes_max,
        disk_free_min=settings.ingest_disk_free_bytes_min,
        open_max=settings.ingest_jobs_open_max,
        chunk_rows=settings.ingest_chunk_rows,
    )
    return Files(
        senders=senders,
        accept=AcceptFile(
            senders=senders,
            pool=parts.reader_pool,
            writer=parts.writer_pool,
            keys=parts.job_keys,
            macs=ContentMacs(parts.ring),
            spool=spool_of(parts),
            limits=limits,
            now=parts.now,
        ),
        read=read,
        faults=ReadFaults(read, parts.job_keys, spool_of(parts)),
        events=JobEvents(senders, read),
        cancel=CancelJob(parts.reader_pool, parts.writer_pool, spool_of(parts), parts.now),
        admit_http=settings.ingest_webhook_admit_loopback,
    )


def spool_of(parts: Parts) -> Spool:
    """Return the directory of uploads."""
    return Spool(parts.settings.spool_dir)


def senders_of(parts: Parts) -> Senders:
    """Return who admits callers."""
    return Senders(parts.gate, parts.directory, parts.reader, parts.now)


def reader_of(parts: Parts, senders: Senders) -> ReadJob:
    """Return what shows jobs."""
    return ReadJob(senders, parts.reader_pool, parts.job_keys, parts.now)

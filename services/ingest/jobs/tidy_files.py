"""Deleting on schedule: uploads that nobody finishes, content that has served, faults whose time is over.

Whoever should have done it may have died; so everything is looked at again and again, from the disk's side
and from the ledger's, and any number of workers may do it at once.
"""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

import structlog

from services.ingest.faults.fault_rows import FAULT_ROWS
from services.ingest.jobs.close_file import CloseFile
from services.ingest.spool import Spool
from shared.ledger.ingest_files import cancel_file
from shared.ledger.ingest_upkeep import (
    Kept,
    shred_files,
    unfinished_uploads,
    what_is_kept,
    worked_off_files,
)
from shared.ledger.store import ReaderPool, WriterPool

INTERVAL_S: Final = 10.0
"""Seconds between two looks."""
UPLOAD_LIFE: Final = timedelta(days=1)
ORPHAN_LIFE: Final = timedelta(hours=1)
FOLDERS_AT_ONCE: Final = 500
_log: Final[structlog.typing.FilteringBoundLogger] = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class TidyFiles:
    """The use case with what it needs. Call it as a function."""

    pool: ReaderPool
    writer: WriterPool
    spool: Spool
    close: CloseFile
    result_days: int
    now: Callable[[], datetime]

    async def __call__(self) -> None:
        """Look once at everything. Raises LedgerUnavailableError."""
        for job_id in await worked_off_files(self.pool):
            await self.close(job_id)
        await self._give_up_uploads()
        await shred_files(self.writer, before=self.now() - timedelta(days=self.result_days))
        folders = await asyncio.to_thread(_folders, self.spool.path)
        for at in range(0, len(folders), FOLDERS_AT_ONCE):
            await self._sweep(folders[at : at + FOLDERS_AT_ONCE])

    async def _give_up_uploads(self) -> None:
        """Cancel what was announced a day ago, and to which nothing has come for a day."""
        before = self.now() - UPLOAD_LIFE
        for job_id in await unfinished_uploads(self.pool, before=before):
            touched_at = await asyncio.to_thread(_touched_at, self.spool.path / str(job_id))
            if touched_at is not None and touched_at > before.timestamp():
                continue
            if await cancel_file(self.writer, job_id, now=self.now()):
                _log.info("ingest.upload.given_up", job=str(job_id))

    async def _sweep(self, folders: list[tuple[UUID, Path]]) -> None:
        now = self.now()
        kept = await what_is_kept(self.writer, [job_id for job_id, _path in folders], now=now)
        for job_id, path in folders:
            job = kept.get(job_id)
            if await asyncio.to_thread(self._is_over, path, job, now):
                await asyncio.to_thread(shutil.rmtree, path, ignore_errors=True)
            elif job is not None and not job.is_busy and await asyncio.to_thread(_has_more, path):
                await self.close.clear(job_id)

    def _is_over(self, path: Path, job: Kept | None, now: datetime) -> bool:
        """Say whether nothing in a folder is needed any more; one that was made just now may get its job."""
        if job is None:
            touched_at = _touched_at(path)
            return touched_at is not None and touched_at < (now - ORPHAN_LIFE).timestamp()
        if job.is_busy or job.finished_at is None:
            return False
        return job.finished_at < now - timedelta(days=self.result_days)


def _folders(spool: Path) -> list[tuple[UUID, Path]]:
    """Return the folders of jobs; whatever else lies there is nobody's business."""
    return list(_named(spool)) if spool.is_dir() else []


def _named(spool: Path) -> Iterator[tuple[UUID, Path]]:
    for path in spool.iterdir():
        with suppress(ValueError):
            yield UUID(path.name), path


def _touched_at(path: Path) -> float | None:
    """Return when a folder, or its upload, was written last, in seconds since 1970; None: it is gone."""
    found: list[float] = []
    for one in (path, path / "content"):
        with suppress(OSError):
            found.append(one.stat().st_mtime)
    return max(found, default=None)


def _has_more(path: Path) -> bool:
    """Say whether there is anything but the faults to be kept."""
    try:
        return [one.name for one in path.iterdir()] != [FAULT_ROWS]
    except OSError:
        return False

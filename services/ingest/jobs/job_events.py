"""A job's progress as it goes, for whoever listens (server-sent events, WHATWG HTML 9.2).

Every event is the whole state, so who comes back after a cut has missed nothing that still counts. The last
one is `end`.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import orjson

from services.ingest.jobs.read_job import ReadJob
from services.ingest.senders import Senders
from shared.ledger.failures import LedgerUnavailableError
from shared.ledger.ingest_files import FileJob
from shared.web.problems import ProblemError

LOOK_EVERY_S: Final = 1.0
HEARTBEAT_S: Final = 10.0
RETRY_MS: Final = 2000
RATE_WINDOW_S: Final = 10.0
LISTENERS_MAX: Final = 500
HEARTBEAT: Final = b": still here\n\n"


class _Rate:
    """Rows a second over the last seconds."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def add(self, rows: int, *, at: float) -> float | None:
        """Take note of how many rows are done now, and return the rate; None while nobody can tell."""
        self._seen.append((at, rows))
        while self._seen[0][0] < at - RATE_WINDOW_S:
            self._seen.popleft()
        first_at, first_rows = self._seen[0]
        if at <= first_at or rows <= first_rows:
            return None
        return (rows - first_rows) / (at - first_at)


@dataclass(slots=True)
class JobEvents:
    """The use case with what it needs. `look_every_s` is how long a change may stay untold."""

    senders: Senders
    read: ReadJob
    look_every_s: float = LOOK_EVERY_S
    heartbeat_s: float = HEARTBEAT_S
    _listeners: int = field(default=0, init=False)

    def require_room(self) -> None:
        """Raise OVERLOADED while this process has as many listeners as it serves."""
        if self._listeners >= LISTENERS_MAX:
            raise ProblemError("OVERLOADED", "too many listeners", retry_after_s=10)

    async def follow(
        self, authorization: str | None, job_id: UUID, *, last_id: str | None
    ) -> AsyncGenerator[bytes]:
        """Yield the job's events until it has ended, or the listener may not listen any more.

        `last_id` is that of the event which the listener had last: it is not told again.
        """
        self._listeners += 1
        try:
            yield b"retry: %d\n\n" % RETRY_MS
            async for event in self._events(authorization, job_id, last_id):
                yield event
        except ProblemError:
            return  # whoever asks again is told why
        finally:
            self._listeners -= 1

    async def _events(
        self, authorization: str | None, job_id: UUID, told: str | None
    ) -> AsyncGenerator[bytes]:
        loop, rate = asyncio.get_running_loop(), _Rate()
        told_at = loop.time()
        while True:
            job = await self._look(authorization, job_id)
            now = loop.time()
            if job is not None and (job.finished_at is not None or _version(job) != told):
                shown = self.read.shown(job, rate=rate.add(job.rows_done, at=now))
                told, told_at = _version(job), now
                kind = b"progress" if job.finished_at is None else b"end"
                yield b"id: %b\nevent: %b\ndata: %b\n\n" % (
                    told.encode(),
                    kind,
                    orjson.dumps(shown),
                )
                if job.finished_at is not None:
                    return
            elif now - told_at >= self.heartbeat_s:
                told_at = now
                yield HEARTBEAT
            await asyncio.sleep(self.look_every_s)

    async def _look(self, authorization: str | None, job_id: UUID) -> FileJob | None:
        """Return the job, to somebody who may still see it; None while the ledger does not answer."""
        try:
            user = await self.senders.user(authorization)
            return await self.read.job(user, job_id)
        except LedgerUnavailableError:
            return None


def _version(job: FileJob) -> str:
    return f"{job.state}.{int(job.surveyed)}.{job.received}.{job.rows_done}"

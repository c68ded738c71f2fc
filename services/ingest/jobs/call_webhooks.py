"""Telling whoever asked for it that a job has ended: one signed call, made again until it is answered.

The address comes from outside. What calls it looks at what its name resolves to, and connects to that and
nothing else; here it is only known as somebody to whom a message goes.
"""

from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, cast
from uuid import UUID

import orjson
import structlog

from services.ingest.jobs.read_job import ReadJob
from services.ingest.uploads.accept_file import WEBHOOK
from shared.domain.webhook_url import WebhookUrl, read_webhook_url
from shared.ledger.ingest_files import FileJob, read_file_job
from shared.ledger.ingest_upkeep import DueCall, claim_call, end_calls
from shared.ledger.store import ReaderPool, WriterPool
from shared.sealing.addresses import SealBrokenError
from shared.sealing.job_keys import JobKeys

TRIES_MAX: Final = 7
"""The last one is some 22 hours after the first."""
KIND: Final = "ingest.job.ended"
_TOLD: Final = (
    *("id", "state", "dryRun", "createdAt", "finishedAt", "rowsSeen", "rowsDone", "accepted"),
    *("unchanged", "refused", "refusedByCode", "failure", "duplicateOf"),
)
_log: Final[structlog.typing.FilteringBoundLogger] = structlog.get_logger()


class Courier(Protocol):
    """Delivers a message: to a vetted address, once, within seconds, signed as Standard Webhooks ask for."""

    async def __call__(
        self, url: WebhookUrl, content: bytes, *, message_id: str, timestamp: int, secret: str
    ) -> bool:
        """Say whether the receiver has taken it (2xx); nothing that the receiver does raises."""
        ...


@dataclass(frozen=True, slots=True)
class CallWebhooks:
    """The use case with what it needs. Call it as a function, every few seconds."""

    pool: ReaderPool
    writer: WriterPool
    keys: JobKeys
    read: ReadJob
    courier: Courier
    now: Callable[[], datetime]

    async def __call__(self) -> int:
        """Make the calls that are due; return how many were made. Raises LedgerUnavailableError."""
        calls = 0
        while (due := await claim_call(self.writer, now=self.now())) is not None:
            calls += 1
            if await self._call(due) or due.tries >= TRIES_MAX:
                await end_calls(self.writer, due.job_id)
        return calls

    async def _call(self, due: DueCall) -> bool:
        """Make one call; True where there is nothing to be said any more."""
        job = await read_file_job(self.pool, due.job_id, of=None)
        if job is None:
            return True
        receiver = self._receiver(job, due)
        if receiver is None:
            return True
        url, secret = receiver
        delivered = await self.courier(
            url,
            self._message(job),
            message_id=_message_id(due.job_id),
            timestamp=int(self.now().timestamp()),
            secret=secret,
        )
        if not delivered:
            _log.warning("ingest.webhook.failed", job=str(due.job_id), tries=due.tries)
        return delivered

    def _receiver(self, job: FileJob, due: DueCall) -> tuple[WebhookUrl, str] | None:
        try:
            key = self.keys.open(job.job_key or b"", job_id=job.job_id, key_id=job.sealing_key_id)
            raw = orjson.loads(key.open(b64decode(due.sealed), name=WEBHOOK))
        except SealBrokenError:
            return None
        receiver = cast("dict[str, str]", raw)
        url = read_webhook_url(receiver["url"])
        return None if url is None else (url, receiver["secret"])

    def _message(self, job: FileJob) -> bytes:
        shown = self.read.shown(job)
        told = {name: shown[name] for name in _TOLD}
        return orjson.dumps({"type": KIND, "timestamp": shown["finishedAt"], "data": told})


def _message_id(job_id: UUID) -> str:
    """Return the id by which a receiver knows a call that is made again."""
    return f"job-{job_id}"

"""Taking a file in: announced, uploaded in as many pieces as it takes, put into the queue.

Content goes to the disk sealed, in portions of a bounded size; a client that sends faster than the disk
writes is made to wait. What was stored when an upload breaks off stays, and the upload goes on behind it.
"""

import asyncio
import secrets
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID, uuid4

import orjson

from services.ingest.senders import Senders, organisation_of
from services.ingest.spool import JobSpool, Spool
from services.ingest.uploads.file_request import FileRequest
from services.ingest.uploads.receive_content import BODY_IS_OVER, Receive
from services.ingest.uploads.upload import (
    SpoolFullError,
    Upload,
    UploadBusyError,
    UploadGoneError,
    remove_upload,
    stored_size,
)
from shared.ledger.directory import UserRow
from shared.ledger.failures import LedgerUnavailableError
from shared.ledger.ingest_files import (
    Complete,
    FileJob,
    NewFile,
    TooManyOpenJobsError,
    add_file,
    announce_size,
    complete_file,
    delete_file,
    find_same,
    note_received,
    read_file_job,
)
from shared.ledger.store import ReaderPool, WriterPool
from shared.sealing.content_macs import ContentMac, ContentMacs
from shared.sealing.job_keys import JobKeys
from shared.web.problems import ProblemError

NAME: Final = b"name"
WEBHOOK: Final = b"webhook"
"""Under these names a file's name, and whom to call, are sealed with the job's key."""
UPLOADING: Final = "UPLOADING"
EMPTY: Final = "the file is empty"
BUSY_RETRY_S: Final = 5
_SECRET_BYTES: Final = 32
_HASH_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class FileLimits:
    """How much may be sent, in bytes; how many files of an account may be open; rows worked off together."""

    bytes_max: int
    disk_free_min: int
    open_max: int
    chunk_rows: int


@dataclass(frozen=True, slots=True)
class Announced:
    """A job to upload to. `webhook_secret` is one that was made up, and is shown once."""

    job_id: UUID
    webhook_secret: str | None


@dataclass(frozen=True, slots=True)
class Body:
    """What a request brings: from `start` on (None: everything, in place of what is there).

    `length` is how much it will be, `total` how large the file is, where somebody has said so; in bytes.
    Reading it raises BodyBrokenOffError.
    """

    pieces: AsyncIterator[bytes]
    start: int | None = None
    length: int | None = None
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How far an upload is: bytes stored, bytes announced, and the job's state."""

    offset: int
    size: int | None
    state: str


@dataclass(frozen=True, slots=True)
class AcceptFile:
    """The use cases with what they need.

    Raises ProblemError: FORBIDDEN, UNKNOWN_JOB, CONFLICT, WRONG_OFFSET, LOCKED, BODY_TOO_LARGE, NO_SPACE,
    TOO_MANY_REQUESTS, INVALID_FIELD; BodyBrokenOffError, LedgerUnavailableError.
    """

    senders: Senders
    pool: ReaderPool
    writer: WriterPool
    keys: JobKeys
    macs: ContentMacs
    spool: Spool
    limits: FileLimits
    now: Callable[[], datetime]

    async def announce(self, user: UserRow, asked: FileRequest) -> Announced:
        """Make a job that waits for its content."""
        if asked.brand_code is not None:
            await self.senders.require_brand(user, asked.brand_code)
        if asked.size is not None and asked.size > self.limits.bytes_max:
            raise ProblemError("BODY_TOO_LARGE", f"At most {self.limits.bytes_max} bytes.")
        job_id = uuid4()
        key, sealed_key = self.keys.new(job_id)
        made_up = None
        options: dict[str, object] = {
            "chunk_rows": self.limits.chunk_rows,
            "defaults": dict(asked.defaults),
            "mapping": dict(asked.mapping),
            "suffix": asked.suffix,
        }
        if asked.webhook is not None:
            webhook = asked.webhook
            if webhook.secret is None:
                made_up = "whsec_" + b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
                webhook = replace(webhook, secret=made_up)
            raw = orjson.dumps({"url": webhook.url, "secret": webhook.secret})
            sealed = b64encode(key.seal(raw, name=WEBHOOK)).decode()
            options["webhook"] = {"sealed": sealed, "tries": 0, "due": "-infinity"}
        new = NewFile(
            job_id=job_id,
            user_id=user.user_id,
            brand_code=asked.brand_code,
            created_at=self.now(),
            sealing_key_id=self.keys.key_id,
            job_key=sealed_key,
            name=key.seal(asked.name.encode(), name=NAME),
            size=asked.size,
            dry_run=asked.dry_run,
            options=orjson.dumps(options).decode(),
        )
        try:
            await add_file(self.writer, new, open_max=self.limits.open_max)
        except TooManyOpenJobsError:
            raise ProblemError(
                "TOO_MANY_REQUESTS",
                f"{self.limits.open_max} files of this account are under way",
                retry_after_s=60,
            ) from None
        return Announced(job_id, made_up)

    async def send_at_once(
        self, user: UserRow, asked: FileRequest, body: Body, *, again: bool
    ) -> UUID:
        """Take a file in whole, in one request; if that fails nothing of it is left."""
        announced = await self.announce(user, asked)
        try:
            _require_whole(await self.take(user, announced.job_id, body, again=again))
        except Exception:
            await self._forget(announced.job_id)
            raise
        return announced.job_id

    async def standing(self, user: UserRow, job_id: UUID) -> Standing:
        """Say how far an upload is. One that has come in whole, and was not closed, is closed."""
        job = await self._own(user, job_id)
        if job.state != UPLOADING:
            return Standing(job.received, job.size, job.state)
        spool = self._spool_of(job)
        offset = await asyncio.to_thread(stored_size, spool, sure=job.received)
        if job.size != offset:
            return Standing(offset, job.size, job.state)
        return await self.take(user, job_id, Body(_nothing(), offset, 0, offset), again=False)

    async def take(self, user: UserRow, job_id: UUID, body: Body, *, again: bool) -> Standing:
        """Store what a request brings; with the last byte the file goes into the queue.

        A file that this account has sent before is closed at once, unless it is sent `again` on purpose.
        """
        job = await self._own(user, job_id)
        if job.state != UPLOADING:
            if body.start == job.received == job.size and body.length == 0:
                return Standing(job.received, job.size, job.state)
            raise ProblemError("CONFLICT", "the upload of this file is over")
        spool = self._spool_of(job)
        upload = await self._opened(spool, job)
        try:
            return await self._take(job, upload, body, again=again)
        except SpoolFullError:
            raise ProblemError("NO_SPACE", retry_after_s=60) from None
        except UploadGoneError:
            raise ProblemError("CONFLICT", BODY_IS_OVER) from None
        finally:
            upload.close()

    async def _take(self, job: FileJob, upload: Upload, body: Body, *, again: bool) -> Standing:
        size = await self._admit(job, upload, body)
        mac = None
        if upload.offset == 0:
            mac = self.macs.begin(about=_identity(job))
        limit = self.limits.bytes_max if size is None else size
        note = partial(note_received, self.writer, job.job_id)
        receive = Receive(upload, limit=limit, mac=mac, note=note)
        await receive(body.pieces)
        if size is None and body.start is None:
            size = upload.offset
        if upload.offset != size:
            return Standing(upload.offset, size, UPLOADING)
        if size == 0:
            raise ProblemError("INVALID_FIELD", EMPTY)
        return await self._complete(job, upload, mac, again=again)

    async def _admit(self, job: FileJob, upload: Upload, body: Body) -> int | None:
        """Check where the body belongs, before anything is written; return the file's size, if known."""
        if body.start is not None and body.start != upload.offset:
            raise ProblemError(
                "WRONG_OFFSET",
                f"{upload.offset} bytes are stored",
                headers={"Upload-Offset": str(upload.offset)},
            )
        if body.total == 0:
            raise ProblemError("INVALID_FIELD", EMPTY)
        size = job.size if body.total is None else body.total
        end = (body.start or 0) + (body.length or 0)
        if max(end, size or 0) > self.limits.bytes_max or (size is not None and end > size):
            raise ProblemError("BODY_TOO_LARGE", f"At most {size or self.limits.bytes_max} bytes.")
        if not await self._agrees(job, body):
            raise ProblemError("CONFLICT", "the file was announced with another size")
        if size is not None:
            await asyncio.to_thread(upload.require_room, size - (body.start or 0))
        if body.start is None and upload.offset:
            if not await note_received(self.writer, job.job_id, 0):
                raise ProblemError("CONFLICT", BODY_IS_OVER)
            await asyncio.to_thread(upload.restart)
        return size

    async def _agrees(self, job: FileJob, body: Body) -> bool:
        """Say whether the body's idea of the file's size may be right; keep what a part says of the whole."""
        if body.total is None or body.total == job.size:
            return True
        if body.start is None:
            return job.size is None
        return await announce_size(self.writer, job.job_id, body.total)

    async def _complete(
        self, job: FileJob, upload: Upload, mac: ContentMac | None, *, again: bool
    ) -> Standing:
        if mac is None:
            mac = self.macs.begin(about=_identity(job))
            await asyncio.to_thread(_hash_all, upload, mac)
        digest, size = mac.digest(), upload.offset
        earlier = await find_same(self.writer, job.job_id, user_id=job.user_id, content_mac=digest)
        is_repeat = earlier is not None and earlier.is_clean and not again
        complete = Complete(
            job.job_id, size, digest, None if earlier is None else earlier.job_id, is_repeat
        )
        if not await complete_file(self.writer, complete, now=self.now()):
            raise ProblemError("CONFLICT", BODY_IS_OVER)
        if is_repeat:
            await asyncio.to_thread(upload.remove)
        return Standing(size, size, "DONE" if is_repeat else "QUEUED")

    async def _opened(self, spool: JobSpool, job: FileJob) -> Upload:
        opening = asyncio.ensure_future(
            asyncio.to_thread(
                Upload, spool, sure=job.received, reserve_bytes=self.limits.disk_free_min
            )
        )
        try:
            return await asyncio.shield(opening)
        except UploadBusyError:
            raise ProblemError("LOCKED", retry_after_s=BUSY_RETRY_S) from None
        except UploadGoneError:
            raise ProblemError("CONFLICT", BODY_IS_OVER) from None
        except asyncio.CancelledError:
            opening.add_done_callback(_close)
            raise

    async def _own(self, user: UserRow, job_id: UUID) -> FileJob:
        job = await read_file_job(self.pool, job_id, of=organisation_of(user))
        if job is None:
            raise ProblemError("UNKNOWN_JOB")
        return job

    def _spool_of(self, job: FileJob) -> JobSpool:
        key = self.keys.open(job.job_key or b"", job_id=job.job_id, key_id=job.sealing_key_id)
        return self.spool.of_job(job.job_id, key)

    async def _forget(self, job_id: UUID) -> None:
        """Forget a job that nobody has been told of; what cannot be done now, is done by the sweep."""
        with suppress(LedgerUnavailableError):
            await delete_file(self.writer, job_id)
            await asyncio.to_thread(remove_upload, self.spool.path / str(job_id))


def _require_whole(standing: Standing) -> None:
    if standing.state == UPLOADING:
        raise ProblemError("CONFLICT", "the body is shorter than it was said to be")


def _identity(job: FileJob) -> bytes:
    """Return what of a job must be the same, besides the content, for two files to be the same."""
    options = orjson.loads(job.options)
    parts = (job.brand_code, options["defaults"], options["mapping"], job.dry_run)
    return orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)


def _hash_all(upload: Upload, mac: ContentMac) -> None:
    with upload.file.open() as file:
        while block := file.read(_HASH_BYTES):
            mac.update(block)


def _close(opening: "asyncio.Future[Upload]") -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


async def _nothing() -> AsyncIterator[bytes]:
    empty: tuple[bytes, ...] = ()
    for piece in empty:
        yield piece

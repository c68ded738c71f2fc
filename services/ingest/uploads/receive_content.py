"""The bytes of a file on their way from a request to the disk: in portions, and the request waits for it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from services.ingest.uploads.upload import PORTION_BYTES, Upload, UploadGoneError
from shared.sealing.content_macs import ContentMac
from shared.sealing.sealed_file import FRAME_BYTES
from shared.web.problems import ProblemError

NOTE_INTERVAL_S: Final = 1.0
BODY_IS_OVER: Final = "the job was cancelled meanwhile"


class BodyBrokenOffError(Exception):
    """The client has left, or sends nothing any more; `is_late` in the latter case."""

    def __init__(self, *, is_late: bool) -> None:
        super().__init__("late" if is_late else "left")
        self.is_late = is_late


class Receive:
    """Writes what comes behind what is stored, up to `limit` bytes in all.

    `note` is told now and then how many bytes are stored, and answers whether they are still wanted.
    """

    def __init__(
        self,
        upload: Upload,
        *,
        limit: int,
        mac: ContentMac | None,
        note: Callable[[int], Awaitable[bool]],
    ) -> None:
        self._upload = upload
        self._limit = limit
        self._mac = mac
        self._note = note
        self._noted_at = asyncio.get_running_loop().time()

    async def __call__(self, pieces: AsyncIterator[bytes]) -> None:
        """Store all of them.

        Raises BODY_TOO_LARGE, SpoolFullError, UploadGoneError: portions before are stored. Where the body
        breaks off (BodyBrokenOffError) everything that had come is.
        """
        waiting = bytearray()
        # Whole frames, so that each is sealed once.
        portion = PORTION_BYTES - self._upload.offset % FRAME_BYTES
        try:
            async for piece in pieces:
                self._require_room(len(waiting) + len(piece))
                waiting += piece
                while len(waiting) >= portion:
                    await self._store(bytes(memoryview(waiting)[:portion]))
                    del waiting[:portion]
                    portion = PORTION_BYTES
        except BodyBrokenOffError:
            await self._store_rest(waiting)
            raise
        await self._store_rest(waiting)

    def _require_room(self, more: int) -> None:
        if self._upload.offset + more > self._limit:
            raise ProblemError("BODY_TOO_LARGE", f"At most {self._limit} bytes.")

    async def _store_rest(self, waiting: bytearray) -> None:
        if waiting:
            await self._store(bytes(waiting))
        await self._tell(at_once=True)

    async def _store(self, portion: bytes) -> None:
        await asyncio.to_thread(self._write, portion)
        await self._tell(at_once=False)

    def _write(self, portion: bytes) -> None:
        self._upload.append(portion)
        if self._mac is not None:
            self._mac.update(portion)

    async def _tell(self, *, at_once: bool) -> None:
        now = asyncio.get_running_loop().time()
        if not at_once and now - self._noted_at < NOTE_INTERVAL_S:
            return
        self._noted_at = now
        if not await self._note(self._upload.offset):
            raise UploadGoneError

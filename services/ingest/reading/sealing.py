"""Writing what was unpacked, sealed and within bounds."""

import errno
from typing import Final

from services.ingest.lanes.rows import ReadingStoppedError
from services.ingest.reading.limits import ReadLimits
from services.ingest.reading.refusals import FileCode, refusal
from shared.sealing.sealed_file import FRAME_BYTES, SealedFile

# Each append waits for the disk, so a good deal goes in one.
_APPEND_BYTES: Final = 32 * FRAME_BYTES


class SealedOutput:
    """Collects what is written to `into`, and refuses more than may come of `packed` bytes."""

    def __init__(self, into: SealedFile, limits: ReadLimits, *, packed: int) -> None:
        self._into = into
        self._limits = limits
        self._packed = packed
        self._written = 0
        self._held = bytearray()

    def write(self, some: bytes) -> None:
        """Take some more; raises FileRefusedError, ReadingStoppedError where the disk is full, OSError."""
        self._written += len(some)
        if not self._limits.admits(self._written, packed=self._packed):
            raise refusal(FileCode.UNPACKS_TOO_BIG)
        self._held += some
        while len(self._held) >= _APPEND_BYTES:
            self._append(_APPEND_BYTES)

    def close(self) -> None:
        """Write what is left."""
        if self._held:
            self._append(len(self._held))

    def _append(self, size: int) -> None:
        try:
            self._into.append(bytes(self._held[:size]))
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise ReadingStoppedError("the disk is full") from None
        del self._held[:size]

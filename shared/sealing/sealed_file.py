"""A file that is sealed piece by piece: it can be appended to, and read anywhere, without being opened whole.

Each frame of `FRAME_BYTES` is sealed for itself (AES-GCM with a random nonce, NIST SP 800-38D) under the
file's name and its own number, so that no frame can change places. The last frame may be short; appending
seals it anew. Who keeps the size elsewhere also notices that frames are missing at the end.
"""

import io
import os
from pathlib import Path
from typing import Final

from typing_extensions import Buffer, override

from shared.sealing.addresses import SealBrokenError
from shared.sealing.job_keys import SEAL_BYTES, JobKey

FRAME_BYTES: Final = 256 * 1024
_STORED: Final = FRAME_BYTES + SEAL_BYTES


class SealedFile:
    """A sealed file at a path. One writer at a time; readers see what was written before they opened it."""

    def __init__(self, path: Path, key: JobKey) -> None:
        self._path = path
        self._key = key
        self._name = path.name.encode()

    @property
    def size(self) -> int:
        """How many bytes of content there are; 0 when there is no file yet."""
        try:
            stored = self._path.stat().st_size
        except FileNotFoundError:
            return 0
        whole, rest = divmod(stored, _STORED)
        return whole * FRAME_BYTES + max(rest - SEAL_BYTES, 0)

    def append(self, content: bytes) -> None:
        """Write content behind what is there, down to the disk."""
        whole, rest = divmod(self.size, FRAME_BYTES)
        pending = (self.frame(whole) if rest else b"") + content
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            # What a writer that died has left behind the last whole frame is written over, and cut.
            place = whole * _STORED
            for at in range(0, len(pending), FRAME_BYTES):
                sealed = self._seal(whole + at // FRAME_BYTES, pending[at : at + FRAME_BYTES])
                place += os.pwrite(descriptor, sealed, place)
            os.ftruncate(descriptor, place)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def frame(self, number: int) -> bytes:
        """Return the content of a frame, empty beyond the end. Raises SealBrokenError."""
        with self._path.open("rb") as file:
            file.seek(number * _STORED)
            sealed = file.read(_STORED)
        return self._key.open(sealed, name=self._frame_name(number)) if sealed else b""

    def open(self) -> io.BufferedReader:
        """Open it for reading, at any place. Raises OSError, and SealBrokenError while it is read."""
        return io.BufferedReader(_Reader(self), FRAME_BYTES)

    def remove(self) -> None:
        """Remove it, if it is there."""
        self._path.unlink(missing_ok=True)

    def _seal(self, number: int, content: bytes) -> bytes:
        return self._key.seal(content, name=self._frame_name(number))

    def _frame_name(self, number: int) -> bytes:
        return b"%b %d" % (self._name, number)


class _Reader(io.RawIOBase):
    """Reads a sealed file as if it were open; it remembers the frame that it has opened last."""

    def __init__(self, sealed: SealedFile) -> None:
        super().__init__()
        self._sealed = sealed
        self._size = sealed.size
        self._place = 0
        self._number: int = -1
        self._frame = b""

    @override
    def readable(self) -> bool:
        return True

    @override
    def seekable(self) -> bool:
        return True

    @override
    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        self._place = max(0, base + offset)
        return self._place

    @override
    def tell(self) -> int:
        return self._place

    @override
    def readinto(self, buffer: Buffer, /) -> int:
        room = memoryview(buffer).cast("B")
        number, start = divmod(self._place, FRAME_BYTES)
        if self._place >= self._size:
            return 0
        if number != self._number:
            self._frame = self._sealed.frame(number)
            self._number = number
        piece = self._frame[start : start + len(room)]
        if not piece:
            raise SealBrokenError("the file is shorter than it was")
        room[: len(piece)] = piece
        self._place += len(piece)
        return len(piece)

"""Writing an uploaded file where it lies, sealed: one writer at a time, also over processes.

What was told to the client is on the disk. A writer that died may have left more, or a frame half written:
whoever comes next keeps what can be opened, and goes on behind it.
"""

import errno
import fcntl
import os
import shutil
import threading
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from services.ingest.spool import JobSpool
from shared.sealing.addresses import SealBrokenError
from shared.sealing.job_keys import SEAL_BYTES
from shared.sealing.sealed_file import FRAME_BYTES, SealedFile

PORTION_BYTES: Final = 8 * FRAME_BYTES
"""So much is gathered before it is written: 2 MiB, and each frame is sealed once."""
_LOCK: Final = "lock"
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class UploadBusyError(Exception):
    """Somebody else writes this file just now."""


class UploadGoneError(Exception):
    """The file's folder is not there any more: the job was cancelled or deleted."""


class SpoolFullError(Exception):
    """The disk has no room for more."""


class Upload:
    """A file that is being written, held by its lock until it is closed. Everything here blocks.

    `reserve_bytes` of the disk stay free. `sure` bytes were on the disk when they were told to the client:
    what comes after them is looked at frame by frame.

    Raises UploadBusyError, UploadGoneError.
    """

    def __init__(self, spool: JobSpool, *, sure: int, reserve_bytes: int) -> None:
        self._folder = spool.path
        self._reserve_bytes = reserve_bytes
        self._writing = threading.Lock()
        self._lock: int | None = _locked(self._folder / _LOCK)
        self.file = spool.content
        try:
            self.offset = _settled(self.file, self._folder, sure=sure)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def require_room(self, size: int) -> None:
        """Require that so many bytes fit, beside those that stay free; raises SpoolFullError."""
        try:
            disk = os.statvfs(self._folder)
        except FileNotFoundError:
            raise UploadGoneError from None
        if disk.f_bavail * disk.f_frsize < self._reserve_bytes + size:
            raise SpoolFullError

    def append(self, portion: bytes) -> None:
        """Write what comes next, down to the disk. Raises SpoolFullError, UploadGoneError, OSError."""
        with self._writing:
            if self._lock is None:
                raise UploadGoneError  # the request has ended while this waited for its thread
            self.require_room(len(portion))
            try:
                self.file.append(portion)
            except FileNotFoundError:
                raise UploadGoneError from None
            except OSError as error:
                if error.errno in _FULL:
                    raise SpoolFullError from None
                raise
            if self.file.size != self.offset + len(portion):
                raise SpoolFullError  # written in part
            self.offset += len(portion)

    def restart(self) -> None:
        """Throw away what is there."""
        with self._writing:
            self.file.remove()
            self.offset = 0

    def close(self) -> None:
        """Let others write; waits for a portion that is being written."""
        with self._writing:
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None

    def remove(self) -> None:
        """Remove the file with its folder."""
        with self._writing:
            shutil.rmtree(self._folder, ignore_errors=True)


def stored_size(spool: JobSpool, *, sure: int) -> int:
    """Return how many bytes of the content are there and can be opened; nothing is changed."""
    return _sound(spool.content, sure=sure)


def remove_upload(folder: Path) -> bool:
    """Remove a job's folder, unless somebody writes there just now."""
    try:
        lock = _locked(folder / _LOCK)
    except (UploadBusyError, UploadGoneError):
        return False
    try:
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)
    return True


def _locked(path: Path) -> int:
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except FileNotFoundError:
        raise UploadGoneError from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise UploadBusyError from None
    return lock


def _settled(file: SealedFile, folder: Path, *, sure: int) -> int:
    """Cut what cannot be opened, and return the size of the rest."""
    size = _sound(file, sure=sure)
    if size < file.size:
        os.truncate(folder / "content", size // FRAME_BYTES * (FRAME_BYTES + SEAL_BYTES))
    return size


def _sound(file: SealedFile, *, sure: int) -> int:
    size = file.size
    first = min(sure, size) // FRAME_BYTES
    for number in range(first, -(-size // FRAME_BYTES)):
        try:
            file.frame(number)
        except SealBrokenError:
            return number * FRAME_BYTES
    return size

"""What the worker and the child that reads workbooks and Parquet say to each other, over two pipes.

The child gets its task, and asks for the bytes of the file that it needs; the worker unseals them. So a
parser that a hostile file takes over has neither the job's key nor a path to anything. What the child has
read goes the other way, as fast as the worker takes it.
"""

import io
import struct
from enum import Enum
from typing import BinaryIO, Final

from typing_extensions import Buffer, override

PAYLOAD_BYTES_MAX: Final = 1_048_576
_HEAD: Final = struct.Struct(">cI")
_WANTED: Final = struct.Struct(">QI")


class Kind(Enum):
    """What a message is."""

    TASK = b"T"
    WANTED = b"W"
    BYTES = b"B"
    ROWS = b"R"
    REFUSED = b"F"
    DONE = b"E"


class PipeBrokenError(Exception):
    """The other side has gone, or says what nobody understands."""


def send(pipe: BinaryIO, kind: Kind, payload: bytes = b"") -> None:
    """Send a message. Raises OSError."""
    pipe.write(_HEAD.pack(kind.value, len(payload)) + payload)
    pipe.flush()


def receive(pipe: BinaryIO) -> tuple[Kind, bytes]:
    """Return the next message; raises PipeBrokenError, OSError."""
    head = pipe.read(_HEAD.size)
    if len(head) < _HEAD.size:
        raise PipeBrokenError("the pipe has ended")
    name, size = _HEAD.unpack(head)
    if size > PAYLOAD_BYTES_MAX:
        raise PipeBrokenError("a message is too long")
    payload = pipe.read(size)
    if len(payload) < size:
        raise PipeBrokenError("a message has ended early")
    try:
        return Kind(name), payload
    except ValueError:
        raise PipeBrokenError("a message of no known kind") from None


def answer_wanted(pipe: BinaryIO, wanted: bytes, file: BinaryIO) -> None:
    """Send the bytes that were asked for; raises PipeBrokenError, OSError."""
    try:
        place, size = _WANTED.unpack(wanted)
    except struct.error:
        raise PipeBrokenError("a message of another form") from None
    file.seek(place)
    send(pipe, Kind.BYTES, file.read(min(size, PAYLOAD_BYTES_MAX)))


class WantedFile(io.RawIOBase):
    """The child's view of the file: what is read is asked for."""

    def __init__(self, ask: BinaryIO, answers: BinaryIO, *, size: int) -> None:
        super().__init__()
        self._ask = ask
        self._answers = answers
        self._size = size
        self._place = 0

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
        size = min(len(room), PAYLOAD_BYTES_MAX, self._size - self._place)
        if size <= 0:
            return 0
        send(self._ask, Kind.WANTED, _WANTED.pack(self._place, size))
        _kind, piece = receive(self._answers)
        room[: len(piece)] = piece
        self._place += len(piece)
        return len(piece)


class RowsOutput(io.RawIOBase):
    """Where the child writes what it has read."""

    def __init__(self, pipe: BinaryIO) -> None:
        super().__init__()
        self._pipe = pipe
        self._place = 0

    @override
    def writable(self) -> bool:
        return True

    @override
    def tell(self) -> int:
        return self._place

    @override
    def write(self, some: Buffer, /) -> int:
        written = memoryview(some).cast("B")
        for at in range(0, len(written), PAYLOAD_BYTES_MAX):
            send(self._pipe, Kind.ROWS, bytes(written[at : at + PAYLOAD_BYTES_MAX]))
        self._place += len(written)
        return len(written)

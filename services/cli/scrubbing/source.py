"""What a turn reads: a file or a pipe, as rows, without holding up whoever reads answers meanwhile."""

import asyncio
import os
import stat
from typing import BinaryIO, Final

from services.cli.errors import CliError
from services.cli.scrubbing.rows import Row, RowSplitter

READ_BYTES: Final = 131_072


class Source:
    """Bytes of a file, or of a pipe as they come."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._is_pipe = not stat.S_ISREG(os.fstat(file.fileno()).st_mode)
        self._ahead = b""

    @property
    def size(self) -> int:
        """The size of a file, in bytes."""
        return os.fstat(self._file.fileno()).st_size

    async def read(self, *, timeout_s: float | None = None) -> bytes:
        """Return what is there, nothing at the end; raises TimeoutError if a pipe stays silent."""
        if self._ahead:
            ahead, self._ahead = self._ahead, b""
            return ahead
        if self._is_pipe:
            async with asyncio.timeout(timeout_s):
                await self._readable()
        return os.read(self._file.fileno(), READ_BYTES)

    async def read_exactly(self, size: int) -> bytes:
        """Return so many bytes, or fewer at the end."""
        content = b""
        while len(content) < size and (more := await self.read()):
            content += more
        self.give_back(content[size:])
        return content[:size]

    def give_back(self, data: bytes) -> None:
        """Have these bytes read again, before the others."""
        self._ahead = data + self._ahead

    async def _readable(self) -> None:
        loop, ready = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._file.fileno(), ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(self._file.fileno())


class RowFeed:
    """The rows of a source. Errors name the input."""

    def __init__(self, source: Source, splitter: RowSplitter, *, name: str) -> None:
        self._source = source
        self._splitter = splitter
        self._name = name
        self._is_over = False

    async def rows(self, *, timeout_s: float | None = None) -> list[Row]:
        """Return the next rows, none at the end; raises TimeoutError, and CliError for a torn row."""
        rows: list[Row] = []
        while not rows and not self._is_over:
            data = await self._source.read(timeout_s=timeout_s)
            self._is_over = not data
            try:
                rows = self._splitter.feed(data) if data else self._splitter.end()
            except CliError as error:
                raise CliError(f"{self._name}: {error}") from None
        return rows

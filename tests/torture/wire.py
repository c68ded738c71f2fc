"""A small HTTP client: one connection, one request at a time, bytes as they are told.

It can send a request in one piece, as a busy client does and as the shortest path of the check likes it, or
in pieces; and it knows the difference between a request that was never sent and one whose fate nobody knows.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import orjson

Form = Literal["plain", "pieces", "chunked"]

TIMEOUT_S = 10.0


class NotSentError(Exception):
    """Nobody listened: nothing was sent."""


class LostError(Exception):
    """No answer came; the request may have been served, or not."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer."""

    status: int
    body: bytes

    def json(self) -> Any:
        return orjson.loads(self.body)

    def lines(self) -> list[Any]:
        """Return the lines of an answer in NDJSON."""
        return [orjson.loads(line) for line in self.body.splitlines() if line]


class Door:
    """A keep-alive connection to one process, made anew when it is gone."""

    def __init__(self, port: int, *, authorization: str = "", timeout_s: float = TIMEOUT_S) -> None:
        self._port = port
        self._head = f"Host: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        if authorization:
            self._head += f"Authorization: {authorization}\r\n"
        self._timeout_s = timeout_s
        self._turn = asyncio.Lock()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(
        self, method: str, path: str, body: object = None, *, form: Form = "plain"
    ) -> Reply:
        """Send a request and return the answer; raises NotSentError, LostError."""
        content = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        async with self._turn:
            reader, writer = await self._connected()
            try:
                async with asyncio.timeout(self._timeout_s):
                    await _send(writer, self._pieces(method, path, content, form))
                    reply, lasts = await _receive(reader)
            except (OSError, TimeoutError, EOFError, ValueError) as error:
                await self._drop()
                raise LostError(f"{type(error).__name__}: {error}") from error
            except asyncio.CancelledError:
                await self._drop()
                raise
            if not lasts:
                await self._drop()
            return reply

    async def close(self) -> None:
        async with self._turn:
            await self._drop()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is not None and self._streams[0].at_eof():
            await self._drop()
        if self._streams is None:
            try:
                async with asyncio.timeout(self._timeout_s):
                    self._streams = await asyncio.open_connection("127.0.0.1", self._port)
            except (OSError, TimeoutError) as error:
                raise NotSentError(str(error)) from error
        return self._streams

    async def _drop(self) -> None:
        if self._streams is not None:
            _, writer = self._streams
            self._streams = None
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    def _pieces(self, method: str, path: str, content: bytes, form: Form) -> Sequence[bytes]:
        line = f"{method} {path} HTTP/1.1\r\n"
        if form == "chunked":
            head = f"{line}{self._head}Transfer-Encoding: chunked\r\n\r\n".encode()
            half = len(content) // 2 or 1
            return (head, *(_chunk(part) for part in (content[:half], content[half:], b"")))
        head = f"{line}{self._head}Content-Length: {len(content)}\r\n\r\n".encode()
        return (head, content) if form == "pieces" else (head + content,)


def _chunk(content: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(content), content)


async def _send(writer: asyncio.StreamWriter, pieces: Sequence[bytes]) -> None:
    for n, piece in enumerate(pieces):
        if n:
            await asyncio.sleep(0.001)  # not to wait for anything: so that it arrives in pieces
        writer.write(piece)
        await writer.drain()


async def _receive(reader: asyncio.StreamReader) -> tuple[Reply, bool]:
    """Return the answer, and whether the connection lasts."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    status = int(head.split(" ", 2)[1])
    fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
    if fields.get("transfer-encoding") == "chunked":
        body = await _read_chunks(reader)
    else:
        body = await reader.readexactly(int(fields.get("content-length", "0")))
    return Reply(status, body), fields.get("connection") != "close"


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readexactly(2)
    return bytes(body)

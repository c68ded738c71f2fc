"""A service that acknowledges every write and lets nothing out: it is never stale-allow, and no use."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import orjson

OK, UNAVAILABLE = "200 OK", "503 Service Unavailable"


@dataclass(frozen=True, slots=True)
class Denier:
    """A registry and a check in one, on one port; `reason` is what the check says to everything."""

    name: str
    port: int
    reason: str


@asynccontextmanager
async def open_denier(reason: str) -> AsyncGenerator[Denier]:
    """Serve until the block ends."""
    serving: set[asyncio.Task[None] | None] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        with suppress(OSError, EOFError):
            await _serve(reader, writer, reason)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield Denier("denier", server.sockets[0].getsockname()[1], reason)
    finally:
        server.close()
        await asyncio.gather(*filter(None, serving))  # whoever was served has hung up by now


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, reason: str) -> None:
    while True:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = head.split(" ")[1].partition("?")[0]
        body = await _body(reader, head)
        status, said = _said(path, body, reason)
        content = said if isinstance(said, bytes) else orjson.dumps(said)
        writer.write(
            f"HTTP/1.1 {status}\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content
        )
        await writer.drain()


async def _body(reader: asyncio.StreamReader, head: str) -> bytes:
    if "Transfer-Encoding" not in head:
        length = head.partition("Content-Length: ")[2].partition("\r\n")[0]
        return await reader.readexactly(int(length))
    body = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readexactly(2)
    return body


def _said(path: str, body: bytes, reason: str) -> tuple[str, object]:
    status = UNAVAILABLE if reason == "UNVERIFIED" else OK
    match path:
        case "/check":
            told = {"allowed": False, "reason": reason, "status": None, "position": None}
            return status, told
        case "/check/batch":
            results = [reason] * len(orjson.loads(body)["recipients"])
            return status, {"position": None, "allowedCount": 0, "results": results}
        case "/check/stream":
            lines = [
                {"line": n, "allowed": False, "reason": reason}
                for n, _ in enumerate(body.splitlines(), 1)
            ]
            end: dict[str, object] = {"end": True, "position": None, "counts": {}}
            return OK, b"\n".join(orjson.dumps(line) for line in (*lines, end))
        case _:
            return OK, {}

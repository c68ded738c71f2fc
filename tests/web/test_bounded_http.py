"""The head of a request is bounded in size and time, over real sockets."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from shared.web import bounded_http
from shared.web.bounded_http import BoundedHttp


async def echo_length(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


@pytest.fixture
async def port() -> AsyncGenerator[int]:
    app = Starlette(routes=[Route("/", echo_length, methods=["GET", "POST"])])
    config = uvicorn.Config(app, port=0, http=BoundedHttp, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  # the server has no event for it
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await serving


async def test_a_large_body_behind_a_small_head_is_served(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _again in range(2):  # and the connection is kept
        writer.write(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n" + b"x" * 300_000
        )
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        assert await reader.readexactly(6) == b"300000"
    writer.close()


@pytest.mark.parametrize("piece", [b"x" * 4096, b"X-A: " + b"y" * 4000 + b"\r\n"])
async def test_an_endless_head_is_cut_off(port: int, piece: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: ")
    sent = 0
    try:
        while not reader.at_eof() and sent < 10_000_000:
            writer.write(piece)
            sent += len(piece)
            await writer.drain()
            await asyncio.sleep(0)
    except ConnectionError:
        pass
    assert sent < 10_000_000
    writer.close()


@pytest.mark.parametrize("start", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\n"])
async def test_a_head_that_does_not_arrive_is_not_waited_for(
    port: int, start: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded_http, "HEAD_SECONDS_MAX", 0.1)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(start)
    async with asyncio.timeout(5):
        assert await reader.read() == b""
    writer.close()


async def test_many_requests_at_once_are_no_large_head(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    count = 3000
    writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nxyz" * count)
    for _each in range(count):
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        assert await reader.readexactly(1) == b"3"
    writer.close()

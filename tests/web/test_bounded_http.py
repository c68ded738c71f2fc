"""The head of a request is bounded in size and time, over real sockets."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from shared.web import bounded_http
from shared.web.bounded_http import BoundedHttp

IDLE_S = 1


async def echo_length(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


class AnswerEarly:
    """Answers before the body was read, and gives each piece of it back where `?all` is asked for."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200})
        is_more = scope["query_string"] == b"all"
        while is_more:
            piece = await receive()
            is_more = piece["more_body"]
            answer = {"type": "http.response.body", "body": piece["body"], "more_body": True}
            await send(answer)
        await send({"type": "http.response.body"})


@pytest.fixture
async def port() -> AsyncGenerator[int]:
    app = Starlette(
        routes=[
            Route("/", echo_length, methods=["GET", "POST"]),
            Route("/early", AnswerEarly(), methods=["POST"]),
        ]
    )
    config = uvicorn.Config(
        app, port=0, http=BoundedHttp, log_config=None, lifespan="off", timeout_keep_alive=IDLE_S
    )
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


async def _drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, piece: bytes) -> float:
    """Send a piece every tenth of the time until the connection is closed; return how long it took."""
    loop = asyncio.get_running_loop()
    started_at = loop.time()
    closed = asyncio.ensure_future(reader.read())
    async with asyncio.timeout(10):
        while not (await asyncio.wait([closed], timeout=IDLE_S / 10))[0]:
            writer.write(piece)
    writer.close()
    closed.exception()  # a reset is an end as well
    return loop.time() - started_at


@pytest.mark.parametrize("pieces", [1, 1000], ids=["once", "for ever"])
async def test_empty_lines_after_an_answer_hold_no_connection(port: int, pieces: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n0")
    writer.write(b"\r\n")
    assert IDLE_S / 2 < await _drip(reader, writer, b"\r\n" if pieces > 1 else b"") < 2 * IDLE_S


@pytest.mark.parametrize("path", [b"/early", b"/nowhere"])
@pytest.mark.parametrize("pieces", [1, 1000], ids=["once", "for ever"])
async def test_a_body_that_is_answered_already_holds_no_connection(
    port: int, path: bytes, pieces: int
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST " + path + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"x")
    assert IDLE_S / 2 < await _drip(reader, writer, b"x" if pieces > 1 else b"") < 2 * IDLE_S


async def test_a_request_that_comes_slowly_is_not_cut(port: int) -> None:
    """Neither its body, nor what is answered meanwhile, nor the request after an empty line."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for path in (b"/", b"/early?all"):
        writer.write(b"\r\nPOST " + path + b" HTTP/1.1\r\nHost: x\r\n")
        await asyncio.sleep(IDLE_S * 1.5)
        writer.write(b"Content-Length: 15\r\n\r\n")
        for _piece in range(15):
            writer.write(b"x")
            await asyncio.sleep(IDLE_S / 10)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        end = b"15" if path == b"/" else b"\r\n0\r\n\r\n"
        assert (await reader.readuntil(end)).count(b"x") == (0 if path == b"/" else 15)
    writer.close()

"""A real server with the hot path in front of a small app, on a loop and a thread of its own.

The app and the stand-in for the service's own `PlainChecks` give the same answer to the same question, and
write down that they were asked: so a test sees which way a request took, and that it makes no difference.
"""

import asyncio
import re
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import Any, TypeVar, cast

import orjson
import uvicorn
import uvloop
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from services.check.hot_door import HotDoor
from services.check.hot_path import HotPath, hot_path
from services.check.plain_check import Done, PlainChecks
from shared.auth.gate import Ticket
from shared.telemetry.logs import configure_logging
from shared.web.body_limit import BodyLimits
from shared.web.errors import ErrorRenderer
from shared.web.stack import wrap

Result = TypeVar("Result")
KNOWN = "Bearer known"
ODD_ONE_OUT = re.compile(rb"(\r\ndate: )[^\r]+|(\r\nx-request-id: )[0-9a-f]{32}(?=\r\n)")


def question(n: int = 1, **fields: Any) -> bytes:
    """Return a body; the answer's position is `n`."""
    return orjson.dumps({"type": "MESAJ", "recipient": f"+90599{n:07d}", **fields})


def request(body: bytes, *extra: str, authorization: str = KNOWN) -> bytes:
    """Return a plain request, with extra header lines."""
    lines = ["POST /check HTTP/1.1", "Host: x", f"Authorization: {authorization}", *extra]
    lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def masked(answers: bytes | bytearray) -> bytes:
    """Return answers without what differs from one to the next: date and request id."""
    return ODD_ONE_OUT.sub(rb"\1\2*", answers)


def answer_to(body: bytes) -> bytes:
    """Return what both ways answer; a body that is none is position 0."""
    position = int(orjson.loads(body)["recipient"][-7:]) if body[:1] == b"{" else 0
    return orjson.dumps(
        {"allowed": True, "reason": "CONSENT", "status": "ONAY", "position": position}
    )


class StandIn(PlainChecks):
    """Answers in the next turn of the loop, or when `release` says so."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.tickets: list[str] = []
        self.waiting: list[tuple[Done, bytes | None]] = []
        self.holds_back = False
        self.misses = False
        self.fails_at = ""

    @override
    def ticket_of(self, authorization: str) -> Ticket | None:
        self.tickets.append(authorization)
        if self.fails_at == "ticket":
            raise RuntimeError("no ticket")
        return Ticket(1, 1) if authorization == KNOWN else None

    @override
    def ask(self, ticket: Ticket, body: bytes, done: Done, *, asked_at: float) -> bool:
        assert 0 <= asyncio.get_running_loop().time() - asked_at < 1
        if self.fails_at == "question":
            raise RuntimeError("no question")
        if b"retailerCode" in body:
            return False
        self.asked.append(body)
        wrong: Any = 5
        answer = None if self.misses else wrong if self.fails_at == "answer" else answer_to(body)
        self.waiting.append((done, answer))
        if not self.holds_back:
            asyncio.get_running_loop().call_soon(self.release)
        return True

    def release(self) -> None:
        """Answer everybody who waits."""
        waiting, self.waiting = self.waiting, []
        for done, answer in waiting:
            done(answer)


@dataclass
class LongWay:
    """The app behind; it answers after so many turns of the loop, or when it is let."""

    turns: int = 0
    holds_back: bool = False
    asked: list[tuple[bytes, dict[str, Any]]] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await Request(scope, receive).body()
        self.asked.append((body, dict(scope)))
        for _turn in range(self.turns):
            await asyncio.sleep(0)
        while self.holds_back:  # noqa: ASYNC110  # a test lets it go, from another thread
            await asyncio.sleep(0.001)
        response = Response(answer_to(body), media_type="application/json")
        await response(scope, receive, send)


@dataclass
class HotServer:
    port: int
    plain: StandIn
    door: HotDoor
    app: LongWay
    server: uvicorn.Server
    protocol: type[HotPath]
    loop: asyncio.AbstractEventLoop

    @property
    def connections(self) -> set[HotPath]:
        """The server's ends of the connections that are open."""
        return cast("set[HotPath]", self.server.server_state.connections)

    def connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def on_loop(self, call: Callable[[], Result]) -> Result:
        """Run something where everything of the server runs."""

        async def run() -> Result:
            return call()

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(10)

    def ways(self) -> tuple[int, int]:
        """Return how many requests were asked about here, and how many in the app."""
        return len(self.plain.asked), len(self.app.asked)


@contextmanager
def hot_server(**config: Any) -> Generator[HotServer]:
    """Serve on a free port until the end of the block, then drain."""
    configure_logging("check")
    plain, app, started = StandIn(), LongWay(), threading.Event()
    door = HotDoor(plain)
    edge = wrap(app, service="check", limits=BodyLimits(100_000), renderer=ErrorRenderer())
    made: list[HotServer] = []
    protocol = hot_path(door)
    options: dict[str, Any] = {
        "lifespan": "off",
        "log_config": None,
        "access_log": False,
        "server_header": False,
    }
    server = uvicorn.Server(uvicorn.Config(edge, http=protocol, **options, **config))

    async def serve(listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        port = listening.getsockname()[1]
        made.append(HotServer(port, plain, door, app, server, protocol, loop))
        started.set()
        await server.serve([listening])

    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=lambda: uvloop.run(serve(listening)))
    thread.start()
    try:
        assert started.wait(10)
        yield made[0]
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


def read_answers(connection: socket.socket, count: int = 1) -> list[bytes]:
    """Read so many whole answers, and nothing after them."""
    data, answers = b"", list[bytes]()
    while len(answers) < count:
        head, end, rest = data.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        if end and length and len(rest) >= int(length[1]):
            answers.append(head + end + rest[: int(length[1])])
            data = rest[int(length[1]) :]
            continue
        more = connection.recv(65_536)
        assert more, f"closed after {len(answers)} answers and {data!r}"
        data += more
    assert data == b""
    return answers


def eventually(claim: Callable[[], object], *, timeout_s: float = 10.0) -> None:
    """Wait until the claim holds."""
    deadline = monotonic() + timeout_s
    while not claim():
        assert monotonic() < deadline, "it did not become true in time"
        sleep(0.002)

"""A stand-in for the server that answers lists, and breaks off, stalls or lies where a test says so."""

import json
import socket
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from typing_extensions import override

ALLOWED = {"CONSENT", "EXEMPT", "EXEMPT_UNVERIFIED"}


def by_ending(address: str) -> str:
    """Return the reason of an address, by its last letter."""
    if not address.startswith("+"):
        return "INVALID_RECIPIENT"
    return {"1": "CONSENT", "2": "REFUSED"}.get(address[-1], "NO_RECORD")


@dataclass
class Script:
    """What the next lists meet: after so many lines the connection is cut, or stands still."""

    reason: Callable[[str], str] = by_ending
    cut_after: int | None = None
    stall_after: int | None = None
    refuse: tuple[int, dict[str, str]] | None = None
    first_line: int = 1
    end: bool = True
    asked: list[str] = field(default_factory=list[str])
    ended: list[int] = field(default_factory=list[int])
    queries: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    targets: list[str] = field(default_factory=list[str])
    stalled: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)


class ListStub(ThreadingHTTPServer):
    """The server and its script."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script = Script()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @override
    def handle_error(self, request: object, client_address: object) -> None:
        """Clients leave as they like."""


class Handler(BaseHTTPRequestHandler):
    server: ListStub
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:  # the base class wants this name
        if self.path == "/oauth2/token":
            self.rfile.read(int(self.headers["Content-Length"]))
            self._json(200, {"access_token": "a-token"})
            return
        script = self.server.script
        script.targets.append(self.path)
        script.queries.append(dict(parse_qsl(urlsplit(self.path).query)))
        if script.refuse:
            self._json(*script.refuse)
            self.close_connection = True
            return
        self._answer(script)

    @override
    def handle_expect_100(self) -> bool:
        return self.server.script.refuse is not None or super().handle_expect_100()

    def _answer(self, script: Script) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        count = 0
        for count, address in enumerate(self._lines(), 1):
            if script.stall_after == count - 1:
                script.stalled.set()
                script.go_on.wait(20)
            if script.cut_after == count - 1:
                self._cut()
                return
            script.asked.append(address)
            reason = script.reason(address)
            line = script.first_line + count - 1
            self._chunk({"line": line, "allowed": reason in ALLOWED, "reason": reason})
        if script.end:
            self._chunk({"end": True, "position": 7, "counts": {}})
        self.wfile.write(b"0\r\n\r\n")
        script.ended.append(count)

    def _cut(self) -> None:
        """End the answer where it stands. The rest is read: else a reset might overtake what was sent."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_WR)
        while self.connection.recv(65_536):
            pass

    def _lines(self) -> Iterator[str]:
        rest = b""
        while size := int(self.rfile.readline(), 16):
            *lines, rest = (rest + self.rfile.read(size)).split(b"\n")
            self.rfile.readline()
            for line in lines:
                yield line.decode("latin-1")
        self.rfile.readline()
        assert not rest, "a list ends with a line end"

    def _chunk(self, answer: dict[str, object]) -> None:
        line = json.dumps(answer, separators=(",", ":")).encode() + b"\n"
        self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))

    def _json(self, status: int, body: dict[str, str]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    @override
    def log_message(self, format: str, *args: object) -> None:  # the base class's name
        """Stay quiet."""


@contextmanager
def list_stub() -> Generator[ListStub]:
    with ListStub() as stub:
        thread = threading.Thread(target=stub.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield stub
        finally:
            stub.script.go_on.set()
            stub.shutdown()
            thread.join()

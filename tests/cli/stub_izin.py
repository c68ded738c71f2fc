"""A stand-in for the server: signs everybody in, answers some paths, remembers what was asked.

Run as a script it is the web process of `up_with_stub_web.py`.
"""

import json
import os
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from typing_extensions import override

ANSWERS: dict[tuple[str, str], Any] = {
    ("POST", "/accounts/providers"): {
        "iysCode": 650001,
        "brandCode": 650001,
        "username": "u-provider",
        "password": "p-provider",
    },
    ("POST", "/accounts/providers/650001/brands"): {"brandCode": 650002, "name": "Örnek"},
    ("POST", "/accounts/operators"): {
        "operatorCode": 700001,
        "username": "u-operator",
        "password": "p-operator",
        "apiKey": "k-operator",
    },
    ("POST", "/accounts/partners"): {
        "integratorCode": 800001,
        "username": "u-partner",
        "password": "p-partner",
    },
    ("POST", "/check"): {
        "allowed": True,
        "reason": "CONSENT",
        "status": "ONAY",
        "position": 7,
    },
}
PROBLEM = {"title": "No such provider", "detail": "code 1", "code": "UNKNOWN_PROVIDER"}


class Stub(ThreadingHTTPServer):
    """The server and what it was asked, without the sign-ins."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.asked: list[tuple[str, str, Any]] = []
        self.signed_in_as: list[str] = []
        self.credentials: list[str] = []
        self.answers = dict(ANSWERS)
        self.needs_no_token = {"/accounts/applications"}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Stub

    def _handle(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        content = self.rfile.read(length)
        is_file = bool(content) and self.headers.get("Content-Type") != "application/json"
        body: Any = content if is_file else json.loads(content or b"null")
        if self.path == "/oauth2/token":
            self.server.signed_in_as.append(body["username"])
            self._send(200, {"access_token": "token-of-" + body["username"]})
            return
        if self.path == "/readyz":
            self._send(200, {})
            return
        credential = self.headers.get("Authorization", "")
        self.server.credentials.append(credential)
        signed_in = credential.startswith("Bearer ")
        if not signed_in and self.path not in self.server.needs_no_token:
            self._send(401, PROBLEM)
            return
        self.server.asked.append((self.command, self.path, body))
        self._answer()

    do_GET = do_POST = do_PUT = do_DELETE = _handle  # noqa: N815  # the base class wants these names

    def _answer(self) -> None:
        if self.command == "DELETE":
            self._send(204, None)
        elif self.command == "PUT":
            self._send(200, {})
        elif (self.command, self.path) in self.server.answers:
            body = self.server.answers[self.command, self.path]
            if isinstance(body, bytes):
                self._send_file(body)
                return
            self._send(503 if body.get("reason") == "UNVERIFIED" else 200, body)
        else:
            self._send(404, PROBLEM)

    def _send(self, status: int, body: Any) -> None:
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _send_file(self, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/pdf")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    @override
    def log_message(self, format: str, *args: Any) -> None:  # the base class's name
        """Stay quiet."""


@contextmanager
def stub_izin() -> Generator[Stub]:
    with Stub() as stub:
        thread = threading.Thread(target=stub.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield stub
        finally:
            stub.shutdown()
            thread.join()


if __name__ == "__main__":
    sys.stderr.write(f"{os.getpid()}\n")
    Stub(int(sys.argv[1])).serve_forever(poll_interval=0.01)

"""A stand-in for the server that takes files, and cuts, loses or refuses where a test says so."""

import json
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from typing_extensions import override

JOB = "2f6f6d8e-5d0f-4d0e-9c3a-0d9f0f2f7c11"
AT = f"/ingest/jobs/{JOB}"
CONTENT = f"{AT}/content"
CUT_SHORT = -1
"""As a status: no answer at all."""
Reply = tuple[int, Any]


@dataclass
class Script:
    """What the server does, and what it was asked.

    `cuts`: each upload ends after so many bytes more, and the connection with it. `trouble`: replies that
    come before the right one, by method and path. `looks`: what each look at the job shows.
    """

    cuts: list[int] = field(default_factory=list[int])
    trouble: dict[tuple[str, str], list[Reply]] = field(
        default_factory=dict[tuple[str, str], list[Reply]]
    )
    looks: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    end: dict[str, Any] = field(default_factory=dict[str, Any])
    faults: tuple[str, bytes] = ("text/csv", b"")
    brands: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    announced: dict[str, Any] = field(default_factory=dict[str, Any])
    stored: bytearray = field(default_factory=bytearray)
    state: str = "UPLOADING"
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))  # noqa: TID251  # as a server
    asked: list[str] = field(default_factory=list[str])

    def job(self, **facts: Any) -> dict[str, Any]:
        """Return the job as it is."""
        return {
            "id": JOB,
            "state": self.state,
            "name": self.announced.get("name", "izinler.csv"),
            "brandCode": self.announced.get("brandCode"),
            "dryRun": self.announced.get("dryRun", False),
            "createdAt": self.created_at.isoformat(),
            "finishedAt": None,
            "size": self.announced.get("size"),
            "received": len(self.stored),
            "uploadUrl": CONTENT,
            "rowsSeen": None,
            **dict.fromkeys(("rowsDone", "accepted", "unchanged", "refused"), 0),
            "refusedByCode": {},
            **dict.fromkeys(("rowsPerSecond", "secondsLeft", "faultsUrl", "duplicateOf"), None),
            "failure": None,
            **facts,
        }

    def look(self) -> dict[str, Any]:
        """Return the next look at the job; after the last the job is over."""
        if self.state != "QUEUED":
            return self.job()
        if self.looks:
            return self.job(**self.looks.pop(0))
        return self.job(**{"state": "DONE", **self.end})


class JobStub(ThreadingHTTPServer):
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
    server: JobStub
    protocol_version = "HTTP/1.1"

    def _handle(self) -> None:
        script, path = self.server.script, urlsplit(self.path).path
        if path == "/oauth2/token":
            self._body()
            self._json(200, {"access_token": "a-token"})
            return
        script.asked.append(f"{self.command} {self.path}")
        if waiting := script.trouble.get((self.command, path)):
            self._trouble(*waiting.pop(0))
        elif path == CONTENT:
            self._content(script)
        else:
            self._json(*self._answer(script, path, self._body()))

    do_GET = do_POST = do_HEAD = do_PATCH = _handle  # noqa: N815  # the base class wants these names

    def _trouble(self, status: int, body: Any) -> None:
        self.close_connection = True
        if status != CUT_SHORT:
            self._json(status, body)

    def _answer(self, script: Script, path: str, body: bytes) -> Reply:
        if self.command == "POST":
            if path == "/ingest/jobs":
                script.announced = json.loads(body)
                return 201, {**script.job(), "webhookSecret": None}
            script.state = "CANCELLED"
            return 200, script.job()
        report = {"id": JOB, "state": script.state, "brands": script.brands}
        answers: dict[str, Callable[[], Any]] = {
            "/ingest/jobs": lambda: {"items": [script.look()], "next": JOB},
            AT: script.look,
            f"{AT}/report": lambda: {**report, "unreadable": 0, "unreadableByCode": {}},
            f"{AT}/faults": lambda: script.faults,
        }
        return 200, answers[path]()

    def _content(self, script: Script) -> None:
        offset = len(script.stored)
        if self.command == "PATCH":
            if int(self.headers["Upload-Offset"]) != offset or script.state != "UPLOADING":
                self._trouble(409, {"title": "No", "code": "WRONG_OFFSET"})
                return
            length = int(self.headers["Content-Length"])
            taken = script.cuts.pop(0) if script.cuts else length
            script.stored += self.rfile.read(taken)
            if taken < length:
                self.close_connection = True
                return
        if len(script.stored) == script.announced.get("size") and script.state == "UPLOADING":
            script.state = "QUEUED"
        self.send_response(204 if self.command == "PATCH" else 200)
        self.send_header("Tus-Resumable", "1.0.0")
        self.send_header("Upload-Offset", str(len(script.stored)))
        self.end_headers()

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _json(self, status: int, body: Any) -> None:
        kind, content = ("application/json", b"")
        if isinstance(body, tuple):
            kind, content = body
        else:
            content = json.dumps(body).encode()
        self.send_response(status)
        if isinstance(body, dict) and "retry" in body:
            self.send_header("Retry-After", str(body["retry"]))
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    @override
    def log_message(self, format: str, *args: object) -> None:  # the base class's name
        """Stay quiet."""


@contextmanager
def job_stub() -> Generator[JobStub]:
    with JobStub() as stub:
        thread = threading.Thread(target=stub.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield stub
        finally:
            stub.shutdown()
            thread.join()

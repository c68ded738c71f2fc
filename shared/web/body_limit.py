"""Pure ASGI middleware: no body is larger than its path allows, announced or not."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.web.problems import ProblemError
from shared.web.request_id import request_id_of
from shared.web.route_table import Surface, surface_of
from shared.web.surfaces import render_on


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """Bytes by path prefix, the longest prefix first; None takes any length (a stream).

    `seconds_max` is how long a body of a bounded length may take to arrive; None: its handler sees to it.
    """

    default_bytes_max: int
    bytes_max_by_prefix: Mapping[str, int | None] = field(default_factory=dict[str, int | None])
    seconds_max: float | None = None

    def bytes_max(self, path: str) -> int | None:
        """Return the limit of this path."""
        prefixes = [prefix for prefix in self.bytes_max_by_prefix if path.startswith(prefix)]
        if not prefixes:
            return self.default_bytes_max
        return self.bytes_max_by_prefix[max(prefixes, key=len)]


class BodyLimit:
    """Refuses by Content-Length before the app runs, and by counting while the body arrives."""

    def __init__(
        self, app: ASGIApp, *, limits: BodyLimits, surface: Callable[[str], Surface] = surface_of
    ) -> None:
        self._app = app
        self._limits = limits
        self._surface = surface

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app with a body that stays within the limit."""
        bytes_max = self._limits.bytes_max(scope["path"]) if scope["type"] == "http" else None
        if bytes_max is None:
            await self._app(scope, receive, send)
            return
        error = _announced_error(Headers(scope=scope).get("content-length"), bytes_max)
        if error is None:
            counted = _Counted(bytes_max, self._limits.seconds_max, receive, send)
            error = await counted.run(self._app, scope)
        if error is not None:
            request_id = request_id_of(scope)
            response = render_on(self._surface(scope["path"]), error, request_id=request_id)
            response.headers["Connection"] = "close"  # the rest of the body is not read
            await response(scope, receive, send)


class _Counted:
    """One request whose body is counted while the app reads it."""

    def __init__(
        self, bytes_max: int, seconds_max: float | None, receive: Receive, send: Send
    ) -> None:
        self._bytes_left = bytes_max
        now = asyncio.get_running_loop().time()
        self._deadline = None if seconds_max is None else now + seconds_max
        self._receive = receive
        self._send = send
        self._started = False
        self._error: ProblemError | None = None

    async def run(self, app: ASGIApp, scope: Scope) -> ProblemError | None:
        """Run the app; return the error that is still to be answered."""
        try:
            await app(scope, self._count, self._pass_on)
        except Exception:
            if self._error is None or self._started:
                raise
        return None if self._started else self._error

    async def _count(self) -> Message:
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            self._error = self._error or ProblemError("REQUEST_TIMEOUT")
            raise self._error from None
        if message["type"] == "http.request":
            self._bytes_left -= len(message.get("body", b""))
            if not message.get("more_body"):
                self._deadline = None  # what is awaited from now on is that the client leaves
        if self._bytes_left < 0:
            self._error = self._error or ProblemError("BODY_TOO_LARGE")
            raise self._error
        return message

    async def _pass_on(self, message: Message) -> None:
        if self._error is not None and not self._started:
            return  # the app's own idea of what went wrong; ours is the right one
        self._started = True
        await self._send(message)


def _announced_error(content_length: str | None, bytes_max: int) -> ProblemError | None:
    if content_length is None:
        return None
    if not (content_length.isascii() and content_length.isdigit()):
        return ProblemError("BAD_CONTENT_LENGTH")
    digits_max = len(str(bytes_max))
    digits = content_length.lstrip("0") or "0"
    if len(digits) > digits_max or int(digits) > bytes_max:
        return ProblemError("BODY_TOO_LARGE", f"At most {bytes_max} bytes.")
    return None

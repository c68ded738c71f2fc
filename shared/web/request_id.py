"""Pure ASGI middleware: every request has an id; it is in the answer and in every log line."""

import re
import secrets
from typing import Final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER: Final = "X-Request-Id"
SCOPE_KEY: Final = "izin.request_id"
_SANE: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
# An id that somebody made of a telephone number would put it into every line of the log: digits alone,
# or a Turkish mobile number beside other words. Next to a hexadecimal digit it is part of a longer id.
_ADDRESS_DIGITS: Final = re.compile(
    r"\A\d{10,15}\Z|(?<![0-9A-Fa-f])(?:90|0)?5\d{9}(?![0-9A-Fa-f])", re.ASCII
)


def request_id_of(scope: Scope) -> str:
    """Return the id of this request, or nothing outside of the middleware."""
    return str(scope.get(SCOPE_KEY, ""))


class RequestId:
    """Takes the caller's id if it is a sane one, else makes one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Give the request its id."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _accepted(Headers(scope=scope).get(HEADER)) or secrets.token_hex(16)

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            await self._app({**scope, SCOPE_KEY: request_id}, receive, send_with_id)


def _accepted(offered: str | None) -> str | None:
    if offered and _SANE.fullmatch(offered) and not _ADDRESS_DIGITS.search(offered):
        return offered
    return None

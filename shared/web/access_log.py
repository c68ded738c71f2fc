"""Pure ASGI middleware: one log line and one count per request.

It shows the route's template and never the path, the query or a body: those may hold an address.
A request that met no route is `unmatched`.
"""

from time import perf_counter
from typing import Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.telemetry.metrics import closed_method, count_request

UNMATCHED: Final = "unmatched"
ROUTE_KEY: Final = "izin.route"  # a bare ASGI shell puts its template into the scope under this
CLIENT_LEFT_STATUS: Final = 499
_log: Final[structlog.typing.FilteringBoundLogger] = structlog.get_logger()


class AccessLog:
    """Measures from the first byte of the request to the last of the answer."""

    def __init__(self, app: ASGIApp, *, service: str) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app, then write the line."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started_at, status, body_bytes = perf_counter(), CLIENT_LEFT_STATUS, 0

        async def counting_send(message: Message) -> None:
            nonlocal status, body_bytes
            if message["type"] == "http.response.start":
                status = message["status"]
            elif message["type"] == "http.response.body":
                body_bytes += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, counting_send)
        finally:
            seconds = perf_counter() - started_at
            self._record(scope, status=status, seconds=seconds, body_bytes=body_bytes)

    def _record(self, scope: Scope, *, status: int, seconds: float, body_bytes: int) -> None:
        route, method = route_template(scope), closed_method(scope["method"])
        count_request(self._service, route, method, status=status, seconds=seconds)
        _log.info(
            "http.request.answered",
            service=self._service,
            method=method,
            route=route,
            status=status,
            duration_ms=round(seconds * 1_000, 3),
            bytes=body_bytes,
        )


def route_template(scope: Scope) -> str:
    """Return the template of the route that the app chose, with the prefixes it was included under.

    FastAPI keeps the whole template of an included router's route in a context of its own, and
    names no route at all for Starlette's; then the endpoint tells.
    """
    if ROUTE_KEY in scope:
        return str(scope[ROUTE_KEY])
    context = scope.get("fastapi", {}).get("effective_route_context")
    for source in (context, scope.get("route")):
        template = getattr(source, "path_format", None)
        if isinstance(template, str):
            return template
    endpoint, app = scope.get("endpoint"), scope.get("app")
    if endpoint is not None:
        for route in getattr(app, "routes", ()):
            if getattr(route, "endpoint", None) is endpoint:
                return str(route.path)
    return UNMATCHED

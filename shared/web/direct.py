"""Pure ASGI: the few busy routes, reached without the framework's own way to them.

A FastAPI route costs four to five times what its handler does here: routing through included routers,
four layers of middleware, dependencies that are not there. A handler that takes the request and the
texts of its path and returns a response can be called as it is. It stays a FastAPI route, too: that
documents it, and what does not match here still finds it there.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.web.access_log import ROUTE_KEY
from shared.web.errors import ErrorRenderer
from shared.web.request_id import request_id_of

# How many texts follow the request depends on the route.
Handler = Callable[..., Awaitable[Response]]  # type: ignore[explicit-any]  # see above
_PLACE: Final = re.compile(r"\{[A-Za-z]+\}")


@dataclass(frozen=True, slots=True)
class DirectRoute:
    """A route that is called directly; the path's texts are the handler's arguments, in order."""

    method: str
    template: str
    handler: Handler

    @property
    def pattern(self) -> re.Pattern[str]:
        """Return the expression that matches a whole path of this route."""
        return re.compile(_PLACE.sub("([^/]+)", self.template))


class DirectRoutes:
    """Calls the handler of a direct route; hands everything else to the app."""

    def __init__(
        self, app: ASGIApp, routes: Sequence[DirectRoute], *, renderer: ErrorRenderer
    ) -> None:
        self._app = app
        self._routes = [(route, route.pattern) for route in routes]
        self._renderer = renderer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            for route, pattern in self._routes:
                if route.method == scope["method"] and (found := pattern.fullmatch(scope["path"])):
                    scope[ROUTE_KEY] = route.template
                    response = await self._call(route.handler, Request(scope, receive), found)
                    await response(scope, receive, send)
                    return
        await self._app(scope, receive, send)

    async def _call(self, handler: Handler, request: Request, found: re.Match[str]) -> Response:
        try:
            return await handler(request, *found.groups())
        except Exception as error:  # noqa: BLE001  # rendered, and logged if it is not one of ours
            return self._renderer.render(
                request.scope["path"], error, request_id=request_id_of(request.scope)
            )

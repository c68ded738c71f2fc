"""Pure ASGI middleware: whatever escapes the app is answered, and answered once.

Starlette re-raises an unknown exception after its handler has answered, so that a server may log
it. Ours is logged by then; a second traceback from the server would only repeat it.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.web.errors import ErrorRenderer
from shared.web.request_id import request_id_of


class LastResort:
    """Answers what nobody answered; an answer that broke off half-way stays broken off."""

    def __init__(self, app: ASGIApp, *, renderer: ErrorRenderer) -> None:
        self._app = app
        self._renderer = renderer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app and answer what escapes it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = finished = False

        async def watching_send(message: Message) -> None:
            nonlocal started, finished
            started = True
            finished = message["type"] == "http.response.body" and not message.get("more_body")
            await send(message)

        try:
            await self._app(scope, receive, watching_send)
        except Exception as error:
            if started and not finished:
                raise
            if not started:
                request_id = request_id_of(scope)
                response = self._renderer.render(scope["path"], error, request_id=request_id)
                await response(scope, receive, send)

"""Several apps behind one address: each with its own lifespan and state, dispatched by path.

The front answers what belongs to no part: health of all of them, metrics, the documentation of
all of them as one, and 404 for the rest.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.cli.front import make_front

State = dict[str, object]
LIFESPAN = "lifespan"
HTTP_OK = 200


@dataclass(frozen=True, slots=True)
class Part:
    """One app: `api` has lifespan and OpenAPI document, `app` (the same, or it wrapped) serves."""

    name: str
    api: FastAPI
    app: ASGIApp


class PartNotReadyError(Exception):
    """A part's own readiness page says no."""


class FrontDoor:
    """An ASGI app that hands each path to the part that `service_of` names."""

    def __init__(self, parts: Sequence[Part], *, service_of: Callable[[str], str]) -> None:
        self._parts = {part.name: part for part in parts}
        self._service_of = service_of
        self._states: dict[str, State] = {part.name: {} for part in parts}
        self._front = make_front(
            documents={part.name: part.api.openapi for part in parts},
            ready={part.name: self._readiness_of(part) for part in parts},
            service_of=service_of,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, request or the lifespan of everything."""
        if scope["type"] == LIFESPAN:
            await self._live(receive, send)
            return
        part = self._parts.get(self._service_of(scope["path"]))
        if part is None:
            await self._front(scope, receive, send)
            return
        await part.app({**scope, "state": dict(self._states[part.name])}, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        started = False
        try:
            async with self._running():
                started = True
                await send({"type": "lifespan.startup.complete"})
                await receive()
        except BaseException as error:
            phase = "shutdown" if started else "startup"
            await send({"type": f"lifespan.{phase}.failed", "message": type(error).__name__})
            raise
        await send({"type": "lifespan.shutdown.complete"})

    @asynccontextmanager
    async def _running(self) -> AsyncGenerator[None]:
        """Enter every part's lifespan in order; leave them in reverse order."""
        async with AsyncExitStack() as stack:
            for part in self._parts.values():
                state = await stack.enter_async_context(part.api.router.lifespan_context(part.api))
                self._states[part.name] = dict(state or {})
            yield

    def _readiness_of(self, part: Part) -> Callable[[], Awaitable[None]]:
        async def ask() -> None:
            status = await _status_of(part.app, "/readyz", state=dict(self._states[part.name]))
            if status != HTTP_OK:
                raise PartNotReadyError(f"{part.name}: {status}")

        return ask


async def _status_of(app: ASGIApp, path: str, *, state: State) -> int:
    """GET a path of an app in process and return the status, 0 when there was no answer."""
    status = 0

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]

    await app(_get(path, state), receive, send)
    return status


def _get(path: str, state: State) -> Scope:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 0),
        "state": state,
    }

"""Is the process alive, is it ready, what does it count: three routes without credentials."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared.telemetry.metrics import render
from shared.web.wire_json import json_response

Check = Callable[[], Awaitable[object]]

OK: Final = "ok"
FAILING: Final = "failing"
TIMED_OUT: Final = "timed_out"
_log: Final[structlog.typing.FilteringBoundLogger] = structlog.get_logger()


def health_routes(
    parts: Mapping[str, Check], *, optional: Collection[str] = (), seconds_max: float = 2.0
) -> list[Route]:
    """Return `/healthz`, `/readyz` and `/metrics`.

    A part is a call that raises when the part is not fit to serve. An optional one is shown, and
    does not take the service out of rotation: without the cache a check still answers.
    """

    async def readyz(_request: Request) -> Response:
        states = await asyncio.gather(
            *(_state(name, check, seconds_max=seconds_max) for name, check in parts.items())
        )
        by_part = dict(zip(parts, states, strict=True))
        ready = all(state == OK or name in optional for name, state in by_part.items())
        body = {"status": "ready" if ready else "not_ready", "parts": by_part}
        return json_response(body, status=200 if ready else 503)

    return [
        Route("/healthz", _healthz, methods=["GET"]),
        Route("/readyz", readyz, methods=["GET"]),
        Route("/metrics", _metrics, methods=["GET"]),
    ]


async def _healthz(_request: Request) -> Response:
    return json_response({"status": "alive"}, status=200)


async def _metrics(_request: Request) -> Response:
    body, media_type = render()
    return Response(body, media_type=media_type)


async def _state(name: str, check: Check, *, seconds_max: float) -> str:
    asking = asyncio.ensure_future(check())
    asking.add_done_callback(_take_note)
    await asyncio.wait({asking}, timeout=seconds_max)
    if not asking.done():
        asking.cancel()  # it may take its time to end; nobody waits for that
        _log.warning("health.part.timed_out", part=name)
        return TIMED_OUT
    error = asking.exception()
    if error is not None:  # any failure at all means that the part is down
        _log.warning("health.part.failed", part=name, exc_info=error)
        return FAILING
    return OK


def _take_note(asking: "asyncio.Future[object]") -> None:
    """See how it ended, so that an error after the time limit is not reported as nobody's."""
    if not asking.cancelled():
        asking.exception()

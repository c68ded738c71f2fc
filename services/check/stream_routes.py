"""The check of a list over HTTP: `POST /check/stream` (design 9), text in, a line of JSON for each line out.

The answer begins before the list has ended, so a client has to read while it sends. Status and headers go
out once it is clear that the caller may ask and that the question is well formed; what goes wrong
afterwards ends the connection without the last line, and then the list is not answered to its end.
"""

from typing import Final

import structlog
from fastapi import APIRouter, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from services.check.openapi import STREAM_ERRORS, STREAM_REQUEST
from services.check.question import InvalidQuestionError
from services.check.routes import refused, surface_of
from services.check.stream import BrokenOffError, Incoming, ListCheck, Tally, open_list
from shared.auth.gate import NotAuthenticatedError
from shared.web.problems import ProblemError

MEDIA_TYPE: Final = "application/x-ndjson"
PATH: Final = "/check/stream"

router = APIRouter(tags=["check"])
_log: Final[structlog.typing.FilteringBoundLogger] = structlog.get_logger()


class ListAnswer(Response):
    """Answers a list while it arrives; an answer that is cut short stays without its end."""

    media_type = MEDIA_TYPE

    def __init__(self, check: ListCheck, *, waited_since: float | None) -> None:
        # A proxy that gathers answers would hold back what a client waits for.
        super().__init__(headers={"X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._check = check
        self._waited_since = waited_since

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read, ask and write until the list or the patience ends, and say in the log which it was."""
        incoming = Incoming(_Body(receive))

        async def write(lines: bytes) -> None:
            await send({"type": "http.response.body", "body": lines, "more_body": True})

        why = "stopped"
        try:
            await incoming.begin()
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await self._check.run(incoming, write, waited_since=self._waited_since)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            why = ""
        except BrokenOffError as error:
            why = error.why  # the server closes a connection whose answer was not completed
        finally:
            incoming.close()
            _record(self._check.tally, why)


@router.post(
    PATH,
    operation_id="checkStream",
    summary="Which addresses of this list may get it?",
    response_class=ListAnswer,
    status_code=200,
    responses=STREAM_ERRORS,
    openapi_extra=STREAM_REQUEST,
)
async def check_stream(request: Request) -> Response:
    """Decide about a list of any length, one address a line, while it is sent.

    Read while you send: the answers of the first lines come before the last line has gone out. The last
    line is `{"end": true, "position", "counts"}`; without it the answer is not complete.
    """
    surface = surface_of(request)
    try:
        ticket = await surface.checker.identify(request.headers.get("authorization"))
        question = open_list(request.query_params.multi_items())
        check = ListCheck(surface.checker, ticket, question, surface.admit_test_range)
        waited_since = await check.admit()
    except NotAuthenticatedError:
        raise ProblemError("NOT_AUTHENTICATED") from None
    except InvalidQuestionError as error:
        raise refused(error) from None
    return ListAnswer(check, waited_since=waited_since)


def _record(tally: Tally, why: str) -> None:
    """Log how far it came: numbers, and no address."""
    facts = {"lines": tally.lines, "counts": tally.by_reason(), "position": tally.position}
    if why:
        _log.warning("check.list.broken_off", why=why, **facts)
    else:
        _log.info("check.list.answered", **facts)


class _Body:
    """The request's body, piece by piece."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._more = True

    async def __call__(self) -> bytes | None:
        """Return the next piece, or None at the end; raises BrokenOffError when the client has left."""
        while self._more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise BrokenOffError("client left")
            self._more = bool(message.get("more_body"))
            if body := message.get("body"):
                return bytes(body)
        return None

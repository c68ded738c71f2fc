"""What every route of the İYS wire does first: how often, who asks, is the body JSON, how long may it take.

Requests are counted before any route is asked (`CountRequests`), but those whose body may be a refusal: they
are counted by their own handlers, with `permit_of`, which lets every refusal pass.
"""

from collections.abc import Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Annotated, TypeVar, cast

from fastapi import Path, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.auth.gate import Ticket
from shared.domain.faults import Fault, RuleBrokenError
from shared.domain.limits import Operation, Per, holds_refusal
from shared.ledger.deadline import within
from shared.ledger.failures import LedgerUnavailableError
from shared.web.client_address import origin_of
from shared.web.errors import ErrorRenderer
from shared.web.json_body import NotJsonError, parse_json, read_body
from shared.web.limit_fields import note_standings
from shared.web.limit_paths import DECIDED_BY_THE_BODY, operation_of
from shared.web.request_id import request_id_of
from shared.wire.caller import WireGate
from shared.wire.count_requests import Limits, Permit, RequestLimits

T = TypeVar("T")
IysCode = Annotated[str, Path(alias="iysCode", description="The provider's number.")]
BrandCode = Annotated[str, Path(alias="brandCode", description="The brand's number.")]


@dataclass(frozen=True, slots=True)
class WireEdge:
    """Where a request of the wire comes in; the composition root yields it as `request.state.edge`."""

    gate: WireGate
    limits: Limits
    deadline_s: float


def edge_of(request: Request) -> WireEdge:
    """Return the edge that this process has."""
    return cast("WireEdge", request.state.edge)


async def identified(request: Request) -> Ticket:
    """Return whom the credential stands for, or raise H351."""
    authorization = request.headers.get("authorization")
    return await timely(request, edge_of(request).gate.identify(authorization))


async def timely(request: Request, work: Coroutine[object, None, T]) -> T:
    """Return what the work returns, or give it up at the deadline with H192."""
    try:
        return await within(edge_of(request).deadline_s, work)
    except TimeoutError:
        raise LedgerUnavailableError("not in time") from None


def limits_of(request: Request) -> RequestLimits:
    """Return the limits as this request meets them."""
    scope = request.scope
    origin, note = partial(origin_of, scope), partial(note_standings, scope)
    return edge_of(request).limits.of_request(origin, note)


def permit_of(
    request: Request, ticket: Ticket, body: object, *, operation: Operation
) -> Permit | None:
    """Count a write from now on; None where nothing limits it, and always where it refuses (promise 3)."""
    if holds_refusal(body):
        return None
    return limits_of(request).ask(operation, user_id=ticket.user_id)


class CountRequests:
    """Pure ASGI middleware: counts each request before its route is asked, or answers 429 in its place.

    Whoever cannot be identified is let pass where accounts are counted: the route says what is wrong.
    """

    def __init__(self, app: ASGIApp, *, renderer: ErrorRenderer) -> None:
        self._app = app
        self._renderer = renderer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app, unless a limit is used up."""
        if scope["type"] == "http":
            operation = operation_of(scope["method"], scope["path"])
            if operation is not None and operation not in DECIDED_BY_THE_BODY:
                try:
                    await _count(Request(scope), operation)
                except RuleBrokenError as error:
                    response = self._renderer.render(
                        scope["path"], error, request_id=request_id_of(scope)
                    )
                    await response(scope, receive, send)
                    return
        await self._app(scope, receive, send)


async def _count(request: Request, operation: Operation) -> None:
    limits = limits_of(request)
    group, user_id = limits.group(operation), None
    if group is not None and group.per is Per.ACCOUNT:
        try:
            user_id = (await identified(request)).user_id
        except (RuleBrokenError, LedgerUnavailableError):
            return
    permit = limits.ask(operation, user_id=user_id)
    if permit is not None:
        await permit()


async def json_of(request: Request, unusable: Fault) -> object:
    """Return the body as JSON, or raise `unusable`."""
    try:
        return parse_json(await read_body(request))
    except NotJsonError:
        raise RuleBrokenError(unusable) from None

"""What every route of the İYS wire does first: who asks, is the body JSON, how long may it take."""

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Annotated, TypeVar, cast

from fastapi import Path, Request

from services.registry.caller import WireGate
from shared.auth.gate import Ticket
from shared.domain.faults import Fault, RuleBrokenError
from shared.ledger.deadline import within
from shared.ledger.failures import LedgerUnavailableError
from shared.web.json_body import NotJsonError, parse_json, read_body

T = TypeVar("T")
IysCode = Annotated[str, Path(alias="iysCode", description="The provider's number.")]
BrandCode = Annotated[str, Path(alias="brandCode", description="The brand's number.")]


@dataclass(frozen=True, slots=True)
class WireEdge:
    """Where a request of the wire comes in; the composition root yields it as `request.state.edge`."""

    gate: WireGate
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


async def json_of(request: Request, unusable: Fault) -> object:
    """Return the body as JSON, or raise `unusable`."""
    try:
        return parse_json(await read_body(request))
    except NotJsonError:
        raise RuleBrokenError(unusable) from None

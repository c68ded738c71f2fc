"""Push over HTTP: the three published methods, and below /accounts what the publication has no word for."""

from collections.abc import Coroutine
from typing import Annotated, Final, TypeVar, cast

from fastapi import APIRouter, Path, Request, Response

from services.registry.push.area import Push
from services.registry.push.keep_connections import ADDED, REMOVED
from services.registry.push.look_after_connections import Shown
from services.registry.push.openapi import REGISTER_ERRORS, SHOW_ERRORS, UNREGISTER_ERRORS
from services.registry.push.schemas import (
    ConnectionAnswer,
    ConnectionBody,
    ConnectionView,
    MessageAnswer,
    RegistrationBody,
    SecretAnswer,
    SecretRenewed,
)
from services.registry.schemas import ChannelWord
from shared.domain.faults import BodyNotJson
from shared.ledger.deadline import within
from shared.ledger.failures import LedgerUnavailableError
from shared.web.openapi import body_of
from shared.web.own_surface import PathCode, authorization, problems
from shared.web.wire_json import json_response
from shared.wire.path_codes import read_brand_path
from shared.wire.request import BrandCode, IysCode, edge_of, identified, json_of, timely

router = APIRouter()
T = TypeVar("T")
Number = Annotated[int, Path(gt=0, lt=2**63)]

_CONNECTION: Final = {
    "url": "https://kayit.example.com/iys",
    "type": "EPOSTA",
    "username": "iys",
    "password": "…",
}
_BELOW: Final = "/accounts/brands/{brand_code}/push/registrations"


def _push(request: Request) -> Push:
    return cast("Push", request.state.push)


@router.post(
    "/sps/{iysCode}/brands/{brandCode}/push/registration",
    tags=["İYS"],
    operation_id="pushRegistration",
    summary="Register addresses that the registry's own movements are sent to",
    response_model=MessageAnswer,
    responses=REGISTER_ERRORS,
    openapi_extra=body_of(RegistrationBody, {"one": {"connection": [_CONNECTION]}}),
)
async def register(request: Request, iys_code: IysCode, brand_code: BrandCode) -> Response:
    """Call each address with the published test record, and register all of them if all say 2xx."""
    keep = _push(request).keep
    ticket = await identified(request)
    path = read_brand_path(iys_code, brand_code)
    body = await json_of(request, BodyNotJson())
    await _called(request, keep.register(ticket, path, body), keep.receivers.answer_within_s)
    return json_response({"message": ADDED}, status=200)


@router.get(
    "/sps/{iysCode}/brands/{brandCode}/push/registration",
    tags=["İYS"],
    operation_id="getPushRegistration",
    summary="List the registered addresses",
    response_model=list[ConnectionAnswer],
    responses=SHOW_ERRORS,
)
async def show(request: Request, iys_code: IysCode, brand_code: BrandCode) -> Response:
    """Return the connections of the brand with their state; a partner's are its own."""
    ticket = await identified(request)
    path = read_brand_path(iys_code, brand_code)
    shown = await timely(request, _push(request).keep.show(ticket, path))
    return json_response(shown, status=200)


@router.post(
    "/sps/{iysCode}/brands/{brandCode}/push/unregistration",
    tags=["İYS"],
    operation_id="pushUnregistration",
    summary="Remove a registered address",
    response_model=MessageAnswer,
    responses=UNREGISTER_ERRORS,
    openapi_extra=body_of(ConnectionBody, {"one": _CONNECTION}),
)
async def unregister(request: Request, iys_code: IysCode, brand_code: BrandCode) -> Response:
    """Remove the connection with this address, channel, user name and password."""
    ticket = await identified(request)
    path = read_brand_path(iys_code, brand_code)
    body = await json_of(request, BodyNotJson())
    await timely(request, _push(request).keep.unregister(ticket, path, body))
    return json_response({"message": REMOVED}, status=200)


@router.get(_BELOW, tags=["accounts"], responses=problems("UNKNOWN_BRAND"))
async def list_connections(request: Request, brand_code: PathCode) -> list[ConnectionView]:
    """List the push connections of a brand and how they fare (provider, staff; a partner its own)."""
    work = _push(request).look_after.show(authorization(request), brand_code)
    return [_view(shown) for shown in await work]


@router.get(
    f"{_BELOW}/{{number}}/secret",
    tags=["accounts"],
    responses=problems("UNKNOWN_BRAND", "UNKNOWN_CONNECTION"),
)
async def show_secret(
    request: Request, response: Response, brand_code: PathCode, number: Number
) -> SecretAnswer:
    """Show the secret that deliveries are signed with (whose connection it is)."""
    response.headers["Cache-Control"] = "no-store"
    look_after = _push(request).look_after
    secret = await look_after.secret(authorization(request), brand_code, number)
    return SecretAnswer(secret=secret)


@router.post(
    f"{_BELOW}/{{number}}/secret",
    tags=["accounts"],
    responses=problems("UNKNOWN_BRAND", "UNKNOWN_CONNECTION"),
)
async def renew_secret(
    request: Request, response: Response, brand_code: PathCode, number: Number
) -> SecretRenewed:
    """Sign with a new secret; for a day the old one signs, too (whose connection it is)."""
    response.headers["Cache-Control"] = "no-store"
    look_after = _push(request).look_after
    secret, until = await look_after.renew_secret(authorization(request), brand_code, number)
    return SecretRenewed(secret=secret, previousValidUntil=until)


@router.post(
    f"{_BELOW}/{{number}}/resume",
    tags=["accounts"],
    status_code=204,
    responses=problems("UNKNOWN_BRAND", "UNKNOWN_CONNECTION", "CONFLICT"),
)
async def resume(request: Request, brand_code: PathCode, number: Number) -> Response:
    """Take a suspended connection up again where it stopped; try one that fails now at once."""
    await _push(request).look_after.resume(authorization(request), brand_code, number)
    return Response(status_code=204)


@router.delete(
    f"{_BELOW}/{{number}}",
    tags=["accounts"],
    status_code=204,
    responses=problems("UNKNOWN_BRAND", "UNKNOWN_CONNECTION"),
)
async def remove(request: Request, brand_code: PathCode, number: Number) -> Response:
    """Remove a connection, also without its password (provider, staff; a partner its own)."""
    await _push(request).look_after.remove(authorization(request), brand_code, number)
    return Response(status_code=204)


async def _called(request: Request, work: Coroutine[object, None, T], receivers_take_s: float) -> T:
    """Return what the work returns, within the deadline and the time that receivers have besides."""
    try:
        return await within(edge_of(request).deadline_s + receivers_take_s, work)
    except TimeoutError:
        raise LedgerUnavailableError("not in time") from None


def _view(shown: Shown) -> ConnectionView:
    row = shown.row
    return ConnectionView(
        id=row.registration_id,
        url=shown.url,
        type=cast("ChannelWord", row.channel),
        integratorCode=row.integrator_code,
        state="ACTIVE" if row.active else "SUSPENDED",
        since=row.state_since,
        position=row.position,
        head=max(shown.head, row.position),
        attempts=row.attempts,
        failingSince=row.failing_since,
        nextAttemptAt=row.next_attempt_at if row.active and row.attempts else None,
        lastOutcome=row.last_outcome,
    )

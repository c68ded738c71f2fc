"""The İYS wire's routes of this service: HTTP in, use case, HTTP out, and no rule of its own."""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Final, cast
from uuid import uuid4

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from services.registry.issue_token import IssueToken
from services.registry.limits.guard_sign_ins import SignInGuard
from services.registry.list_brands import ListBrands
from services.registry.openapi import (
    ADD_ERRORS,
    BRANDS_ERRORS,
    LIST_ERRORS,
    STATUS_ERRORS,
    TOKEN_ERRORS,
)
from services.registry.read_consents import ReadConsents
from services.registry.record_consent import RecordConsent
from services.registry.schemas import (
    BrandAnswer,
    ConsentAnswer,
    ConsentBody,
    GrantedAnswer,
    MovementAnswer,
    RecipientsBody,
    StatusBody,
    TokenAnswer,
    TokenBody,
    VersionAnswer,
)
from shared.domain.faults import (
    AddRequestUnusable,
    BodyNotJson,
    ConsentQueryUnusable,
    ConsentUnknown,
    RequestTimedOut,
    RuleBrokenError,
    WriteFailed,
)
from shared.domain.limits import Operation
from shared.domain.wire_time import consent_date_to_wire
from shared.ledger.append import Stored
from shared.ledger.failures import CommitUnknownError
from shared.web.direct import DirectRoute
from shared.web.iys_envelope import render_faults
from shared.web.json_body import read_body
from shared.web.openapi import body_of
from shared.web.wire_json import json_response
from shared.wire.path_codes import read_brand_path, read_iys_code
from shared.wire.request import (
    BrandCode,
    IysCode,
    edge_of,
    identified,
    json_of,
    limits_of,
    permit_of,
    timely,
)

VERSION: Final = "3.2.0"
router = APIRouter(tags=["İYS"])

_CONSENT = {
    "recipient": "+905991234567",
    "type": "MESAJ",
    "source": "HS_WEB",
    "status": "ONAY",
    "consentDate": "2026-03-02 14:05:09",
    "recipientType": "BIREYSEL",
}
_QUESTION = {"recipient": "+905991234567", "recipientType": "BIREYSEL", "type": "MESAJ"}


@dataclass(frozen=True, slots=True)
class Wire:
    """What the routes call; the composition root builds it and yields it as `request.state.wire`."""

    issue_token: IssueToken
    record_consent: RecordConsent
    read_consents: ReadConsents
    list_brands: ListBrands
    unknown_consent_status: int


def _wire(request: Request) -> Wire:
    return cast("Wire", request.state.wire)


def _movement(stored: Stored) -> Response:
    body = {
        "transactionId": stored.transaction_id,
        "creationDate": consent_date_to_wire(stored.created_at),
    }
    return json_response(body, status=200)


@router.post(
    "/oauth2/token",
    operation_id="createToken",
    summary="Get or refresh an access token",
    response_model=TokenAnswer,
    responses=TOKEN_ERRORS,
    openapi_extra=body_of(
        TokenBody,
        {
            "password": {
                "grant_type": "password",
                "username": "api@ornek.example",
                "password": "…",
            },
            "refresh": {"grant_type": "refresh_token", "refresh_token": "…"},
        },
        forms=True,
    ),
)
async def create_token(request: Request) -> Response:
    """Exchange a user name and password, or a refresh token, for a pair of tokens.

    JSON and form bodies are equal; unknown fields are ignored. Errors have the OAuth shape, status 400.
    """
    raw = await read_body(request)
    guard = SignInGuard(limits_of(request))
    answer = await timely(request, _wire(request).issue_token(raw, guard))
    return json_response(answer, status=200, headers={"Cache-Control": "no-store"})


@router.get(
    "/sps/{iysCode}/brands",
    operation_id="listBrands",
    summary="List a provider's brands with their counters",
    response_model=list[BrandAnswer],
    responses=BRANDS_ERRORS,
)
async def list_brands(request: Request, iys_code: IysCode) -> Response:
    """Return the brands that the caller may see, with the number of consents by state."""
    wire = _wire(request)
    ticket = await identified(request)
    brands = await timely(request, wire.list_brands(ticket, read_iys_code(iys_code)))
    return json_response(brands, status=200)


async def _record(
    request: Request, iys_code: str, brand_code: str, *, replayable: bool
) -> Response:
    wire = _wire(request)
    ticket = await identified(request)
    path = read_brand_path(iys_code, brand_code)
    body = await json_of(request, AddRequestUnusable())
    try:
        # What is awaited on this path is ours, and lets go at once; so the cheap timeout does.
        async with asyncio.timeout(edge_of(request).deadline_s):
            permit = permit_of(request, ticket, body, operation=Operation.ADD)
            stored = await wire.record_consent(
                ticket, path, body, replayable=replayable, permit=permit
            )
    except CommitUnknownError:
        raise RuleBrokenError(WriteFailed()) from None
    except TimeoutError:
        # Not cancelled: the write goes on, and a repeat finds out what became of it.
        raise RuleBrokenError(RequestTimedOut()) from None
    return _movement(stored)


@router.post(
    "/sps/{iysCode}/brands/{brandCode}/consents",
    operation_id="addConsent",
    summary="Record one consent",
    response_model=MovementAnswer,
    responses=ADD_ERRORS,
    openapi_extra=body_of(ConsentBody, {"consent": _CONSENT}),
)
async def add_consent(request: Request, iys_code: IysCode, brand_code: BrandCode) -> Response:
    """Record an approval (ONAY) or a refusal (RET) of one address on one channel.

    The answer means that it is durable, and that every check from now on knows it.
    """
    return await _record(request, iys_code, brand_code, replayable=False)


@router.post(
    "/v2/sps/{iysCode}/brands/{brandCode}/consents",
    operation_id="addConsentV2",
    summary="Record one consent; an exact repeat gets the first answer again",
    response_model=MovementAnswer,
    responses=ADD_ERRORS,
    openapi_extra=body_of(ConsentBody, {"consent": _CONSENT}),
)
async def add_consent_v2(request: Request, iys_code: IysCode, brand_code: BrandCode) -> Response:
    """Record one consent as the first version does, but answer a repeat with its `transactionId`."""
    return await _record(request, iys_code, brand_code, replayable=True)


@router.post(
    "/sps/{iysCode}/brands/{brandCode}/consents/status",
    operation_id="readConsent",
    summary="Ask for the state of one consent",
    response_model=ConsentAnswer,
    responses=STATUS_ERRORS,
    openapi_extra=body_of(StatusBody, {"question": _QUESTION}),
)
async def read_consent(request: Request, iys_code: IysCode, brand_code: BrandCode) -> Response:
    """Return one consent as it stands; an address without a record is 404 with `H401`."""
    wire = _wire(request)
    ticket = await identified(request)
    path = read_brand_path(iys_code, brand_code)
    body = await json_of(request, ConsentQueryUnusable())
    shown = await timely(request, wire.read_consents.one(ticket, path, body))
    if shown is not None:
        return json_response(shown, status=200)
    if wire.unknown_consent_status == 200:  # noqa: PLR2004  # a setting: 404 or 200
        return json_response({}, status=200)
    return render_faults([ConsentUnknown()], status=404)


@router.post(
    "/sps/{iysCode}/brands/{brandCode}/consents/{recipientType}/status/{type}",
    operation_id="filterGranted",
    summary="Which of these addresses are in ONAY?",
    response_model=GrantedAnswer,
    responses=LIST_ERRORS,
    openapi_extra=body_of(RecipientsBody, {"numbers": {"recipients": ["+905991234567"]}}),
)
async def filter_granted(
    request: Request,
    iys_code: IysCode,
    brand_code: BrandCode,
    recipient_type: Annotated[str, Path(alias="recipientType", description="BIREYSEL or TACIR.")],
    channel: Annotated[str, Path(alias="type", description="ARAMA, MESAJ or EPOSTA.")],
) -> Response:
    """Return those of up to 1000 addresses that are in ONAY; refused and unknown ones are left out."""
    wire = _wire(request)
    ticket = await identified(request)
    path = read_brand_path(iys_code, brand_code)
    body = await json_of(request, BodyNotJson())
    work = wire.read_consents.granted(ticket, path, (recipient_type, channel), body)
    granted = await timely(request, work)
    return json_response({"requestId": str(uuid4()), "list": granted}, status=200)


@router.get(
    "/version",
    operation_id="version",
    summary="Which version of the wire answers",
    response_model=VersionAnswer,
)
async def version() -> Response:
    """Answer without credentials; some clients probe the service with it."""
    return json_response({"version": VERSION}, status=200)


DIRECT: Final = (
    DirectRoute("POST", "/sps/{iysCode}/brands/{brandCode}/consents", add_consent),
    DirectRoute("POST", "/v2/sps/{iysCode}/brands/{brandCode}/consents", add_consent_v2),
    DirectRoute("POST", "/sps/{iysCode}/brands/{brandCode}/consents/status", read_consent),
)

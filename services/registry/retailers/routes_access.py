"""Access of retailers to consents over HTTP, at the published addresses and at those of older clients."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from services.registry.retailers.openapi import (
    ACCESS_LIST_ERRORS,
    GRANT_ERRORS,
    REPLACE_ERRORS,
    TAKE_ALL_ERRORS,
    TAKE_ERRORS,
)
from services.registry.retailers.routes import retailers_of
from services.registry.retailers.schemas import (
    AccessAnswer,
    AccessListBody,
    AccessQuestion,
    GrantBody,
    RemoveAllBody,
)
from services.registry.schemas import MovementAnswer
from shared.domain.faults import BodyNotJson, RuleBrokenError, WriteFailed
from shared.domain.paging import read_page
from shared.domain.read_access_change import AccessCall
from shared.domain.wire_time import consent_date_to_wire
from shared.ledger.failures import CommitUnknownError
from shared.web.openapi import body_of
from shared.web.wire_json import json_response
from shared.wire.path_codes import read_brand_path
from shared.wire.request import BrandCode, IysCode, identified, json_of, timely

router = APIRouter(tags=["İYS"])
_BRAND: Final = "/sps/{iysCode}/brands/{brandCode}"
# The published answer of the methods that work on many addresses.
_DONE: Final = b"1"
_WORDS: Final = {"type": "MESAJ", "recipientType": "BIREYSEL"}
_ONE: Final = {**_WORDS, "recipient": "+905991234567"}
_MANY: Final = {**_WORDS, "recipients": ["+905991234567"]}
_RETAILERS: Final = {"retailerAccess": [40000017]}


@router.post(
    f"{_BRAND}/consents/retailers/access",
    operation_id="addRetailers",
    summary="Let retailers use one consent",
    response_model=MovementAnswer,
    responses=GRANT_ERRORS,
    openapi_extra=body_of(GrantBody, {"grant": {**_ONE, **_RETAILERS}}),
)
async def grant_access(request: Request, iys_code: IysCode, brand_code: BrandCode) -> Response:
    """Add retailers to those that may use a consent. Every check from now on knows it."""
    ticket = await identified(request)
    path = read_brand_path(iys_code, brand_code)
    body = await json_of(request, BodyNotJson())
    try:
        stored = await timely(
            request, retailers_of(request).change_access.grant(ticket, path, body)
        )
    except CommitUnknownError:
        raise RuleBrokenError(WriteFailed()) from None
    answer = {
        "transactionId": stored.transaction_id,
        "creationDate": consent_date_to_wire(stored.created_at),
    }
    return json_response(answer, status=200)


@router.put(
    f"{_BRAND}/consents/retailers/access",
    operation_id="overrideRetailers",
    summary="Say which retailers may use these consents, and nobody else",
    status_code=202,
    response_model=int,
    responses=REPLACE_ERRORS,
    openapi_extra=body_of(AccessListBody, {"retailers": {**_MANY, **_RETAILERS}}),
)
async def replace_access(request: Request, iys_code: IysCode, brand_code: BrandCode) -> Response:
    """Replace those that may use up to 100 consents, the one that collected them included.

    The answer means that it is done. An address without a record is left out.
    """
    return await _change(request, iys_code, brand_code, AccessCall.REPLACE)


@router.post(f"{_BRAND}/consents/retailers/access/list", include_in_schema=False)
@router.post(
    f"{_BRAND}/consent/retailers/access/list",
    operation_id="searchRetailersOfOneConsent",
    summary="Which retailers may use this consent?",
    response_model=AccessAnswer,
    responses=ACCESS_LIST_ERRORS,
    openapi_extra=body_of(AccessQuestion, {"question": _ONE}),
)
async def list_access(
    request: Request,
    iys_code: IysCode,
    brand_code: BrandCode,
    _offset: Annotated[str | None, Query(alias="offset", description="Rows to leave out.")] = None,
    _limit: Annotated[str | None, Query(alias="limit", description="1 to 100, else 100.")] = None,
) -> Response:
    """Return a page of the retailers that may use one consent; none where there is no record."""
    ticket = await identified(request)
    path = read_brand_path(iys_code, brand_code)
    body = await json_of(request, BodyNotJson())
    query = request.query_params
    page = read_page(query.get("offset") or None, query.get("limit") or None)
    answer = await timely(request, retailers_of(request).list_access(ticket, path, body, page))
    return json_response(answer, status=200)


@router.post(f"{_BRAND}/consents/retailer/access/remove", include_in_schema=False)
@router.post(
    f"{_BRAND}/consents/retailers/access/remove",
    operation_id="removeRetailersOfConsents",
    summary="Take these consents from these retailers",
    status_code=202,
    response_model=int,
    responses=TAKE_ERRORS,
    openapi_extra=body_of(AccessListBody, {"retailers": {**_MANY, **_RETAILERS}}),
)
async def remove_access(request: Request, iys_code: IysCode, brand_code: BrandCode) -> Response:
    """Remove retailers from those that may use up to 100 consents.

    The answer means that it is done. An address without a record is left out.
    """
    return await _change(request, iys_code, brand_code, AccessCall.REMOVE)


@router.post(f"{_BRAND}/consents/retailer/access/remove/all", include_in_schema=False)
@router.post(
    f"{_BRAND}/consents/retailers/access/remove/all",
    operation_id="removeAllRetailersOfConsents",
    summary="Take these consents from every retailer",
    status_code=202,
    response_model=int,
    responses=TAKE_ALL_ERRORS,
    openapi_extra=body_of(RemoveAllBody, {"consents": _MANY}),
)
async def remove_all_access(request: Request, iys_code: IysCode, brand_code: BrandCode) -> Response:
    """Remove everybody from those that may use up to 100 consents, their collectors included."""
    return await _change(request, iys_code, brand_code, AccessCall.REMOVE_ALL)


async def _change(request: Request, iys_code: str, brand_code: str, call: AccessCall) -> Response:
    ticket = await identified(request)
    path = read_brand_path(iys_code, brand_code)
    body = await json_of(request, BodyNotJson())
    work = retailers_of(request).change_access.change(ticket, path, body, call)
    try:
        await timely(request, work)
    except CommitUnknownError:
        raise RuleBrokenError(WriteFailed()) from None
    return Response(_DONE, status_code=202, media_type="application/json")

"""Retailers over HTTP: the published methods, and one of our own for their status."""

from typing import Annotated, Final, cast

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import PlainTextResponse, Response

from services.registry.retailers.area import Retailers
from services.registry.retailers.openapi import (
    ADD_ERRORS,
    ONE_ERRORS,
    PAGE_ERRORS,
    REMOVE_ERRORS,
)
from services.registry.retailers.schemas import (
    RetailerAdded,
    RetailerBody,
    RetailersAnswer,
    RetailerStatusAnswer,
    RetailerStatusBody,
    SingleRetailerAnswer,
)
from shared.auth.gate import Ticket
from shared.domain.basic_credential import refused_credential
from shared.domain.faults import BodyNotJson, RuleBrokenError, TokenUnusable
from shared.domain.new_retailer import RetailerStatus
from shared.domain.retailer_faults import RetailerLinked
from shared.domain.retailer_listing import read_listing
from shared.web.iys_envelope import render_faults
from shared.web.openapi import body_of
from shared.web.own_surface import PathCode, authorization, problems
from shared.web.wire_json import json_response
from shared.wire.path_codes import read_brand_path
from shared.wire.request import BrandCode, IysCode, identified, json_of, timely

router = APIRouter()
_BRAND: Final = "/sps/{iysCode}/brands/{brandCode}"
_CODE_DIGITS: Final = 8
_NOBODYS: Final = 0
PathRetailer = Annotated[str, Path(alias="retailerCode", description="Eight digits.")]
_RETAILER: Final = {
    "title": "Kuzey Yapı Market",
    "name": "Deniz Örnek",
    "tckn": "10000000146",
    "tin": "1234567890",
    "city": {"code": "34", "name": "İstanbul"},
    "town": {"code": "429", "name": "Kadıköy"},
    "mobile": "+905991234567",
    "alias": "Kadıköy Şubesi",
    "status": "active",
}


def retailers_of(request: Request) -> Retailers:
    """Return what this process has about retailers."""
    return cast("Retailers", request.state.retailers)


@router.post(
    f"{_BRAND}/retailers",
    tags=["İYS"],
    operation_id="addRetailer",
    summary="Record a retailer",
    status_code=201,
    response_model=RetailerAdded,
    responses=ADD_ERRORS,
    openapi_extra=body_of(RetailerBody, {"retailer": _RETAILER}),
)
async def add_retailer(request: Request, iys_code: IysCode, brand_code: BrandCode) -> Response:
    """Record a retailer of the brand and return the code of eight digits that it got."""
    ticket = await _identified(request)
    path = read_brand_path(iys_code, brand_code)
    body = await json_of(request, BodyNotJson())
    code = await timely(request, retailers_of(request).manage.add(ticket, path, body))
    return json_response({"retailerCode": code}, status=201)


@router.get(
    f"{_BRAND}/retailers",
    tags=["İYS"],
    operation_id="listRetailers",
    summary="List the retailers of a brand",
    response_model=RetailersAnswer,
    response_model_exclude_none=True,
    responses=PAGE_ERRORS,
)
async def list_retailers(
    request: Request,
    iys_code: IysCode,
    brand_code: BrandCode,
    _offset: Annotated[str | None, Query(alias="offset", description="Rows to leave out.")] = None,
    _limit: Annotated[str | None, Query(alias="limit", description="1 to 100, else 100.")] = None,
    _all: Annotated[str | None, Query(alias="all", description="true: everything.")] = None,
    _short: Annotated[str | None, Query(alias="short", description="true: no details.")] = None,
) -> Response:
    """Return a page of the brand's retailers, the oldest first."""
    ticket = await _identified(request)
    path = read_brand_path(iys_code, brand_code)
    listing = read_listing(request.query_params)
    page = await timely(request, retailers_of(request).manage.page(ticket, path, listing))
    return json_response(page, status=200)


@router.get(
    f"{_BRAND}/retailers/{{retailerCode}}",
    tags=["İYS"],
    operation_id="readRetailer",
    summary="Show one retailer",
    response_model=SingleRetailerAnswer,
    responses=ONE_ERRORS,
)
async def read_retailer(
    request: Request, iys_code: IysCode, brand_code: BrandCode, retailer_code: PathRetailer
) -> Response:
    """Return one retailer; an empty object where the brand has none with this code."""
    ticket = await _identified(request)
    path = read_brand_path(iys_code, brand_code)
    work = retailers_of(request).manage.one(ticket, path, _code(retailer_code))
    return json_response(await timely(request, work), status=200)


@router.delete(
    f"{_BRAND}/retailers/{{retailerCode}}",
    tags=["İYS"],
    operation_id="removeRetailer",
    summary="Remove a retailer that no consent names",
    response_class=Response,
    responses=REMOVE_ERRORS,
)
async def remove_retailer(
    request: Request, iys_code: IysCode, brand_code: BrandCode, retailer_code: PathRetailer
) -> Response:
    """Remove a retailer. One that a consent names stays: 400 with `H061`."""
    ticket = await _identified(request)
    path = read_brand_path(iys_code, brand_code)
    work = retailers_of(request).manage.remove(ticket, path, _code(retailer_code))
    try:
        await timely(request, work)
    except RuleBrokenError as refused:
        if not isinstance(refused.faults[0], RetailerLinked):
            raise
        return render_faults(refused.faults, status=400)
    return PlainTextResponse("Başarı")


@router.put(
    "/accounts/brands/{brand_code}/retailers/{retailer_code}/status",
    tags=["accounts"],
    responses=problems("UNKNOWN_ACCOUNT", "UNKNOWN_BRAND"),
)
async def set_retailer_status(
    request: Request,
    brand_code: PathCode,
    retailer_code: Annotated[int, Path(ge=10_000_000, le=99_999_999)],
    body: RetailerStatusBody,
) -> RetailerStatusAnswer:
    """Make a retailer active, passive or suspended, for the next request (provider, staff)."""
    await retailers_of(request).set_status(
        authorization(request),
        brand_code=brand_code,
        retailer_code=retailer_code,
        status=RetailerStatus(body.status),
    )
    return RetailerStatusAnswer(retailerCode=retailer_code, status=body.status)


async def _identified(request: Request) -> Ticket:
    """Return whom the credential stands for; these methods publish codes of their own for HTTP Basic."""
    try:
        return await identified(request)
    except RuleBrokenError as refused:
        if not isinstance(refused.faults[0], TokenUnusable):
            raise
        authorization = request.headers.get("authorization", "")
        raise RuleBrokenError(refused_credential(authorization)) from None


def _code(text: str) -> int:
    """Return the number of a retailer; what cannot be one is nobody's."""
    if text.isascii() and text.isdigit() and len(text) == _CODE_DIGITS:
        return int(text)
    return _NOBODYS

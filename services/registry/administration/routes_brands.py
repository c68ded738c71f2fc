"""What belongs to a brand, over HTTP: its name, its headers, what it grants to partners, its retailers."""

from fastapi import APIRouter, Request, Response

from services.registry.administration.openapi import (
    AfterCode,
    AfterText,
    Limit,
    administration,
    nothing,
    page_of,
)
from services.registry.administration.schemas import (
    BrandAdded,
    GrantBody,
    HeaderAnswer,
    HeaderBody,
    NameBody,
    RetailerAnswer,
    RetailerBody,
)
from services.registry.administration.schemas_lists import GrantItem, HeaderItem, Page
from shared.ledger.accounts import NewGrant
from shared.web.own_surface import HeaderName, PathCode, authorization, problems

router = APIRouter(prefix="/brands/{brand_code}")


@router.put(
    "/name",
    operation_id="renameBrand",
    summary="Give a brand another name (staff)",
    responses=problems("UNKNOWN_BRAND"),
)
async def rename_brand(request: Request, brand_code: PathCode, body: NameBody) -> BrandAdded:
    """Rename a brand; its trademark stands behind the name, so staff does it."""
    await administration(request).brands.rename(authorization(request), brand_code, body.name)
    return BrandAdded(brandCode=brand_code, name=body.name)


@router.get(
    "/headers",
    operation_id="listHeaders",
    summary="List a brand's headers (its provider, staff)",
    responses=problems("UNKNOWN_BRAND"),
)
async def list_headers(
    request: Request, brand_code: PathCode, after: AfterText = "", limit: Limit = 50
) -> Page[HeaderItem]:
    """Return a page of the headers that are bound, with how their firm showed that they are its own."""
    rows = await administration(request).headers.page(
        authorization(request), brand_code, after=after, limit=limit + 1
    )
    return page_of(rows, HeaderItem.of, limit=limit, cursor=lambda row: row.header)


@router.put(
    "/headers/{header}",
    responses=problems("UNKNOWN_BRAND", "CONFLICT", "UNKNOWN_ACCOUNT"),
)
async def bind_header(
    request: Request, brand_code: PathCode, header: HeaderName, body: HeaderBody
) -> HeaderAnswer:
    """Bind an SMS header (başlık) to a brand; a header belongs to one brand (provider, staff)."""
    await administration(request).headers.bind(
        authorization(request), brand_code=brand_code, header=header, operators=body.operators
    )
    return HeaderAnswer(header=header, brandCode=brand_code)


@router.delete(
    "/headers/{header}", status_code=204, responses=problems("UNKNOWN_BRAND", "UNKNOWN_HEADER")
)
async def unbind_header(request: Request, brand_code: PathCode, header: HeaderName) -> Response:
    """Take a header from a brand (provider, staff)."""
    return await nothing(
        administration(request).headers.unbind(
            authorization(request), brand_code=brand_code, header=header
        )
    )


@router.get(
    "/grants",
    operation_id="listGrants",
    summary="List what a brand grants to partners (its provider, staff)",
    responses=problems("UNKNOWN_BRAND"),
)
async def list_grants(
    request: Request, brand_code: PathCode, after: AfterCode = 0, limit: Limit = 50
) -> Page[GrantItem]:
    """Return a page of the partners that may do something at a brand, by their numbers."""
    rows = await administration(request).brands.list_grants(
        authorization(request), brand_code, after=after, limit=limit + 1
    )
    return page_of(rows, GrantItem.of, limit=limit, cursor=lambda row: row.integrator_code)


@router.put("/grants/{integrator_code}", responses=problems("UNKNOWN_BRAND", "UNKNOWN_PARTNER"))
async def put_grant(
    request: Request, brand_code: PathCode, integrator_code: PathCode, body: GrantBody
) -> GrantBody:
    """Say what a partner may do at a brand, in place of what it could before (provider, staff)."""
    grant = NewGrant(body.ARAMA, body.MESAJ, body.EPOSTA, body.reconciliation, body.via)
    await administration(request).brands.put_grant(
        authorization(request),
        brand_code=brand_code,
        integrator_code=integrator_code,
        grant=grant,
    )
    return body


@router.delete(
    "/grants/{integrator_code}",
    status_code=204,
    responses=problems("UNKNOWN_BRAND", "UNKNOWN_PARTNER"),
)
async def remove_grant(
    request: Request, brand_code: PathCode, integrator_code: PathCode
) -> Response:
    """Withdraw a partner's rights at a brand, at once (provider, staff)."""
    return await nothing(
        administration(request).brands.remove_grant(
            authorization(request), brand_code=brand_code, integrator_code=integrator_code
        )
    )


@router.post(
    "/retailers",
    status_code=201,
    responses=problems("UNKNOWN_BRAND", "ALREADY_EXISTS", "CONFLICT"),
)
async def add_retailer(
    request: Request, brand_code: PathCode, body: RetailerBody
) -> RetailerAnswer:
    """Add a retailer to a brand (provider, staff)."""
    code = await administration(request).brands.add_retailer(
        authorization(request),
        brand_code=brand_code,
        title=body.title,
        retailer_code=body.retailerCode,
    )
    return RetailerAnswer(retailerCode=code, title=body.title)

"""Partners over HTTP, and their licences. What a brand grants them stands with the brand."""

from fastapi import APIRouter, Request, Response

from services.registry.administration.openapi import (
    AfterCode,
    Limit,
    administration,
    nothing,
    page_of,
)
from services.registry.administration.schemas import (
    LicenceBody,
    PartnerAnswer,
    PartnerBody,
    TitleBody,
)
from services.registry.administration.schemas_lists import Page, PartnerItem
from shared.web.own_surface import PathCode, authorization, problems

router = APIRouter(prefix="/partners")


@router.post("", status_code=201, responses=problems("ALREADY_EXISTS"))
async def add_partner(request: Request, body: PartnerBody) -> PartnerAnswer:
    """Register a partner (staff)."""
    code, secret = await administration(request).partners.add(
        authorization(request), title=body.title, licence_valid_until=body.licenceValidUntil
    )
    return PartnerAnswer(integratorCode=code, username=secret.username, password=secret.password)


@router.get(
    "",
    operation_id="listPartners",
    summary="List the partners (staff)",
    responses=problems(),
)
async def list_partners(
    request: Request, after: AfterCode = 0, limit: Limit = 50
) -> Page[PartnerItem]:
    """Return a page of the partners, by their numbers."""
    rows = await administration(request).partners.page(
        authorization(request), after=after, limit=limit + 1
    )
    return page_of(rows, PartnerItem.of, limit=limit, cursor=lambda row: row.integrator_code)


@router.get(
    "/{code}",
    operation_id="showPartner",
    summary="Show a partner (itself, staff)",
    responses=problems("UNKNOWN_PARTNER"),
)
async def show_partner(request: Request, code: PathCode) -> PartnerItem:
    """Return what is registered about a partner."""
    row = await administration(request).partners.show(authorization(request), code)
    return PartnerItem.of(row)


@router.put(
    "/{code}",
    status_code=204,
    operation_id="renamePartner",
    summary="Give a partner another title (staff)",
    responses=problems("UNKNOWN_PARTNER"),
)
async def rename_partner(request: Request, code: PathCode, body: TitleBody) -> Response:
    """Rename a partner."""
    return await nothing(
        administration(request).partners.rename(authorization(request), code, body.title)
    )


@router.put("/{code}/licence", status_code=204, responses=problems("UNKNOWN_PARTNER"))
async def set_licence(request: Request, code: PathCode, body: LicenceBody) -> Response:
    """Set the last day of a partner's licence (staff)."""
    return await nothing(
        administration(request).partners.set_licence(
            authorization(request), code, body.licenceValidUntil
        )
    )

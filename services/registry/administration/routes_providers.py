"""Providers over HTTP, and their brands."""

from fastapi import APIRouter, Request

from services.registry.administration.manage_providers import ProviderChange
from services.registry.administration.openapi import AfterCode, Limit, administration, page_of
from services.registry.administration.schemas import (
    BrandAdded,
    BrandBody,
    ProviderAnswer,
    ProviderBody,
    ProviderChangeBody,
)
from services.registry.administration.schemas_lists import BrandItem, Page, ProviderItem
from shared.ledger.accounts import NewProvider
from shared.web.own_surface import PathCode, authorization, problems

router = APIRouter()


@router.post("/providers", status_code=201, responses=problems("ALREADY_EXISTS"))
async def add_provider(request: Request, body: ProviderBody) -> ProviderAnswer:
    """Register a provider with its master brand and its API user (staff)."""
    provider = NewProvider(
        title=body.title,
        tax_number=body.taxNumber,
        exemption_basis=None if body.exemptionBasis is None else body.exemptionBasis.value,
        iys_code=body.iysCode,
        master_brand_name=body.masterBrandName or body.title,
        mersis=body.mersis,
    )
    code, secret = await administration(request).providers.add(authorization(request), provider)
    return ProviderAnswer(
        iysCode=code, brandCode=code, username=secret.username, password=secret.password
    )


@router.get(
    "/providers",
    operation_id="listProviders",
    summary="List the providers (staff)",
    responses=problems(),
)
async def list_providers(
    request: Request, after: AfterCode = 0, limit: Limit = 50
) -> Page[ProviderItem]:
    """Return a page of the providers, by their numbers."""
    rows = await administration(request).providers.page(
        authorization(request), after=after, limit=limit + 1
    )
    return page_of(rows, ProviderItem.of, limit=limit, cursor=lambda row: row.iys_code)


@router.get(
    "/providers/{iys_code}",
    operation_id="showProvider",
    summary="Show a provider (itself, staff)",
    responses=problems("UNKNOWN_PROVIDER"),
)
async def show_provider(request: Request, iys_code: PathCode) -> ProviderItem:
    """Return what is registered about a provider."""
    row = await administration(request).providers.show(authorization(request), iys_code)
    return ProviderItem.of(row)


@router.put(
    "/providers/{iys_code}",
    operation_id="changeProvider",
    summary="Change what is registered about a provider (staff)",
    responses=problems("UNKNOWN_PROVIDER"),
)
async def change_provider(
    request: Request, iys_code: PathCode, body: ProviderChangeBody
) -> ProviderItem:
    """Change what the body names; the rest stays. Holds for the next request of everybody."""
    basis = body.exemptionBasis
    change = ProviderChange(
        title=body.title,
        tax_number=body.taxNumber,
        mersis=body.mersis,
        exemption_basis=None if basis is None else basis.value,
        clear_exemption=basis is None and "exemptionBasis" in body.model_fields_set,
    )
    row = await administration(request).providers.change(authorization(request), iys_code, change)
    return ProviderItem.of(row)


@router.post(
    "/providers/{iys_code}/brands",
    status_code=201,
    responses=problems("ALREADY_EXISTS", "UNKNOWN_PROVIDER"),
)
async def add_brand(request: Request, iys_code: PathCode, body: BrandBody) -> BrandAdded:
    """Add a brand (the provider itself, or staff)."""
    code = await administration(request).brands.add(
        authorization(request), iys_code=iys_code, name=body.name, brand_code=body.brandCode
    )
    return BrandAdded(brandCode=code, name=body.name)


@router.get(
    "/providers/{iys_code}/brands",
    operation_id="listBrandsOfProvider",
    summary="List a provider's brands (itself, staff)",
    responses=problems("UNKNOWN_PROVIDER"),
)
async def list_brands(
    request: Request, iys_code: PathCode, after: AfterCode = 0, limit: Limit = 50
) -> Page[BrandItem]:
    """Return a page of a provider's brands, by their numbers."""
    rows = await administration(request).brands.page(
        authorization(request), iys_code, after=after, limit=limit + 1
    )
    return page_of(rows, BrandItem.of, limit=limit, cursor=lambda row: row.brand_code)

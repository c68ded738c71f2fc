"""Operators over HTTP. The codes that they send under are the `system` area's."""

from fastapi import APIRouter, Request

from services.registry.administration.openapi import AfterCode, Limit, administration, page_of
from services.registry.administration.schemas import (
    OperatorAnswer,
    OperatorBody,
    OperatorChangeBody,
)
from services.registry.administration.schemas_lists import OperatorItem, Page
from shared.web.own_surface import PathCode, authorization, problems

router = APIRouter(prefix="/operators")


@router.post("", status_code=201, responses=problems("ALREADY_EXISTS", "UNKNOWN_BRAND"))
async def add_operator(request: Request, body: OperatorBody) -> OperatorAnswer:
    """Register an operator (staff)."""
    code, secret = await administration(request).operators.add(
        authorization(request), title=body.title, brands=body.brands
    )
    return OperatorAnswer(
        operatorCode=code,
        username=secret.username,
        password=secret.password,
        apiKey=secret.api_key,
    )


@router.get(
    "",
    operation_id="listOperators",
    summary="List the operators (staff)",
    responses=problems(),
)
async def list_operators(
    request: Request, after: AfterCode = 0, limit: Limit = 50
) -> Page[OperatorItem]:
    """Return a page of the operators, by their numbers."""
    rows = await administration(request).operators.page(
        authorization(request), after=after, limit=limit + 1
    )
    return page_of(rows, OperatorItem.of, limit=limit, cursor=lambda row: row.operator_code)


@router.get(
    "/{code}",
    operation_id="showOperator",
    summary="Show an operator (itself, staff)",
    responses=problems("UNKNOWN_ACCOUNT"),
)
async def show_operator(request: Request, code: PathCode) -> OperatorItem:
    """Return what is registered about an operator."""
    row = await administration(request).operators.show(authorization(request), code)
    return OperatorItem.of(row)


@router.put(
    "/{code}",
    operation_id="changeOperator",
    summary="Change an operator, and for which brands it may ask (staff)",
    responses=problems("UNKNOWN_ACCOUNT", "UNKNOWN_BRAND"),
)
async def change_operator(
    request: Request, code: PathCode, body: OperatorChangeBody
) -> OperatorItem:
    """Change what the body names; the rest stays. Holds for the next check of this operator."""
    named = "brands" in body.model_fields_set
    row = await administration(request).operators.change(
        authorization(request),
        code,
        title=body.title,
        every_brand=body.brands is None if named else None,
        brands=body.brands,
    )
    return OperatorItem.of(row)


@router.get(
    "/{code}/brands",
    operation_id="listBrandsOfOperator",
    summary="List the brands that an operator may ask for (itself, staff)",
    responses=problems("UNKNOWN_ACCOUNT"),
)
async def list_brands(
    request: Request, code: PathCode, after: AfterCode = 0, limit: Limit = 50
) -> Page[int]:
    """Return a page of the numbers on its list; empty where it may ask for every active brand."""
    rows = await administration(request).operators.list_brands(
        authorization(request), code, after=after, limit=limit + 1
    )
    return page_of(rows, int, limit=limit, cursor=int)

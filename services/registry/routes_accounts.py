"""Accounts over HTTP, our own surface: providers look after their brands, staff after everybody.

Errors are problem documents. Every change holds for the next request on every process. A secret is
shown once, in the answer that made it.
"""

from collections.abc import Awaitable
from typing import Annotated, Literal, cast

from fastapi import APIRouter, Path, Request, Response

from services.registry.account_schemas import (
    BrandAdded,
    BrandBody,
    GrantBody,
    HeaderAnswer,
    HeaderBody,
    KeyAnswer,
    LicenceBody,
    OperatorAnswer,
    OperatorBody,
    PartnerAnswer,
    PartnerBody,
    ProviderAnswer,
    ProviderBody,
    RetailerAnswer,
    RetailerBody,
    SecretAnswer,
    StateBody,
    UserBody,
)
from services.registry.manage_accounts import ManageAccounts
from shared.ledger.accounts import NewGrant, NewProvider
from shared.web.openapi import Responses, problem_answers

router = APIRouter(prefix="/accounts", tags=["accounts"])

PathCode = Annotated[int, Path(gt=0, lt=2**31)]
HeaderName = Annotated[
    str,
    Path(pattern=r"^[A-Za-z0-9 ._&-]{3,11}$", description="3 to 11 characters (regulation E9)."),
]


Username = Annotated[str, Path(pattern=r"^[A-Za-z0-9@._+-]{3,100}$")]


def problems(*codes: str) -> Responses:
    """Describe the problem documents that an operation can answer with."""
    return problem_answers(
        (
            *("NOT_AUTHENTICATED", "FORBIDDEN", "BODY_TOO_LARGE", "INVALID_FIELD", "BAD_REQUEST"),
            *("LEDGER_UNAVAILABLE", *codes),
        )
    )


def _accounts(request: Request) -> ManageAccounts:
    return cast("ManageAccounts", request.state.accounts)


def _authorization(request: Request) -> str | None:
    return request.headers.get("authorization")


async def _nothing(work: Awaitable[None]) -> Response:
    await work
    return Response(status_code=204)


@router.post("/providers", status_code=201, responses=problems("ALREADY_EXISTS"))
async def add_provider(request: Request, body: ProviderBody) -> ProviderAnswer:
    """Register a provider with its master brand and its API user (staff)."""
    provider = NewProvider(
        title=body.title,
        tax_number=body.taxNumber,
        exemption_basis=None if body.exemptionBasis is None else body.exemptionBasis.value,
        iys_code=body.iysCode,
        master_brand_name=body.masterBrandName or body.title,
    )
    code, secret = await _accounts(request).add_provider(_authorization(request), provider)
    return ProviderAnswer(
        iysCode=code, brandCode=code, username=secret.username, password=secret.password
    )


@router.post(
    "/providers/{iys_code}/brands",
    status_code=201,
    responses=problems("ALREADY_EXISTS", "UNKNOWN_PROVIDER"),
)
async def add_brand(request: Request, iys_code: PathCode, body: BrandBody) -> BrandAdded:
    """Add a brand (the provider itself, or staff)."""
    code = await _accounts(request).add_brand(
        _authorization(request), iys_code=iys_code, name=body.name, brand_code=body.brandCode
    )
    return BrandAdded(brandCode=code, name=body.name)


@router.put(
    "/brands/{brand_code}/headers/{header}",
    responses=problems("UNKNOWN_BRAND", "CONFLICT", "UNKNOWN_ACCOUNT"),
)
async def bind_header(
    request: Request, brand_code: PathCode, header: HeaderName, body: HeaderBody
) -> HeaderAnswer:
    """Bind an SMS header (başlık) to a brand; a header belongs to one brand (provider, staff)."""
    await _accounts(request).bind_header(
        _authorization(request), brand_code=brand_code, header=header, operators=body.operators
    )
    return HeaderAnswer(header=header, brandCode=brand_code)


@router.delete(
    "/brands/{brand_code}/headers/{header}",
    status_code=204,
    responses=problems("UNKNOWN_BRAND", "UNKNOWN_HEADER"),
)
async def unbind_header(request: Request, brand_code: PathCode, header: HeaderName) -> Response:
    """Take a header from a brand (provider, staff)."""
    work = _accounts(request).unbind_header(
        _authorization(request), brand_code=brand_code, header=header
    )
    return await _nothing(work)


@router.put(
    "/brands/{brand_code}/grants/{integrator_code}",
    responses=problems("UNKNOWN_BRAND", "UNKNOWN_PARTNER"),
)
async def put_grant(
    request: Request, brand_code: PathCode, integrator_code: PathCode, body: GrantBody
) -> GrantBody:
    """Say what a partner may do at a brand, in place of what it could before (provider, staff)."""
    grant = NewGrant(body.ARAMA, body.MESAJ, body.EPOSTA, body.reconciliation, body.via)
    await _accounts(request).put_grant(
        _authorization(request),
        brand_code=brand_code,
        integrator_code=integrator_code,
        grant=grant,
    )
    return body


@router.delete(
    "/brands/{brand_code}/grants/{integrator_code}",
    status_code=204,
    responses=problems("UNKNOWN_BRAND", "UNKNOWN_PARTNER"),
)
async def remove_grant(
    request: Request, brand_code: PathCode, integrator_code: PathCode
) -> Response:
    """Withdraw a partner's rights at a brand, at once (provider, staff)."""
    work = _accounts(request).remove_grant(
        _authorization(request), brand_code=brand_code, integrator_code=integrator_code
    )
    return await _nothing(work)


@router.post(
    "/brands/{brand_code}/retailers",
    status_code=201,
    responses=problems("UNKNOWN_BRAND", "ALREADY_EXISTS"),
)
async def add_retailer(
    request: Request, brand_code: PathCode, body: RetailerBody
) -> RetailerAnswer:
    """Add a retailer to a brand (provider, staff)."""
    code = await _accounts(request).add_retailer(
        _authorization(request),
        brand_code=brand_code,
        title=body.title,
        retailer_code=body.retailerCode,
    )
    return RetailerAnswer(retailerCode=code, title=body.title)


@router.post("/operators", status_code=201, responses=problems("ALREADY_EXISTS", "UNKNOWN_BRAND"))
async def add_operator(request: Request, body: OperatorBody) -> OperatorAnswer:
    """Register an operator (staff)."""
    code, secret = await _accounts(request).add_operator(
        _authorization(request), title=body.title, brands=body.brands
    )
    return OperatorAnswer(
        operatorCode=code,
        username=secret.username,
        password=secret.password,
        apiKey=secret.api_key,
    )


@router.post("/partners", status_code=201, responses=problems("ALREADY_EXISTS"))
async def add_partner(request: Request, body: PartnerBody) -> PartnerAnswer:
    """Register a partner (staff)."""
    code, secret = await _accounts(request).add_partner(
        _authorization(request), title=body.title, licence_valid_until=body.licenceValidUntil
    )
    return PartnerAnswer(integratorCode=code, username=secret.username, password=secret.password)


@router.put("/partners/{code}/licence", status_code=204, responses=problems("UNKNOWN_PARTNER"))
async def set_licence(request: Request, code: PathCode, body: LicenceBody) -> Response:
    """Set the last day of a partner's licence (staff)."""
    work = _accounts(request).set_licence(_authorization(request), code, body.licenceValidUntil)
    return await _nothing(work)


@router.put("/{kind}/{code}/state", status_code=204, responses=problems("UNKNOWN_ACCOUNT"))
async def set_state(
    request: Request,
    kind: Literal["providers", "brands", "operators", "partners"],
    code: PathCode,
    body: StateBody,
) -> Response:
    """Suspend or restore a provider, brand, operator or partner (staff)."""
    work = _accounts(request).set_state(
        _authorization(request), kind.removesuffix("s"), code, active=body.state == "ACTIVE"
    )
    return await _nothing(work)


@router.post("/users", status_code=201, responses=problems("ALREADY_EXISTS"))
async def add_user(request: Request, body: UserBody) -> SecretAnswer:
    """Add a user of the staff or the ministry (staff)."""
    secret = await _accounts(request).add_user(
        _authorization(request), username=body.username, role=body.role
    )
    return SecretAnswer(username=secret.username, password=secret.password)


@router.post("/users/{username}/password", responses=problems("UNKNOWN_ACCOUNT"))
async def renew_password(request: Request, username: Username) -> SecretAnswer:
    """Give a user a new password; its tokens end at once (staff, or the user itself)."""
    secret = await _accounts(request).renew_password(_authorization(request), username)
    return SecretAnswer(username=secret.username, password=secret.password)


@router.post("/users/{username}/key", responses=problems("UNKNOWN_ACCOUNT"))
async def renew_key(request: Request, username: Username) -> KeyAnswer:
    """Give an operator's user a new long-lived key; the old one ends at once (staff, the user)."""
    secret = await _accounts(request).renew_key(_authorization(request), username)
    return KeyAnswer(username=secret.username, apiKey=secret.api_key)


@router.delete("/users/{username}/key", status_code=204, responses=problems("UNKNOWN_KEY"))
async def remove_key(request: Request, username: Username) -> Response:
    """Take an operator's long-lived key away, at once (staff, the user itself)."""
    return await _nothing(_accounts(request).remove_key(_authorization(request), username))

"""Partners and subscriptions on the wire, at the published addresses."""

from typing import Annotated, cast

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from services.registry.partners.area import Partners
from services.registry.partners.openapi import (
    GRANTED_ERRORS,
    PARTNER_SUBSCRIPTION_ERRORS,
    PROVIDER_SUBSCRIPTION_ERRORS,
)
from services.registry.partners.schemas import (
    GrantedBrandsAnswer,
    PartnerSubscriptionAnswer,
    ProviderSubscriptionAnswer,
)
from shared.auth.gate import Ticket
from shared.domain.faults import RuleBrokenError
from shared.domain.reference_faults import CredentialWrong
from shared.web.wire_json import json_response
from shared.wire.path_codes import read_iys_code
from shared.wire.request import IysCode, identified, timely

router = APIRouter(tags=["İYS"])

IntegratorCode = Annotated[
    str, Path(alias="integratorCode", description="The partner's own number.")
]
Offset = Annotated[str | None, Query(description="Brands to leave out; 0 if left out.")]
Limit = Annotated[str | None, Query(description="Brands to show, 1 to 100; 100 if left out.")]


def _partners(request: Request) -> Partners:
    return cast("Partners", request.state.partners)


async def _identified(request: Request) -> Ticket:
    """Return who asks; for a subscription the publication has a code of its own for a wrong password."""
    try:
        return await identified(request)
    except RuleBrokenError:
        if request.headers.get("authorization", "").lower().startswith("basic"):
            raise RuleBrokenError(CredentialWrong()) from None
        raise


@router.get(
    "/integrator/{integratorCode}/sps",
    operation_id="integratorList",
    summary="List the brands that granted a partner rights",
    response_model=GrantedBrandsAnswer,
    responses=GRANTED_ERRORS,
)
async def list_granted(
    request: Request, integrator_code: IntegratorCode, offset: Offset = None, limit: Limit = None
) -> Response:
    """Return the partner's brands with its rights by channel, reconciliation and ViA among them."""
    ticket = await identified(request)
    code = read_iys_code(integrator_code)
    work = _partners(request).list_granted(ticket, code, (offset, limit))
    return json_response(await timely(request, work), status=200)


@router.get(
    "/integrator/{integratorCode}/sps/{iysCode}",
    operation_id="integratorListByiysCode",
    summary="List the brands of one provider that granted a partner rights",
    response_model=GrantedBrandsAnswer,
    responses=GRANTED_ERRORS,
)
async def list_granted_by_provider(
    request: Request,
    integrator_code: IntegratorCode,
    iys_code: IysCode,
    offset: Offset = None,
    limit: Limit = None,
) -> Response:
    """Return the same of one provider; one that granted nothing is `H353`."""
    ticket = await identified(request)
    code, provider = read_iys_code(integrator_code), read_iys_code(iys_code)
    work = _partners(request).list_granted(ticket, code, (offset, limit), iys_code=provider)
    return json_response(await timely(request, work), status=200)


@router.get(
    "/sps/{iysCode}/subscription",
    operation_id="getSubscription",
    summary="What a provider has subscribed to",
    response_model=ProviderSubscriptionAnswer,
    response_model_exclude_none=True,
    responses=PROVIDER_SUBSCRIPTION_ERRORS,
)
async def show_provider_subscription(request: Request, iys_code: IysCode) -> Response:
    """Return package, dates, state and quota, in whatever state; a partner does not see the quota."""
    ticket = await _identified(request)
    work = _partners(request).show_subscription.of_provider(ticket, read_iys_code(iys_code))
    return json_response(await timely(request, work), status=200)


@router.get(
    "/integrator/{integratorCode}/subscription",
    operation_id="getIntegratorSubscription",
    summary="What a partner has subscribed to",
    response_model=PartnerSubscriptionAnswer,
    responses=PARTNER_SUBSCRIPTION_ERRORS,
)
async def show_partner_subscription(request: Request, integrator_code: IntegratorCode) -> Response:
    """Return package, dates and state of the partner's own subscription, in whatever state."""
    ticket = await _identified(request)
    work = _partners(request).show_subscription.of_partner(ticket, read_iys_code(integrator_code))
    return json_response(await timely(request, work), status=200)

"""`GET /limits`: the table of limits over HTTP, our own surface."""

from math import ceil
from typing import Final, cast

from fastapi import APIRouter, Request

from services.registry.limits.schemas import LimitsAnswer, LimitShown, SizeShown
from services.registry.limits.show_limits import Holding, ShowLimits
from shared.web.client_address import origin_of
from shared.web.openapi import problem_answers
from shared.web.own_surface import authorization

NEVER_LIMITED: Final = ("checks", "operators' questions", "refusals (RET)", "token refresh")
router = APIRouter(tags=["limits"])


@router.get(
    "/limits",
    operation_id="showLimits",
    summary="Which limits hold, and what is left of them",
    response_model_exclude_none=True,
    responses=problem_answers(("NOT_AUTHENTICATED", "ADDRESS_NOT_ALLOWED", "LEDGER_UNAVAILABLE")),
)
async def show_limits(request: Request) -> LimitsAnswer:
    """Show the limits; asking needs no credentials and counts for none of them.

    What is left is that of the network address that asks and, with credentials, of their account.
    """
    show = cast("ShowLimits", request.state.limits)
    holdings = await show(authorization(request), lambda: origin_of(request.scope))
    return LimitsAnswer(
        profile=show.limits.table.profile.value,
        limits=[_shown(holding) for holding in holdings],
        sizes=[
            SizeShown(name=size.name, max=size.most, code=size.code, setting=size.setting)
            for size in show.sizes
        ],
        neverLimited=list(NEVER_LIMITED),
    )


def _shown(holding: Holding) -> LimitShown:
    limit, standing = holding.limit, holding.standing
    return LimitShown(
        name=limit.name,
        per=limit.per.value,
        quota=limit.quota,
        windowSeconds=limit.window_s,
        code=limit.code,
        remaining=None if standing is None else standing.remaining,
        resetSeconds=None if standing is None else ceil(standing.reset_s),
    )

"""The trail of changes over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from services.registry.administration.openapi import Limit, administration, page_of
from services.registry.administration.read_events import EventFilter
from services.registry.administration.schemas_lists import EventItem, Page
from shared.web.own_surface import authorization, problems

router = APIRouter()
Word = Annotated[str | None, Query(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]


@router.get(
    "/events",
    operation_id="listAccountEvents",
    summary="Read who changed which account when (staff; a provider what concerns it)",
    responses=problems(),
)
async def list_events(
    request: Request,
    iys_code: Annotated[int | None, Query(alias="iysCode", gt=0, lt=2**31)] = None,
    kind: Word = None,
    name: Word = None,
    before: Annotated[
        int | None, Query(gt=0, lt=2**63, description="`next` of the page before.")
    ] = None,
    limit: Limit = 50,
) -> Page[EventItem]:
    """Return a page of changes, the newest first.

    `kind` is one of provider, brand, header, header_operators, grant, operator, operator_brands, partner,
    subscription, user, key, application; `name` is the number or name of what was changed.
    """
    rows = await administration(request).events(
        authorization(request), EventFilter(iys_code, kind, name), before=before, limit=limit + 1
    )
    return page_of(rows, EventItem.of, limit=limit, cursor=lambda row: row.event_id)

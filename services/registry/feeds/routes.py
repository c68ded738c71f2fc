"""The history of one address and the feed of changes over HTTP (iys-api 4.8, 4.9)."""

from typing import Annotated, cast

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from services.registry.feeds.area import Feeds
from services.registry.feeds.openapi import CHANGES_ERRORS, HISTORY_ERRORS
from services.registry.feeds.read_changes import ChangesTexts
from services.registry.feeds.schemas import ChangesAnswer, HistoryAnswer
from services.registry.schemas import StatusBody
from shared.domain.faults import BodyNotJson
from shared.web.openapi import body_of
from shared.web.wire_json import json_response
from shared.wire.path_codes import read_brand_path
from shared.wire.request import BrandCode, IysCode, identified, json_of, timely

router = APIRouter(tags=["İYS"])

_QUESTION = {"recipient": "+905991234567", "recipientType": "BIREYSEL", "type": "MESAJ"}


def feeds_of(request: Request) -> Feeds:
    """Return the use cases that this process has."""
    return cast("Feeds", request.state.feeds)


@router.post(
    "/sps/{iysCode}/brands/{brandCode}/consents/history",
    operation_id="consentsHistory",
    summary="List what was recorded of one address",
    response_model=HistoryAnswer,
    responses=HISTORY_ERRORS,
    openapi_extra=body_of(StatusBody, {"question": _QUESTION}),
)
async def read_history(
    request: Request,
    iys_code: IysCode,
    brand_code: BrandCode,
    limit: Annotated[str, Query(description="Rows of a page: 1 to 100, 100 if left out.")] = "",
    offset: Annotated[str, Query(description="Rows to leave out; 0 if left out.")] = "",
) -> Response:
    """Return the consents of one address, by the date of the decision, newest first."""
    ticket = await identified(request)
    path = read_brand_path(iys_code, brand_code)
    body = await json_of(request, BodyNotJson())
    work = feeds_of(request).read_history(ticket, path, (offset, limit), body)
    return json_response(await timely(request, work), status=200)


@router.get(
    "/sps/{iysCode}/brands/{brandCode}/consents/changes",
    operation_id="PullPerBrandCode",
    summary="Read on in a brand's changes",
    response_model=ChangesAnswer,
    responses=CHANGES_ERRORS,
)
async def read_changes(
    request: Request,
    iys_code: IysCode,
    brand_code: BrandCode,
    *,
    source: Annotated[
        str,
        Query(
            description="IYS: what citizens and the registry changed, the default. HS: the provider."
        ),
    ] = "",
    limit: Annotated[str, Query(description="Rows of a page: 1 to 1000, 1000 if left out.")] = "",
    after: Annotated[
        str, Query(description="The `after` of the page before, or a date to begin at.")
    ] = "",
) -> Response:
    """Return changes in the order in which they were recorded; 204 when there is nothing new yet.

    Keep `after` and send it with the next request. A page without rows is no end: go on with its `after`.
    """
    ticket = await identified(request)
    path = read_brand_path(iys_code, brand_code)
    texts = ChangesTexts(source=source, limit=limit, after=after)
    page = await timely(request, feeds_of(request).read_changes(ticket, path, texts))
    if page is None:
        return Response(status_code=204)
    return json_response({"after": page.after, "list": page.rows}, status=200)

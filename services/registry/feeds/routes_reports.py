"""The report of a day over HTTP, our own surface: JSON, or CSV to whoever accepts that."""

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from services.registry.feeds.report_day import DayReport, ReportRow
from services.registry.feeds.routes import feeds_of
from services.registry.feeds.schemas import ReportAnswer
from shared.web.openapi import Responses
from shared.web.own_surface import PathCode, authorization, problems
from shared.web.wire_json import json_response

router = APIRouter(prefix="/accounts", tags=["accounts"])

CSV: Final = "text/csv"
COLUMNS: Final = (
    *("date", "brandCode", "type", "recipientType", "source"),
    *("approvals", "refusals", "blocks", "total"),
)
_ANSWERS: Final[Responses] = {
    200: {"content": {CSV: {"schema": {"type": "string"}}}},
    **problems("UNKNOWN_BRAND"),
}
Day = Annotated[
    str,
    Path(
        pattern=r"^(\d{4}-\d\d-\d\d|yesterday)$",
        description="A day of Turkey's, `YYYY-MM-DD`, or `yesterday`.",
        examples=["yesterday"],
    ),
]


@router.get(
    "/brands/{brand_code}/reports/{date}",
    operation_id="reportDay",
    summary="Count a day's consent changes",
    response_model=ReportAnswer,
    responses=_ANSWERS,
)
async def report_day(request: Request, brand_code: PathCode, date: Day) -> Response:
    """Count what changed at a brand on one day (the provider, staff; a partner: its channels).

    With `Accept: text/csv` the rows come as CSV.
    """
    report = await feeds_of(request).report_day(
        authorization(request), brand_code=brand_code, day_text=date
    )
    if CSV in request.headers.get("accept", ""):
        return Response(_csv(report), media_type=CSV)
    return json_response(_json(report), status=200)


def _json(report: DayReport) -> dict[str, object]:
    return {
        "brandCode": report.brand_code,
        "date": report.day.isoformat(),
        "complete": report.complete,
        "rows": [
            {
                "type": row.channel.value,
                "recipientType": row.recipient_type.value,
                "source": row.source.value,
                **_numbers([row]),
            }
            for row in report.rows
        ],
        "totals": _numbers(report.rows),
    }


def _csv(report: DayReport) -> str:
    """Write the rows; every line, the last one too, ends with a line feed."""
    lines = [",".join(COLUMNS)]
    for row in report.rows:
        named = (row.channel.value, row.recipient_type.value, row.source.value)
        numbers = _numbers([row]).values()
        lines.append(
            ",".join((report.day.isoformat(), str(report.brand_code), *named, *map(str, numbers)))
        )
    return "\n".join(lines) + "\n"


def _numbers(rows: Sequence[ReportRow]) -> dict[str, int]:
    return {
        "approvals": sum(row.approvals for row in rows),
        "refusals": sum(row.refusals for row in rows),
        "blocks": sum(row.blocks for row in rows),
        "total": sum(row.total for row in rows),
    }

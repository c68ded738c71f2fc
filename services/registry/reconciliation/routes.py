"""Reconciliation (mutabakat) on the İYS wire, and the certificate that its time stamps stand on."""

from typing import Annotated, Final, cast

from fastapi import APIRouter, Path, Request
from starlette.responses import Response, StreamingResponse

from services.registry.reconciliation.area import Reconciliation
from services.registry.reconciliation.openapi import (
    AGREE_ANSWERS,
    AGREEMENT_ANSWERS,
    CERTIFICATE_ANSWERS,
    FILE_ANSWERS,
    STAMP_ANSWERS,
    SUMMARY_ERRORS,
)
from services.registry.reconciliation.schemas import (
    AgreementAnswer,
    AgreementBody,
    CapturedAnswer,
    SummaryAnswer,
)
from shared.domain.faults import BodyNotJson, RuleBrokenError
from shared.web.json_body import NotJsonError, parse_json, read_body
from shared.web.openapi import body_of
from shared.web.wire_json import json_response
from shared.wire.path_codes import read_brand_path
from shared.wire.request import BrandCode, IysCode, identified, timely

router = APIRouter()

ReportDate = Annotated[
    str, Path(alias="reportDate", description="YYYY-MM-DD: yesterday, or up to six days before.")
]
_BRAND: Final = "/sps/{iysCode}/brands/{brandCode}"


@router.get(
    _BRAND + "/changes/{reportDate}/recipients/{recipientType}",
    tags=["İYS"],
    operation_id="changeSummary",
    summary="Count a day's movements",
    response_model=SummaryAnswer,
    responses=SUMMARY_ERRORS,
)
async def change_summary(
    request: Request,
    iys_code: IysCode,
    brand_code: BrandCode,
    report_date: ReportDate,
    recipient_type: Annotated[str, Path(alias="recipientType", description="BIREYSEL or TACIR.")],
) -> Response:
    """Return how many approvals and refusals there were on a day, by channel and by who made them."""
    ticket = await identified(request)
    path = read_brand_path(iys_code, brand_code)
    work = _of(request).reports.summary(ticket, path, report_date, recipient_type)
    return json_response(await timely(request, work), status=200)


@router.get(
    _BRAND + "/agreements/{reportDate}",
    tags=["İYS"],
    operation_id="readAgreement",
    summary="Ask for the hash of a day's file",
    response_model=AgreementAnswer,
    responses=AGREEMENT_ANSWERS,
)
async def read_agreement(
    request: Request, iys_code: IysCode, brand_code: BrandCode, report_date: ReportDate
) -> Response:
    """Return how far the day's report is, its hash, and whether the provider has agreed to it."""
    ticket = await identified(request)
    path = read_brand_path(iys_code, brand_code)
    work = _of(request).reports.agreement(ticket, path, report_date)
    return _json_or_nothing(await timely(request, work))


@router.put(
    _BRAND + "/agreements/{reportDate}",
    tags=["İYS"],
    operation_id="agree",
    summary="Agree to a day's file",
    response_model=CapturedAnswer,
    responses=AGREE_ANSWERS,
    openapi_extra=body_of(AgreementBody, {"agreed": {"agreementStatus": True}}),
)
async def agree(
    request: Request, iys_code: IysCode, brand_code: BrandCode, report_date: ReportDate
) -> Response:
    """Say that the provider's own file of the day has the same hash. To say it twice is no fault."""
    ticket = await identified(request)
    path = read_brand_path(iys_code, brand_code)
    body = await _body_of(request)
    work = _of(request).reports.agree(ticket, path, report_date, body)
    return _json_or_nothing(await timely(request, work))


@router.get(
    _BRAND + "/agreements/{reportDate}/timestamp",
    tags=["İYS"],
    operation_id="readTimeStamp",
    summary="Fetch the time stamp of a day's file",
    response_class=Response,
    responses=STAMP_ANSWERS,
)
async def read_time_stamp(
    request: Request, iys_code: IysCode, brand_code: BrandCode, report_date: ReportDate
) -> Response:
    """Return the `.tsr` file, as `openssl ts -verify` takes it."""
    ticket = await identified(request)
    path = read_brand_path(iys_code, brand_code)
    stamp = await timely(request, _of(request).reports.time_stamp(ticket, path, report_date))
    if stamp is None:
        return Response(status_code=204)
    return _attachment(Response(stamp.content), stamp.name, "text/plain")


@router.get(
    _BRAND + "/changes/{reportDate}/file",
    tags=["İYS"],
    operation_id="readMovementFile",
    summary="Fetch a day's file",
    response_class=Response,
    responses=FILE_ANSWERS,
)
async def read_movement_file(
    request: Request, iys_code: IysCode, brand_code: BrandCode, report_date: ReportDate
) -> Response:
    """Return the day's movements as CSV, written while it is sent. Less than Content-Length is no file."""
    ticket = await identified(request)
    path = read_brand_path(iys_code, brand_code)
    file = await timely(request, _of(request).reports.file(ticket, path, report_date))
    if file is None:
        return Response(status_code=204)
    response = StreamingResponse(file.content)
    response.headers["Content-Length"] = str(file.size_bytes)
    return _attachment(response, file.name, "text/csv")


@router.get(
    "/accounts/tsa/certificate",
    tags=["accounts"],
    operation_id="readStampCertificate",
    summary="Fetch the certificate that time stamps are verified with",
    response_class=Response,
    responses=CERTIFICATE_ANSWERS,
)
async def read_stamp_certificate(request: Request) -> Response:
    """Return it as PEM, without credentials: it is made to be shown to whoever doubts a stamp."""
    certificates = _of(request).certificates
    return _attachment(Response(certificates), "tsa-ca.pem", "application/x-pem-file")


def _of(request: Request) -> Reconciliation:
    return cast("Reconciliation", request.state.reconciliation)


async def _body_of(request: Request) -> object:
    """Return the body as JSON; an empty one says nothing, which is a fault of its own (H512)."""
    raw = await read_body(request)
    try:
        return parse_json(raw) if raw.strip() else None
    except NotJsonError:
        raise RuleBrokenError(BodyNotJson()) from None


def _json_or_nothing(body: dict[str, object] | None) -> Response:
    return Response(status_code=204) if body is None else json_response(body, status=200)


def _attachment(response: Response, name: str, media_type: str) -> Response:
    """Name the file, and its type exactly: no character set is put behind it."""
    response.headers["Content-Type"] = media_type
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response

"""Files as jobs over HTTP, our own surface: announcing, watching, faults, reports, ending.

Errors are problem documents. The content itself comes over `routes_uploads.py`.
"""

from typing import Annotated, Final, cast
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from pydantic import ValidationError
from starlette.responses import Response, StreamingResponse

from services.ingest.jobs.area import Files
from services.ingest.jobs.schemas import AnnouncedView, JobBody, JobReport, JobsPage, JobView
from services.ingest.uploads.file_request import FileRequest
from services.ingest.uploads.tus import TUS, creation_of, is_creation, require_version
from shared.web.json_body import parse_json, read_body
from shared.web.openapi import Responses, body_of, problem_answers
from shared.web.problems import FieldError, ProblemError, pointer
from shared.web.wire_json import json_response

router = APIRouter(tags=["ingest"])
JobId = Annotated[UUID, Path(description="The job's number.")]
PAGE_MAX: Final = 100
_EXAMPLE: Final = {
    "name": "izinler.csv",
    "brandCode": 600001,
    "defaults": {"source": "HS_WEB", "recipientType": "BIREYSEL"},
    "mapping": {"Cep": "recipient"},
}
_BINARY: Final = {"schema": {"type": "string", "format": "binary"}}
_EVENT: Final = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "event": {"enum": ["progress", "end"]},
        "data": {"type": "string", "description": "The job, as JSON."},
    },
    "required": ["id", "event", "data"],
}


def problems(*codes: str) -> Responses:
    """Describe the problem documents that an operation of files can answer with."""
    return problem_answers(
        (
            *("NOT_AUTHENTICATED", "FORBIDDEN", "ADDRESS_NOT_ALLOWED", "TOO_MANY_REQUESTS"),
            *("BAD_REQUEST", "BAD_CONTENT_LENGTH", "INVALID_FIELD", "LEDGER_UNAVAILABLE"),
            *("BODY_TOO_LARGE", *codes),
        )
    )


def files_of(request: Request) -> Files:
    """Return the use cases that this process has."""
    return cast("Files", request.state.files)


def authorization_of(request: Request) -> str | None:
    """Return the caller's credential."""
    return request.headers.get("authorization")


def asked_of(raw: object, *, admit_http: bool) -> FileRequest:
    """Return what somebody asks for, or raise INVALID_FIELD with every field that is wrong."""
    try:
        body = JobBody.model_validate(raw)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        raise ProblemError(
            "INVALID_FIELD",
            errors=[FieldError(pointer(detail["loc"]), detail["msg"]) for detail in details],
        ) from None
    try:
        return body.asked(admit_http=admit_http)
    except ValueError as error:
        raise ProblemError("INVALID_FIELD", errors=[FieldError("/webhook", str(error))]) from None


@router.post(
    "/ingest/jobs",
    operation_id="announceFile",
    summary="Announce a file of consents",
    status_code=201,
    response_model=AnnouncedView,
    responses=problems("NOT_JSON", "REQUEST_TIMEOUT", "TUS_VERSION"),
    openapi_extra=body_of(JobBody, {"file": _EXAMPLE}),
)
async def announce(request: Request) -> Response:
    """Make a job, and upload to its `uploadUrl` (tus 1.0.0, or PUT); with the last byte it is queued.

    tus clients create an upload here, too: `Upload-Length`, and in `Upload-Metadata` `filename` and whatever
    else may be said of a file at `/ingest/files`.
    """
    files = files_of(request)
    user = await files.senders.user(authorization_of(request))
    by_tus = is_creation(request.headers)
    if by_tus:
        require_version(request.headers)
    raw = creation_of(request.headers) if by_tus else parse_json(await read_body(request))
    announced = await files.accept.announce(user, asked_of(raw, admit_http=files.admit_http))
    shown = await files.read.show(user, announced.job_id)
    path = f"/ingest/jobs/{announced.job_id}"
    headers = {"Location": f"{path}/content" if by_tus else path, **TUS}
    body = {**shown, "webhookSecret": announced.webhook_secret}
    return json_response(body, status=201, headers=headers)


@router.get(
    "/ingest/jobs",
    operation_id="listFiles",
    summary="List the files that were sent",
    response_model=JobsPage,
    responses=problems(),
)
async def list_jobs(
    request: Request,
    before: Annotated[
        UUID | None, Query(description="`next` of the page before; left out: from the newest.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX, description="Jobs on a page.")] = 20,
) -> Response:
    """List the jobs of the caller's provider or partner, the newest first."""
    files = files_of(request)
    user = await files.senders.user(authorization_of(request))
    return json_response(await files.read.page(user, before=before, limit=limit), status=200)


@router.get(
    "/ingest/jobs/{job_id}",
    operation_id="showFile",
    summary="How far is a file?",
    response_model=JobView,
    responses=problems("UNKNOWN_JOB"),
)
async def show(request: Request, job_id: JobId) -> Response:
    """Show a job: rows seen, done, accepted, unchanged and refused by code, its pace, and the time left."""
    files = files_of(request)
    user = await files.senders.user(authorization_of(request))
    return json_response(await files.read.show(user, job_id), status=200)


@router.get(
    "/ingest/jobs/{job_id}/events",
    operation_id="followFile",
    summary="Follow a file as it is worked off",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Server-sent events: `progress` with the job, at most one a second; then `end`.",
            "content": {"text/event-stream": {"schema": _EVENT}},
        },
        **problems("UNKNOWN_JOB", "OVERLOADED"),
    },
)
async def follow(request: Request, job_id: JobId) -> Response:
    """Send the job whenever it has changed, until it has ended; comments keep the connection awake.

    After a cut connect again with `Last-Event-ID`: what came last is not repeated.
    """
    files, authorization = files_of(request), authorization_of(request)
    user = await files.senders.user(authorization)
    await files.read.job(user, job_id)
    files.events.require_room()
    events = files.events.follow(
        authorization, job_id, last_id=request.headers.get("last-event-id")
    )
    # A proxy that gathers answers would hold back what a client waits for.
    headers = {"X-Accel-Buffering": "no", "Cache-Control": "no-store"}
    return StreamingResponse(events, media_type="text/event-stream", headers=headers)


@router.get(
    "/ingest/jobs/{job_id}/faults",
    operation_id="getFaults",
    summary="The rows that were turned away",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "The rows as they were sent, with their number, column, code and explanation.",
            "content": {
                "text/csv": _BINARY,
                "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": _BINARY,
                "application/vnd.apache.parquet": _BINARY,
            },
        },
        204: {"description": "No row was turned away."},
        **problems("UNKNOWN_JOB", "CONFLICT"),
    },
)
async def get_faults(request: Request, job_id: JobId) -> Response:
    """Return the faulty rows in the format of the upload, once it is worked off: mend them, send them again.

    Cells that a spreadsheet would take for a formula have an apostrophe before them.
    """
    files = files_of(request)
    user = await files.senders.user(authorization_of(request))
    faults = await files.faults(user, job_id)
    if faults is None:
        return Response(status_code=204)
    name = f"faults-{job_id}.{faults.format.suffix}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return StreamingResponse(faults.chunks, media_type=faults.format.media_type, headers=headers)


@router.get(
    "/ingest/jobs/{job_id}/report",
    operation_id="getFileReport",
    summary="How the rows ended, brand by brand",
    response_model=JobReport,
    responses=problems("UNKNOWN_JOB"),
)
async def report(request: Request, job_id: JobId) -> Response:
    """Count a file's rows by brand and outcome: a partner's report for each of its customers."""
    files = files_of(request)
    user = await files.senders.user(authorization_of(request))
    return json_response(await files.read.report(user, job_id), status=200)


@router.post(
    "/ingest/jobs/{job_id}/cancel",
    operation_id="cancelFile",
    summary="Stop a file",
    response_model=JobView,
    responses=problems("UNKNOWN_JOB", "CONFLICT"),
)
async def cancel(request: Request, job_id: JobId) -> Response:
    """Stop a job: from now on no row of it is recorded. What was recorded before stays."""
    files = files_of(request)
    user = await files.senders.user(authorization_of(request))
    await files.cancel.cancel(user, job_id)
    return json_response(await files.read.show(user, job_id), status=200)


@router.delete(
    "/ingest/jobs/{job_id}",
    operation_id="deleteFile",
    summary="Forget a file",
    status_code=204,
    responses=problems("UNKNOWN_JOB"),
)
async def delete(request: Request, job_id: JobId) -> Response:
    """Stop a job, if it has not ended, and forget its content, faults and counts; what it recorded stays."""
    files = files_of(request)
    user = await files.senders.user(authorization_of(request))
    await files.cancel.delete(user, job_id)
    return Response(status_code=204)

"""The content of files over HTTP: resumable by tus 1.0.0 or PUT, or at once."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from services.ingest.jobs.routes_jobs import JobId, asked_of, authorization_of, files_of, problems
from services.ingest.jobs.schemas import JobView
from services.ingest.uploads.accept_file import Body, Standing
from services.ingest.uploads.receive_content import BodyBrokenOffError
from services.ingest.uploads.tus import (
    MEDIA_TYPE,
    TUS,
    VERSION,
    number_of,
    range_of,
    require_version,
    said_of,
)
from shared.web.json_body import NotJsonError, parse_json
from shared.web.openapi import Responses
from shared.web.problems import FieldError, ProblemError
from shared.web.wire_json import json_response

router = APIRouter(tags=["ingest"])
IDLE_S: Final = 30.0
"""Without a byte from the client an upload ends after so long; it may be resumed."""
UNREAD_BYTES_MAX: Final = 1 << 20
"""More than that is not read of a body that was refused: the connection is closed."""
_CONTENT: Final = "/ingest/jobs/{job_id}/content"
_FORM: Final = "multipart/form-data"
_BINARY: Final = {"schema": {"type": "string", "format": "binary"}}
_UPLOAD_PROBLEMS: Final = (
    *("UNKNOWN_JOB", "CONFLICT", "WRONG_OFFSET", "LOCKED", "NO_SPACE", "TUS_VERSION"),
    *("UNSUPPORTED_MEDIA_TYPE", "REQUEST_TIMEOUT", "CLIENT_LEFT"),
)
Again = Annotated[
    bool, Query(description="Work it off also if this very file was worked off before.")
]
Word = Annotated[str | None, Query(description="Holds for rows that do not say.")]


def _answers(*media_types: str) -> dict[str, object]:
    content = dict.fromkeys(media_types, _BINARY)
    return {"requestBody": {"required": True, "content": content}}


def _headers_of(description: str, *names: str) -> Responses:
    schema = {"schema": {"type": "string"}}
    return {204: {"description": description, "headers": dict.fromkeys(names, schema)}}


@router.options(
    "/ingest/jobs",
    operation_id="describeUploads",
    summary="What tus clients ask first",
    status_code=204,
    responses=_headers_of("What is supported.", "Tus-Version", "Tus-Extension", "Tus-Max-Size"),
)
async def describe(request: Request) -> Response:
    """Say which version of tus is spoken, which of its extensions, and how large a file may be."""
    return _description(request)


@router.options(
    _CONTENT,
    operation_id="describeUpload",
    summary="What tus clients ask first",
    status_code=204,
    responses=_headers_of("What is supported.", "Tus-Version", "Tus-Extension", "Tus-Max-Size"),
)
async def describe_one(request: Request, job_id: JobId) -> Response:  # noqa: ARG001  # of any job
    """Say the same of one upload."""
    return _description(request)


@router.head(
    _CONTENT,
    operation_id="measureUpload",
    summary="How far is an upload?",
    responses={
        200: {"description": "`Upload-Offset`, and `Upload-Length` if it is known."},
        **problems(*_UPLOAD_PROBLEMS),
    },
    response_class=Response,
)
async def measure(request: Request, job_id: JobId) -> Response:
    """Tell where an upload goes on (tus 1.0.0)."""
    files = files_of(request)
    async with _speaking_tus(request):
        require_version(request.headers)
        user = await files.senders.user(authorization_of(request))
        standing = await files.accept.standing(user, job_id)
    length = (
        {"Upload-Defer-Length": "1"}
        if standing.size is None
        else {"Upload-Length": str(standing.size)}
    )
    headers = {**TUS, "Upload-Offset": str(standing.offset), **length}
    return Response(status_code=200, headers=headers)


@router.patch(
    _CONTENT,
    operation_id="continueUpload",
    summary="Send more of a file, from an offset on",
    status_code=204,
    responses={
        **_headers_of("Stored.", "Upload-Offset", "Tus-Resumable"),
        **problems(*_UPLOAD_PROBLEMS),
    },
    openapi_extra={
        **_answers(MEDIA_TYPE),
        "parameters": [
            {
                "name": name,
                "in": "header",
                "required": name == "Upload-Offset",
                "schema": {"type": "integer", "minimum": 0},
                "description": description,
            }
            for name, description in (
                ("Upload-Offset", "Where this body begins: what HEAD says."),
                ("Upload-Length", "The size of the file, where it was not announced."),
            )
        ],
    },
)
async def continue_upload(request: Request, job_id: JobId, *, again: Again = False) -> Response:
    """Store what comes behind what is there (tus 1.0.0); with the last byte the file is queued.

    Whatever has come when the connection breaks is kept.
    """
    files = files_of(request)
    async with _speaking_tus(request):
        require_version(request.headers)
        user = await files.senders.user(authorization_of(request))
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
            raise ProblemError("UNSUPPORTED_MEDIA_TYPE", f"send it as {MEDIA_TYPE}")
        offset = number_of(request.headers, "upload-offset")
        if offset is None:
            raise ProblemError("BAD_REQUEST", "Upload-Offset is missing")
        body = Body(
            _pieces(request),
            start=offset,
            length=number_of(request.headers, "content-length"),
            total=number_of(request.headers, "upload-length"),
        )
        standing = await files.accept.take(user, job_id, body, again=again)
    return Response(status_code=204, headers=_standing_headers(standing))


@router.put(
    _CONTENT,
    operation_id="putContent",
    summary="Send a file, whole or a range of it",
    response_model=JobView,
    responses=problems(*_UPLOAD_PROBLEMS),
    openapi_extra=_answers("application/octet-stream"),
)
async def put_content(request: Request, job_id: JobId, *, again: Again = False) -> Response:
    """Store the whole file, in place of what is there; or, with `Content-Range`, the part that follows.

    `Content-Range: bytes */*` sends nothing and asks how far it is.
    """
    files = files_of(request)
    async with _speaking_tus(request):
        _require_no_form(request)
        user = await files.senders.user(authorization_of(request))
        part, length = range_of(request.headers), number_of(request.headers, "content-length")
        if part is not None and not part.length:
            standing = await files.accept.standing(user, job_id)
        else:
            body = (
                Body(_pieces(request), None, length, length)
                if part is None
                else Body(_pieces(request), part.start, part.length, part.total)
            )
            standing = await files.accept.take(user, job_id, body, again=again)
        shown = await files.read.show(user, job_id)
    return json_response(shown, status=200, headers=_standing_headers(standing))


@router.post(
    "/ingest/files",
    operation_id="sendFile",
    summary="Send a file of consents at once",
    status_code=202,
    response_model=JobView,
    responses=problems(*_UPLOAD_PROBLEMS),
    openapi_extra=_answers("application/octet-stream"),
)
async def send_file(  # noqa: PLR0913, PLR0917  # each is a parameter of the query
    request: Request,
    name: Annotated[str, Query(description="The file's name.")],
    brandCode: Annotated[  # noqa: N803
        str | None, Query(description="The brand of rows that name none.")
    ] = None,
    type: Word = None,  # noqa: A002
    source: Word = None,
    status: Word = None,
    recipientType: Word = None,  # noqa: N803
    consentDate: Word = None,  # noqa: N803
    mapping: Annotated[
        str | None, Query(description="JSON: which column stands for which field.")
    ] = None,
    *,
    dryRun: Annotated[  # noqa: N803
        bool, Query(description="Judge the rows, and record none.")
    ] = False,
    again: Again = False,
) -> Response:
    """Take the body as a file and queue it; if it does not come in whole, nothing of it is kept."""
    del brandCode, type, source, status, recipientType, consentDate, dryRun  # read together, below
    files = files_of(request)
    async with _speaking_tus(request):
        _require_no_form(request)
        user = await files.senders.user(authorization_of(request))
        raw = {**said_of(request.query_params), "name": name}
        if mapping is not None:
            raw["mapping"] = _mapping(mapping)
        asked = asked_of(raw, admit_http=files.admit_http)
        length = number_of(request.headers, "content-length")
        body = Body(_pieces(request), None, length, length)
        job_id = await files.accept.send_at_once(user, asked, body, again=again)
        shown = await files.read.show(user, job_id)
    return json_response(shown, status=202, headers={"Location": f"/ingest/jobs/{job_id}"})


def _description(request: Request) -> Response:
    headers = {
        **TUS,
        "Tus-Version": VERSION,
        "Tus-Extension": "creation",
        "Tus-Max-Size": str(files_of(request).accept.limits.bytes_max),
    }
    return Response(status_code=204, headers=headers)


def _standing_headers(standing: Standing) -> dict[str, str]:
    return {**TUS, "Upload-Offset": str(standing.offset)}


def _require_no_form(request: Request) -> None:
    if request.headers.get("content-type", "").lower().startswith(_FORM):
        raise ProblemError(
            "UNSUPPORTED_MEDIA_TYPE", "the body is the file itself, without a form around it"
        )


def _mapping(text: str) -> object:
    try:
        return parse_json(text.encode("utf-8", "replace"))
    except NotJsonError:
        raise ProblemError("INVALID_FIELD", errors=[FieldError("/mapping", "not JSON")]) from None


@asynccontextmanager
async def _speaking_tus(request: Request) -> AsyncGenerator[None]:
    """Give every refusal the headers that tus asks for, and end the connection where much is unread."""
    try:
        yield
    except BodyBrokenOffError as error:
        raise ProblemError("REQUEST_TIMEOUT" if error.is_late else "CLIENT_LEFT") from None
    except ProblemError as error:
        error.headers.update(TUS)
        if _is_long(request):
            error.headers["Connection"] = "close"
        raise


def _is_long(request: Request) -> bool:
    length = request.headers.get("content-length", "")
    return not length.isdecimal() or len(length) > 18 or int(length) > UNREAD_BYTES_MAX  # noqa: PLR2004  # more digits than any file has


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    """Yield the body as it comes; raises BodyBrokenOffError."""
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout(IDLE_S):
                piece = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise BodyBrokenOffError(is_late=True) from None
        except ClientDisconnect:
            raise BodyBrokenOffError(is_late=False) from None
        if piece:
            yield piece

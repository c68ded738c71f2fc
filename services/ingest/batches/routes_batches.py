"""The İYS wire's batches: HTTP in, use case, HTTP out."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from services.ingest.batches.accept_batch import AcceptBatch, Accepted, BatchRefusedError, item_id
from services.ingest.batches.read_result import ReadResult, fault_of
from services.ingest.batches.schemas import BatchAnswer, BatchBody, ItemAnswer
from services.ingest.openapi import BATCH_ERRORS, RESULT_ERRORS
from shared.domain.faults import BodyNotJson
from shared.domain.limits import Operation
from shared.domain.wire_time import consent_date_to_wire
from shared.web.iys_envelope import EnvelopeError, error_entry, render_item_faults
from shared.web.openapi import body_of
from shared.web.wire_json import json_response
from shared.wire.path_codes import read_brand_path
from shared.wire.request import BrandCode, IysCode, identified, json_of, permit_of, timely

router = APIRouter(tags=["İYS"])
RequestId = Annotated[
    str, Path(alias="requestId", description="The number that the batch was given.")
]
_ECHOED = ("type", "source", "recipient", "status", "consentDate", "recipientType")
_BATCH = [
    {
        "recipient": "+905991234567",
        "type": "MESAJ",
        "source": "HS_WEB",
        "status": "ONAY",
        "consentDate": "2026-03-02 14:05:09",
        "recipientType": "BIREYSEL",
    }
]


@dataclass(frozen=True, slots=True)
class Batches:
    """What the routes call; the composition root yields it as `request.state.batches`."""

    accept: AcceptBatch
    read_result: ReadResult


def _batches(request: Request) -> Batches:
    return cast("Batches", request.state.batches)


def error_of_item(code: str, facts: str | None) -> dict[str, object]:
    """Write why an item was turned away as the wire does."""
    return error_entry(fault_of(code, facts) or EnvelopeError(code))


async def _accept(
    request: Request, iys_code: str, brand_code: str, *, replayable: bool
) -> Response:
    ticket = await identified(request)
    path = read_brand_path(iys_code, brand_code)
    body = await json_of(request, BodyNotJson())
    permit = permit_of(request, ticket, body, operation=Operation.BATCH)
    if permit is not None:
        await permit()
    work = _batches(request).accept(ticket, path, body, replayable=replayable)
    try:
        accepted = await timely(request, work)
    except BatchRefusedError as error:
        return render_item_faults(error.faults)
    return json_response(_shown(accepted), status=202)


def _shown(accepted: Accepted) -> dict[str, object]:
    created = consent_date_to_wire(accepted.created_at)
    return {
        "requestId": str(accepted.request_id),
        "subRequests": [
            {
                **_echo(item),
                "subRequestId": str(item_id(accepted.request_id, n)),
                "creationDate": created,
            }
            for n, item in enumerate(accepted.items)
        ],
    }


def _echo(item: object) -> dict[str, object]:
    """Return a consent as it was sent, without its retailers, as published."""
    sent = cast("dict[str, object]", item)
    return {name: sent[name] for name in _ECHOED if name in sent}


@router.post(
    "/sps/{iysCode}/brands/{brandCode}/consents/request",
    operation_id="addConsents",
    summary="Hand in many consents at once",
    status_code=202,
    response_model=BatchAnswer,
    responses=BATCH_ERRORS,
    openapi_extra=body_of(BatchBody, {"consents": _BATCH}),
)
async def add_consents(request: Request, iys_code: IysCode, brand_code: BrandCode) -> Response:
    """Take a list of consents into the queue; the answer says that it is there, durably.

    What is wrong with an item itself refuses the whole list. What hangs on the record of an address is found
    out later; ask for the result with the `requestId`.
    """
    return await _accept(request, iys_code, brand_code, replayable=False)


@router.post(
    "/v2/sps/{iysCode}/brands/{brandCode}/consents/request",
    operation_id="addConsentsV2",
    summary="Hand in many consents at once; what was stored before is no fault",
    status_code=202,
    response_model=BatchAnswer,
    responses=BATCH_ERRORS,
    openapi_extra=body_of(BatchBody, {"consents": _BATCH}),
)
async def add_consents_v2(request: Request, iys_code: IysCode, brand_code: BrandCode) -> Response:
    """Take a list in as the first version does; a consent that is stored already names its first request."""
    return await _accept(request, iys_code, brand_code, replayable=True)


async def _result(
    request: Request, iys_code: str, brand_code: str, request_id: str, *, shows_original: bool
) -> Response:
    ticket = await identified(request)
    path = read_brand_path(iys_code, brand_code)
    work = _batches(request).read_result(ticket, path, request_id, shows_original=shows_original)
    return json_response(await timely(request, work), status=200)


@router.get(
    "/sps/{iysCode}/brands/{brandCode}/consents/request/{requestId}",
    operation_id="readBatch",
    summary="What became of a batch",
    response_model=list[ItemAnswer],
    responses=RESULT_ERRORS,
)
async def read_batch(
    request: Request, iys_code: IysCode, brand_code: BrandCode, request_id: RequestId
) -> Response:
    """Return each item's outcome, in the order of the list: `success`, `failure`, or still `enqueue`.

    Success means committed: every check from then on knows it. A number that is unknown, or older than the
    60 days for which results are kept, has an empty list.
    """
    return await _result(request, iys_code, brand_code, request_id, shows_original=False)


@router.get(
    "/v2/sps/{iysCode}/brands/{brandCode}/consents/request/{requestId}",
    operation_id="readBatchV2",
    summary="What became of a batch, and which request stored a consent first",
    response_model=list[ItemAnswer],
    responses=RESULT_ERRORS,
)
async def read_batch_v2(
    request: Request, iys_code: IysCode, brand_code: BrandCode, request_id: RequestId
) -> Response:
    """Return each item's outcome as the first version does, with the request that stored it first."""
    return await _result(request, iys_code, brand_code, request_id, shows_original=True)

"""The check over HTTP, our own surface: `POST /check` and `POST /check/batch` (design 9)."""

from dataclasses import dataclass
from typing import Final, cast

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.check.answer import Answer, Checker, unverified
from services.check.decision_table import SINGLES, batch_body, end_of
from services.check.hot_door import ASKED_AT, CACHE_MISSED
from services.check.openapi import CHECK_ERRORS
from services.check.question import (
    InvalidQuestionError,
    Question,
    TooManyRecipientsError,
    read_single,
)
from services.check.read_batch import read_batch
from services.check.schemas import BatchAnswer, BatchBody, CheckAnswer, CheckBody
from shared.auth.gate import Gate, NotAuthenticatedError, Ticket
from shared.domain.decision import Reason
from shared.ledger.failures import LedgerUnavailableError
from shared.ledger.store import ReaderPool
from shared.telemetry import metrics
from shared.web.direct import DirectRoute
from shared.web.json_body import parse_json, read_body
from shared.web.openapi import body_of
from shared.web.problems import FieldError, ProblemError, pointer

router = APIRouter(tags=["check"])


@dataclass(frozen=True, slots=True)
class CheckSurface:
    """What the routes call; the composition root builds it and yields it as `request.state.check`."""

    checker: Checker
    gate: Gate
    pool: ReaderPool
    admit_test_range: bool
    batch_max: int


def surface_of(request: Request) -> CheckSurface:
    """Return what this request is answered with."""
    return cast("CheckSurface", request.state.check)


@router.post(
    "/check",
    operation_id="check",
    summary="May this message go out?",
    response_model=CheckAnswer,
    responses=CHECK_ERRORS,
    openapi_extra=body_of(
        CheckBody,
        {"sms": {"brandCode": 600001, "type": "MESAJ", "recipient": "+905991234567"}},
    ),
)
async def check(request: Request) -> Response:
    """Decide about one address, as of the ledger's position that the answer names.

    Every row of the decision table is a 200, `allowed` or not. 503 means that nothing could be verified:
    then a commercial message is not allowed.
    """
    surface = surface_of(request)
    with metrics.CHECK_SECONDS.time():
        ticket = await _identified(request)
        try:
            question = read_single(
                parse_json(await read_body(request)), admit_test_range=surface.admit_test_range
            )
        except InvalidQuestionError as error:
            raise refused(error) from None
        answer = await _answered(request, ticket, question)
    return _json(SINGLES[answer.codes[0]] + end_of(answer.position), answer)


@router.post(
    "/check/batch",
    operation_id="checkBatch",
    summary="Which of these addresses may get it?",
    response_model=BatchAnswer,
    responses=CHECK_ERRORS,
    openapi_extra=body_of(
        BatchBody,
        {"sms": {"brandCode": 600001, "type": "MESAJ", "recipients": ["+905991234567"]}},
    ),
)
async def check_batch(request: Request) -> Response:
    """Decide about up to 10,000 addresses, all as of one position, in the order asked."""
    surface = surface_of(request)
    ticket = await _identified(request)
    try:
        question = await read_batch(
            parse_json(await read_body(request)),
            count_max=surface.batch_max,
            admit_test_range=surface.admit_test_range,
        )
    except InvalidQuestionError as error:
        raise refused(error) from None
    except TooManyRecipientsError:
        detail = f"at most {surface.batch_max} addresses in one batch"
        raise ProblemError("TOO_MANY_RECIPIENTS", detail) from None
    answer = await _answered(request, ticket, question)
    return _json(batch_body(answer.codes, answer.position), answer)


def _json(body: bytes, answer: Answer) -> Response:
    """503 where something that needed the ledger was not verified; an exempt message needs it not."""
    status = 503 if answer.sender is Reason.UNVERIFIED else 200
    return Response(body, status, media_type="application/json")


async def _identified(request: Request) -> Ticket | None:
    """Return who asks, before anything of the body is read; None while nobody can tell."""
    try:
        return await surface_of(request).checker.identify(request.headers.get("authorization"))
    except NotAuthenticatedError:
        raise ProblemError("NOT_AUTHENTICATED") from None
    except LedgerUnavailableError:
        return None


async def _answered(request: Request, ticket: Ticket | None, question: Question) -> Answer:
    """Ask; what the hot path has handed over counts from its arrival, and goes to the ledger."""
    if ticket is None:  # nobody is let through on an unknown's word
        return unverified(question)
    scope = request.scope
    try:
        return await surface_of(request).checker.answer(
            ticket, question, asked_at=scope.get(ASKED_AT), skip_cache=bool(scope.get(CACHE_MISSED))
        )
    except NotAuthenticatedError:
        raise ProblemError("NOT_AUTHENTICATED") from None


def refused(error: InvalidQuestionError) -> ProblemError:
    """Say what is wrong with a question."""
    code = "INVALID_RECIPIENT" if error.bad_recipient else "INVALID_QUESTION"
    errors = [
        FieldError(pointer([name]) if name else "", detail, code)
        for name, detail in error.mistakes.items()
    ]
    detail = "; ".join(f"{name} {reason}".strip() for name, reason in error.mistakes.items())
    return ProblemError(code, detail, errors=errors)


DIRECT: Final = (
    DirectRoute("POST", "/check", check),
    DirectRoute("POST", "/check/batch", check_batch),
)

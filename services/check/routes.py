"""The check over HTTP, our own surface: `POST /check` and `POST /check/batch` (design 9)."""

from dataclasses import dataclass
from typing import Final, cast

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.check.answer import INVALID, Answer, Checker
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
from shared.domain.decision import Reason, decide_unverified
from shared.ledger.failures import LedgerUnavailableError
from shared.ledger.store import ReaderPool
from shared.telemetry import metrics
from shared.web.direct import DirectRoute
from shared.web.json_body import parse_json, read_body
from shared.web.openapi import body_of
from shared.web.problems import FieldError, ProblemError, pointer
from shared.web.wire_json import json_response

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
            raise _refused(error) from None
        answer = await _answered(surface, ticket, question)
    decision = answer.decisions[0]
    body = {
        "allowed": decision.reason.allowed,
        "reason": decision.reason.value,
        "status": None if decision.status is None else decision.status.value,
        "position": answer.position,
    }
    return json_response(body, status=_status(answer))


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
        raise _refused(error) from None
    except TooManyRecipientsError:
        detail = f"at most {surface.batch_max} addresses in one batch"
        raise ProblemError("TOO_MANY_RECIPIENTS", detail) from None
    answer = await _answered(surface, ticket, question)
    body = {
        "position": answer.position,
        "allowedCount": sum(decision.reason.allowed for decision in answer.decisions),
        "results": [decision.reason.value for decision in answer.decisions],
    }
    return json_response(body, status=_status(answer))


def _status(answer: Answer) -> int:
    """503 where something that needed the ledger was not verified; an exempt message needs it not."""
    return 503 if answer.sender is Reason.UNVERIFIED else 200


async def _identified(request: Request) -> Ticket | None:
    """Return who asks, before anything of the body is read; None while nobody can tell."""
    try:
        return await surface_of(request).checker.identify(request.headers.get("authorization"))
    except NotAuthenticatedError:
        raise ProblemError("NOT_AUTHENTICATED") from None
    except LedgerUnavailableError:
        return None


async def _answered(surface: CheckSurface, ticket: Ticket | None, question: Question) -> Answer:
    if ticket is None:  # nobody is let through on an unknown's word
        unverified = decide_unverified(exempt=False)
        decisions = [INVALID if r is None else unverified for r in question.recipients]
        return Answer(decisions, None, verified=False, sender=unverified.reason)
    try:
        return await surface.checker.answer(ticket, question)
    except NotAuthenticatedError:
        raise ProblemError("NOT_AUTHENTICATED") from None


def _refused(error: InvalidQuestionError) -> ProblemError:
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

"""The surfaces of this area, our own: staff records decisions, operators report lines and ask about headers.

Errors are problem documents. No provider, partner or operator can have a decision recorded here.
"""

from typing import cast
from uuid import UUID

from fastapi import APIRouter, Request

from services.registry.system.area import SystemArea
from services.registry.system.record_movement import (
    BrandSuspendedError,
    SystemMovement,
    UnknownBrandError,
)
from services.registry.system.report_closures import NUMBERS_MAX, NoSuchTimeError
from services.registry.system.schemas import (
    ClosuresAnswer,
    ClosuresBody,
    ClosuresTaken,
    HeaderStandingAnswer,
    SenderCodeAnswer,
    SenderCodeBody,
    SystemAnswer,
    SystemBody,
)
from services.registry.system.shown import closures_answer, closures_taken, header_answer
from shared.domain.consent import Source
from shared.domain.recipient import Purpose, read_recipient
from shared.ledger.directory import UserRow
from shared.ledger.system_actions import Actor
from shared.web.own_surface import HeaderName, PathCode, authorization, problems
from shared.web.problems import FieldError, ProblemError

router = APIRouter(tags=["system"])


def _area(request: Request) -> SystemArea:
    return cast("SystemArea", request.state.system)


@router.post(
    "/system/consents",
    operation_id="recordSystemMovement",
    summary="Record a citizen's decision (staff)",
    responses=problems("UNKNOWN_BRAND", "CONFLICT", "INVALID_RECIPIENT", limited=False),
    response_model_exclude_none=True,
)
async def record_system_movement(request: Request, body: SystemBody) -> SystemAnswer:
    """Record a grant or a refusal with a source of the registry's own, dated now.

    A citizen may refuse and grant at any time, first record or not; what is on record already is UNCHANGED.
    The action is audited before it is carried out.
    """
    area = _area(request)
    user = await area.door.staff(authorization(request))
    wanted = SystemMovement(
        brand_code=body.brandCode,
        recipient=_recipient(area, body),
        channel=body.type,
        recipient_type=body.recipientType,
        status=body.status,
        source=Source(body.source),
        citizen_name=body.citizenName,
    )
    actor = Actor("staff", user_id=user.user_id, reference=body.reference)
    try:
        outcome = await area.record(wanted, actor)
    except UnknownBrandError:
        raise ProblemError("UNKNOWN_BRAND") from None
    except BrandSuspendedError:
        raise ProblemError(
            "CONFLICT", "this brand is suspended; it records refusals only"
        ) from None
    if outcome.stored is None:
        return SystemAnswer(outcome=outcome.effect.value)
    return SystemAnswer(
        outcome=outcome.effect.value,
        transactionId=outcome.stored.transaction_id,
        createdAt=outcome.stored.created_at,
        consentDate=outcome.consent_date,
    )


def _recipient(area: SystemArea, body: SystemBody) -> str:
    read = read_recipient(
        body.recipient, body.type, purpose=Purpose.WRITE, admit_test_range=area.admit_test_range
    )
    if isinstance(read, str):
        return read
    detail = f"is not an address for {body.type.value}"
    error = FieldError("/recipient", detail, "INVALID_RECIPIENT")
    raise ProblemError("INVALID_RECIPIENT", f"recipient {detail}", errors=[error])


@router.post(
    "/operators/line-closures",
    operation_id="reportLineClosures",
    summary="Report lines that were closed (operators)",
    status_code=202,
    responses=problems("TOO_MANY_RECIPIENTS", limited=False),
)
async def report_line_closures(request: Request, body: ClosuresBody) -> ClosuresTaken:
    """Take up to 1,000 numbers: their consents for ARAMA and MESAJ go RET, at all brands.

    The answer means that the report is durable; the work follows by itself. Reporting again does no harm.
    """
    area = _area(request)
    user = await _operator(area, request)
    if not user.every_brand:
        raise ProblemError(
            "FORBIDDEN", "an operator with a list of brands closes no lines of others"
        )
    if len(body.recipients) > NUMBERS_MAX:
        detail = f"at most {NUMBERS_MAX} numbers in one report"
        raise ProblemError("TOO_MANY_RECIPIENTS", detail)
    try:
        taken = await area.closures.take(user, body.recipients, closed_at=body.closedAt)
    except NoSuchTimeError:
        error = FieldError("/closedAt", "must lie between 2015-05-01 and now")
        raise ProblemError("INVALID_FIELD", errors=[error]) from None
    return closures_taken(taken)


@router.get(
    "/operators/line-closures/{report_id}",
    operation_id="readLineClosures",
    summary="Ask how far a report of closed lines is (its operator, staff)",
    responses=problems("UNKNOWN_REPORT", limited=False),
    response_model_exclude_none=True,
)
async def read_line_closures(request: Request, report_id: UUID) -> ClosuresAnswer:
    """Return what became of each number, by its place in the list that was sent."""
    area = _area(request)
    user = await _operator(area, request, "admin")
    report = await area.closures.read(user, report_id)
    if report is None:
        raise ProblemError("UNKNOWN_REPORT")
    return closures_answer(report_id, report)


@router.get(
    "/operators/headers/{header}",
    operation_id="lookUpHeader",
    summary="Ask whose header it is, and whether this operator may use it (operators)",
    responses=problems("UNKNOWN_HEADER", limited=False),
)
async def look_up_header(request: Request, header: HeaderName) -> HeaderStandingAnswer:
    """Return brand and provider of a header, and what a check under it would say of the sender."""
    area = _area(request)
    user = await _operator(area, request)
    standing = await area.look_up_header(user, header)
    if standing is None:
        raise ProblemError("UNKNOWN_HEADER")
    return header_answer(standing)


@router.put(
    "/accounts/operators/{code}/sender-code",
    operation_id="assignSenderCode",
    summary="Assign the code that an operator sends under (staff)",
    responses=problems("UNKNOWN_ACCOUNT", "ALREADY_EXISTS"),
)
async def assign_sender_code(
    request: Request, code: PathCode, body: SenderCodeBody
) -> SenderCodeAnswer:
    """Assign `B` and three digits (regulation E10), in place of what was there; null takes it away."""
    await _area(request).assign_sender_code(authorization(request), code, body.senderCode)
    return SenderCodeAnswer(operatorCode=code, senderCode=body.senderCode)


async def _operator(area: SystemArea, request: Request, *others: str) -> UserRow:
    """Admit operators, and whoever else is named."""
    user = await area.door.user(authorization(request))
    if user.role not in {"operator", *others}:
        raise ProblemError("FORBIDDEN", "this is for operators")
    return user

"""The operator dialect of İYS, as its clients know it (iys-api 10.5): HTTP Basic, addresses to drop.

The list of rejected addresses holds every one that must not receive the message, whatever the reason;
so a client that drops those and sends to the rest does the right thing. Where that cannot be said for
sure, there is no list at all: 503.
"""

from typing import Annotated, cast
from urllib.parse import unquote

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from services.check.decision_table import ALLOWED
from services.check.openapi import BRANDS_ERRORS, REJECTED_ERRORS
from services.check.question import Question, TooManyRecipientsError
from services.check.read_batch import read_batch
from services.check.routes import CheckSurface, surface_of
from services.check.schemas import OperatorBrands, RejectedAnswer, RejectedBody
from shared.auth.gate import NotAuthenticatedError, Ticket
from shared.domain.consent import Channel, RecipientType
from shared.domain.decision import Reason
from shared.domain.faults import (
    BodyNotJson,
    BrandCodeNotInteger,
    BrandUnknown,
    CallerOfWrongKind,
    ChannelUnknown,
    OutsideRights,
    RecipientsEmpty,
    RecipientsMissing,
    RecipientsNotList,
    RecipientTypeUnknown,
    RuleBrokenError,
    TokenUnusable,
    TooManyRecipients,
)
from shared.ledger.deadline import within
from shared.ledger.directory import brands_by_tax_number
from shared.ledger.failures import LedgerUnavailableError
from shared.web.json_body import NotJsonError, parse_json, read_body
from shared.web.openapi import body_of
from shared.web.wire_json import echo, json_response

router = APIRouter(tags=["operator"], prefix="/brands")

_TAX_NUMBER_DIGITS = range(1, 12)
_NUMBER_DIGITS_MAX = 20
_NUMBER_MAX = 2**31 - 1


@router.get(
    "/{tin}",
    operation_id="operatorBrands",
    summary="Brands of the provider with this tax number",
    response_model=OperatorBrands,
    responses=BRANDS_ERRORS,
)
async def operator_brands(
    request: Request, tin: Annotated[str, Path(description="Tax number, 10 or 11 digits.")]
) -> Response:
    """Return the active brands that the operator may ask about; an unknown number has none."""
    ticket = await _identified(request)
    work = _brands(surface_of(request), ticket, tin)
    try:
        listed = await within(surface_of(request).checker.deadline_s, work)
    except TimeoutError:
        raise LedgerUnavailableError("no list of brands in time") from None
    return json_response({"list": listed}, status=200)


@router.post(
    "/{brandCode}/consents/{recipientType}/rejected/{type}",
    operation_id="rejected",
    summary="Which of these addresses must not receive it?",
    response_model=RejectedAnswer,
    responses=REJECTED_ERRORS,
    openapi_extra=body_of(RejectedBody, {"numbers": {"recipients": ["+905991234567"]}}),
)
async def rejected(
    request: Request,
    brand_code: Annotated[str, Path(alias="brandCode", description="The brand's number.")],
    recipient_type: Annotated[str, Path(alias="recipientType", description="BIREYSEL or TACIR.")],
    channel: Annotated[str, Path(alias="type", description="ARAMA, MESAJ or EPOSTA.")],
) -> Response:
    """Return every listed address that is refused, blocked, unknown, not on record, or malformed."""
    surface = surface_of(request)
    ticket = await _identified(request)
    number = _brand_code(brand_code)
    words = {"recipientType": _recipient_type(recipient_type), "type": _channel(channel)}
    raw = await _recipients(request)
    question = await _question(request, {"brandCode": number, **words, "recipients": raw})
    try:
        answer = await surface.checker.answer(ticket, question)
    except NotAuthenticatedError:
        raise RuleBrokenError(TokenUnusable()) from None
    if not answer.verified:
        raise LedgerUnavailableError("a list that is not verified is no list")
    # Not by the decisions: where no address is one there is none that would say so.
    if answer.sender is Reason.SENDER_NOT_REGISTERED and answer.position is None:
        raise RuleBrokenError(BrandUnknown())
    if answer.sender is Reason.NOT_AUTHORISED:
        raise RuleBrokenError(OutsideRights(name="brandCode"))
    dropped = [
        address if isinstance(address, str) else echo(address)
        for address, code in zip(raw, answer.codes, strict=True)
        if code not in ALLOWED
    ]
    return json_response({"list": dropped}, status=200)


async def _brands(surface: CheckSurface, ticket: Ticket, tin: str) -> list[dict[str, object]]:
    versions = await surface.checker.reader.read_head(0)
    try:
        user = await surface.gate.admit(ticket, versions.directory_version)
    except NotAuthenticatedError:
        raise RuleBrokenError(TokenUnusable()) from None
    if user.role != "operator":
        raise RuleBrokenError(CallerOfWrongKind())
    known = tin.isascii() and tin.isdigit() and len(tin) in _TAX_NUMBER_DIGITS
    brands = await brands_by_tax_number(surface.pool, tin) if known else []
    return [
        {"brandCode": code, "name": name}
        for code, name in brands
        if user.every_brand or code in user.brands
    ]


async def _identified(request: Request) -> Ticket:
    try:
        return await surface_of(request).checker.identify(request.headers.get("authorization"))
    except NotAuthenticatedError:
        raise RuleBrokenError(TokenUnusable()) from None


def _brand_code(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _NUMBER_DIGITS_MAX):
        raise RuleBrokenError(BrandCodeNotInteger())
    number = int(text)
    if not 0 < number <= _NUMBER_MAX:
        raise RuleBrokenError(BrandUnknown())
    return number


def _recipient_type(word: str) -> str:
    try:
        return RecipientType(word).value
    except ValueError:
        raise RuleBrokenError(RecipientTypeUnknown(("recipientType",), unquote(word))) from None


def _channel(word: str) -> str:
    try:
        return Channel(word).value
    except ValueError:
        raise RuleBrokenError(ChannelUnknown(("type",), unquote(word))) from None


async def _recipients(request: Request) -> list[object]:
    """Return the list as it was sent; what is no address in it will be among the rejected."""
    try:
        body = parse_json(await read_body(request))
    except NotJsonError:
        raise RuleBrokenError(BodyNotJson()) from None
    if not isinstance(body, dict) or "recipients" not in body:
        raise RuleBrokenError(RecipientsMissing(("recipients",)))
    raw = cast("dict[str, object]", body)["recipients"]
    if not isinstance(raw, list):
        raise RuleBrokenError(RecipientsNotList(("recipients",), raw))
    if not raw:
        raise RuleBrokenError(RecipientsEmpty(("recipients",), []))
    return cast("list[object]", raw)


async def _question(request: Request, body: dict[str, object]) -> Question:
    surface = surface_of(request)
    try:
        return await read_batch(
            body, count_max=surface.batch_max, admit_test_range=surface.admit_test_range
        )
    except TooManyRecipientsError:
        fault = TooManyRecipients(("recipients",), count_max=surface.batch_max)
        raise RuleBrokenError(fault) from None

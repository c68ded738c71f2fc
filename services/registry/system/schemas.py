"""The shapes of this area's surfaces. These validate: a misspelt field must not be ignored."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    JsonValue,
    StringConstraints,
    model_validator,
)

from shared.domain.consent import Channel, RecipientType, Source, Status
from shared.domain.registry_movements import is_reference, unfit
from shared.web.own_bodies import Code, Instant, Strict

RegistrySource = Literal[
    "IYS_WEB",
    "IYS_WEB_YENI",
    "IYS_MOBIL",
    "IYS_CM",
    "IYS_KISAMESAJ",
    "IYS_EPOSTA",
    "IYS_FRAME_EPOSTA",
    "IYS_FRAME_SMS",
]
ReasonWord = Literal["SENDER_NOT_REGISTERED", "NOT_AUTHORISED", "HEADER_MISMATCH"]
NumberState = Literal["PENDING", "DONE", "INVALID_RECIPIENT", "DUPLICATE"]


def _reference(value: str) -> str:
    if not is_reference(value):
        raise ValueError("may hold 64 letters, digits and .,:/#()- and no long number")
    return value


Reference = Annotated[str, StringConstraints(max_length=64), AfterValidator(_reference)]
Name = Annotated[
    str, StringConstraints(min_length=2, max_length=150, pattern=r"^[^\x00-\x1f\x7f]*$")
]
SenderCode = Annotated[str, StringConstraints(pattern=r"^B[0-9]{3}$")]


class SystemBody(Strict):
    """A decision of a citizen. `reference` says why, for the audit: a case number, no address."""

    brandCode: Code  # noqa: N815
    recipient: str
    type: Channel
    recipientType: RecipientType = RecipientType.INDIVIDUAL  # noqa: N815
    status: Status
    source: RegistrySource
    citizenName: Name | None = None  # noqa: N815
    reference: Reference | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        why = unfit(self.status, Source(self.source), self.citizenName)
        if why is not None:
            raise ValueError(f"source {self.source} {why}")
        return self


class SystemAnswer(BaseModel):
    """What became of it. UNCHANGED: that was on record already, and nothing was to be kept."""

    outcome: Literal["RECORDED", "KEPT", "UNCHANGED"]
    transactionId: str | None = None  # noqa: N815
    createdAt: datetime | None = None  # noqa: N815
    consentDate: datetime | None = None  # noqa: N815


class ClosuresBody(Strict):
    """Numbers whose lines are closed, up to 1,000; since when (now, if it is left out)."""

    recipients: Annotated[list[JsonValue], Field(min_length=1)]
    closedAt: Instant | None = None  # noqa: N815


class LeftOut(BaseModel):
    """An entry of the list that is not worked on, by its place from 0."""

    index: int
    problem: Literal["INVALID_RECIPIENT", "DUPLICATE"]


class ClosuresTaken(BaseModel):
    """The report is stored, and the work goes on by itself."""

    reportId: str  # noqa: N815
    receivedAt: datetime  # noqa: N815
    closedAt: datetime  # noqa: N815
    accepted: int
    leftOut: list[LeftOut]  # noqa: N815


class NumberAnswer(BaseModel):
    """What became of one entry: how many consents were closed, at how many brands."""

    index: int
    state: NumberState
    consentsClosed: int | None = None  # noqa: N815
    brands: int | None = None


class ClosuresAnswer(BaseModel):
    """How far a report is. DONE: no consent of these numbers is left."""

    reportId: str  # noqa: N815
    state: Literal["PENDING", "DONE"]
    receivedAt: datetime  # noqa: N815
    closedAt: datetime  # noqa: N815
    numbers: int
    pending: int
    consentsClosed: int  # noqa: N815
    results: list[NumberAnswer]


class HeaderStandingAnswer(BaseModel):
    """Whose header it is, and whether the operator that asks may send under it."""

    header: str
    brandCode: int  # noqa: N815
    brandName: str  # noqa: N815
    iysCode: int  # noqa: N815
    providerTitle: str  # noqa: N815
    usable: bool
    reason: ReasonWord | None = None
    senderCode: str | None = None  # noqa: N815


class SenderCodeBody(Strict):
    """The code that ends every bulk SMS of the operator (regulation E10); null takes it away."""

    senderCode: SenderCode | None  # noqa: N815


class SenderCodeAnswer(BaseModel):
    """An operator and the code that it sends under; null if none is assigned."""

    operatorCode: int  # noqa: N815
    senderCode: str | None  # noqa: N815

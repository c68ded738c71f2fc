"""The shapes of the check, for the OpenAPI document; `question.py` reads the requests."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

ReasonWord = Literal[
    "CONSENT",
    "REFUSED",
    "NO_RECORD",
    "MERCHANT_ON_RECORD",
    "REGISTER_ADDRESS_FIRST",
    "EXEMPT",
    "EXEMPT_UNVERIFIED",
    "UNVERIFIED",
    "SENDER_NOT_REGISTERED",
    "NOT_AUTHORISED",
    "HEADER_MISMATCH",
    "INVALID_RECIPIENT",
]
Recipient = Annotated[
    str,
    Field(
        description="E.164 number for ARAMA and MESAJ, e-mail address for EPOSTA.",
        examples=["+905991234567"],
    ),
]


class SenderFields(BaseModel):
    """Who sends, how, and what: brandCode, header or both name the sender."""

    model_config = ConfigDict(extra="forbid")

    brandCode: Annotated[int, Field(ge=1, lt=2**31)] = 0  # noqa: N815  # the wire's name
    header: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        default="", description="Sender name of an SMS; only with type MESAJ."
    )
    type: Literal["ARAMA", "MESAJ", "EPOSTA"]
    recipientType: Literal["BIREYSEL", "TACIR"] = "BIREYSEL"  # noqa: N815
    messageClass: Literal[  # noqa: N815
        "COMMERCIAL",
        "CHANGE_USE_MAINT",
        "ONGOING_RELATION",
        "LEGAL_NOTICE",
        "CAPITAL_MARKETS",
        "EXEMPT_SENDER",
    ] = "COMMERCIAL"
    retailerCode: Annotated[int, Field(ge=10_000_000, le=99_999_999)] = 10_000_000  # noqa: N815


class CheckBody(SenderFields):
    """May this one message go out?"""

    recipient: Recipient


class BatchBody(SenderFields):
    """Which of these may get it?"""

    recipients: list[Recipient] = Field(min_length=1, max_length=10_000)


class RejectedBody(BaseModel):
    """The operator dialect's list of addresses."""

    recipients: list[Recipient] = Field(min_length=1, max_length=10_000)


class CheckAnswer(BaseModel):
    """The decision, and the ledger position of the brand that it reflects."""

    allowed: bool
    reason: ReasonWord
    status: Literal["ONAY", "RET"] | None
    position: int | None


class BatchAnswer(BaseModel):
    """One reason per address, in the order asked."""

    position: int | None
    allowedCount: int  # noqa: N815  # the wire's name
    results: list[ReasonWord]


class StreamLine(BaseModel):
    """The answer to one line of a list; lines are counted from 1."""

    line: int
    allowed: bool
    reason: ReasonWord


class StreamEnd(BaseModel):
    """The last line: the list was answered to its end. Position of the last group that was verified."""

    end: Literal[True]
    position: int | None
    counts: dict[ReasonWord, int]


class RejectedAnswer(BaseModel):
    """Every address that must not receive the message, as it was sent: also what is no address."""

    list: list[object]


class OperatorBrand(BaseModel):
    """A brand that an operator may send for."""

    brandCode: int  # noqa: N815  # the wire's name
    name: str


class OperatorBrands(BaseModel):
    """The brands of the providers with a tax number."""

    list: list[OperatorBrand]

"""The shapes of the İYS wire, for the OpenAPI document: a provider's developer learns it from there.

Requests are read by `shared.domain`, which answers with the wire's own codes; these classes describe
them and validate nothing. Responses are tested against them.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.web.openapi import WireError

ChannelWord = Literal["ARAMA", "MESAJ", "EPOSTA"]
RecipientTypeWord = Literal["BIREYSEL", "TACIR"]
StatusWord = Literal["ONAY", "RET"]
ProviderSource = Literal[
    "HS_2015",
    "HS_KARAR",
    "HS_FIZIKSEL_ORTAM",
    "HS_ISLAK_IMZA",
    "HS_ETKINLIK",
    "HS_ATM",
    "HS_EORTAM",
    "HS_WEB",
    "HS_MOBIL",
    "HS_MESAJ",
    "HS_EPOSTA",
    "HS_CAGRI_MERKEZI",
    "HS_SOSYAL_MEDYA",
]
RetailerCode = Annotated[int, Field(ge=10_000_000, le=99_999_999)]
WireDate = Annotated[
    str,
    Field(
        pattern=r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$",
        description="YYYY-MM-DD HH:mm:ss, Turkey time, no offset.",
        examples=["2026-03-02 14:05:09"],
    ),
]
Recipient = Annotated[
    str,
    Field(
        description="E.164 number for ARAMA and MESAJ, e-mail address for EPOSTA.",
        examples=["+905991234567"],
    ),
]


class ConsentBody(BaseModel):
    """One consent to record. Optional fields are left out, never null or empty."""

    model_config = ConfigDict(extra="forbid")

    recipient: Recipient
    type: ChannelWord
    source: ProviderSource = Field(
        default="HS_WEB", description="Optional on a first TACIR record only."
    )
    status: StatusWord
    consentDate: WireDate = Field(  # noqa: N815  # the wire's name
        default="2026-03-02 14:05:09",
        description="When the person decided. Optional on a first TACIR record only.",
    )
    recipientType: RecipientTypeWord = "BIREYSEL"  # noqa: N815  # the wire's name
    retailerCode: RetailerCode = 10_000_000  # noqa: N815  # the wire's name
    retailerAccess: list[RetailerCode] = Field(default=[], min_length=1)  # noqa: N815


class StatusBody(BaseModel):
    """The question about one consent."""

    recipient: Recipient
    recipientType: RecipientTypeWord  # noqa: N815  # the wire's name
    type: ChannelWord


class RecipientsBody(BaseModel):
    """The question about many addresses."""

    recipients: list[Recipient] = Field(min_length=1, max_length=1000)


class TokenBody(BaseModel):
    """A password grant, or a refresh grant; JSON or form."""

    grant_type: Literal["password", "refresh_token"]
    username: str = Field(default="", description="With grant_type=password.")
    password: str = Field(default="", description="With grant_type=password.")
    refresh_token: str = Field(default="", description="With grant_type=refresh_token.")


class TokenAnswer(BaseModel):
    """A pair of tokens; lifetimes in seconds. The refresh token works once."""

    access_token: str
    refresh_token: str
    expires_in: int
    refresh_expires_in: int
    token_type: Literal["bearer"]


class TokenRefusal(BaseModel):
    """The token endpoint's own error shape."""

    error: str
    error_description: str


class TokenLimited(TokenRefusal):
    """The same, with what the rest of the wire answers when a limit is used up."""

    code: str
    message: str
    errors: list[WireError]


class MovementAnswer(BaseModel):
    """What was recorded."""

    transactionId: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]  # noqa: N815
    creationDate: WireDate  # noqa: N815  # the wire's name


class ConsentAnswer(BaseModel):
    """One consent as it stands."""

    recipient: str
    type: ChannelWord
    recipientType: RecipientTypeWord  # noqa: N815  # the wire's name
    status: StatusWord
    source: str | None = None
    consentDate: WireDate | None = None  # noqa: N815  # the wire's name
    creationDate: WireDate  # noqa: N815  # the wire's name
    retailerCode: RetailerCode | None = None  # noqa: N815  # the wire's name
    retailerTitle: str | None = None  # noqa: N815  # the wire's name
    retailerAccessCount: int  # noqa: N815  # the wire's name
    transactionId: str  # noqa: N815  # the wire's name


class GrantedAnswer(BaseModel):
    """The addresses of the question that are in ONAY; all others are left out."""

    requestId: str  # noqa: N815  # the wire's name
    list: list[str]


class ConsentStats(BaseModel):
    """Keys of a brand by their current state."""

    approval: int
    rejection: int
    total: int


class RetailerStats(BaseModel):
    """Retailers of a brand."""

    total: int


class BrandStats(BaseModel):
    """Counters of a brand."""

    consents: ConsentStats
    retailers: RetailerStats


class BrandAnswer(BaseModel):
    """One brand of a provider; the master brand carries the provider's own number."""

    brandCode: int  # noqa: N815  # the wire's name
    name: str
    master: bool
    stats: BrandStats


class VersionAnswer(BaseModel):
    """Which release answers."""

    version: str

"""The shapes of the history, the feed and the report, for the OpenAPI document."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from services.registry.schemas import ChannelWord, RecipientTypeWord, StatusWord, WireDate

TransactionId = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class HistoryRowAnswer(BaseModel):
    """One consent as it was recorded."""

    consentDate: WireDate | None = None  # noqa: N815  # the wire's name
    source: str | None = None
    recipient: str
    recipientType: RecipientTypeWord  # noqa: N815  # the wire's name
    status: StatusWord
    type: ChannelWord
    creationDate: WireDate  # noqa: N815  # the wire's name
    transactionId: TransactionId  # noqa: N815  # the wire's name


class Pagination(BaseModel):
    """Which part of how many rows this is."""

    totalCount: int = Field(description="Rows in all.")  # noqa: N815  # the wire's name
    pageSize: int = Field(description="Rows in this answer.")  # noqa: N815  # the wire's name
    offset: int


class HistoryAnswer(BaseModel):
    """A page of the consents of one address, the newest decision first."""

    list: list[HistoryRowAnswer]
    pagination: Pagination


class ChangeAnswer(BaseModel):
    """One consent of the feed."""

    consentDate: WireDate | Literal[""] | None = None  # noqa: N815  # the wire's name
    creationDate: WireDate  # noqa: N815  # the wire's name
    source: str | None = None
    recipient: str
    recipientType: RecipientTypeWord  # noqa: N815  # the wire's name
    status: StatusWord
    type: ChannelWord
    transactionId: TransactionId  # noqa: N815  # the wire's name
    citizenName: str | None = Field(  # noqa: N815  # the wire's name
        default=None, description="On rows of the source IYS_WEB_YENI, for some days."
    )


class ChangesAnswer(BaseModel):
    """A page of the feed. An empty list means: go on with `after`, there is more to look at."""

    after: str = Field(
        description="Opaque; send it back to go on behind these rows.",
        examples=["1772442311_00000000000001a15d0be2d1f4a3c98600000007c1d2e3f405162738495a6b7c"],
    )
    list: list[ChangeAnswer]


class ReportRowAnswer(BaseModel):
    """Movements of one channel, recipient type and kind of source."""

    type: ChannelWord
    recipientType: RecipientTypeWord  # noqa: N815  # the wire's name
    source: Literal["HS", "IYS"]
    approvals: int
    refusals: int
    blocks: int = Field(
        description="Refusals that the rules turned away, and that deny all the same."
    )
    total: int


class ReportTotals(BaseModel):
    """All rows together."""

    approvals: int
    refusals: int
    blocks: int
    total: int


class ReportAnswer(BaseModel):
    """What changed at a brand on one day of Turkey's."""

    brandCode: int  # noqa: N815  # the wire's name
    date: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$")]
    complete: bool = Field(description="The day is over: nothing will be added to these numbers.")
    rows: list[ReportRowAnswer]
    totals: ReportTotals

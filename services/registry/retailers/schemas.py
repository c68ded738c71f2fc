"""The shapes of retailers and of their access, for the OpenAPI document.

Requests are read by `shared.domain`, which answers with the wire's own codes; these classes describe them.
Answers leave out what there is not, and never say null.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.registry.schemas import ChannelWord, Recipient, RecipientTypeWord, RetailerCode

RetailerStatusWord = Literal["active", "passive", "suspended"]
Text = Annotated[str, Field(min_length=1, max_length=255)]


class PlaceBody(BaseModel):
    """A province or a district."""

    model_config = ConfigDict(extra="forbid")

    code: Text
    name: Text


class RetailerBody(BaseModel):
    """One retailer to record. Optional fields are left out, never null or empty."""

    model_config = ConfigDict(extra="forbid")

    title: Text
    name: Text = Field(description="Who answers for the retailer.")
    tckn: str = Field(description="That person's identity number, eleven digits.")
    tin: str = Field(description="Tax number (VKN) of ten digits, or a TCKN.")
    city: PlaceBody
    town: PlaceBody
    mobile: str = Field(default="+905991234567", description="E.164.")
    alias: Text = "Şube"
    mersis: str = Field(default="", description="Sixteen digits.")
    status: RetailerStatusWord = "active"


class RetailerAdded(BaseModel):
    """The code that a retailer got."""

    retailerCode: RetailerCode  # noqa: N815  # the wire's name


class PlaceAnswer(BaseModel):
    """A province or a district, as it was recorded."""

    name: str
    code: str


class AccessRetailer(BaseModel):
    """A retailer that may use a consent; one with a title alone has no more than that."""

    title: str
    retailerCode: RetailerCode  # noqa: N815  # the wire's name
    mersis: str | None = None
    alias: str | None = None
    name: str | None = None
    tckn: str | None = None
    mobile: str | None = None
    city: PlaceAnswer | None = None
    town: PlaceAnswer | None = None


class RetailerAnswer(AccessRetailer):
    """A retailer as it stands; with `short` without what is personal."""

    status: RetailerStatusWord
    tin: str | None = None
    retailerAccessCount: int = Field(description="Consents that name it.")  # noqa: N815


class SingleRetailerAnswer(BaseModel):
    """One retailer; an empty object where the brand has none with this code."""

    title: str | None = None
    retailerCode: RetailerCode | None = None  # noqa: N815  # the wire's name
    mersis: str | None = None
    alias: str | None = None
    name: str | None = None
    tckn: str | None = None
    mobile: str | None = None
    city: PlaceAnswer | None = None
    town: PlaceAnswer | None = None
    status: RetailerStatusWord | None = None
    tin: str | None = None
    retailerAccessCount: int | None = None  # noqa: N815  # the wire's name
    canBeDeleted: bool | None = None  # noqa: N815  # the wire's name


class Pagination(BaseModel):
    """Which part of how many retailers this is."""

    offset: int
    pageSize: int = Field(description="Retailers that a page holds.")  # noqa: N815
    totalCount: int  # noqa: N815  # the wire's name


class PaginationWithPage(Pagination):
    """The same, and which page it is."""

    currentPage: int = Field(description="From 1 on.")  # noqa: N815  # the wire's name


class RetailersAnswer(BaseModel):
    """A page of a brand's retailers, the oldest first."""

    pagination: PaginationWithPage
    list: list[RetailerAnswer]


class AccessAnswer(BaseModel):
    """A page of the retailers that may use one consent, by their codes."""

    pagination: Pagination
    list: list[AccessRetailer]


class AccessQuestion(BaseModel):
    """Which consent is asked about."""

    recipient: Recipient
    recipientType: RecipientTypeWord  # noqa: N815  # the wire's name
    type: ChannelWord


class GrantBody(AccessQuestion):
    """Retailers that may use one consent from now on."""

    retailerAccess: list[RetailerCode] = Field(min_length=1, max_length=100)  # noqa: N815


class RemoveAllBody(BaseModel):
    """Consents that no retailer may use any more."""

    type: ChannelWord
    recipientType: RecipientTypeWord  # noqa: N815  # the wire's name
    recipients: list[Recipient] = Field(min_length=1, max_length=100)


class AccessListBody(RemoveAllBody):
    """Consents, and the retailers that get or lose access to them."""

    retailerAccess: list[RetailerCode] = Field(min_length=1, max_length=100)  # noqa: N815


class RetailerStatusBody(BaseModel):
    """May the retailer use consents? Only an active one may."""

    model_config = ConfigDict(extra="forbid")

    status: RetailerStatusWord


class RetailerStatusAnswer(RetailerStatusBody):
    """What holds from the next request on."""

    retailerCode: RetailerCode  # noqa: N815  # the wire's name

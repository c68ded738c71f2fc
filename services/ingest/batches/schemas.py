"""The bodies of ingest's routes, as the document shows them. Reading is done by `shared.domain`."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, RootModel


class BatchConsent(BaseModel):
    """One consent of a batch."""

    recipient: str
    type: Literal["ARAMA", "MESAJ", "EPOSTA"]
    status: Literal["ONAY", "RET"]
    source: str | None = None
    consentDate: str | None = None  # noqa: N815
    recipientType: Literal["BIREYSEL", "TACIR"] = "BIREYSEL"  # noqa: N815
    retailerCode: int | None = None  # noqa: N815
    retailerAccess: list[int] | None = None  # noqa: N815


class BatchBody(RootModel[list[BatchConsent]]):
    """A list of consents."""


class SubRequest(BaseModel):
    """One consent of a batch that was taken in, and its number."""

    type: str
    source: str | None = None
    recipient: str
    status: str
    consentDate: str | None = None  # noqa: N815
    recipientType: str | None = None  # noqa: N815
    subRequestId: str  # noqa: N815
    creationDate: str  # noqa: N815


class BatchAnswer(BaseModel):
    """A batch that is in the queue."""

    requestId: str  # noqa: N815
    subRequests: list[SubRequest]  # noqa: N815


class ItemError(BaseModel):
    """Why an item was turned away."""

    code: str
    message: str


class OriginalRequest(BaseModel):
    """The request that stored the same consent first."""

    requestId: str  # noqa: N815
    subRequestId: str  # noqa: N815


class ItemAnswer(BaseModel):
    """What became of an item; `transactionId` and `creationDate` come with success alone."""

    index: Annotated[int, Field(ge=0)]
    subRequestId: str  # noqa: N815
    status: Literal["success", "failure", "enqueue"]
    requestId: str | None = None  # noqa: N815
    transactionId: str | None = None  # noqa: N815
    creationDate: str | None = None  # noqa: N815
    error: ItemError | None = None
    isAddConsentV2Service: bool | None = None  # noqa: N815
    originalRequestInformation: OriginalRequest | None = None  # noqa: N815

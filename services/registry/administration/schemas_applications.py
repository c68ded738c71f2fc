"""The shapes of applications: what is filed, what is shown, what is decided."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from services.registry.administration.asked import BRANDS_MAX as _BRANDS_MAX
from services.registry.administration.asked import (
    Asked,
    AskedBrand,
    AskedBrandName,
    AskedHeader,
    AskedProvider,
    Contact,
    HeaderText,
    Proof,
)
from services.registry.administration.review_applications import Shown
from shared.domain.exemptions import ExemptionBasis
from shared.ledger.applications import DocumentInfo
from shared.web.own_bodies import Code, Strict, Text

KindWord = Literal["PROVIDER", "BRAND", "HEADER"]
ApplicationStateWord = Literal["OPEN", "APPROVED", "REJECTED", "WITHDRAWN"]


class ApplicationBody(Strict):
    """An application to become a provider. A company says its MERSIS number, a tradesman need not."""

    title: Text = Field(examples=["Deneme Ticaret A.Ş."])
    taxNumber: Annotated[str, StringConstraints(pattern="^[0-9]{10,11}$")] = Field(  # noqa: N815
        examples=["1234567890"], description="VKN of a company or TCKN of a tradesman."
    )
    mersis: Annotated[str, StringConstraints(pattern="^[0-9]{16}$")] | None = Field(
        default=None, examples=["0123456789000015"]
    )
    exemptionBasis: ExemptionBasis | None = None  # noqa: N815
    brands: list[AskedBrandName] = Field(
        min_length=1, max_length=_BRANDS_MAX, description="The first becomes the master brand."
    )
    contact: Contact

    @property
    def asked(self) -> AskedProvider:
        """What is asked for, without the contact."""
        return AskedProvider(
            title=self.title,
            taxNumber=self.taxNumber,
            mersis=self.mersis,
            exemptionBasis=self.exemptionBasis,
            brands=self.brands,
        )


class ApplicationFiled(BaseModel):
    """The reference number, and the secret that looks after the application: it is shown once."""

    reference: str = Field(examples=["B7K2M9QXDH"])
    secret: str
    state: ApplicationStateWord


class BrandApplicationBody(Strict):
    """A brand that a provider applies for."""

    name: Text
    trademark: Text | None = None

    @property
    def asked(self) -> AskedBrand:
        """What is asked for."""
        return AskedBrand(name=self.name, trademark=self.trademark)


class HeaderApplicationBody(Strict):
    """A header that a provider applies for; `proofReference` names the trademark or the domain."""

    header: HeaderText
    operators: list[Code] = Field(default=[], max_length=1000)
    proof: Proof
    proofReference: Text | None = None  # noqa: N815

    def asked(self, brand_code: int) -> AskedHeader:
        """Return what is asked for."""
        return AskedHeader(
            brandCode=brand_code,
            header=self.header,
            operators=self.operators,
            proof=self.proof,
            proofReference=self.proofReference,
        )


class OwnApplicationFiled(BaseModel):
    """The reference number of a provider's own application."""

    reference: str
    state: ApplicationStateWord


class DocumentItem(BaseModel):
    """A paper of an application."""

    number: int
    mediaType: str  # noqa: N815
    bytes: int
    createdAt: datetime  # noqa: N815

    @classmethod
    def of(cls, row: DocumentInfo) -> "DocumentItem":
        """Show a row."""
        return cls(
            number=row.number,
            mediaType=row.media_type,
            bytes=row.byte_count,
            createdAt=row.created_at,
        )


class DocumentKept(BaseModel):
    """A paper that was kept, by what it is."""

    number: int
    mediaType: str  # noqa: N815
    bytes: int


class ApplicationItem(BaseModel):
    """An application. `contact` is shown where one is looked at, never in lists."""

    reference: str
    kind: KindWord
    state: ApplicationStateWord
    title: str
    iysCode: int | None = Field(description="Who asks, or who the applicant has become.")  # noqa: N815
    asked: Asked
    documents: list[DocumentItem]
    createdAt: datetime  # noqa: N815
    decidedAt: datetime | None  # noqa: N815
    decidedBy: str | None  # noqa: N815
    reason: str | None
    handedOutAt: datetime | None  # noqa: N815
    contact: Contact | None

    @classmethod
    def of(cls, shown: Shown) -> "ApplicationItem":
        """Show an application."""
        row = shown.application
        return cls.model_validate(
            {
                "reference": row.reference,
                "kind": row.kind,
                "state": row.state,
                "title": row.title,
                "iysCode": row.iys_code,
                "asked": shown.asked,
                "documents": [DocumentItem.of(one) for one in row.documents],
                "createdAt": row.created_at,
                "decidedAt": row.decided_at,
                "decidedBy": row.decided_by,
                "reason": row.reason,
                "handedOutAt": row.handed_out_at,
                "contact": shown.contact,
            }
        )


class ApprovalBody(Strict):
    """Staff may choose a new provider's number; left out, one is drawn."""

    iysCode: Code | None = None  # noqa: N815


class ApprovalAnswer(BaseModel):
    """What the approval made."""

    reference: str
    state: ApplicationStateWord
    iysCode: int  # noqa: N815
    brandCodes: list[int]  # noqa: N815


class RejectionBody(Strict):
    """Why."""

    reason: Annotated[str, StringConstraints(min_length=1, max_length=1000)]


class AccountAnswer(BaseModel):
    """The new provider's account, shown once."""

    username: str
    password: str

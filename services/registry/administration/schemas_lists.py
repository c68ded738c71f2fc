"""The shapes that the account API's lists answer with. Instants are RFC 3339, in UTC."""

from datetime import date, datetime
from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, Field

from shared.ledger.account_events import EventRow
from shared.ledger.account_lists import (
    BrandInfo,
    GrantInfo,
    HeaderInfo,
    OperatorInfo,
    PartnerInfo,
    ProviderInfo,
    UserInfo,
)
from shared.ledger.api_keys import KeyInfo

Item = TypeVar("Item")
StateWord = Literal["ACTIVE", "SUSPENDED"]


class Page(BaseModel, Generic[Item]):
    """A page. `next` is what to ask with to see what follows; null: nothing follows."""

    items: list[Item]
    next: int | str | None


def _state(*, active: bool) -> StateWord:
    return "ACTIVE" if active else "SUSPENDED"


class ProviderItem(BaseModel):
    """A provider; `brands` counts all of them."""

    iysCode: int  # noqa: N815
    title: str
    taxNumber: str  # noqa: N815
    mersis: str | None
    exemptionBasis: str | None  # noqa: N815
    state: StateWord
    createdAt: datetime  # noqa: N815
    brands: int

    @classmethod
    def of(cls, row: ProviderInfo) -> "ProviderItem":
        """Show a row."""
        return cls(
            iysCode=row.iys_code,
            title=row.title,
            taxNumber=row.tax_number,
            mersis=row.mersis,
            exemptionBasis=row.exemption_basis,
            state=_state(active=row.active),
            createdAt=row.created_at,
            brands=row.brands,
        )


class BrandItem(BaseModel):
    """A brand; `headers` counts what is bound to it."""

    brandCode: int  # noqa: N815
    name: str
    master: bool
    state: StateWord
    createdAt: datetime  # noqa: N815
    headers: int

    @classmethod
    def of(cls, row: BrandInfo) -> "BrandItem":
        """Show a row."""
        return cls(
            brandCode=row.brand_code,
            name=row.name,
            master=row.master,
            state=_state(active=row.active),
            createdAt=row.created_at,
            headers=row.headers,
        )


class HeaderItem(BaseModel):
    """A header, and how its firm showed that it is its own; no operators: at all."""

    header: str
    operators: list[int]
    proof: str | None = Field(description="TRADE_NAME, TRADEMARK or DOMAIN; null: none was asked.")
    proofReference: str | None  # noqa: N815
    application: str | None
    createdAt: datetime  # noqa: N815

    @classmethod
    def of(cls, row: HeaderInfo) -> "HeaderItem":
        """Show a row."""
        return cls(
            header=row.header,
            operators=list(row.operators),
            proof=row.proof,
            proofReference=row.proof_reference,
            application=row.application,
            createdAt=row.created_at,
        )


class GrantItem(BaseModel):
    """What a brand grants a partner: `none`, `read` or `write` on each channel, and two switches."""

    integratorCode: int  # noqa: N815
    title: str
    ARAMA: str
    MESAJ: str
    EPOSTA: str
    reconciliation: bool
    via: bool

    @classmethod
    def of(cls, row: GrantInfo) -> "GrantItem":
        """Show a row."""
        return cls(
            integratorCode=row.integrator_code,
            title=row.title,
            ARAMA=row.call_right,
            MESAJ=row.sms_right,
            EPOSTA=row.email_right,
            reconciliation=row.reconciliation,
            via=row.via,
        )


class OperatorItem(BaseModel):
    """An operator; `brands` counts its list, null where it asks for every active brand.

    `senderCode` ends every bulk SMS of it (regulation E10); null if none is assigned.
    """

    operatorCode: int  # noqa: N815
    title: str
    state: StateWord
    senderCode: str | None  # noqa: N815
    brands: int | None
    createdAt: datetime  # noqa: N815

    @classmethod
    def of(cls, row: OperatorInfo) -> "OperatorItem":
        """Show a row."""
        return cls(
            operatorCode=row.operator_code,
            title=row.title,
            state=_state(active=row.active),
            senderCode=row.sender_code,
            brands=None if row.every_brand else row.brands,
            createdAt=row.created_at,
        )


class PartnerItem(BaseModel):
    """A partner; its access ends after the last day of its licence (null: no end)."""

    integratorCode: int  # noqa: N815
    title: str
    licenceValidUntil: date | None  # noqa: N815
    state: StateWord
    createdAt: datetime  # noqa: N815

    @classmethod
    def of(cls, row: PartnerInfo) -> "PartnerItem":
        """Show a row."""
        return cls(
            integratorCode=row.integrator_code,
            title=row.title,
            licenceValidUntil=row.licence_valid_until,
            state=_state(active=row.active),
            createdAt=row.created_at,
        )


class UserItem(BaseModel):
    """Somebody who signs in, and to whom the account belongs."""

    username: str
    role: str
    iysCode: int | None  # noqa: N815
    integratorCode: int | None  # noqa: N815
    operatorCode: int | None  # noqa: N815
    state: StateWord
    createdAt: datetime  # noqa: N815

    @classmethod
    def of(cls, row: UserInfo) -> "UserItem":
        """Show a row."""
        return cls(
            username=row.username,
            role=row.role,
            iysCode=row.iys_code,
            integratorCode=row.integrator_code,
            operatorCode=row.operator_code,
            state=_state(active=row.active),
            createdAt=row.created_at,
        )


class KeyItem(BaseModel):
    """A long-lived key by what a person knows of it. `lastUsedOn` is a day in UTC, null: never."""

    keyId: int  # noqa: N815
    prefix: str
    label: str
    createdAt: datetime  # noqa: N815
    expiresAt: datetime | None  # noqa: N815
    revokedAt: datetime | None  # noqa: N815
    lastUsedOn: date | None  # noqa: N815

    @classmethod
    def of(cls, row: KeyInfo) -> "KeyItem":
        """Show a row."""
        return cls(
            keyId=row.key_id,
            prefix=row.prefix,
            label=row.label,
            createdAt=row.created_at,
            expiresAt=row.expires_at,
            revokedAt=row.revoked_at,
            lastUsedOn=row.last_used_on,
        )


class EventItem(BaseModel):
    """One change. `actor` is a user name; null: an applicant, or somebody with the owner's tools."""

    eventId: int  # noqa: N815
    happenedAt: datetime  # noqa: N815
    actor: str | None
    kind: str
    name: str
    action: str
    iysCode: int | None  # noqa: N815
    facts: dict[str, object]

    @classmethod
    def of(cls, row: EventRow) -> "EventItem":
        """Show a row."""
        return cls(
            eventId=row.event_id,
            happenedAt=row.happened_at,
            actor=row.actor,
            kind=row.kind,
            name=row.name,
            action=row.action,
            iysCode=row.iys_code,
            facts=row.facts,
        )

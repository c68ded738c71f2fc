"""The shapes of partners and subscriptions: those of the wire describe, those of `/accounts` validate."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from services.registry.schemas import WireDate
from shared.web.own_bodies import Day, Strict

SubscriptionWord = Literal["ACTIVE", "PAUSED", "EXPIRED", "CLOSED"]
RightWord = Literal["none", "read", "write"]


class PaginationAnswer(BaseModel):
    """Which part of the list this is; `pageSize` counts the rows that are in it."""

    offset: int
    pageSize: int  # noqa: N815  # the wire's name
    totalCount: int  # noqa: N815  # the wire's name


class GrantedBrandAnswer(BaseModel):
    """A brand and what it granted: rights by channel, and reconciliation and ViA."""

    brandCode: int  # noqa: N815  # the wire's name
    name: str
    master: bool
    title: str
    iysCode: int  # noqa: N815  # the wire's name
    agreementControl: bool  # noqa: N815  # the wire's name
    MESAJ: RightWord
    ARAMA: RightWord
    EPOSTA: RightWord
    viaControl: bool  # noqa: N815  # the wire's name


class GrantedBrandsAnswer(BaseModel):
    """The brands that granted a partner rights."""

    pagination: PaginationAnswer
    list: list[GrantedBrandAnswer]


class PartnerSubscriptionAnswer(BaseModel):
    """A partner's own subscription; the id stands under both names that the publication gives it."""

    subscriptionId: str  # noqa: N815  # the wire's name
    subscipritionId: str  # noqa: N815  # the wire's name
    startDate: WireDate  # noqa: N815  # the wire's name
    expirationDate: WireDate  # noqa: N815  # the wire's name
    subscriptionPackageName: str  # noqa: N815  # the wire's name
    status: SubscriptionWord
    iysCode: int  # noqa: N815  # the wire's name


class ViaPackage(BaseModel):
    """A package of ViA, as the publication shows it; there is none here yet."""

    viaSubscriptionId: str | None = None  # noqa: N815  # the wire's name
    viaSubscipritionId: str | None = None  # noqa: N815  # the wire's name
    viaSubscriptionPackageName: str  # noqa: N815  # the wire's name
    startDate: WireDate  # noqa: N815  # the wire's name
    expirationDate: WireDate  # noqa: N815  # the wire's name
    status: SubscriptionWord
    viaCredit: int | None = None  # noqa: N815  # the wire's name


class ViaPassPackage(BaseModel):
    """A package of ViA Pass, likewise."""

    viaPassSubscriptionId: str  # noqa: N815  # the wire's name
    viaPassSubscriptionPackageName: str  # noqa: N815  # the wire's name
    startDate: WireDate  # noqa: N815  # the wire's name
    expirationDate: WireDate  # noqa: N815  # the wire's name
    status: SubscriptionWord
    viaPassCredit: int | None = None  # noqa: N815  # the wire's name


class ProviderSubscriptionAnswer(BaseModel):
    """A provider's subscription; a partner that asks does not see the quota."""

    subscriptionId: str  # noqa: N815  # the wire's name
    subscipritionId: str  # noqa: N815  # the wire's name
    startDate: WireDate  # noqa: N815  # the wire's name
    expirationDate: WireDate  # noqa: N815  # the wire's name
    subscriptionPackageName: str  # noqa: N815  # the wire's name
    status: SubscriptionWord
    consentLimit: int | None = Field(default=None, description="-1: no limit.")  # noqa: N815
    consentLimitExceed: bool | None = None  # noqa: N815  # the wire's name
    usedConsentLimit: int | None = None  # noqa: N815  # the wire's name
    viaSubscriptionPackage: ViaPackage | None = None  # noqa: N815  # the wire's name
    viaPassSubscriptionPackage: ViaPassPackage | None = None  # noqa: N815  # the wire's name


_Day = Annotated[Day, Field(ge=date(2000, 1, 1), le=date(2099, 12, 31))]


class SubscriptionBody(Strict):
    """What a subscription is to be from now on; whole days in Turkey's time."""

    package: Annotated[
        str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")
    ] = "izin"
    withApi: Annotated[bool, Field(strict=True)] = True  # noqa: N815
    state: SubscriptionWord = "ACTIVE"
    startDate: _Day | None = Field(default=None, description="First day; today if left out.")  # noqa: N815
    expirationDate: _Day | None = Field(default=None, description="Last day; none: no end.")  # noqa: N815
    consentLimit: Annotated[int, Field(ge=0, lt=2**53, strict=True)] | None = Field(  # noqa: N815
        default=None,
        description="Addresses that may be on record; none: what the installation allows.",
    )
    mayExceed: Annotated[bool, Field(strict=True)] = Field(  # noqa: N815
        default=False, description="The limit is shown, and stops nothing."
    )


class SubscriptionAnswer(BaseModel):
    """A subscription as it stands; `stateNow` is what the clock has made of `state`."""

    subscriptionId: str  # noqa: N815
    package: str
    withApi: bool  # noqa: N815
    state: SubscriptionWord
    stateNow: SubscriptionWord  # noqa: N815
    startDate: date  # noqa: N815
    expirationDate: date  # noqa: N815
    consentLimit: int | None  # noqa: N815
    mayExceed: bool  # noqa: N815
    onRecord: int  # noqa: N815

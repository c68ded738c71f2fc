"""The shapes that the account API takes. These validate: a misspelt right must not be ignored."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from shared.domain.exemptions import ExemptionBasis
from shared.web.own_bodies import Code, Day, Instant, Strict, Text

RightWord = Literal["none", "read", "write"]


class ProviderBody(Strict):
    """A provider to register. Its master brand carries the same number."""

    title: Text
    taxNumber: Annotated[str, StringConstraints(pattern="^[0-9]{10,11}$")]  # noqa: N815
    exemptionBasis: ExemptionBasis | None = None  # noqa: N815
    iysCode: Code | None = None  # noqa: N815
    masterBrandName: Text | None = None  # noqa: N815
    mersis: Annotated[str, StringConstraints(pattern="^[0-9]{16}$")] | None = None


class ProviderAnswer(BaseModel):
    """The registered provider and its API user."""

    iysCode: int  # noqa: N815
    brandCode: int  # noqa: N815
    username: str
    password: str


class BrandBody(Strict):
    """A brand to add."""

    name: Text
    brandCode: Code | None = None  # noqa: N815


class BrandAdded(BaseModel):
    """The added brand."""

    brandCode: int  # noqa: N815
    name: str


class HeaderBody(Strict):
    """At which operators the header is bound; none named: at all."""

    operators: list[Code] = Field(default=[], max_length=1000)


class HeaderAnswer(BaseModel):
    """The bound header."""

    header: str
    brandCode: int  # noqa: N815


class OperatorBody(Strict):
    """An operator to register; without `brands` it may ask for every active brand."""

    title: Text
    brands: list[Code] | None = Field(default=None, max_length=100_000)


class OperatorAnswer(BaseModel):
    """The registered operator, its user and its long-lived key."""

    operatorCode: int  # noqa: N815
    username: str
    password: str
    apiKey: str  # noqa: N815


class PartnerBody(Strict):
    """A partner to register; its access ends after the last day of its licence."""

    title: Text
    licenceValidUntil: Day | None = None  # noqa: N815


class PartnerAnswer(BaseModel):
    """The registered partner and its API user."""

    integratorCode: int  # noqa: N815
    username: str
    password: str


class GrantBody(Strict):
    """What a partner may do at the brand, channel by channel; what is left out is `none`."""

    ARAMA: RightWord = "none"
    MESAJ: RightWord = "none"
    EPOSTA: RightWord = "none"
    reconciliation: bool = False
    via: bool = False


class RetailerBody(Strict):
    """A retailer to add."""

    title: Text
    retailerCode: Annotated[int, Field(ge=10_000_000, le=99_999_999, strict=True)] | None = None  # noqa: N815


class RetailerAnswer(BaseModel):
    """The added retailer."""

    retailerCode: int  # noqa: N815
    title: str


class StateBody(Strict):
    """Suspend or restore."""

    state: Literal["ACTIVE", "SUSPENDED"]


class LicenceBody(Strict):
    """The last day of a partner's licence; null: no end."""

    licenceValidUntil: Day | None  # noqa: N815


class UserBody(Strict):
    """A member of staff or of the ministry."""

    username: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9@._+-]{3,100}$")]
    role: Literal["admin", "ministry"]


class SecretAnswer(BaseModel):
    """A user with a fresh password."""

    username: str
    password: str


class KeyAnswer(BaseModel):
    """A user with a fresh long-lived key."""

    username: str
    apiKey: str  # noqa: N815


class ProviderChangeBody(Strict):
    """What becomes different; what is left out stays. An `exemptionBasis` of null takes it away."""

    title: Text | None = None
    taxNumber: Annotated[str, StringConstraints(pattern="^[0-9]{10,11}$")] | None = None  # noqa: N815
    mersis: Annotated[str, StringConstraints(pattern="^[0-9]{16}$")] | None = None
    exemptionBasis: ExemptionBasis | None = None  # noqa: N815


class NameBody(Strict):
    """Another name."""

    name: Text


class TitleBody(Strict):
    """Another title."""

    title: Text


class OperatorChangeBody(Strict):
    """What becomes different; what is left out stays. `brands` is the whole list; null: every active one."""

    title: Text | None = None
    brands: list[Code] | None = Field(default=None, max_length=100_000)


class NewKeyBody(Strict):
    """A key to make: what it is called, and until when it is good (left out: without an end)."""

    label: Annotated[str, StringConstraints(max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    expiresAt: Instant | None = None  # noqa: N815


class RotationBody(NewKeyBody):
    """A key to put in place of another, which goes on being good for `graceHours`; 0: it ends at once."""

    graceHours: Annotated[int, Field(ge=0, le=2160, strict=True)] = 24  # noqa: N815


class FreshKeyAnswer(BaseModel):
    """A key that was made; `apiKey` is shown here and never again."""

    keyId: int  # noqa: N815
    apiKey: str  # noqa: N815
    prefix: str
    label: str
    expiresAt: datetime | None  # noqa: N815

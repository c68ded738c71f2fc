"""The shapes of the account API. These validate: a misspelt right must not be ignored."""

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from shared.domain.exemptions import ExemptionBasis


def _written_out(value: object) -> object:
    """Take a date as it is written only: a number would pass for seconds since 1970."""
    if value is None or (isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value)):
        return value
    raise ValueError("must be a date, YYYY-MM-DD")


# Strict: JSON's true is not brand 1.
Code = Annotated[int, Field(gt=0, lt=2**31, strict=True)]
Day = Annotated[date | None, BeforeValidator(_written_out)]
Title = Annotated[
    str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]*$")
]
RightWord = Literal["none", "read", "write"]


class Strict(BaseModel):
    """A body whose unknown fields are refused: a misspelt right must not be ignored."""

    model_config = ConfigDict(extra="forbid")


class ProviderBody(Strict):
    """A provider to register. Its master brand carries the same number."""

    title: Title
    taxNumber: Annotated[str, StringConstraints(pattern="^[0-9]{10,11}$")]  # noqa: N815
    exemptionBasis: ExemptionBasis | None = None  # noqa: N815
    iysCode: Code | None = None  # noqa: N815
    masterBrandName: Title | None = None  # noqa: N815


class ProviderAnswer(BaseModel):
    """The registered provider and its API user."""

    iysCode: int  # noqa: N815
    brandCode: int  # noqa: N815
    username: str
    password: str


class BrandBody(Strict):
    """A brand to add."""

    name: Title
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

    title: Title
    brands: list[Code] | None = Field(default=None, max_length=100_000)


class OperatorAnswer(BaseModel):
    """The registered operator, its user and its long-lived key."""

    operatorCode: int  # noqa: N815
    username: str
    password: str
    apiKey: str  # noqa: N815


class PartnerBody(Strict):
    """A partner to register; its access ends after the last day of its licence."""

    title: Title
    licenceValidUntil: Day = None  # noqa: N815


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

    title: Title
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

    licenceValidUntil: Day  # noqa: N815


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

"""What an application asks for, as it is filed, shown and, once approved, carried out.

The documents are stored as they are here, so a field may be added with a default and none may go.
"""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from shared.domain.exemptions import ExemptionBasis
from shared.web.own_bodies import Code, Text

BRANDS_MAX: Final = 10
HEADER_PATTERN: Final = r"^[A-Za-z0-9._&-]+( [A-Za-z0-9._&-]+)*$"
HeaderText = Annotated[str, StringConstraints(min_length=3, max_length=11, pattern=HEADER_PATTERN)]
Proof = Literal["TRADE_NAME", "TRADEMARK", "DOMAIN"]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AskedBrandName(_Asked):
    """A brand that an applicant wants; `trademark` is the number of its registration, if it has one."""

    name: Text
    trademark: Text | None = None


class AskedProvider(_Asked):
    """Somebody wants to become a provider. The first brand becomes the master brand."""

    kind: Literal["PROVIDER"] = "PROVIDER"
    title: Text
    taxNumber: Annotated[str, StringConstraints(pattern="^[0-9]{10,11}$")]  # noqa: N815
    mersis: Annotated[str, StringConstraints(pattern="^[0-9]{16}$")] | None = None
    exemptionBasis: ExemptionBasis | None = None  # noqa: N815
    brands: list[AskedBrandName] = Field(min_length=1, max_length=BRANDS_MAX)


class AskedBrand(_Asked):
    """A provider wants one more brand."""

    kind: Literal["BRAND"] = "BRAND"
    name: Text
    trademark: Text | None = None


class AskedHeader(_Asked):
    """A provider wants to send under a header, and says why it is its own (regulation E9).

    `proofReference` is the number of the trademark's registration, or the domain.
    """

    kind: Literal["HEADER"] = "HEADER"
    brandCode: Code  # noqa: N815
    header: HeaderText
    operators: list[Code] = Field(default=[], max_length=1000)
    proof: Proof
    proofReference: Text | None = None  # noqa: N815


class Contact(_Asked):
    """Whom staff may ask about an application; kept sealed."""

    name: Text
    email: Annotated[
        str,
        StringConstraints(
            max_length=265, pattern=r"^[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+\.[^@\s.]{2,}$"
        ),
    ]
    phone: Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{6,14}$")] | None = None


Asked = AskedProvider | AskedBrand | AskedHeader
_ASKED: Final[TypeAdapter[Asked]] = TypeAdapter(Annotated[Asked, Field(discriminator="kind")])


def read_asked(document: str) -> Asked:
    """Read what was stored."""
    return _ASKED.validate_json(document)

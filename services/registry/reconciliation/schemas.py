"""The shapes of reconciliation on the wire, for the OpenAPI document."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from services.registry.schemas import ChannelWord


class SideStats(BaseModel):
    """What one side did on one channel: HS the provider, IYS the citizens."""

    source: Literal["HS", "IYS"]
    approval: int = Field(description="First approvals, and approvals after a refusal.")
    rejection: int = Field(description="Refusals after an approval.")
    pending: int = Field(description="Always 0: nothing of a day that is over waits.")
    total: int = Field(description="Every movement, approvals over approvals too.")


class ChannelStats(BaseModel):
    """One channel of the day."""

    type: ChannelWord
    consents: list[SideStats]


class SummaryAnswer(BaseModel):
    """A day's movements, counted."""

    changeStats: list[ChannelStats]  # noqa: N815  # the wire's name


class AgreementAnswer(BaseModel):
    """How far the day's hash is; `hashValue` is there when it is completed."""

    processStatus: Literal["queued", "inprogress", "completed", "error"]  # noqa: N815
    hashValue: Annotated[  # noqa: N815  # the wire's name
        str, Field(pattern="^[0-9a-f]{96}$", description="SHA-384 of the whole file.")
    ] = ""
    hashMethod: Literal["SHA-384"]  # noqa: N815  # the wire's name
    agreementStatus: bool  # noqa: N815  # the wire's name


class AgreementBody(BaseModel):
    """The provider's own file has the same hash."""

    agreementStatus: Literal[True]  # noqa: N815  # the wire's name


class CapturedAnswer(BaseModel):
    """The agreement is kept."""

    agreementCaptured: Literal[True]  # noqa: N815  # the wire's name

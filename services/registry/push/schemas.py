"""The shapes of push, for the OpenAPI document; requests are read by `shared.domain.read_push`."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from services.registry.schemas import ChannelWord, WireDate


class ConnectionBody(BaseModel):
    """Where movements are to go, and the pair for HTTP Basic that goes with them."""

    url: Annotated[
        str,
        Field(
            max_length=2048,
            description="https, on port 443 or one above 1023, at a machine of the public internet.",
            examples=["https://kayit.example.com/iys"],
        ),
    ]
    type: ChannelWord
    username: Annotated[str, Field(min_length=1, max_length=256)]
    password: Annotated[str, Field(min_length=1, max_length=256)]


class RegistrationBody(BaseModel):
    """The connections to register, all or none."""

    connection: Annotated[list[ConnectionBody], Field(min_length=1, max_length=6)]


class MessageAnswer(BaseModel):
    """What came of it, in words."""

    message: str


class ConnectionAnswer(BaseModel):
    """One connection; `registerTime` is since when `status` holds."""

    url: str
    type: ChannelWord
    registerTime: WireDate  # noqa: N815  # the wire's name
    status: str


class ConnectionView(BaseModel):
    """One connection with how it fares.

    `position` is how far in the brand's order it has got, `head` how far the brand has; movements of
    providers lie between, which are none of its business. `lastOutcome` is a word of docs/push.md.
    """

    id: int
    url: str
    type: ChannelWord
    integratorCode: int | None  # noqa: N815  # as everywhere in our JSON
    state: Literal["ACTIVE", "SUSPENDED"]
    since: datetime
    position: int
    head: int
    attempts: int
    failingSince: datetime | None  # noqa: N815  # the same
    nextAttemptAt: datetime | None  # noqa: N815  # the same
    lastOutcome: str | None  # noqa: N815  # the same


class SecretAnswer(BaseModel):
    """The secret that deliveries are signed with."""

    secret: str


class SecretRenewed(BaseModel):
    """The new secret; until then deliveries carry the signature of the old one, too."""

    secret: str
    previousValidUntil: datetime  # noqa: N815  # the same

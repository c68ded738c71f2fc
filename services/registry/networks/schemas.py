"""The list of networks, as it is sent and shown."""

from typing import Annotated

from pydantic import BaseModel, Field

from shared.web.own_bodies import Strict

NETWORKS_MAX = 100


class NetworksBody(Strict):
    """From where an account may act; none: from anywhere."""

    networks: list[Annotated[str, Field(max_length=50)]] = Field(
        max_length=NETWORKS_MAX,
        description="Networks in CIDR notation, or single addresses, IPv4 or IPv6.",
        examples=[["203.0.113.0/24", "2001:db8::/48"]],
    )


class NetworksAnswer(BaseModel):
    """The list as it holds now."""

    username: str
    networks: list[str]

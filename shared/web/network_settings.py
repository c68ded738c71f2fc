"""A setting that lists networks: `10.0.0.0/8, 192.0.2.7`."""

from typing import Annotated, TypeAlias

from pydantic import BeforeValidator
from pydantic_settings import NoDecode

from shared.domain.networks import Network, read_network


def _read(value: object) -> object:
    """Read the text of an environment variable; nothing in it is no list."""
    if not isinstance(value, str):
        return value
    return tuple(read_network(part) for part in value.split(",") if part.strip()) or None


Networks: TypeAlias = Annotated[tuple[Network, ...] | None, NoDecode, BeforeValidator(_read)]

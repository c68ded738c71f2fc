"""Network addresses and networks, as they are written in settings, bodies and headers."""

from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

# What one customer of a network has at least: whoever has one address of it has all.
_IPV6_CUSTOMER_BITS: Final = 64
_LONGEST: Final = 60


def read_address(text: str) -> Address | None:
    """Return the address that stands in a header, with or without a port; None if it is none.

    An IPv4 address that is dressed as IPv6 (`::ffff:192.0.2.1`) is the IPv4 address.
    """
    text = text.strip()
    if len(text) > _LONGEST:
        return None
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return _plain(ip_address(text))
    except ValueError:
        return None


def read_network(text: str) -> Network:
    """Return a network (CIDR), or the network of one address; raises ValueError, which says what is wrong."""
    try:
        return ip_network(text.strip())
    except ValueError as error:
        raise ValueError(f"{text.strip()[:_LONGEST]!r} is not a network: {_why(error)}") from None


def is_within(address: Address | None, networks: Iterable[Network]) -> bool:
    """Say whether an address is in one of these networks; an address that nobody knows is in none."""
    return address is not None and any(address in network for network in networks)


def customer_of(address: Address | None) -> str:
    """Return whom an address is counted as: itself, or its /64, which is one customer's."""
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, _IPV6_CUSTOMER_BITS), strict=False))
    return "unknown" if address is None else str(address)


def _plain(address: Address) -> Address:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _why(error: ValueError) -> str:
    return "it has host bits set" if "host bits" in str(error) else "write it as 203.0.113.0/24"

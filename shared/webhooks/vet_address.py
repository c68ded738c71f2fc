"""Which machines may be called: those of the public internet, and nobody's inside (SSRF).

A receiver's address comes from outside, and its name says nothing: what it resolves to is looked at, each
time, and the connection is made to just that. Refused is whatever is not plainly public: private, loopback,
link-local, shared (carriers' NAT), multicast, reserved, documentation, and IPv6 addresses that carry an IPv4
address inside. If one of a name's addresses is refused, all are: such a name is a trick or a mistake.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from shared.domain.webhook_url import WebhookUrl

# Name and port to addresses, in the order in which they are to be tried; raises OSError.
LookUp = Callable[[str, int], Awaitable[list[str]]]

ADDRESSES_TRIED_MAX: Final = 4
HTTPS_PORT: Final = 443
WELL_KNOWN_PORT_MAX: Final = 1023
# Not private to Python 3.11, and yet nobody's server: relays and tunnels into other networks, documentation,
# benchmarks, and what is reserved inside IPv6's public part (IANA special-purpose registries).
_NOT_PUBLIC: Final = tuple(
    map(
        ip_network,
        (
            *("192.0.0.0/24", "192.88.99.0/24", "192.31.196.0/24", "192.52.193.0/24"),
            *("192.175.48.0/24", "198.18.0.0/15"),
            *("2001::/23", "2002::/16", "2620:4f:8000::/48", "2001:db8::/32", "3fff::/20"),
        ),
    )
)
_GLOBAL_UNICAST: Final = ip_network("2000::/3")


class AddressRefusedError(Exception):
    """The receiver is no machine of the public internet, or listens on a port of another service."""


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Say whether the address is plainly one of the public internet."""
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    if address.is_multicast or address.is_reserved or not address.is_global:
        return False
    return not any(
        address.version == network.version and address in network for network in _NOT_PUBLIC
    )


async def vetted_addresses(url: WebhookUrl, look_up: LookUp, *, admit_loopback: bool) -> list[str]:
    """Return the addresses to connect to; raises AddressRefusedError, and what the look-up raises.

    With `admit_loopback` this machine itself may be called, on any port and without TLS, for tests.
    """
    found = [ip_address(text) for text in await look_up(url.host, url.port)]
    if not found:
        raise AddressRefusedError("the name has no address")
    if admit_loopback and all(address.is_loopback for address in found):
        return [str(address) for address in found[:ADDRESSES_TRIED_MAX]]
    if url.scheme != "https" or (url.port != HTTPS_PORT and url.port <= WELL_KNOWN_PORT_MAX):
        raise AddressRefusedError("the port of another service, or no TLS")
    if not all(map(is_public, found)):
        raise AddressRefusedError("not an address of the public internet")
    return [str(address) for address in found[:ADDRESSES_TRIED_MAX]]


def system_look_up(threads: Executor) -> LookUp:
    """Return the system's resolver, on threads of its own: one that hangs holds up nobody else's."""

    async def look_up(host: str, port: int) -> list[str]:
        ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        answers = await asyncio.get_running_loop().run_in_executor(threads, ask)
        # A scoped address (fe80::1%eth0) is link-local; without its scope it is refused like any.
        return list(dict.fromkeys(str(answer[4][0]).partition("%")[0] for answer in answers))

    return look_up

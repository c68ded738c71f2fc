"""Where a reader of the feed stands: one movement, inside 32 bytes that look like a `transactionId`.

The publication makes a cursor of the last row's time and `transactionId`. An id is a hash, so finding its
movement means trying many; these bytes name the movement instead, and a check tells them from an id. Nothing
in them is secret, and whoever makes one up gets what the caller may read anyway.
"""

from hashlib import blake2b
from struct import Struct
from typing import Final, NamedTuple

_PLACE: Final = Struct(">QQI")
_CHECK_BYTES: Final = 12


class Place(NamedTuple):
    """A movement by extent, nonce and offset: found again, or known not to be of this history."""

    extent_id: int
    nonce: int
    extent_offset: int


def pack(brand_code: int, place: Place) -> bytes:
    """Return the token of a movement."""
    packed = _PLACE.pack(*place)
    return packed + _check(brand_code, packed)


def unpack(brand_code: int, token: bytes) -> Place | None:
    """Return the movement that a token names at this brand; None if it is no token of ours."""
    packed = token[: _PLACE.size]
    if token[_PLACE.size :] != _check(brand_code, packed):
        return None
    return Place(*_PLACE.unpack(packed))


def _check(brand_code: int, packed: bytes) -> bytes:
    return blake2b(b"izin cursor %d " % brand_code + packed, digest_size=_CHECK_BYTES).digest()

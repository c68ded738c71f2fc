"""The slow hash of passwords (Argon2id), off the event loop and bounded; and long-lived keys.

A long-lived key is 256 random bits, so a plain digest of it is as safe at rest as the slow hash is for
a password, and cheap enough to look up by.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Final
from weakref import WeakValueDictionary

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from shared.auth.origin import customer_here

# OWASP's second choice: 19 MiB, two passes; tens of milliseconds on a small core.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
# Verified when there is no such user, so that the time of a refusal tells nothing.
_NOBODY = _HASHER.hash(secrets.token_urlsafe(16))
_AT_ONCE: Final = 2
_AT_A_TIME = asyncio.Semaphore(_AT_ONCE)
# No customer of a network has more in the queue than may run: HTTP Basic is counted against no limit, and
# whoever tries thousands of passwords waits for itself and holds up nobody else.
_OF_CUSTOMER = WeakValueDictionary[str, asyncio.Semaphore]()
API_KEY_PREFIX = "izin_"


def hash_secret(secret: str) -> str:
    """Return the slow hash of a password, for storing."""
    return _HASHER.hash(secret)


async def hash_secret_aside(secret: str) -> str:
    """Return the slow hash of a password, computed off the event loop."""
    async with _turn():
        return await asyncio.to_thread(hash_secret, secret)


async def secret_matches(secret_hash: str | None, secret: str) -> bool:
    """Verify a password off the event loop; None (no such user) takes as long and is False."""
    async with _turn():
        matches = await asyncio.to_thread(_verify, secret_hash or _NOBODY, secret)
    return matches and secret_hash is not None


@asynccontextmanager
async def _turn() -> AsyncGenerator[None]:
    """Wait for a place, behind what came before from the same customer and little else."""
    customer = customer_here()
    own = _OF_CUSTOMER.get(customer)
    if own is None:
        own = _OF_CUSTOMER[customer] = asyncio.Semaphore(_AT_ONCE)
    async with own, _AT_A_TIME:
        yield


def _verify(secret_hash: str, secret: str) -> bool:
    try:
        return _HASHER.verify(secret_hash, secret.encode("utf-8", "surrogatepass"))
    except (VerifyMismatchError, InvalidHashError):
        return False


def new_secret() -> str:
    """Return a fresh password."""
    return secrets.token_urlsafe(18)


def new_api_key() -> str:
    """Return a fresh long-lived key."""
    return API_KEY_PREFIX + secrets.token_urlsafe(32)


def api_key_digest(api_key: str) -> bytes:
    """Return what is stored of a long-lived key."""
    return sha256(api_key.encode("utf-8", "surrogatepass")).digest()

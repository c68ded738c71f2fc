"""The slow hash of passwords (Argon2id), off the event loop and bounded; and long-lived keys.

A long-lived key is 256 random bits, so a plain digest of it is as safe at rest as the slow hash is for
a password, and cheap enough to look up by.
"""

import asyncio
import secrets
from hashlib import sha256

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

# OWASP's second choice: 19 MiB, two passes; tens of milliseconds on a small core.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
# Verified when there is no such user, so that the time of a refusal tells nothing.
_NOBODY = _HASHER.hash(secrets.token_urlsafe(16))
_AT_A_TIME = asyncio.Semaphore(2)
API_KEY_PREFIX = "izin_"


def hash_secret(secret: str) -> str:
    """Return the slow hash of a password, for storing."""
    return _HASHER.hash(secret)


async def hash_secret_aside(secret: str) -> str:
    """Return the slow hash of a password, computed off the event loop."""
    async with _AT_A_TIME:
        return await asyncio.to_thread(hash_secret, secret)


async def secret_matches(secret_hash: str | None, secret: str) -> bool:
    """Verify a password off the event loop; None (no such user) takes as long and is False."""
    async with _AT_A_TIME:
        matches = await asyncio.to_thread(_verify, secret_hash or _NOBODY, secret)
    return matches and secret_hash is not None


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

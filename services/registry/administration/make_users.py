"""Making up users: their names, and the secrets that are shown once."""

from dataclasses import dataclass
from typing import Final

from shared.auth.passwords import api_key_digest, hash_secret_aside, new_api_key, new_secret
from shared.ledger.accounts import NewUser

# Enough to know a key by, and far too little to guess the rest from.
PREFIX_CHARS: Final = 12


@dataclass(frozen=True, slots=True)
class Secret:
    """What is shown once; `api_key` is empty for users that have none."""

    username: str
    password: str
    api_key: str = ""


async def make_user(
    role: str, *, username: str | None = None, with_key: bool = False
) -> tuple[Secret, NewUser]:
    """Make up a user with a fresh password and perhaps a long-lived key; a name is drawn if none is given."""
    api_key = new_api_key() if with_key else ""
    name = username or f"{role}-{new_secret()[:8].lower()}@izin.example"
    secret = Secret(name, new_secret(), api_key)
    hashed = await hash_secret_aside(secret.password)
    digest = api_key_digest(api_key) if with_key else None
    return secret, NewUser(name, hashed, role, digest, api_key[:PREFIX_CHARS])

"""Signatures of deliveries, by the Standard Webhooks specification (scheme v1, symmetric).

HMAC-SHA256 over `id.timestamp.body`; the secret is written `whsec_` and base64. While a secret is being
replaced a delivery carries both signatures, with a blank between them.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from typing import Final

PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32


def new_secret() -> str:
    """Make up a secret."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signed(
    body: bytes, *, message_id: str, timestamp: int, with_secrets: Sequence[str]
) -> dict[str, str]:
    """Return the headers that sign a delivery; `timestamp` in seconds since 1970."""
    content = f"{message_id}.{timestamp}.".encode() + body
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{_signature(content, s)}" for s in with_secrets),
    }


def _signature(content: bytes, secret: str) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()

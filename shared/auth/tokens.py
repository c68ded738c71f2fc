"""Access and refresh tokens: signed JWTs (RFC 7519, EdDSA), as İYS hands them out (iys-api 2.1).

An access token names its user and the user's epoch; whether that user may still act is looked up, not
believed. A refresh token works once: its id stands in the ledger until it is spent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID, uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.ledger.directory import UserRow
from shared.sealing.keyring import KeyRing

ALGORITHM = "EdDSA"
ACCESS_LIFETIME = timedelta(seconds=7200)
REFRESH_LIFETIME = timedelta(seconds=14400)
_LONGEST_TOKEN = 16_384


class TokenRefusedError(Exception):
    """Not a token of ours, not of this kind, or expired."""


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """What an access token says: who, of which epoch, until when (seconds since 1970)."""

    user_id: int
    epoch: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class RefreshClaims:
    """What a refresh token says."""

    token_id: UUID
    user_id: int
    epoch: int


class TokenIssuer:
    """Signs and reads tokens. Only a ring with the private key can issue."""

    def __init__(self, ring: KeyRing) -> None:
        self._public = ring.token_public
        self._private: Ed25519PrivateKey | None = ring.token_private

    def access_token(
        self, user: UserRow, *, now: datetime, title: str | None, brands: Sequence[tuple[int, str]]
    ) -> str:
        """Return a signed access token with the claims that İYS documents."""
        claims: dict[str, object] = {
            **self._common(user, now=now, lifetime=ACCESS_LIFETIME),
            "typ": "Bearer",
            "preferred_username": user.username,
            "realm_access": {"roles": ["offline_access", "uma_authorization", "API_USER"]},
            "brands": [{"brandCode": code, "name": name} for code, name in brands],
        }
        if user.iys_code is not None:
            claims["serviceProvider"] = {"title": title, "iysCode": user.iys_code}
        return self._sign(claims)

    def refresh_token(self, user: UserRow, *, now: datetime) -> tuple[str, UUID]:
        """Return a signed refresh token and the id under which it is remembered."""
        token_id = uuid4()
        claims = self._common(user, now=now, lifetime=REFRESH_LIFETIME)
        return self._sign({**claims, "typ": "Refresh", "jti": str(token_id)}), token_id

    def read_access(self, token: str, *, now: datetime) -> AccessClaims:
        """Verify an access token; raises TokenRefusedError."""
        claims = self._read(token, "Bearer", now=now)
        return AccessClaims(
            int(cast("str", claims["sub"])),
            cast("int", claims["epoch"]),
            cast("int", claims["exp"]),
        )

    def read_refresh(self, token: str, *, now: datetime) -> RefreshClaims:
        """Verify a refresh token; raises TokenRefusedError."""
        claims = self._read(token, "Refresh", now=now)
        return RefreshClaims(
            UUID(cast("str", claims["jti"])),
            int(cast("str", claims["sub"])),
            cast("int", claims["epoch"]),
        )

    def _common(self, user: UserRow, *, now: datetime, lifetime: timedelta) -> dict[str, object]:
        return {
            "jti": str(uuid4()),
            "iat": int(now.timestamp()),
            "exp": int((now + lifetime).timestamp()),
            "sub": str(user.user_id),
            "epoch": user.epoch,
        }

    def _sign(self, claims: Mapping[str, object]) -> str:
        if self._private is None:
            raise TokenRefusedError("this process has no key to sign with")
        return jwt.encode(dict(claims), self._private, algorithm=ALGORITHM)

    def _read(self, token: str, kind: str, *, now: datetime) -> Mapping[str, object]:
        if len(token) > _LONGEST_TOKEN:
            raise TokenRefusedError("too long")
        try:
            # The clock is handed in, so expiry is judged below and not by the library's own clock.
            claims = cast(
                "Mapping[str, object]",
                jwt.decode(
                    token,
                    self._public,
                    algorithms=[ALGORITHM],
                    options={
                        "require": ["exp", "sub", "jti", "iat"],
                        "verify_exp": False,
                        "verify_iat": False,
                    },
                ),
            )
        except (jwt.InvalidTokenError, ValueError) as error:
            raise TokenRefusedError("not a token of ours") from error
        if claims.get("typ") != kind or cast("int", claims["exp"]) <= now.timestamp():
            raise TokenRefusedError("of another kind, or expired")
        return claims

"""The token endpoint: password or refresh token in, a pair of tokens out (iys-api 2.1)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from urllib.parse import parse_qsl

from services.registry.limits.guard_sign_ins import SignInGuard
from shared.auth.gate import Gate
from shared.auth.origin import AddressNotAllowedError, require_origin
from shared.auth.tokens import (
    ACCESS_LIFETIME,
    REFRESH_LIFETIME,
    TokenIssuer,
    TokenRefusedError,
)
from shared.ledger.directory import UserRow, brands_of_provider, read_user
from shared.ledger.refresh_tokens import save_refresh_token, spend_refresh_token
from shared.ledger.store import ReaderPool, WriterPool
from shared.telemetry import metrics
from shared.web.json_body import NotJsonError, parse_json
from shared.web.oauth_errors import OAuthRefusedError

# Far beyond any honest name or password; keeps the slow hash from being fed megabytes.
_FIELD_MAX = 1024
_FIELDS_MAX = 50
# Brands named in a token; a token must fit into a header.
_BRANDS_IN_TOKEN_MAX = 100
# Grants of OAuth that this wire does not have; any other word is no grant at all (iys-api 2.1).
_UNSUPPORTED_GRANTS = frozenset(
    {
        "client_credentials",
        "authorization_code",
        "implicit",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "urn:ietf:params:oauth:grant-type:token-exchange",
    }
)


@dataclass(frozen=True, slots=True)
class IssueToken:
    """The use case with what it needs. Call it as a function."""

    gate: Gate
    tokens: TokenIssuer
    reader: ReaderPool
    writer: WriterPool
    now: Callable[[], datetime]

    async def __call__(self, raw: bytes, guard: SignInGuard) -> dict[str, object]:
        """Return the answer's body.

        Raises OAuthRefusedError, LedgerUnavailableError, and RuleBrokenError (H084) where a password may
        not be tried now.
        """
        fields = _read_fields(raw)
        match _text(fields, "grant_type", "GRANT_TYPE", wrong_type="GRANT_TYPE_UNKNOWN"):
            case "password":
                user, outcome = await self._by_password(fields, guard), "issued"
            case "refresh_token":
                user, outcome = await self._by_refresh_token(fields), "refreshed"
            case word if word in _UNSUPPORTED_GRANTS:
                raise OAuthRefusedError("GRANT_TYPE_UNSUPPORTED")
            case _:
                raise OAuthRefusedError("GRANT_TYPE_UNKNOWN")
        answer = await self._pair(user)
        metrics.TOKENS_ISSUED.add(outcome)
        return answer

    async def _by_password(self, fields: dict[str, object], guard: SignInGuard) -> UserRow:
        username = _text(fields, "username", "USERNAME")
        password = _text(fields, "password", "PASSWORD")
        await guard.admit(username)
        fit = len(username) <= _FIELD_MAX and len(password) <= _FIELD_MAX and "\0" not in username
        user = await self.gate.login(username, password) if fit else None
        if user is None:
            metrics.TOKENS_ISSUED.add("refused")
            await guard.failed(username)
            raise OAuthRefusedError("CREDENTIALS_WRONG")
        _require_origin(user)
        await guard.succeeded(username)
        return user

    async def _by_refresh_token(self, fields: dict[str, object]) -> UserRow:
        token = _text(fields, "refresh_token", "REFRESH_TOKEN")
        try:
            claims = self.tokens.read_refresh(token, now=self.now())
        except TokenRefusedError:
            raise OAuthRefusedError("REFRESH_TOKEN_UNUSABLE") from None
        _version, user = await read_user(self.reader, claims.user_id)
        if user is None or not user.active or user.epoch != claims.epoch:
            raise OAuthRefusedError("REFRESH_TOKEN_UNUSABLE")
        # Before it is spent: whoever has copied it elsewhere takes it from nobody.
        _require_origin(user)
        if await spend_refresh_token(self.writer, claims.token_id, now=self.now()) is None:
            raise OAuthRefusedError("REFRESH_TOKEN_UNUSABLE")
        return user

    async def _pair(self, user: UserRow) -> dict[str, object]:
        now = self.now()
        brands = (
            [] if user.iys_code is None else await brands_of_provider(self.reader, user.iys_code)
        )
        named = [(brand.brand_code, brand.name) for brand in brands[:_BRANDS_IN_TOKEN_MAX]]
        title = next((brand.name for brand in brands if brand.master), None)
        refresh_token, token_id = self.tokens.refresh_token(user, now=now)
        await save_refresh_token(
            self.writer,
            token_id,
            user_id=user.user_id,
            expires_at=now + REFRESH_LIFETIME,
            now=now,
        )
        return {
            "access_token": self.tokens.access_token(user, now=now, title=title, brands=named),
            "refresh_token": refresh_token,
            "expires_in": int(ACCESS_LIFETIME.total_seconds()),
            "refresh_expires_in": int(REFRESH_LIFETIME.total_seconds()),
            "token_type": "bearer",
        }


def _require_origin(user: UserRow) -> None:
    try:
        require_origin(user)
    except AddressNotAllowedError:
        raise OAuthRefusedError("ADDRESS_NOT_ALLOWED", status=403) from None


def _read_fields(raw: bytes) -> dict[str, object]:
    """Read a JSON object or a form, whatever it is labelled as; unknown fields are of no interest."""
    try:
        parsed = parse_json(raw)
    except NotJsonError:
        return _read_form(raw)
    if not isinstance(parsed, dict):
        raise OAuthRefusedError("BODY_UNUSABLE")
    return cast("dict[str, object]", parsed)


def _read_form(raw: bytes) -> dict[str, object]:
    try:
        pairs = parse_qsl(
            raw.decode(),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=_FIELDS_MAX,
        )
    except ValueError:
        raise OAuthRefusedError("BODY_UNUSABLE") from None
    return dict(pairs)


def _text(
    fields: dict[str, object], name: str, reason: str, *, wrong_type: str | None = None
) -> str:
    if name not in fields:
        raise OAuthRefusedError(f"{reason}_MISSING")
    value = fields[name]
    if not isinstance(value, str):
        raise OAuthRefusedError(wrong_type or f"{reason}_WRONG_TYPE")
    if not value:
        raise OAuthRefusedError(f"{reason}_EMPTY")
    return value

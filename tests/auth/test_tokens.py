"""Tokens: ours, of the right kind, in time; or refused, whatever is wrong with them."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from shared.auth.tokens import ACCESS_LIFETIME, REFRESH_LIFETIME, TokenIssuer, TokenRefusedError
from shared.ledger.directory import UserRow
from shared.sealing.keyring import new_key_ring
from tests.support.builders import NOW

RING = new_key_ring()
ISSUER = TokenIssuer(RING)
SECOND = timedelta(seconds=1)


def user(**changes: Any) -> UserRow:
    fields: dict[str, Any] = {
        "user_id": 7,
        "username": "test",
        "secret_hash": "",
        "role": "provider",
        "iys_code": 600001,
        "integrator_code": None,
        "operator_code": None,
        "epoch": 3,
        "active": True,
        "licence_valid_until": None,
        "every_brand": False,
        "brands": frozenset(),
    }
    return UserRow(**{**fields, **changes})


def _access() -> str:
    return ISSUER.access_token(user(), now=NOW, title="Deneme", brands=[(600001, "Deneme")])


def _claims(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def test_an_access_token_says_who_of_which_epoch_until_when() -> None:
    claims = ISSUER.read_access(_access(), now=NOW)
    assert (claims.user_id, claims.epoch) == (7, 3)
    assert claims.expires_at == (NOW + ACCESS_LIFETIME).timestamp()


def test_an_access_token_carries_the_claims_that_the_wire_documents() -> None:
    claims = _claims(_access())
    assert claims["typ"] == "Bearer"
    assert claims["preferred_username"] == "test"
    assert claims["serviceProvider"] == {"title": "Deneme", "iysCode": 600001}
    assert claims["brands"] == [{"brandCode": 600001, "name": "Deneme"}]
    token = ISSUER.access_token(user(iys_code=None, role="admin"), now=NOW, title=None, brands=[])
    assert "serviceProvider" not in _claims(token)


def test_a_refresh_token_says_which_and_whose() -> None:
    token, token_id = ISSUER.refresh_token(user(), now=NOW)
    claims = ISSUER.read_refresh(token, now=NOW)
    assert (claims.token_id, claims.user_id, claims.epoch) == (token_id, 7, 3)
    assert ISSUER.refresh_token(user(), now=NOW)[1] != token_id


def test_a_token_ends_with_its_last_second() -> None:
    token = _access()
    assert ISSUER.read_access(token, now=NOW + ACCESS_LIFETIME - SECOND).user_id == 7
    with pytest.raises(TokenRefusedError):
        ISSUER.read_access(token, now=NOW + ACCESS_LIFETIME)
    refresh, _ = ISSUER.refresh_token(user(), now=NOW)
    assert ISSUER.read_refresh(refresh, now=NOW + REFRESH_LIFETIME - SECOND).user_id == 7
    with pytest.raises(TokenRefusedError):
        ISSUER.read_refresh(refresh, now=NOW + REFRESH_LIFETIME)


def test_neither_kind_passes_for_the_other() -> None:
    refresh, _ = ISSUER.refresh_token(user(), now=NOW)
    with pytest.raises(TokenRefusedError):
        ISSUER.read_access(refresh, now=NOW)
    with pytest.raises(TokenRefusedError):
        ISSUER.read_refresh(_access(), now=NOW)


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _forgeries() -> dict[str, str]:
    header, body, signature = _access().split(".")
    claims = _claims(_access())
    public = RING.token_public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    other = new_key_ring().token_private
    assert RING.token_private is not None
    assert other is not None
    return {
        "empty": "",
        "words": "not a token",
        "other alphabet": "ş.ğ.ı",
        "lone surrogate": "\udc80.a.b",
        "no signature": f"{header}.{body}.",
        "another signature": f"{header}.{body}.{signature[:-4]}AAAA",
        "other claims, same signature": f"{header}.{_part({**claims, 'sub': '1'})}.{signature}",
        "another key": jwt.encode(claims, other, algorithm="EdDSA"),
        "alg none": f"{_part({'alg': 'none', 'typ': 'JWT'})}.{body}.",
        "alg none, with signature": f"{_part({'alg': 'none'})}.{body}.{signature}",
        "signed with the public key as a secret": _hs256(claims, public),
        "without expiry": _signed(claims, "exp"),
        "without user": _signed(claims, "sub"),
        "without id": _signed(claims, "jti"),
        "claims that are a list": f"{header}.{_part([1])}.{signature}",
        "too long": _access() + "a" * 20_000,
    }


def _signed(claims: dict[str, Any], without: str) -> str:
    rest = {name: value for name, value in claims.items() if name != without}
    return jwt.encode(rest, RING.token_private or "", algorithm="EdDSA")


def _hs256(claims: dict[str, Any], secret: bytes) -> str:
    """Sign by hand: the library itself refuses to abuse a public key like this."""
    signed = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
    mac = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


FORGERIES = _forgeries()


@pytest.mark.parametrize("kind", FORGERIES)
def test_a_token_that_is_not_ours_is_refused(kind: str) -> None:
    with pytest.raises(TokenRefusedError):
        ISSUER.read_access(FORGERIES[kind], now=NOW)

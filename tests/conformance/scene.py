"""What the published examples take for granted: their provider, its brands, its retailers."""

import base64
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from asgi_lifespan import LifespanManager
from pydantic import SecretStr

from services.cli.compose import FrontDoor, Part
from services.registry.app import create_app, create_edge
from services.registry.settings import RegistrySettings
from shared.auth.passwords import hash_secret
from shared.clock import utc_now
from shared.domain.subscription import NO_END, SubscriptionState
from shared.domain.wire_time import turkish_day
from shared.ledger import accounts
from shared.ledger.accounts import NewProvider, NewUser
from shared.ledger.store import WriterPool, open_writer, role_dsn
from shared.ledger.subscriptions import NewSubscription, put_subscription, remove_subscription
from shared.web.route_table import service_of
from tests.conformance.provoking_limits import ONE_A_DAY
from tests.conformance.scene_retailers import DELETED
from tests.support.builders import ALL_RIGHTS

IYS_CODE = BRAND_CODE = 545454
FOREIGN_IYS_CODE = FOREIGN_BRAND = 656565
FOREIGN_RETAILER = 40000017
INTEGRATOR, FOREIGN_INTEGRATOR = 74112691, 74112692
_SUB_BRAND = 545455
_USERNAME, _PASSWORD = "mehmetyilmaz@sirketepostam.com", "****"
_RETAILERS = {55550127: "XYZ TİCARET", 58795354: "ABC TİCARET", 30143398: "DEF TİCARET"}
PATH: Mapping[str, Any] = {
    "iysCode": IYS_CODE,
    "brandCode": BRAND_CODE,
    "recipientType": "BIREYSEL",
    "type": "MESAJ",
    "code": 34,
    "integratorCode": INTEGRATOR,
    "retailerCode": DELETED,
    "reportDate": turkish_day(utc_now()) - timedelta(days=1),
}


def _basic(username: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{_PASSWORD}".encode()).decode()


PROVIDER, PARTNER = _basic(_USERNAME), _basic("ortak@sirketepostam.com")
# Providers and partners with one number each, by what is the matter with their subscription.
_OPEN: dict[str, Any] = {
    "package": "İleti-5 (Seviye 1)",
    "with_api": True,
    "state": SubscriptionState.ACTIVE,
    "starts_at": NO_END - timedelta(days=36_500),
    "ends_at": NO_END,
    "consent_limit": None,
    "may_exceed": False,
}
SUBSCRIBERS: Mapping[str, Mapping[str, Any] | None] = {
    "paused": {"state": SubscriptionState.PAUSED},
    "closed": {"state": SubscriptionState.CLOSED},
    "without_api": {"with_api": False},
    "full": {"consent_limit": 0},
    "missing": None,
}
_CODES = {name: 858_585 + n for n, name in enumerate(SUBSCRIBERS)}


def path_of(subscriber: str) -> dict[str, int]:
    """Return where a subscriber asks about itself."""
    code = _CODES[subscriber]
    return {"iysCode": code, "brandCode": code, "integratorCode": code}


def authorization_of(subscriber: str, *, path: str) -> str:
    """Return the credential with which a subscriber asks there: as a partner, or as a provider."""
    kind = "partner" if path.startswith("/integrator") else "provider"
    return _basic(f"{kind}-{subscriber}@sirketepostam.com")


async def set_scene(dsn: str) -> None:
    """Register everybody whom the examples name, and a second provider with one of each."""
    ours = NewProvider("Şirket A.Ş.", "1234567890", None, IYS_CODE, "test Marka 1")
    theirs = NewProvider("Başka A.Ş.", "1234567891", None, FOREIGN_IYS_CODE, "Başka Marka")
    user = NewUser(_USERNAME, hash_secret(_PASSWORD), "provider")
    stranger = NewUser("baska@sirketepostam.com", user.secret_hash, "provider")
    async with open_writer(role_dsn(dsn, "izin_registry"), size=1) as writer:
        await accounts.add_provider(writer, ours, user)
        await accounts.add_provider(writer, theirs, stranger)
        await accounts.add_brand(
            writer, iys_code=IYS_CODE, name="test Alt Marka 2", brand_code=_SUB_BRAND
        )
        for code, title in _RETAILERS.items():
            await accounts.add_retailer(
                writer, brand_code=BRAND_CODE, title=title, retailer_code=code
            )
        await accounts.add_retailer(
            writer, brand_code=FOREIGN_BRAND, title="Bayi", retailer_code=FOREIGN_RETAILER
        )
        await _add_partner(writer, INTEGRATOR, "ortak@sirketepostam.com", user.secret_hash)
        await _add_partner(writer, FOREIGN_INTEGRATOR, "yabanci@sirketepostam.com", "")
        await accounts.put_grant(
            writer, brand_code=BRAND_CODE, integrator_code=INTEGRATOR, grant=ALL_RIGHTS
        )
        for name in SUBSCRIBERS:
            await _add_subscribers(writer, name, user.secret_hash)


async def _add_partner(writer: WriterPool, code: int, username: str, secret_hash: str) -> None:
    """Register a partner with a number of our choice, which the accounts would draw."""
    await writer.execute(
        "INSERT INTO partner (integrator_code, title) VALUES ($1, 'Ortak A.Ş.')", code
    )
    await writer.execute(
        "INSERT INTO api_user (username, secret_hash, role, integrator_code)"
        " VALUES ($1, $2, 'partner', $3)",
        username,
        secret_hash,
        code,
    )


async def _add_subscribers(writer: WriterPool, name: str, secret_hash: str) -> None:
    """Register a provider and a partner whose subscriptions are as `SUBSCRIBERS` says."""
    code, fields = _CODES[name], SUBSCRIBERS[name]
    user = NewUser(f"provider-{name}@sirketepostam.com", secret_hash, "provider")
    provider = NewProvider("Abone A.Ş.", "1234567892", None, code, "Abone")
    await accounts.add_provider(writer, provider, user)
    await _add_partner(writer, code, f"partner-{name}@sirketepostam.com", secret_hash)
    for kind in ("provider", "partner"):
        if fields is None:
            await remove_subscription(writer, kind, code)
        elif kind == "provider" or "consent_limit" not in fields:
            await put_subscription(writer, kind, code, NewSubscription(**{**_OPEN, **fields}))


@asynccontextmanager
async def registry(
    dsn: str, keys_file: Path, *, three_day_rule: bool, limited: bool = False
) -> AsyncGenerator[httpx.AsyncClient]:
    """Serve the registry in process, as the embedded default composes it."""
    settings = RegistrySettings(
        postgres_dsn=SecretStr(dsn),
        keys_file=keys_file,
        three_day_rule=three_day_rule,
        feed_delay_s=0,
        retailers_max=1 if three_day_rule else 3000,
        limit_profile="official" if limited else "izin",
        limits_file=ONE_A_DAY if limited else None,
    )
    api = create_app(settings)
    front = FrontDoor([Part("registry", api, create_edge(api, settings))], service_of=service_of)
    async with (
        LifespanManager(front) as manager,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(manager.app), base_url="http://izin.example"
        ) as client,
    ):
        yield client


async def tokens(client: httpx.AsyncClient) -> dict[str, str]:
    """Sign in as the examples' provider; return the pair."""
    body = {"grant_type": "password", "username": _USERNAME, "password": _PASSWORD}
    answer = await client.post("/oauth2/token", json=body)
    assert answer.status_code == 200, answer.text
    pair: dict[str, str] = answer.json()
    return pair

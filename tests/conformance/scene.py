"""What the published examples take for granted: their provider, its brands, its retailers."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from asgi_lifespan import LifespanManager
from pydantic import SecretStr

from services.cli.compose import FrontDoor, Part
from services.registry.app import create_app, create_edge
from services.registry.settings import RegistrySettings
from shared.auth.passwords import hash_secret
from shared.ledger import accounts
from shared.ledger.accounts import NewProvider, NewUser
from shared.ledger.store import open_writer, role_dsn
from shared.web.route_table import service_of

IYS_CODE = BRAND_CODE = 545454
FOREIGN_IYS_CODE = FOREIGN_BRAND = 656565
FOREIGN_RETAILER = 40000017
_SUB_BRAND = 545455
_USERNAME, _PASSWORD = "mehmetyilmaz@sirketepostam.com", "****"
_RETAILERS = {55550127: "XYZ TİCARET", 58795354: "ABC TİCARET", 30143398: "DEF TİCARET"}
PATH: Mapping[str, Any] = {
    "iysCode": IYS_CODE,
    "brandCode": BRAND_CODE,
    "recipientType": "BIREYSEL",
    "type": "MESAJ",
}


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


@asynccontextmanager
async def registry(
    dsn: str, keys_file: Path, *, three_day_rule: bool
) -> AsyncGenerator[httpx.AsyncClient]:
    """Serve the registry in process, as the embedded default composes it."""
    settings = RegistrySettings(
        postgres_dsn=SecretStr(dsn), keys_file=keys_file, three_day_rule=three_day_rule
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

"""The whole product in process, with a small world behind it: what the tests of the HTTP surfaces share.

The services are put together by the product's own composition (`FrontDoor`), so one base URL serves
all of them. A town is opened once a module; its tests keep apart by using addresses of their own.
"""

import json
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from asgi_lifespan import LifespanManager
from pydantic import SecretStr

from services.check.app import create_app as create_check
from services.check.app import create_edge as create_check_edge
from services.check.settings import CheckSettings
from services.cli.compose import FrontDoor, Part
from services.ingest.app import create_app as create_ingest
from services.ingest.app import create_edge as create_ingest_edge
from services.ingest.settings import IngestSettings
from services.registry.app import create_app as create_registry
from services.registry.app import create_edge as create_registry_edge
from services.registry.settings import RegistrySettings
from shared.auth.tokens import TokenIssuer
from shared.clock import utc_now
from shared.domain.wire_time import consent_date_to_wire
from shared.ledger import accounts
from shared.ledger.accounts import NewProvider
from shared.ledger.directory import read_user, user_id_by_name
from shared.ledger.store import ReaderPool, WriterPool, open_reader, open_writer, role_dsn
from shared.sealing.keyring import KeyRing, create_key_file
from shared.telemetry.logs import configure_logging
from shared.web.route_table import service_of
from tests.support.builders import Login, World, make_world, new_user, password_of, phone
from tests.support.ledger import owner_connection

DROP = object()
"""The value of a field that is to be left out."""
BASE_URL = "http://izin.example"
Answer = httpx.Response
_numbers = count(1)


def new_phone() -> str:
    """Return a number that no other test of this run uses."""
    return phone(next(_numbers))


def new_email() -> str:
    return f"person{next(_numbers)}@posta.example"


def ago(**how_long: float) -> str:
    """Return a date of the wire so long before now."""
    return consent_date_to_wire(utc_now() - timedelta(**how_long))


def ahead(**how_long: float) -> str:
    return consent_date_to_wire(utc_now() + timedelta(**how_long))


def consent(recipient: str | None = None, **changes: Any) -> dict[str, Any]:
    """Return a good body of an ONAY for MESAJ, an hour old, with changes; DROP leaves a field out."""
    body = {
        "recipient": new_phone() if recipient is None else recipient,
        "type": "MESAJ",
        "source": "HS_WEB",
        "status": "ONAY",
        "consentDate": ago(hours=1),
        "recipientType": "BIREYSEL",
        **changes,
    }
    return {name: value for name, value in body.items() if value is not DROP}


def refusal(recipient: str | None = None, **changes: Any) -> dict[str, Any]:
    return consent(recipient, **{"status": "RET", **changes})


def question(recipient: str, **changes: Any) -> dict[str, Any]:
    """Return a body that asks for the state of one consent."""
    body = {"recipient": recipient, "type": "MESAJ", "recipientType": "BIREYSEL", **changes}
    return {name: value for name, value in body.items() if value is not DROP}


def codes(answer: Answer) -> list[str]:
    """Return the codes of the wire's error list; fails on any other shape."""
    body = answer.json()
    assert list(body) == ["errors"], body
    return [error["code"] for error in body["errors"]]


def only_error(answer: Answer) -> dict[str, Any]:
    """Return the one error without its text."""
    (error,) = answer.json()["errors"]
    assert error.pop("message")
    return dict(error)


def as_json(body: object) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


@dataclass
class Town:
    """A world, a door to it, and the keys to everything."""

    dsn: str
    keys_file: Path
    data_dir: Path
    ring: KeyRing
    reader: ReaderPool
    writer: WriterPool
    owner: asyncpg.Connection
    world: World
    client: httpx.AsyncClient
    _tokens: dict[str, str] = field(default_factory=dict)

    @property
    def brand(self) -> str:
        """The path of the first brand."""
        return self.brand_path(self.world.brand_code)

    def brand_path(self, brand_code: int, iys_code: int | None = None) -> str:
        return f"/sps/{self.world.iys_code if iys_code is None else iys_code}/brands/{brand_code}"

    async def token(self, login: Login) -> str:
        """Return an access token, asked for once."""
        if login.username not in self._tokens:
            answer = await sign_in(self.client, login.username, login.password)
            self._tokens[login.username] = answer.json()["access_token"]
        return self._tokens[login.username]

    async def authorization(self, who: Login | str | None) -> dict[str, str]:
        """Return the header of a login, of a role in this world, of a literal one, or none."""
        if who is None:
            return {}
        if isinstance(who, str) and hasattr(self.world, who):
            who = getattr(self.world, who)
        return {"Authorization": who if isinstance(who, str) else f"Bearer {await self.token(who)}"}

    async def post(
        self,
        path: str,
        body: object,
        *,
        who: Login | str | None = "provider",
        at: httpx.AsyncClient | None = None,
        method: str = "POST",
    ) -> Answer:
        headers = await self.authorization(who)
        if path.startswith("/accounts"):
            headers["Content-Type"] = "application/json"
        return await (at or self.client).request(
            method, path, content=as_json(body), headers=headers
        )

    async def get(
        self,
        path: str,
        *,
        who: Login | str | None = "provider",
        at: httpx.AsyncClient | None = None,
    ) -> Answer:
        return await (at or self.client).get(path, headers=await self.authorization(who))

    async def add(self, body: object, *, brand: str = "", **options: Any) -> Answer:
        return await self.post(f"{brand or self.brand}/consents", body, **options)

    async def add_v2(self, body: object, *, brand: str = "", **options: Any) -> Answer:
        return await self.post(f"/v2{brand or self.brand}/consents", body, **options)

    async def status(self, body: object, *, brand: str = "", **options: Any) -> Answer:
        return await self.post(f"{brand or self.brand}/consents/status", body, **options)

    async def granted(
        self,
        recipients: list[str],
        *,
        kind: str = "BIREYSEL",
        channel: str = "MESAJ",
        brand: str = "",
        **options: Any,
    ) -> Answer:
        path = f"{brand or self.brand}/consents/{kind}/status/{channel}"
        return await self.post(path, {"recipients": recipients}, **options)

    async def check(
        self, body: dict[str, Any], *, who: Login | str = "operator", **options: Any
    ) -> Answer:
        """Ask about the first brand unless the body names another sender."""
        named = (
            body
            if "brandCode" in body or "header" in body
            else {"brandCode": self.world.brand_code, **body}
        )
        return await self.post("/check", named, who=who, **options)

    async def reason(self, recipient: str, *, who: Login | str = "operator", **changes: Any) -> str:
        """Return the reason of a check about MESAJ."""
        answer = await self.check({"type": "MESAJ", "recipient": recipient, **changes}, who=who)
        return str(answer.json()["reason"])

    async def head(self, brand_code: int | None = None) -> int:
        """Return the ledger's own idea of a brand's position."""
        code = self.world.brand_code if brand_code is None else brand_code
        position: int = await self.owner.fetchval(
            "SELECT position FROM brand_head WHERE brand_code = $1", code
        )
        return position

    async def stats(self, brand_code: int | None = None) -> tuple[int, int, int]:
        """Return approvals, rejections and total of a brand, as the wire tells them."""
        code = self.world.brand_code if brand_code is None else brand_code
        brands = (await self.get(f"/sps/{self.world.iys_code}/brands")).json()
        (consents,) = [b["stats"]["consents"] for b in brands if b["brandCode"] == code]
        return consents["approval"], consents["rejection"], consents["total"]

    async def new_brand(self, name: str = "Bir marka") -> int:
        """Add a brand to the world's provider."""
        return await accounts.add_brand(self.writer, iys_code=self.world.iys_code, name=name)

    async def new_provider(self, *, exemption_basis: str | None = None) -> tuple[int, Login]:
        """Register one more provider; return its number and its user."""
        user = new_user("provider", username=f"provider-{next(_numbers)}")
        provider = NewProvider("Başka A.Ş.", "9876543210", exemption_basis, None, "Başka")
        code = await accounts.add_provider(self.writer, provider, user)
        return code, await self.login(user.username, "provider")

    async def login(self, username: str, role: str) -> Login:
        user_id = await user_id_by_name(self.reader, username)
        assert user_id is not None
        return Login(user_id, username, password_of(role))

    async def forged(self, ring: KeyRing, *, hours_ago: float = 0, user: str = "provider") -> str:
        """Return an Authorization header with a token signed by any ring, at any time."""
        login: Login = getattr(self.world, user)
        _version, row = await read_user(self.reader, login.user_id)
        assert row is not None
        now = utc_now() - timedelta(hours=hours_ago)
        return "Bearer " + TokenIssuer(ring).access_token(row, now=now, title=None, brands=[])

    @asynccontextmanager
    async def another_process(self, **settings: Any) -> AsyncGenerator[httpx.AsyncClient]:
        """Open one more door to the same ledger: what another process knows of it."""
        async with open_door(self.dsn, self.keys_file, self.data_dir, **settings) as client:
            yield client


async def sign_in(client: httpx.AsyncClient, username: str, password: str) -> Answer:
    body = {"grant_type": "password", "username": username, "password": password}
    return await client.post("/oauth2/token", json=body)


def compose(dsn: str, keys_file: Path, data_dir: Path, **settings: Any) -> FrontDoor:
    """Put the services together as `services.cli.serve` does, with few connections."""
    common: dict[str, Any] = {
        "postgres_dsn": SecretStr(dsn),
        "keys_file": keys_file,
        "admit_test_range": True,
    }
    of_registry: dict[str, Any] = {"registry_read_connections": 2, "registry_write_connections": 2}
    of_check: dict[str, Any] = {
        "check_read_connections": 3,
        "check_deadline_s": 5,
        "data_dir": data_dir,
    }
    of_registry |= common | {
        k: v for k, v in settings.items() if k in RegistrySettings.model_fields
    }
    of_check |= common | {k: v for k, v in settings.items() if k in CheckSettings.model_fields}
    registry_settings, check_settings = RegistrySettings(**of_registry), CheckSettings(**of_check)
    of_ingest = (
        common
        | {"data_dir": data_dir}
        | {k: v for k, v in settings.items() if k in IngestSettings.model_fields}
    )
    ingest_settings = IngestSettings(**of_ingest)
    registry, check = create_registry(registry_settings), create_check(check_settings)
    ingest = create_ingest(ingest_settings)
    return FrontDoor(
        [
            Part("registry", registry, create_registry_edge(registry, registry_settings)),
            Part("check", check, create_check_edge(check, check_settings)),
            Part("ingest", ingest, create_ingest_edge(ingest, ingest_settings)),
        ],
        service_of=service_of,
    )


@asynccontextmanager
async def open_door(
    dsn: str, keys_file: Path, data_dir: Path, **settings: Any
) -> AsyncGenerator[httpx.AsyncClient]:
    """Open the product over a ledger and yield a client of it."""
    door = compose(dsn, keys_file, data_dir, **settings)
    async with (
        LifespanManager(door, startup_timeout=20, shutdown_timeout=20) as manager,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(manager.app), base_url=BASE_URL, timeout=30
        ) as client,
    ):
        yield client


@asynccontextmanager
async def open_town(dsn: str, path: Path, **settings: Any) -> AsyncGenerator[Town]:
    """Make a world in an empty ledger and open a door to it; what the product logs goes to stderr."""
    configure_logging("web")
    keys_file, data_dir = path / "keys.json", path / "data"
    ring = create_key_file(keys_file)
    async with AsyncExitStack() as stack:
        reader = await stack.enter_async_context(open_reader(role_dsn(dsn, "izin_check"), size=1))
        writer = await stack.enter_async_context(
            open_writer(role_dsn(dsn, "izin_registry"), size=1)
        )
        owner = await stack.enter_async_context(owner_connection(dsn))
        world = await make_world(writer, reader)
        client = await stack.enter_async_context(open_door(dsn, keys_file, data_dir, **settings))
        yield Town(dsn, keys_file, data_dir, ring, reader, writer, owner, world, client)

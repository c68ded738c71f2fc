"""The demo world: one of everybody, made on the first `izin up --demo`, its accounts in demo.json.

Only the admin and the ministry's user are written to the database; everything else is created
over HTTP, as an operator of the system would. demo.json is written last: an interrupted first
start begins again, with a tax number of its own so that what the first attempt left behind is
not in the way.
"""

import json
import secrets
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic import JsonValue as Json

from services.cli import ledger_calls
from services.cli.client import Account, Client
from services.cli.embedded.data_dir import write_private
from services.cli.errors import CliError
from services.cli.ledger_calls import FirstUser

BRANDS = (("Deneme Mağazası", "DENEME"), ("Örnek Kargo", "ORNEK"))
FULL_RIGHTS: dict[str, Json] = {
    "ARAMA": "write",
    "MESAJ": "write",
    "EPOSTA": "write",
    "reconciliation": True,
    "via": True,
}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class UserPart(_Part):
    """Somebody who signs in."""

    username: str
    password: str


class ProviderPart(UserPart):
    """The service provider."""

    iys_code: int


class PartnerPart(UserPart):
    """The partner, with full rights on the first brand only."""

    integrator_code: int


class OperatorPart(UserPart):
    """The operator; `api_key` may be sent as a bearer token as it is."""

    api_key: str


class BrandPart(_Part):
    """A brand and the SMS header bound to it."""

    brand_code: int
    name: str
    header: str


class DemoWorld(_Part):
    """The content of demo.json, which other programs read."""

    base_url: str
    provider: ProviderPart
    brands: list[BrandPart]
    partner: PartnerPart
    operator: OperatorPart
    ministry: UserPart
    admin: UserPart

    def account(self, name: str) -> Account:
        """Return one of the accounts by its name in the file."""
        parts: dict[str, UserPart] = {
            "admin": self.admin,
            "provider": self.provider,
            "partner": self.partner,
            "operator": self.operator,
            "ministry": self.ministry,
        }
        return Account(parts[name].username, parts[name].password)


def read_demo(path: Path) -> DemoWorld:
    """Read demo.json; FileNotFoundError when there is none."""
    try:
        return DemoWorld.model_validate_json(path.read_bytes())
    except ValidationError:
        raise CliError(
            f"{path} is not a demo world's file; set IZIN_URL, IZIN_USERNAME and IZIN_PASSWORD"
        ) from None


def make_demo(base_url: str, dsn: str, path: Path) -> DemoWorld:
    """Create the demo world on a running server and write its accounts to `path`, mode 0600."""
    admin = UserPart(username="demo-admin", password=_password())
    ministry = UserPart(username="demo-ministry", password=_password())
    ledger_calls.bootstrap(
        dsn,
        [
            FirstUser(admin.username, admin.password, "admin"),
            FirstUser(ministry.username, ministry.password, "ministry"),
        ],
    )
    with Client(base_url, Account(admin.username, admin.password)) as client:
        provider = _add_provider(client)
        brands = _add_brands(client, provider.iys_code)
        partner = _add_partner(client, brands[0])
        operator = _add_operator(client)
    world = DemoWorld(
        base_url=base_url,
        provider=provider,
        brands=brands,
        partner=partner,
        operator=operator,
        ministry=ministry,
        admin=admin,
    )
    write_private(path, json.dumps(world.model_dump(), ensure_ascii=False, indent=2) + "\n")
    return world


def example_request(world: DemoWorld) -> str:
    """Return a curl command that works as it stands."""
    question = json.dumps(
        {"header": world.brands[0].header, "type": "MESAJ", "recipient": "+905990000001"}
    )
    return (
        f"curl -sS {world.base_url}/check -H 'Authorization: Bearer {world.operator.api_key}'"
        f" -H 'Content-Type: application/json' -d '{question}'"
    )


def _add_provider(client: Client) -> ProviderPart:
    answer = client.post(
        "/accounts/providers",
        {
            "title": "Deneme Ticaret A.Ş.",
            "taxNumber": f"999{secrets.randbelow(10**7):07d}",
            "masterBrandName": BRANDS[0][0],
        },
    )
    return ProviderPart(
        iys_code=answer.integer("iysCode"),
        username=answer.text("username"),
        password=answer.text("password"),
    )


def _add_brands(client: Client, iys_code: int) -> list[BrandPart]:
    """Take the provider's master brand as the first, add the second, bind a header to each."""
    codes = [iys_code]
    answer = client.post(f"/accounts/providers/{iys_code}/brands", {"name": BRANDS[1][0]})
    codes.append(answer.integer("brandCode"))
    brands: list[BrandPart] = []
    for code, (name, header) in zip(codes, BRANDS, strict=True):
        client.put(f"/accounts/brands/{code}/headers/{header}", {})
        brands.append(BrandPart(brand_code=code, name=name, header=header))
    return brands


def _add_partner(client: Client, brand: BrandPart) -> PartnerPart:
    answer = client.post("/accounts/partners", {"title": "Deneme Entegratör"})
    code = answer.integer("integratorCode")
    client.put(f"/accounts/brands/{brand.brand_code}/grants/{code}", FULL_RIGHTS)
    return PartnerPart(
        integrator_code=code,
        username=answer.text("username"),
        password=answer.text("password"),
    )


def _add_operator(client: Client) -> OperatorPart:
    answer = client.post("/accounts/operators", {"title": "Deneme Operatör"})
    return OperatorPart(
        username=answer.text("username"),
        password=answer.text("password"),
        api_key=answer.text("apiKey"),
    )


def _password() -> str:
    return secrets.token_urlsafe(18)

"""The people and brands of one run, made through the account API; every run makes its own.

Brand by brand, so that what is stirred up at one leaves the others calm: three whose consents are flipped,
one that grows beyond its buckets, one whose grants and headers change, one that is suspended and restored.
"""

from dataclasses import dataclass
from typing import Any

from tests.torture.system import STAFF, STAFF_PASSWORD, System
from tests.torture.wire import Door, LostError, NotSentError, Reply

HEADER = "TORTURE"
FLIPPED = 3
TRIES_MAX = 20


@dataclass(frozen=True, slots=True)
class World:
    """Codes and credentials. Authorization headers are whole."""

    iys_code: int
    flipped: list[int]
    growing: int
    granting: int
    suspended: int
    header: str
    integrator_code: int
    operator: str
    second_operator: str
    second_operator_code: int
    partner: str
    provider: str
    staff: str

    @property
    def brands(self) -> list[int]:
        return [*self.flipped, self.growing, self.granting, self.suspended]


class Registrar:
    """Asks a registry for what must succeed."""

    def __init__(self, port: int, authorization: str = "") -> None:
        self._door = Door(port, authorization=authorization)

    async def tell(self, method: str, path: str, body: object = None) -> Any:
        """Send a request until it is answered, and return what it says."""
        for _ in range(TRIES_MAX):
            try:
                reply = await self._door.ask(method, path, body)
            except (LostError, NotSentError):
                continue
            if reply.status < 500:
                return _succeeded(path, reply)
        raise RuntimeError(f"{path} found nobody")

    async def sign_in(self, username: str, password: str) -> str:
        fields = {"grant_type": "password", "username": username, "password": password}
        return f"Bearer {(await self.tell('POST', '/oauth2/token', fields))['access_token']}"

    async def close(self) -> None:
        await self._door.close()


def _succeeded(path: str, reply: Reply) -> Any:
    if reply.status not in {200, 201, 204}:
        raise RuntimeError(f"{path}: {reply.status} {reply.body!r}")
    return reply.json() if reply.body else None


async def make_world(system: System, *, number: int) -> World:
    """Register everybody; `number` keeps the runs of one system apart."""
    port = system.registries[0].port
    anybody = Registrar(port)
    staff = await anybody.sign_in(STAFF, STAFF_PASSWORD)
    registrar = Registrar(port, staff)
    firm = {"title": f"Deneme {number}", "taxNumber": f"99900{number:05d}"}
    provider = await registrar.tell("POST", "/accounts/providers", firm)
    operators = [
        await registrar.tell("POST", "/accounts/operators", {"title": f"Operatör {n}"})
        for n in (1, 2)
    ]
    partner = await registrar.tell("POST", "/accounts/partners", {"title": "Ortak"})
    brands = [int(provider["brandCode"])]
    for n in range(FLIPPED + 2):
        path = f"/accounts/providers/{provider['iysCode']}/brands"
        brands.append((await registrar.tell("POST", path, {"name": f"Marka {n}"}))["brandCode"])
    header = f"{HEADER[:6]}{number:04d}"
    for brand_code in brands:
        path = f"/accounts/brands/{brand_code}/grants/{partner['integratorCode']}"
        await registrar.tell("PUT", path, ALL_RIGHTS)
    granting, suspended = brands[FLIPPED + 1], brands[FLIPPED + 2]
    await registrar.tell("PUT", f"/accounts/brands/{granting}/headers/{header}", {})
    world = World(
        iys_code=provider["iysCode"],
        flipped=brands[:FLIPPED],
        growing=brands[FLIPPED],
        granting=granting,
        suspended=suspended,
        header=header,
        integrator_code=partner["integratorCode"],
        operator=f"Bearer {operators[0]['apiKey']}",
        second_operator=f"Bearer {operators[1]['apiKey']}",
        second_operator_code=operators[1]["operatorCode"],
        partner=await anybody.sign_in(partner["username"], partner["password"]),
        provider=await anybody.sign_in(provider["username"], provider["password"]),
        staff=staff,
    )
    await anybody.close()
    await registrar.close()
    return world


ALL_RIGHTS = {"ARAMA": "read", "MESAJ": "read", "EPOSTA": "read"}

"""Partners and subscribers for the tests of this area: made over the accounts' own paths."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from shared.clock import utc_now
from shared.domain.wire_time import turkish_day
from tests.registry.doors import Answer, Town
from tests.support.builders import Login

Asked = tuple[str, str, object]
WORDS: dict[str, object] = {
    "recipientType": "BIREYSEL",
    "type": "MESAJ",
    "retailerCode": "99999999",
}
FULL = {"ARAMA": "write", "MESAJ": "write", "EPOSTA": "write", "reconciliation": True, "via": True}


@dataclass(frozen=True, slots=True)
class Partner:
    """A partner of a test's own; `path` is where it asks."""

    code: int
    login: Login

    @property
    def path(self) -> str:
        return f"/integrator/{self.code}"


async def new_partner(town: Town, **fields: Any) -> Partner:
    answer = await town.post("/accounts/partners", {"title": "Ortak", **fields}, who="admin")
    assert answer.status_code == 201, answer.text
    made = answer.json()
    return Partner(made["integratorCode"], Login(0, made["username"], made["password"]))


async def grant(town: Town, partner: Partner, brand_code: int, **rights: Any) -> None:
    path = f"/accounts/brands/{brand_code}/grants/{partner.code}"
    answer = await town.post(path, rights or FULL, who="admin", method="PUT")
    assert answer.status_code == 200, answer.text


async def revoke(town: Town, partner: Partner, brand_code: int) -> None:
    path = f"/accounts/brands/{brand_code}/grants/{partner.code}"
    assert (await town.post(path, b"", who="admin", method="DELETE")).status_code == 204


def methods(document: dict[str, Any], **words: object) -> list[Asked]:
    """Return a request for every method of the wire that is about a provider or its master brand."""
    values = WORDS | {
        "brandCode": words["iysCode"],
        "requestId": "0123456789abcdef0123456789abcdef",
        "reportDate": (turkish_day(utc_now()) - timedelta(days=1)).isoformat(),
        **words,
    }
    return [
        (method.upper(), path.format_map(values), None if method == "get" else {})
        for path, operations in document["paths"].items()
        if "{iysCode}" in path
        for method in operations
    ]


async def subscribe(town: Town, code: int, *, kind: str = "providers", **fields: Any) -> Answer:
    """Set a subscription, as staff."""
    path = f"/accounts/{kind}/{code}/subscription"
    answer = await town.post(path, fields, who="admin", method="PUT")
    assert answer.status_code == 200, answer.text
    return answer


async def unsubscribe(town: Town, code: int, *, kind: str = "providers") -> None:
    path = f"/accounts/{kind}/{code}/subscription"
    assert (await town.post(path, b"", who="admin", method="DELETE")).status_code == 204

"""Retailers for the tests of this area: bodies with numbers that nobody has, and short ways to the routes."""

from itertools import count
from typing import Any

from tests.registry.doors import DROP, Answer, Town, consent, new_phone
from tests.support.national_ids import mersis, tckn, vkn

_numbers = count(1)


def retailer(**changes: Any) -> dict[str, Any]:
    """Return a good body of a retailer that is nobody else's; DROP leaves a field out."""
    n = next(_numbers)
    body = {
        "title": f"Bayi {n} Tic. Ltd. Şti.",
        "name": "Deniz Örnek",
        "tckn": tckn(n),
        "tin": vkn(n),
        "city": {"code": "34", "name": "İstanbul"},
        "town": {"code": "429", "name": "Kadıköy"},
        "mobile": "+905990000033",
        "alias": "Kadıköy Şubesi",
        "mersis": mersis(n),
        **changes,
    }
    return {name: value for name, value in body.items() if value is not DROP}


async def add(town: Town, *, brand: str = "", **changes: Any) -> int:
    """Record a retailer and return its code."""
    answer = await town.post(f"{brand or town.brand}/retailers", retailer(**changes))
    assert answer.status_code == 201, answer.text
    code: int = answer.json()["retailerCode"]
    return code


async def show(town: Town, code: object, *, brand: str = "", **options: Any) -> Answer:
    return await town.get(f"{brand or town.brand}/retailers/{code}", **options)


async def remove(town: Town, code: object, *, brand: str = "", **options: Any) -> Answer:
    path = f"{brand or town.brand}/retailers/{code}"
    return await town.post(path, b"", method="DELETE", **options)


async def set_status(town: Town, code: int, status: str, *, who: str = "provider") -> Answer:
    path = f"/accounts/brands/{town.world.brand_code}/retailers/{code}/status"
    return await town.post(path, {"status": status}, method="PUT", who=who)


async def recorded(town: Town, recipient: str | None = None, **changes: Any) -> str:
    """Record an approval and return its address."""
    address = new_phone() if recipient is None else recipient
    answer = await town.add(consent(address, **changes))
    assert answer.status_code == 200, answer.text
    return address


def grant_of(recipient: object, /, *codes: object, **changes: Any) -> dict[str, Any]:
    """Return the body of a grant."""
    return _body({"recipient": recipient, "retailerAccess": list(codes)} | changes)


def change_of(recipients: object, /, *codes: object, **changes: Any) -> dict[str, Any]:
    """Return the body of a replacement or a removal."""
    return _body({"recipients": recipients, "retailerAccess": list(codes)} | changes)


def _body(fields: dict[str, Any]) -> dict[str, Any]:
    body = {"type": "MESAJ", "recipientType": "BIREYSEL", **fields}
    return {name: value for name, value in body.items() if value is not DROP}


async def grant(town: Town, body: object, **options: Any) -> Answer:
    return await town.post(f"{town.brand}/consents/retailers/access", body, **options)


async def replace(town: Town, body: object, **options: Any) -> Answer:
    path = f"{town.brand}/consents/retailers/access"
    return await town.post(path, body, method="PUT", **options)


async def take(town: Town, body: object, **options: Any) -> Answer:
    return await town.post(f"{town.brand}/consents/retailers/access/remove", body, **options)


async def take_all(town: Town, body: object, **options: Any) -> Answer:
    return await town.post(f"{town.brand}/consents/retailers/access/remove/all", body, **options)


async def list_access(
    town: Town, recipient: str, *, query: str = "", changes: Any = None, **options: Any
) -> Answer:
    body = grant_of(recipient, retailerAccess=DROP, **(changes or {}))
    path = f"{town.brand}/consent/retailers/access/list{query}"
    return await town.post(path, body, **options)


async def access(town: Town, recipient: str, **changes: Any) -> set[int]:
    """Return the codes of those who may use a consent, as the wire tells them."""
    answer = await list_access(town, recipient, changes=changes)
    assert answer.status_code == 200, answer.text
    return {one["retailerCode"] for one in answer.json()["list"]}


async def reach(town: Town, code: int) -> int:
    """Return how many consents a retailer is said to have."""
    count: int = (await show(town, code)).json()["retailerAccessCount"]
    return count

"""Applications and papers for the tests about them."""

from itertools import count
from typing import Any

from tests.registry.doors import DROP, Answer, Town
from tests.support.national_ids import mersis, vkn

PDF = b"%PDF-1.7\n%a certificate\n"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF"
CONTACT = {"name": "Deneme Kişi", "email": "yetkili@deneme.example", "phone": "+905990000001"}
_firms = count(70_000)


def application(**changes: Any) -> dict[str, Any]:
    """Return a good application of a firm of its own; DROP leaves a field out."""
    firm = next(_firms)
    body: dict[str, Any] = {
        "title": f"Deneme {firm} A.Ş.",
        "taxNumber": vkn(firm),
        "mersis": mersis(firm),
        "contact": CONTACT,
        "brands": [{"name": "Deneme Ana"}, {"name": "Deneme Yan", "trademark": "2026 00001"}],
        **changes,
    }
    return {name: value for name, value in body.items() if value is not DROP}


async def file(town: Town, body: dict[str, Any] | None = None) -> tuple[str, str]:
    """File an application as nobody; return its path and the header of its secret."""
    answer = await town.post("/accounts/applications", body or application(), who=None)
    assert answer.status_code == 201, answer.text
    filed = answer.json()
    return f"/accounts/applications/{filed['reference']}", f"Bearer {filed['secret']}"


async def put(town: Town, path: str, content: bytes, *, who: Any, number: int = 1) -> Answer:
    """Put a paper beside an application."""
    return await town.post(f"{path}/documents/{number}", content, who=who, method="PUT")


async def delete(town: Town, path: str, *, who: Any = "provider") -> Answer:
    headers = await town.authorization(who)
    return await town.client.delete(path, headers=headers)


async def everything(town: Town, path: str, *, who: Any = "admin", limit: int = 2) -> list[Any]:
    """Return all entries of a list, page by page."""
    items: list[Any] = []
    joint = "&" if "?" in path else "?"
    after: Any = None
    while True:
        cursor = "" if after is None else f"&after={after}"
        answer = await town.get(f"{path}{joint}limit={limit}{cursor}", who=who)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["items"]) <= limit
        items += page["items"]
        after = page["next"]
        if after is None:
            return items


def problem(answer: Answer) -> tuple[int, str]:
    """Return status and code of a problem document."""
    assert answer.headers["content-type"].startswith("application/problem+json"), answer.text
    return answer.status_code, answer.json()["code"]

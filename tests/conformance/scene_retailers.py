"""What the published examples of retailers and access take for granted: retailers, and consents to share."""

from typing import Any

import asyncpg
import httpx

from shared.ledger import accounts
from shared.ledger.store import open_writer, role_dsn
from tests.conformance.published import read_document, requests_of
from tests.support.ledger import owner_connection
from tests.support.national_ids import mersis, tckn, vkn

SHOWN, DELETED = 54_856_321, 54_856_322
# Of a range that is kept for films: it may be asked about, and nobody has it.
FREE_PHONE = "+442079460018"
TAKEN = {"tckn": tckn(1), "mersis": mersis(1)}
PASSIVE = {"tckn": tckn(2), "mersis": mersis(2)}
_NAMED = (12313344, 23456677, 12321144, 23408865, 12389900, 23465544)
_MADE = ((SHOWN, "active"), (54_856_323, "passive"), (DELETED, "active"))
_ACCESS = "/sps/{iysCode}/brands/{brandCode}/consents/retailers/access"
_LIST = "/sps/{iysCode}/brands/{brandCode}/consent/retailers/access/list"


async def set_retailers(dsn: str, client: httpx.AsyncClient, token: str, brand: int) -> None:
    """Register the retailers of the examples, and the consents that they get access to."""
    async with open_writer(role_dsn(dsn, "izin_registry"), size=1) as writer:
        for code in _NAMED:
            await accounts.add_retailer(
                writer, brand_code=brand, title="XYZ Ticaret", retailer_code=code
            )
    path, headers = f"/sps/{brand}/brands/{brand}", {"Authorization": f"Bearer {token}"}
    async with owner_connection(dsn) as owner:
        for n, (code, status) in enumerate(_MADE, 1):
            body = _retailer(n, status)
            made = await client.post(f"{path}/retailers", json=body, headers=headers)
            assert made.status_code == 201, made.text
            await _rename(owner, made.json()["retailerCode"], code)
    for consent, retailers in ((_ACCESS, {}), (_LIST, {"retailerAccess": [SHOWN]})):
        said = {"source": "HS_WEB", "status": "ONAY", "consentDate": "2022-01-01 00:00:00"}
        body = {**_asked_about(consent), **said, **retailers}
        answer = await client.post(f"{path}/consents", json=body, headers=headers)
        assert answer.status_code == 200, answer.text


def _asked_about(path: str) -> dict[str, Any]:
    """Return which consent the documented request is about."""
    document = read_document()
    assert document is not None
    body = requests_of(document, "POST", path)[0].body
    return {name: body[name] for name in ("type", "recipient", "recipientType")}


def _retailer(n: int, status: str) -> dict[str, object]:
    return {
        "title": "XYZ Ticaret",
        "mersis": mersis(n),
        "alias": "Şişli Mağazası",
        "name": "Adım Soyadım",
        "tckn": tckn(n),
        "mobile": FREE_PHONE,
        "tin": vkn(n),
        "city": {"name": "ISTANBUL", "code": "1"},
        "town": {"name": "SARIYER", "code": "2"},
        "status": status,
    }


async def _rename(owner: asyncpg.Connection, drawn: int, code: int) -> None:
    """Give a retailer a code of our choice, which the registry would draw."""
    await owner.execute(
        "UPDATE retailer SET retailer_code = $2 WHERE retailer_code = $1", drawn, code
    )

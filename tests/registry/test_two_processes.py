"""What is revoked on one process is refused by the next request on another (design 5, rule 6).

Two doors over one ledger stand for two processes: they share nothing but the database. Each test first
lets the other one answer yes, so that its copies are warm, then revokes on the first, and asks again.
Without the versions in the ledger's heads the other would go on saying yes from memory.
"""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.registry.doors import Town, codes, consent, new_phone
from tests.support.builders import Login


@pytest.fixture(scope="module")
async def other(town: Town) -> AsyncIterator[httpx.AsyncClient]:
    async with town.another_process() as client:
        yield client


async def test_a_revoked_grant(town: Town, other: httpx.AsyncClient) -> None:
    grants = f"/accounts/brands/{town.world.brand_code}/grants/{town.world.integrator_code}"
    assert (await town.add(consent(), who="partner", at=other)).status_code == 200
    assert (await town.post(grants, b"", method="DELETE")).status_code == 204
    refused = await town.add(consent(), who="partner", at=other)
    assert (refused.status_code, codes(refused)) == (403, ["H353"])
    granted = {"MESAJ": "write"}
    assert (await town.post(grants, granted, method="PUT")).status_code == 200
    assert (await town.add(consent(), who="partner", at=other)).status_code == 200
    assert (await town.post(grants, {"MESAJ": "read"}, method="PUT")).status_code == 200
    refused = await town.add(consent(), who="partner", at=other)
    assert (refused.status_code, codes(refused)) == (403, ["H353"])


async def test_a_new_password_ends_tokens_basic_and_the_old_password(
    town: Town, other: httpx.AsyncClient
) -> None:
    code, login = await town.new_provider()
    brand = town.brand_path(code, code)
    for who in (login, login.basic):
        assert (await town.add(consent(), brand=brand, who=who, at=other)).status_code == 200
    answer = await town.post(f"/accounts/users/{login.username}/password", b"", who=login)
    assert answer.status_code == 200
    for who in (login, login.basic):
        refused = await town.add(consent(), brand=brand, who=who, at=other)
        assert (refused.status_code, codes(refused)) == (401, ["H351"])
    renewed = Login(login.user_id, login.username, answer.json()["password"])
    again = await town.add(consent(), brand=brand, who=renewed.basic, at=other)
    assert again.status_code == 200


async def test_a_rotated_key(town: Town, other: httpx.AsyncClient) -> None:
    new = await town.post("/accounts/operators", {"title": "Yeni"}, who="admin")
    assert new.status_code == 201
    key = f"Bearer {new.json()['apiKey']}"
    assert await town.reason(new_phone(), who=key) == "NO_RECORD"
    asked = {"type": "MESAJ", "recipient": new_phone()}
    assert (await town.check(asked, who=key, at=other)).status_code == 200
    path = f"/accounts/users/{new.json()['username']}/key"
    renewed = (await town.post(path, b"", who="admin")).json()
    good = f"Bearer {renewed['apiKey']}"
    for client in (town.client, other):
        assert (await town.check(asked, who=key, at=client)).status_code == 401
        assert (await town.check(asked, who=good, at=client)).status_code == 200
    assert (await town.post(path, b"", who="admin", method="DELETE")).status_code == 204
    assert (await town.check(asked, who=good, at=other)).status_code == 401


async def test_an_unbound_header(town: Town, other: httpx.AsyncClient) -> None:
    code = town.world.brand_code
    path = f"/accounts/brands/{code}/headers/GECICI"
    assert (await town.post(path, {}, method="PUT")).status_code == 200
    alone = {"type": "MESAJ", "recipient": new_phone(), "header": "GECICI"}
    both = {**alone, "brandCode": code}
    for asked in (alone, both):
        assert (await town.check(asked, at=other)).json()["reason"] == "NO_RECORD"
    assert (await town.post(path, b"", method="DELETE")).status_code == 204
    for asked in (alone, both):
        assert (await town.check(asked, at=other)).json()["reason"] == "HEADER_MISMATCH"
    # And to another brand at once: a header alone then names the new one.
    second = town.world.second_brand_code
    moved = await town.post(f"/accounts/brands/{second}/headers/GECICI", {}, method="PUT")
    assert moved.status_code == 200
    assert (await town.check(alone, at=other)).json()["reason"] == "NO_RECORD"
    assert (await town.check(both, at=other)).json()["reason"] == "HEADER_MISMATCH"


async def test_a_removed_brand_of_an_operator(town: Town, other: httpx.AsyncClient) -> None:
    code = town.world.brand_code
    body = {"title": "Listeli", "brands": [code]}
    new = (await town.post("/accounts/operators", body, who="admin")).json()
    key = f"Bearer {new['apiKey']}"
    asked = {"type": "MESAJ", "recipient": new_phone()}
    assert (await town.check(asked, who=key, at=other)).json()["reason"] == "NO_RECORD"
    remove = "DELETE FROM operator_brand WHERE operator_code = $1"
    await town.owner.execute(remove, new["operatorCode"])
    assert (await town.check(asked, who=key, at=other)).json()["reason"] == "NOT_AUTHORISED"


@pytest.mark.parametrize("kind", ["brands", "providers"])
async def test_a_suspended_brand_or_provider(
    town: Town, other: httpx.AsyncClient, kind: str
) -> None:
    code, _login = await town.new_provider()
    asked = {"type": "MESAJ", "recipient": new_phone(), "brandCode": code}
    assert (await town.check(asked, at=other)).json()["reason"] == "NO_RECORD"
    path = f"/accounts/{kind}/{code}/state"
    assert (
        await town.post(path, {"state": "SUSPENDED"}, who="admin", method="PUT")
    ).status_code == 204
    assert (await town.check(asked, at=other)).json()["reason"] == "SENDER_NOT_REGISTERED"
    assert (
        await town.post(path, {"state": "ACTIVE"}, who="admin", method="PUT")
    ).status_code == 204
    assert (await town.check(asked, at=other)).json()["reason"] == "NO_RECORD"


async def test_a_lapsed_licence_and_a_suspended_partner(
    town: Town, other: httpx.AsyncClient
) -> None:
    new = (await town.post("/accounts/partners", {"title": "Ortak"}, who="admin")).json()
    code = new["integratorCode"]
    grants = f"/accounts/brands/{town.world.brand_code}/grants/{code}"
    assert (await town.post(grants, {"MESAJ": "write"}, method="PUT")).status_code == 200
    partner = Login(0, new["username"], new["password"])
    assert (await town.add(consent(), who=partner, at=other)).status_code == 200
    licence = f"/accounts/partners/{code}/licence"
    lapsed = {"licenceValidUntil": "2020-01-01"}
    assert (await town.post(licence, lapsed, who="admin", method="PUT")).status_code == 204
    assert codes(await town.add(consent(), who=partner, at=other)) == ["H353"]
    endless = {"licenceValidUntil": None}
    assert (await town.post(licence, endless, who="admin", method="PUT")).status_code == 204
    assert (await town.add(consent(), who=partner, at=other)).status_code == 200
    state = f"/accounts/partners/{code}/state"
    suspended = {"state": "SUSPENDED"}
    assert (await town.post(state, suspended, who="admin", method="PUT")).status_code == 204
    assert codes(await town.add(consent(), who=partner, at=other)) == ["H351"]


async def test_a_removed_retailer(town: Town, other: httpx.AsyncClient) -> None:
    body = {"title": "Geçici Bayi"}
    path = f"/accounts/brands/{town.world.brand_code}/retailers"
    code = (await town.post(path, body)).json()["retailerCode"]
    number = new_phone()
    assert (await town.add(consent(number, retailerAccess=[code]), at=other)).status_code == 200
    asked = {"type": "MESAJ", "recipient": number, "retailerCode": code}
    assert (await town.check(asked, at=other)).json()["reason"] == "CONSENT"
    close = "UPDATE retailer SET state = 'SUSPENDED' WHERE retailer_code = $1"
    await town.owner.execute(close, code)
    assert (await town.check(asked, at=other)).json()["reason"] == "NOT_AUTHORISED"
    assert codes(await town.add(consent(retailerAccess=[code]), at=other)) == ["H180"]

"""The ledger away: the table fault × message class (design 6), and what every other surface says."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from services.check.schemas import BatchAnswer, CheckAnswer
from shared.sealing.addresses import Digester
from tests.check.island import FAULTS, Fault, Island, Stopwatch, open_island
from tests.registry.doors import ago, codes, consent, new_phone, question, refusal, sign_in
from tests.support.builders import Login

EXEMPT = ("CHANGE_USE_MAINT", "ONGOING_RELATION", "LEGAL_NOTICE", "CAPITAL_MARKETS")
UNVERIFIED = {"allowed": False, "reason": "UNVERIFIED", "status": None, "position": None}
EXEMPT_UNVERIFIED = {
    "allowed": True,
    "reason": "EXEMPT_UNVERIFIED",
    "status": None,
    "position": None,
}
PATIENCE_S = 2.0  # the deadline is a quarter of a second; the machine may be busy

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="a server is frozen with the help of /proc"
)


@pytest.fixture(scope="module")
async def island() -> AsyncIterator[Island]:
    with TemporaryDirectory(prefix="izin-test-", dir="/tmp") as path:
        async with open_island(Path(path)) as opened:
            yield opened


@pytest.mark.parametrize("fault", FAULTS)
async def test_the_table_of_outages(island: Island, fault: Fault) -> None:
    town = island.town
    exempt_brand, _login = await town.new_provider(exemption_basis="EDUCATION")
    number, told = new_phone(), Digester(town.ring)
    await town.add(consent(number))
    assert await town.reason(number) == "CONSENT"
    assert await town.reason(number, brandCode=exempt_brand) == "NO_RECORD"  # now it is known
    table: list[tuple[dict[str, Any], int, dict[str, Any]]] = [
        ({}, 503, UNVERIFIED),
        ({"messageClass": "COMMERCIAL"}, 503, UNVERIFIED),
        ({"recipientType": "TACIR"}, 503, UNVERIFIED),
        ({"header": town.world.header}, 503, UNVERIFIED),
        ({"brandCode": 999}, 503, UNVERIFIED),
        ({"messageClass": "EXEMPT_SENDER"}, 503, UNVERIFIED),
        ({"messageClass": "EXEMPT_SENDER", "brandCode": exempt_brand}, 200, EXEMPT_UNVERIFIED),
        *(({"messageClass": word}, 200, EXEMPT_UNVERIFIED) for word in EXEMPT),
        ({"messageClass": EXEMPT[0], "header": town.world.header}, 200, EXEMPT_UNVERIFIED),
    ]
    before = len(await island.rows("SELECT FROM check_evidence"))
    async with island.silent(fault):
        for changes, status, body in table:
            with Stopwatch() as watch:
                asked = {"type": "MESAJ", "recipient": number, **changes}
                answer = await town.check(asked)
            assert (answer.status_code, answer.json()) == (status, body), changes
            CheckAnswer.model_validate(answer.json(), strict=True)
            assert watch.seconds < PATIENCE_S
    assert await town.reason(number) == "CONSENT"
    select = "SELECT * FROM check_evidence WHERE digest = $1 AND reason = 'EXEMPT_UNVERIFIED'"
    async with asyncio.timeout(20):
        while len(await island.rows("SELECT FROM check_evidence")) < before + 6:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    rows: list[Any] = await island.rows(select, told.digest(number))
    assert len(rows) == 6
    world = town.world
    assert {row["user_id"] for row in rows} == {world.operator.user_id}
    assert sorted(str(row["brand_code"]) for row in rows) == sorted(
        map(str, [exempt_brand, *[world.brand_code] * 4, None])
    )
    assert not list((town.data_dir / "spool").glob("evidence-*"))


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_batch_without_a_ledger(island: Island, fault: Fault) -> None:
    town = island.town
    asked = {"brandCode": town.world.brand_code, "type": "MESAJ"}
    recipients = [new_phone(), "x", new_phone()]
    body = {**asked, "recipients": recipients}
    await town.token(town.world.operator)
    async with island.silent(fault):
        commercial = await town.post("/check/batch", body, who="operator")
        exempt = await town.post(
            "/check/batch", {**body, "messageClass": "LEGAL_NOTICE"}, who="operator"
        )
        none = await town.post("/check/batch", {**asked, "recipients": ["x"]}, who="operator")
    unverified, invalid, out = "UNVERIFIED", "INVALID_RECIPIENT", "EXEMPT_UNVERIFIED"
    assert commercial.status_code == 503
    assert commercial.json() == {
        "position": None,
        "allowedCount": 0,
        "results": [unverified, invalid, unverified],
    }
    assert exempt.status_code == 200
    assert exempt.json() == {"position": None, "allowedCount": 2, "results": [out, invalid, out]}
    assert none.status_code == 503
    for answer in (commercial, exempt, none):
        BatchAnswer.model_validate(answer.json(), strict=True)
    again = await town.post("/check/batch", body, who="operator")
    assert again.json()["results"] == ["NO_RECORD", invalid, "NO_RECORD"]


@pytest.mark.parametrize("fault", FAULTS)
async def test_the_operator_dialect_gives_no_list(island: Island, fault: Fault) -> None:
    town = island.town
    path = f"/brands/{town.world.brand_code}/consents/BIREYSEL/rejected/MESAJ"
    basic = town.world.operator.basic
    granted, unknown = new_phone(), new_phone()
    await town.add(consent(granted))
    bodies = [{"recipients": [granted, unknown]}, {"recipients": ["x"]}, {"recipients": [granted]}]
    assert (await town.post(path, bodies[0], who=basic)).json() == {"list": [unknown]}
    async with island.silent(fault):
        for body in bodies:
            with Stopwatch() as watch:
                answer = await town.post(path, body, who=basic)
            assert (answer.status_code, codes(answer)) == (503, ["H192"])
            assert watch.seconds < PATIENCE_S
    assert (await town.post(path, bodies[0], who=basic)).json() == {"list": [unknown]}


@pytest.mark.parametrize("fault", FAULTS)
async def test_the_registry_acknowledges_nothing(island: Island, fault: Fault) -> None:
    town = island.town
    known, body = new_phone(), consent()
    assert (await town.add(consent(known, consentDate=ago(hours=3)))).status_code == 200
    await town.token(town.world.operator)
    async with island.silent(fault), asyncio.timeout(30):
        answers = await asyncio.gather(
            town.add(body),
            town.add_v2(body),
            town.add(refusal(known)),
            town.status(question(known)),
            town.granted([known]),
            town.get(f"/sps/{town.world.iys_code}/brands"),
            town.get("/brands/1234567890", who="operator"),
            sign_in(town.client, town.world.provider.username, town.world.provider.password),
        )
        health = await town.get("/healthz", who=None)
        ready = await town.get("/readyz", who=None)
    for answer in answers:
        assert (answer.status_code, codes(answer)) == (503, ["H192"])
    assert (health.status_code, ready.status_code) == (200, 503)
    # Whether a write of then arrived is told by its repeat; a refusal sent again is stored at the latest now.
    assert (await town.add_v2(body)).status_code == 200
    assert (await town.add(refusal(known))).status_code in {200, 400}
    assert await town.reason(known) == "REFUSED"
    assert (await town.status(question(body["recipient"]))).json()["status"] == "ONAY"


@pytest.mark.parametrize("fault", FAULTS)
async def test_who_is_not_known_yet_is_not_let_through(island: Island, fault: Fault) -> None:
    town = island.town
    new = (await town.post("/accounts/operators", {"title": "Yeni"}, who="admin")).json()
    login = Login(0, new["username"], new["password"])
    for_token = await town.token(login)
    body = {"type": "MESAJ", "recipient": new_phone()}
    async with island.silent(fault):
        key, basic, forged, by_token = await asyncio.gather(
            town.check({**body, "messageClass": "LEGAL_NOTICE"}, who=f"Bearer {new['apiKey']}"),
            town.check(body, who=login.basic),
            town.check(body, who="Bearer a.b.c"),
            town.check(body, who=f"Bearer {for_token}"),
        )
    assert (key.status_code, key.json()) == (503, UNVERIFIED)
    assert (basic.status_code, basic.json()) == (503, UNVERIFIED)
    assert forged.status_code == 401
    assert (by_token.status_code, by_token.json()) == (503, UNVERIFIED)
    assert (await town.check(body, who=login.basic)).status_code == 200


async def test_accounts_say_that_the_ledger_is_away(island: Island) -> None:
    town = island.town
    await town.token(town.world.admin)
    path = f"/accounts/providers/{town.world.iys_code}/brands"
    async with island.silent("stopped"):
        for answer in (
            await town.post("/accounts/partners", {"title": "Yeni"}, who="admin"),
            await town.post(path, {"name": "Yeni"}),
        ):
            assert (answer.status_code, answer.json()["code"]) == (503, "LEDGER_UNAVAILABLE")
            assert answer.headers["retry-after"] == "1"
    assert (await town.post(path, {"name": "Yeni"})).status_code == 201

"""What a provider withdraws is refused by the next request, of every method, on every process (J8).

Real processes: each answers yes first, so that its copies are warm. Then the grant goes on one of them,
and each is asked again, with nothing between. The methods are those of the document, so that a new one is
in the list from its first day.
"""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from shared.clock import utc_now
from shared.domain.wire_time import turkish_day
from tests.registry.doors import Town, codes, consent, new_phone
from tests.registry.partners.fleet import Fleet, open_fleet
from tests.registry.partners.scenes import Partner, grant, methods, new_partner, revoke
from tests.support.servers import valkey_server

H353 = (403, ["H353"])


@pytest.fixture(scope="module")
async def fleet(town: Town, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    with valkey_server() as redis_url:
        async with open_fleet(town, redis_url, tmp_path_factory.mktemp("fleet")) as opened:
            yield opened


@pytest.fixture
async def partner(town: Town) -> Partner:
    return await new_partner(town)


async def test_a_revoked_grant_is_refused_by_every_method_on_every_process(
    fleet: Fleet, partner: Partner
) -> None:
    town, (revoking, other) = fleet.town, fleet.registries
    document = await fleet.client.get(f"http://127.0.0.1:{other}/openapi.json")
    world = town.world
    asked = methods(document.json(), iysCode=world.iys_code, integratorCode=partner.code)
    assert len(asked) >= 8
    for method, path, body in asked:
        await grant(town, partner, town.world.brand_code)
        for port in fleet.registries:
            yes = await fleet.send(port, method, path, who=partner.login, body=body)
            assert yes.status_code not in {401, 403, 500}, (method, path, yes.text)
        grants = f"/accounts/brands/{town.world.brand_code}/grants/{partner.code}"
        gone = await fleet.send(revoking, "DELETE", grants, who=town.world.provider)
        assert gone.status_code == 204
        for port in (other, revoking):
            no = await fleet.send(port, method, path, who=partner.login, body=body)
            assert (no.status_code, codes(no)) == H353, (method, path)


async def test_a_revoked_grant_is_refused_by_the_check_on_every_process(
    fleet: Fleet, partner: Partner
) -> None:
    town, number = fleet.town, new_phone()
    assert (await town.add(consent(number))).status_code == 200
    question = {"brandCode": town.world.brand_code, "type": "MESAJ", "recipient": number}
    await grant(town, partner, town.world.brand_code)
    for port in fleet.checks:
        before = await fleet.hot(port)
        for _ in range(1000):  # until the cache has it, and the process answers from memory
            assert await fleet.reason(port, question, who=partner.login) == "CONSENT"
            if await fleet.hot(port) > before:
                break
        else:
            pytest.fail("the hot path was never taken")
    for changed in ({"ARAMA": "write"}, None):
        await grant(town, partner, town.world.brand_code)
        for port in fleet.checks:
            assert await fleet.reason(port, question, who=partner.login) == "CONSENT"
        if changed is None:
            await revoke(town, partner, town.world.brand_code)
        else:
            await grant(town, partner, town.world.brand_code, **changed)
        for port in fleet.checks:
            assert await fleet.reason(port, question, who=partner.login) == "NOT_AUTHORISED"
            batch = {**question, "recipients": [question["recipient"]]}
            del batch["recipient"]
            many = await fleet.send(port, "POST", "/check/batch", who=partner.login, body=batch)
            assert many.json()["results"] == ["NOT_AUTHORISED"]


async def test_a_licence_that_was_ended_is_refused_at_once(fleet: Fleet, partner: Partner) -> None:
    town = fleet.town
    code = town.world.brand_code
    await grant(town, partner, code)
    question = {"brandCode": code, "type": "MESAJ", "recipient": new_phone()}
    listed = f"/integrator/{partner.code}/sps"
    for port in fleet.registries:
        answer = await fleet.send(port, "GET", listed, who=partner.login)
        assert answer.status_code == 200
    for port in fleet.checks:
        assert await fleet.reason(port, question, who=partner.login) == "NO_RECORD"
    ended = {"licenceValidUntil": (turkish_day(utc_now()) - timedelta(days=1)).isoformat()}
    path = f"/accounts/partners/{partner.code}/licence"
    assert (await town.post(path, ended, who="admin", method="PUT")).status_code == 204
    for port in fleet.registries:
        for below in ("/sps", f"/sps/{town.world.iys_code}", "/subscription"):
            asked = f"/integrator/{partner.code}{below}"
            no = await fleet.send(port, "GET", asked, who=partner.login)
            assert (no.status_code, codes(no)) == H353
    for port in fleet.checks:
        assert await fleet.reason(port, question, who=partner.login) == "NOT_AUTHORISED"

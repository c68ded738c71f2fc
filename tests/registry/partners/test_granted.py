"""The brands that granted a partner rights, as the published examples show them (iys-api 10.2)."""

from datetime import timedelta

import pytest

from shared.clock import utc_now
from shared.domain.wire_time import turkish_day
from tests.registry.doors import Answer, Town, codes, only_error
from tests.registry.partners.scenes import (
    Partner,
    grant,
    new_partner,
    revoke,
    subscribe,
    unsubscribe,
)


@pytest.fixture(scope="module")
async def partner(town: Town) -> Partner:
    """Return a partner with rights at both brands of the town."""
    made = await new_partner(town)
    await grant(town, made, town.world.brand_code)
    await grant(town, made, town.world.second_brand_code, MESAJ="read")
    return made


def refused(answer: Answer, status: int, code: str) -> bool:
    return (answer.status_code, codes(answer)) == (status, [code])


async def test_brands_are_shown_with_rights_and_switches(town: Town, partner: Partner) -> None:
    answer = await town.get(f"{partner.path}/sps", who=partner.login)
    assert answer.status_code == 200
    assert answer.json() == {
        "pagination": {"offset": 0, "pageSize": 2, "totalCount": 2},
        "list": [
            {
                "brandCode": town.world.brand_code,
                "name": "Deneme",
                "master": True,
                "title": "Deneme A.Ş.",
                "iysCode": town.world.iys_code,
                "agreementControl": True,
                "MESAJ": "write",
                "ARAMA": "write",
                "EPOSTA": "write",
                "viaControl": True,
            },
            {
                "brandCode": town.world.second_brand_code,
                "name": "Deneme Kargo",
                "master": False,
                "title": "Deneme A.Ş.",
                "iysCode": town.world.iys_code,
                "agreementControl": False,
                "MESAJ": "read",
                "ARAMA": "none",
                "EPOSTA": "none",
                "viaControl": False,
            },
        ],
    }
    of_one = await town.get(f"{partner.path}/sps/{town.world.iys_code}", who=partner.login)
    assert of_one.json() == answer.json()


async def test_pages_are_cut_where_they_are_asked_to_be(town: Town, partner: Partner) -> None:
    async def page(query: str, below: str = "") -> tuple[list[int], dict[str, int]]:
        answer = await town.get(f"{partner.path}/sps{below}?{query}", who=partner.login)
        shown = answer.json()
        return [brand["brandCode"] for brand in shown["list"]], shown["pagination"]

    both = [town.world.brand_code, town.world.second_brand_code]
    of_one = f"/{town.world.iys_code}"
    first = {"offset": 0, "pageSize": 1, "totalCount": 2}
    assert await page("limit=1") == (both[:1], first)
    assert await page("offset=1&limit=1") == (both[1:], first | {"offset": 1})
    assert await page("offset=1&limit=1", of_one) == (both[1:], first | {"offset": 1})
    assert await page("offset=&limit=100&") == (both, first | {"pageSize": 2})
    beyond = {"offset": 2**31 - 1, "pageSize": 0, "totalCount": 2}
    assert await page("offset=999999999999") == ([], beyond)


async def test_faults_of_paging_are_named_as_published_here(town: Town, partner: Partner) -> None:
    for below in ("/sps", f"/sps/{town.world.iys_code}"):

        async def ask(query: str, path: str = partner.path + below) -> Answer:
            return await town.get(f"{path}?{query}", who=partner.login)

        both = await ask("offset=-1&limit=-1")
        assert both.status_code == 422
        assert [(e["code"], e["location"], e["value"]) for e in both.json()["errors"]] == [
            ("H183", ["offset"], -1),
            ("H182", ["limit"], -1),
        ]
        assert "offset" in both.json()["errors"][0]["message"]
        for query, code, value in (("limit=101", "H186", 101), ("limit=0", "H187", 0)):
            wrong = await ask(query)
            assert wrong.status_code == 422
            assert only_error(wrong) == {"code": code, "location": ["limit"], "value": value}
        assert only_error(await ask("limit=%00"))["code"] == "H182"


async def test_what_was_revoked_is_gone_from_the_list(town: Town) -> None:
    made = await new_partner(town)
    await grant(town, made, town.world.brand_code)
    asked = f"{made.path}/sps/{town.world.iys_code}"
    assert (await town.get(asked, who=made.login)).status_code == 200
    await revoke(town, made, town.world.brand_code)
    refusal = await town.get(asked, who=made.login)
    assert refusal.status_code == 403
    assert refusal.json()["errors"][0]["message"].endswith(": iysCode")
    assert (await town.get(f"{made.path}/sps", who=made.login)).json()["list"] == []
    # A grant that grants nothing is as good as none.
    await grant(town, made, town.world.brand_code, MESAJ="none")
    assert refused(await town.get(asked, who=made.login), 403, "H353")


async def test_who_asks_for_somebody_else_is_turned_away(town: Town, partner: Partner) -> None:
    other = await new_partner(town)
    world = town.world
    for below in ("/sps", f"/sps/{world.iys_code}", "/subscription"):
        stranger = await town.get(other.path + below, who=partner.login)
        assert refused(stranger, 403, "H353"), below
        assert stranger.json()["errors"][0]["message"].endswith(": integratorCode")
        for nobody in ("999", str(2**40), str(world.iys_code)):
            answer = await town.get(f"/integrator/{nobody}{below}", who=partner.login)
            assert refused(answer, 404, "H129"), below
        for word in ("x", "1.5", "-1", "%D9%A3"):
            answer = await town.get(f"/integrator/{word}{below}", who=partner.login)
            assert refused(answer, 422, "H190"), below
        assert refused(await town.get(partner.path + below, who=None), 401, "H351")
        provider = await town.get(partner.path + below, who="provider")
        assert refused(provider, 400, "H522" if below == "/subscription" else "H363")
        for role in ("operator", "ministry", "admin"):
            assert refused(await town.get(partner.path + below, who=role), 400, "H363")


async def test_a_provider_that_is_nobody_granted_nothing(town: Town, partner: Partner) -> None:
    for iys_code in ("999", str(2**40)):
        answer = await town.get(f"{partner.path}/sps/{iys_code}", who=partner.login)
        assert refused(answer, 403, "H353")
    assert refused(await town.get(f"{partner.path}/sps/x", who=partner.login), 422, "H190")


async def test_the_partner_s_own_subscription_shuts_its_methods(town: Town) -> None:
    made = await new_partner(town)
    await grant(town, made, town.world.brand_code)
    listed = (f"{made.path}/sps", f"{made.path}/sps/{town.world.iys_code}")
    ours = f"/sps/{town.world.iys_code}/brands"

    async def asked(*paths: str) -> set[tuple[int, str]]:
        answers = [await town.get(path, who=made.login) for path in paths]
        return {(answer.status_code, *codes(answer)) for answer in answers}  # type: ignore[misc]  # one code each

    for fields, code in (
        ({"state": "PAUSED"}, "H520"),
        ({"state": "EXPIRED"}, "H520"),
        ({"startDate": "2020-01-01", "expirationDate": "2020-12-31"}, "H520"),
        ({"state": "CLOSED"}, "H521"),
        ({"withApi": False}, "H586"),
    ):
        await subscribe(town, made.code, kind="partners", **fields)
        assert await asked(*listed, ours) == {(403, code)}
    await unsubscribe(town, made.code, kind="partners")
    assert await asked(*listed, ours) == {(403, "H524")}
    assert await asked(f"{made.path}/subscription") == {(404, "H437")}
    await subscribe(town, made.code, kind="partners")
    for path in (*listed, ours):
        assert (await town.get(path, who=made.login)).status_code == 200


async def test_reconciliation_is_a_right_of_its_own(town: Town) -> None:
    made = await new_partner(town)
    world = town.world
    yesterday = (turkish_day(utc_now()) - timedelta(days=1)).isoformat()
    asked = f"{town.brand}/changes/{yesterday}/recipients/BIREYSEL"
    await grant(town, made, world.brand_code, ARAMA="write", MESAJ="write", EPOSTA="write")
    answer = await town.get(asked, who=made.login)
    assert refused(answer, 404, "H355")
    assert answer.json()["errors"][0]["message"].endswith(": mutabakat")
    await grant(town, made, world.brand_code, reconciliation=True)
    assert (await town.get(asked, who=made.login)).status_code < 300
    # It opens nothing else.
    assert refused(await town.get(f"/sps/{world.iys_code}/brands", who=made.login), 403, "H353")
    await revoke(town, made, world.brand_code)
    assert refused(await town.get(asked, who=made.login), 403, "H353")

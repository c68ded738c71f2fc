"""Every code that the methods about retailers give, over HTTP: status, place and echo as published."""

import json
from typing import Any

import pytest

from tests.registry.doors import DROP, Town, codes, only_error
from tests.registry.retailers.scenes import (
    retailer,
    set_status,
)
from tests.registry.test_codes import hung_up_on
from tests.support.builders import Login

BODY_FAULTS: dict[str, dict[str, Any]] = {
    "H016": {"tckn": DROP},
    "H017": {"title": "x" * 256},
    "H201": {"status": "open"},
    "H214": {"title": ""},
    "H215": {"name": ""},
    "H216": {"tckn": ""},
    "H217": {"city": {}},
    "H218": {"city": {"code": "", "name": "İstanbul"}},
    "H219": {"city": {"code": "34", "name": ""}},
    "H220": {"town": None},
    "H221": {"town": {"name": "Kadıköy"}},
    "H222": {"town": {"code": "429"}},
    "H224": {"mobile": "05990000033"},
    "H225": {"tckn": "12345678901"},
    "H226": {"tckn": "1234567890"},
    "H227": {"mersis": "0123456789100015"},
    "H228": {"mersis": "123"},
    "H229": {"alias": "<Şube>"},
    "H243": {"tin": "1234567891"},
    "H244": {"tin": "123"},
    "H288": {"tin": ""},
}


@pytest.mark.parametrize(("code", "change"), BODY_FAULTS.items())
async def test_a_field_of_a_retailer_is_wrong(
    town: Town, code: str, change: dict[str, Any]
) -> None:
    answer = await town.post(f"{town.brand}/retailers", retailer(**change))
    assert answer.status_code == 400
    assert only_error(answer) == {"code": code}  # no place and no value: these are persons' numbers


async def test_a_body_that_is_no_retailer(town: Town) -> None:
    path = f"{town.brand}/retailers"
    assert codes(await town.post(path, b"{")) == ["H014"]
    unusable: list[object] = [[], "x", None, 5]
    for body in unusable:
        answer = await town.post(path, json.dumps(body).encode())
        assert (answer.status_code, codes(answer)) == (400, ["H090"])


async def test_a_refused_retailer_leaves_no_trace(town: Town) -> None:
    before = (await town.get(f"{town.brand}/retailers")).json()["pagination"]["totalCount"]
    for change in BODY_FAULTS.values():
        await town.post(f"{town.brand}/retailers", retailer(**change))
    after = (await town.get(f"{town.brand}/retailers")).json()["pagination"]["totalCount"]
    assert after == before


async def test_a_number_may_be_used_once_a_provider(town: Town) -> None:
    first = retailer()
    second = town.brand_path(await town.new_brand())
    assert (await town.post(f"{town.brand}/retailers", first)).status_code == 201
    for brand in (town.brand, second):
        path = f"{brand}/retailers"
        same_person = retailer(tckn=first["tckn"])
        same_firm = retailer(mersis=first["mersis"])
        assert only_error(await town.post(path, same_person)) == {"code": "H231"}
        assert only_error(await town.post(path, same_firm)) == {"code": "H230"}
        assert codes(await town.post(path, first)) == ["H231", "H230"]
    # A person may pay taxes for more than one.
    assert (await town.post(f"{second}/retailers", retailer(tin=first["tin"]))).status_code == 201


async def test_another_provider_may_have_the_same_retailer(town: Town) -> None:
    body = retailer()
    iys_code, other = await town.new_provider()
    path = town.brand_path(iys_code, iys_code)
    assert (await town.post(f"{town.brand}/retailers", body)).status_code == 201
    assert (await town.post(f"{path}/retailers", body, who=other)).status_code == 201


@pytest.mark.parametrize("name", ["tckn", "mersis"])
async def test_a_passive_one_with_the_number_is_told_apart(town: Town, name: str) -> None:
    first = retailer()
    code = (await town.post(f"{town.brand}/retailers", first)).json()["retailerCode"]
    again = retailer(**{name: first[name]})
    await set_status(town, code, "passive")
    assert only_error(await town.post(f"{town.brand}/retailers", again)) == {"code": "H253"}
    await set_status(town, code, "suspended")
    taken = {"tckn": "H231", "mersis": "H230"}[name]
    assert only_error(await town.post(f"{town.brand}/retailers", again)) == {"code": taken}


QUERIES = {
    "offset=-1": ("H182", "offset", -1),
    "offset=x": ("H182", "offset", "x"),
    "limit=-1": ("H183", "limit", -1),
    "limit=1.5": ("H183", "limit", "1.5"),
    "limit=101": ("H186", "limit", 101),
    "limit=0": ("H187", "limit", 0),
    "all=1": ("H184", "all", "1"),
    "short=evet": ("H185", "short", "evet"),
}


@pytest.mark.parametrize(("query", "expected"), QUERIES.items())
async def test_a_query_is_wrong(town: Town, query: str, expected: tuple[str, str, object]) -> None:
    code, name, value = expected
    answer = await town.get(f"{town.brand}/retailers?{query}")
    assert answer.status_code == 422
    assert only_error(answer) == {"code": code, "location": [name], "value": value}


@pytest.mark.parametrize("method", ["POST", "GET", "GET one", "DELETE"])
async def test_a_strangers_retailers_are_nobodys_business(town: Town, method: str) -> None:
    verb, _, one = method.partition(" ")
    suffix = f"/{town.world.retailer_code}" if one or verb == "DELETE" else ""
    _iys_code, stranger = await town.new_provider()

    async def told(who: Any, brand: str) -> tuple[int, list[str]]:
        answer = await town.post(f"{brand}/retailers{suffix}", retailer(), who=who, method=verb)
        return answer.status_code, codes(answer)

    assert await told(None, town.brand) == (401, ["H351"])
    assert await told("operator", town.brand) == (400, ["H363"])
    assert await told(stranger, town.brand) == (403, ["H353"])
    assert await told("partner", town.brand_path(town.world.second_brand_code)) == (403, ["H353"])
    unnamed = (403, ["H353"])
    named = method in {"POST", "DELETE"}
    nowhere = await told("provider", town.brand_path(1, 1))
    assert nowhere == ((404, ["H001"]) if named else unnamed)
    nothing = await told("provider", town.brand_path(1))
    assert nothing == ((404, ["H018"]) if named else unnamed)
    assert await told("provider", town.brand_path(town.world.brand_code, 1)) == nowhere
    other_code, _other = await town.new_provider()
    assert await told("provider", town.brand_path(other_code)) == unnamed


@pytest.mark.parametrize("method", ["POST", "GET", "GET one", "DELETE"])
async def test_http_basic_has_codes_of_its_own_here(town: Town, method: str) -> None:
    verb, _, one = method.partition(" ")
    suffix = f"/{town.world.retailer_code}" if one or verb == "DELETE" else ""
    wrong = Login(0, town.world.provider.username, "wrong").basic
    for authorization, status, code in (
        ("Basic", 400, "H252"),
        (Login(0, "", "").basic, 400, "H250"),
        (wrong, 401, "H251"),
        ("Bearer x", 401, "H351"),
    ):
        answer = await town.post(
            f"{town.brand}/retailers{suffix}", retailer(), who=authorization, method=verb
        )
        assert (answer.status_code, codes(answer)) == (status, [code])


async def test_h192_when_the_ledger_hangs_up_on_a_retailer(town: Town) -> None:
    work = town.post(f"{town.brand}/retailers", retailer())
    answer = await hung_up_on(town, "LOCK TABLE brand IN ACCESS EXCLUSIVE MODE", work)
    assert (answer.status_code, only_error(answer)) == (503, {"code": "H192"})

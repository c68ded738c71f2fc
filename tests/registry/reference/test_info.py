"""Provinces and districts over HTTP, and every code that these addresses can give."""

import base64

import pytest

from shared.ledger import accounts
from tests.registry.doors import Town, codes, only_error


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


async def test_lists_have_the_published_fields(town: Town) -> None:
    cities = await town.get("/info/city")
    assert cities.status_code == 200
    assert len(cities.json()) == 81
    assert cities.json()[33] == {"code": 34, "name": "İstanbul"}
    towns = (await town.get("/info/town")).json()
    assert len(towns) == 973
    assert towns[428] == {"code": 429, "name": "Kadıköy", "city_code": 34}


async def test_one_entry_has_the_published_fields(town: Town) -> None:
    """The publication shows a province's code as a text here, and a district's as a number."""
    assert (await town.get("/info/city/34")).json() == {"code": "34", "name": "İstanbul"}
    assert (await town.get("/info/city/01")).json() == {"code": "1", "name": "Adana"}
    assert (await town.get("/info/town/1")).json() == {"code": 1, "name": "Seyhan", "city_code": 1}


@pytest.mark.parametrize("path", ["city/82", "city/0", "town/974", "town/99999999999999999999"])
async def test_a_code_that_is_nobody_s_has_no_content(town: Town, path: str) -> None:
    answer = await town.get(f"/info/{path}")
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize("kind", ["city", "town"])
@pytest.mark.parametrize("code", ["abc", "-1", "3.4", "٣٤", "34a"])
async def test_a_code_that_is_no_number_is_h241(town: Town, kind: str, code: str) -> None:
    answer = await town.get(f"/info/{kind}/{code}")
    assert answer.status_code == 400
    assert only_error(answer) == {"code": "H241"}


@pytest.mark.parametrize("path", ["city", "city/34", "town", "town/429"])
async def test_older_addresses_answer_the_same(town: Town, path: str) -> None:
    older = path.replace("city", "cities").replace("town", "towns")
    assert (await town.get(f"/info/{older}")).json() == (await town.get(f"/info/{path}")).json()


@pytest.mark.parametrize("who", ["provider", "partner", "operator", "ministry", "admin"])
async def test_everybody_with_an_account_may_ask(town: Town, who: str) -> None:
    assert (await town.get("/info/city/6", who=who)).status_code == 200


@pytest.mark.parametrize(
    ("authorization", "status", "code"),
    [
        (None, 401, "H351"),
        ("Bearer no-such-token", 401, "H351"),
        ("Basic", 400, "H252"),
        ("Basic ", 400, "H252"),
        (basic("somebody:"), 400, "H250"),
        (basic(":secret"), 400, "H250"),
        (basic("somebody"), 400, "H250"),
        (basic("test-provider:wrong"), 401, "H251"),
        ("Basic ***", 401, "H251"),
    ],
)
async def test_who_is_not_known_is_told_what_is_wrong(
    town: Town, authorization: str | None, status: int, code: str
) -> None:
    for path in ("/info/city", "/info/town/1"):
        answer = await town.get(path, who=authorization)
        assert (answer.status_code, codes(answer)) == (status, [code])


async def test_http_basic_is_enough(town: Town) -> None:
    assert (await town.get("/info/city", who=town.world.operator.basic)).status_code == 200


async def test_a_suspended_account_may_not_ask(town: Town) -> None:
    code = town.world.operator_code
    await accounts.set_state(town.writer, "operator", code, active=False)
    assert codes(await town.get("/info/city", who="operator")) == ["H351"]
    await accounts.set_state(town.writer, "operator", code, active=True)

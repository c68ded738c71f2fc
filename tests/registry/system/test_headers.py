"""Codes that operators send under, and headers that they are asked to use (regulation E8 to E10)."""

from typing import Any

import pytest

from shared.ledger import accounts
from tests.registry.doors import Town
from tests.registry.system.calls import send
from tests.support.builders import HEADER


async def new_operator(town: Town) -> tuple[int, str]:
    """Register an operator; return its code and its credential."""
    body = (await send(town, "POST", "/accounts/operators", {"title": "Bir operatör"})).json()
    return body["operatorCode"], f"Bearer {body['apiKey']}"


async def assign(town: Town, operator: int, code: Any, *, who: Any = "admin") -> Any:
    path = f"/accounts/operators/{operator}/sender-code"
    return await send(town, "PUT", path, {"senderCode": code}, who=who)


async def test_staff_assigns_a_code_and_the_operator_sees_it(town: Town) -> None:
    code, who = await new_operator(town)
    path = f"/accounts/operators/{code}"
    shown = (await send(town, "GET", path, who=who)).json()
    assert shown.pop("createdAt")
    assert shown == {
        "operatorCode": code,
        "title": "Bir operatör",
        "state": "ACTIVE",
        "senderCode": None,
        "brands": None,
    }
    for sender_code in ("B017", "B018", None, "B017"):
        answer = await assign(town, code, sender_code)
        assert (answer.status_code, answer.json()) == (
            200,
            {"operatorCode": code, "senderCode": sender_code},
        )
        for reader in (who, "admin"):
            seen = (await send(town, "GET", path, who=reader)).json()
            assert seen["senderCode"] == sender_code
    trail = """SELECT actor, facts ->> 'sender_code' FROM account_event
                WHERE kind = 'operator' AND name = $1 AND action = 'changed' ORDER BY event_id"""
    left = [tuple(row) for row in await town.owner.fetch(trail, str(code))]
    staff = town.world.admin.user_id
    assert left == [(staff, "B017"), (staff, "B018"), (staff, None), (staff, "B017")]


async def test_no_two_operators_send_under_one_code(town: Town) -> None:
    (first, _), (second, _) = await new_operator(town), await new_operator(town)
    assert (await assign(town, first, "B500")).status_code == 200
    assert (await assign(town, first, "B500")).status_code == 200
    taken = await assign(town, second, "B500")
    assert (taken.status_code, taken.json()["code"]) == (409, "ALREADY_EXISTS")
    assert (await assign(town, first, None)).status_code == 200
    assert (await assign(town, second, "B500")).status_code == 200


@pytest.mark.parametrize(
    "code", ["B12", "B1234", "b123", "A123", "B12x", "B١٢٣", "", 123, "B123\n"]
)
async def test_a_code_is_b_and_three_digits(town: Town, code: object) -> None:
    answer = await assign(town, town.world.operator_code, code)
    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_FIELD")


async def test_who_may_assign_and_read_codes(town: Town) -> None:
    code, who = await new_operator(town)
    path = f"/accounts/operators/{code}"
    for caller, status in ((who, 403), ("provider", 403), ("partner", 403), (None, 401)):
        assert (await assign(town, code, "B999", who=caller)).status_code == status
    for caller, status in (("operator", 403), ("ministry", 403), (None, 401)):
        assert (await send(town, "GET", path, who=caller)).status_code == status
    nobody = "/accounts/operators/999999"
    for method, path, body in (
        ("GET", nobody, None),
        ("PUT", f"{nobody}/sender-code", {"senderCode": "B998"}),
    ):
        missing = await send(town, method, path, body)
        assert (missing.status_code, missing.json()["code"]) == (404, "UNKNOWN_ACCOUNT")


async def standing(town: Town, header: str, *, who: Any = "operator") -> Any:
    return await send(town, "GET", f"/operators/headers/{header}", who=who)


async def test_an_operator_learns_whose_header_it_is_and_that_it_may_use_it(town: Town) -> None:
    world = town.world
    await assign(town, world.operator_code, "B101")
    answer = await standing(town, HEADER)
    assert answer.status_code == 200
    assert answer.json() == {
        "header": HEADER,
        "brandCode": world.brand_code,
        "brandName": "Deneme",
        "iysCode": world.iys_code,
        "providerTitle": "Deneme A.Ş.",
        "usable": True,
        "reason": None,
        "senderCode": "B101",
    }


async def test_what_stands_in_the_way_is_what_a_check_would_say(town: Town) -> None:
    (mine, who), code = await new_operator(town), await town.new_brand()
    await accounts.bind_header(town.writer, brand_code=code, header="ORADA", operators=[mine])
    assert (await standing(town, "ORADA", who=who)).json()["usable"] is True
    elsewhere = (await standing(town, "ORADA")).json()
    assert (elsewhere["usable"], elsewhere["reason"]) == (False, "HEADER_MISMATCH")
    listed = {"title": "Listeli", "brands": [town.world.second_brand_code]}
    other = (await send(town, "POST", "/accounts/operators", listed)).json()
    answer = await standing(town, HEADER, who=f"Bearer {other['apiKey']}")
    assert answer.json()["reason"] == "NOT_AUTHORISED"
    await accounts.set_state(town.writer, "brand", code, active=False)
    assert (await standing(town, "ORADA", who=who)).json()["reason"] == "SENDER_NOT_REGISTERED"


async def test_a_header_of_nobody_and_who_may_not_ask(town: Town) -> None:
    for header in ("YOK", HEADER.lower()):
        answer = await standing(town, header)
        assert (answer.status_code, answer.json()["code"]) == (404, "UNKNOWN_HEADER")
    assert (await standing(town, "x" * 12)).status_code == 422
    for who, status in (("provider", 403), ("admin", 403), (None, 401)):
        assert (await standing(town, HEADER, who=who)).status_code == status

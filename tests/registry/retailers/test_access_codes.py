"""Every code that the calls about access give, over HTTP: status, place and echo as published."""

from collections.abc import Callable
from typing import Any

import pytest

from services.registry.retailers import change_access
from tests.registry.doors import DROP, Answer, Town, codes, new_phone, only_error, refusal
from tests.registry.retailers.scenes import (
    add,
    change_of,
    grant,
    grant_of,
    list_access,
    recorded,
    replace,
    retailer,
    show,
    take,
    take_all,
)
from tests.registry.retailers.test_codes import QUERIES
from tests.registry.test_codes import hung_up_on


async def send(town: Town, call: str, body: object, **options: Any) -> Answer:
    ways: dict[str, Callable[..., Any]] = {
        "grant": grant,
        "replace": replace,
        "take": take,
        "take_all": take_all,
    }
    answer: Answer = await ways[call](town, body, **options)
    return answer


UNUSABLE = {"grant": "H090", "replace": "H171", "take": "H172", "take_all": "H172"}
CALLS = tuple(UNUSABLE)
LISTS = ("replace", "take", "take_all")
NAMING = ("grant", "replace", "take")


def body_for(call: str, recipient: str, /, *retailers: object, **changes: Any) -> dict[str, Any]:
    if call == "grant":
        return grant_of(recipient, *retailers, **changes)
    return change_of([recipient], *retailers, **changes)


@pytest.mark.parametrize("call", CALLS)
async def test_a_call_that_is_none(town: Town, call: str) -> None:
    assert codes(await send(town, call, b"{")) == ["H014"]
    answer = await send(town, call, b"[]")
    assert (answer.status_code, only_error(answer)) == (400, {"code": UNUSABLE[call]})


async def test_a_question_about_access_that_is_none(town: Town) -> None:
    path = f"{town.brand}/consent/retailers/access/list"
    assert codes(await town.post(path, b"{")) == ["H014"]
    assert only_error(await town.post(path, b"[]")) == {"code": "H173"}


QUESTION_FAULTS = {
    "H111": ({"type": DROP}, {"location": ["type"]}),
    "H117": ({"type": "SMS"}, {"location": ["type"], "value": "SMS"}),
    "H170": ({"recipientType": DROP}, {"location": ["recipientType"]}),
    "H116": ({"recipientType": "?"}, {"location": ["recipientType"], "value": "?"}),
    "H114": ({"recipient": DROP}, {"location": ["recipient"]}),
    "H120": ({"type": "EPOSTA", "recipient": "x"}, {"location": ["recipient"], "value": "x"}),
    "H121": ({"recipient": "x"}, {"location": ["recipient"], "value": "x"}),
    "H166": (
        {"recipient": "+905543213232213232"},
        {"location": ["recipient"], "value": "+905543213232213232"},
    ),
    "H464": (
        {"recipient": "a@posta.example"},
        {"location": ["recipient"], "value": "a@posta.example"},
    ),
}


@pytest.mark.parametrize(("code", "case"), QUESTION_FAULTS.items())
async def test_a_question_about_access_is_wrong(
    town: Town, code: str, case: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    change, expected = case
    answer = await list_access(town, new_phone(), changes=change)
    assert answer.status_code == 422
    assert only_error(answer) == {"code": code, **expected}


@pytest.mark.parametrize("call", CALLS)
async def test_words_and_addresses_of_a_call_are_wrong(town: Town, call: str) -> None:
    retailer_code = town.world.retailer_code

    async def told(**changes: Any) -> list[tuple[str, list[Any]]]:
        answer = await send(town, call, body_for(call, new_phone(), retailer_code, **changes))
        assert answer.status_code == 422, answer.text
        return [(e["code"], e["location"]) for e in answer.json()["errors"]]

    many = call != "grant"
    place = ["recipients", 0] if many else ["recipient"]

    def to(value: object) -> dict[str, Any]:
        return {"recipients": [value]} if many else {"recipient": value}

    assert await told(type=DROP) == [("H111", ["type"])]
    assert await told(type="SMS") == [("H117", ["type"])]
    assert await told(recipientType=DROP) == [("H170", ["recipientType"])]
    assert await told(recipientType="?") == [("H116", ["recipientType"])]
    assert await told(**dict.fromkeys(to(""), DROP)) == [("H168", ["recipients"])]
    assert await told(**to("0599")) == [("H121", place)]
    assert await told(type="EPOSTA", **to("x")) == [("H120", place)]
    assert await told(**to("a@posta.example")) == [("H464", place)]
    assert await told(**to("+905543213232213")) == [("H160", place), ("H121", place)]


@pytest.mark.parametrize("call", LISTS)
async def test_the_list_of_a_call_is_wrong(town: Town, call: str) -> None:
    code = town.world.retailer_code
    for recipients, expected in (
        ("x", "H478"),
        ([], "H164"),
        ([new_phone() for _ in range(101)], "H127"),
    ):
        answer = await send(town, call, change_of(recipients, code))
        assert answer.status_code == 422
        error = only_error(answer)
        assert error == {"code": expected, "location": ["recipients"], "value": recipients}


@pytest.mark.parametrize("call", NAMING)
async def test_the_retailers_of_a_call_are_wrong(town: Town, call: str) -> None:
    address, code = await recorded(town), town.world.retailer_code
    place = ["retailerAccess"]
    for changes, error in (
        ({"retailerAccess": DROP}, {"code": "H169", "location": place}),
        ({"retailerAccess": []}, {"code": "H163", "location": place, "value": []}),
        (
            {"retailerAccess": list(range(101))},
            {"code": "H126", "location": place, "value": list(range(101))},
        ),
        (
            {"retailerAccess": [code, code]},
            {"code": "H193", "location": [*place, 1], "value": code},
        ),
    ):
        answer = await send(town, call, body_for(call, address, **changes))
        assert answer.status_code == 422
        assert only_error(answer) == error


@pytest.mark.parametrize("call", ["grant", "replace"])
async def test_a_retailer_of_nobody_gets_no_access(town: Town, call: str) -> None:
    address, good = await recorded(town), town.world.retailer_code
    second = town.brand_path(await town.new_brand())
    for code in (12_345_678, await add(town, brand=second)):
        answer = await send(town, call, body_for(call, address, good, code))
        assert answer.status_code == 403
        expected = {"code": "H180", "location": ["retailerAccess", 1], "value": code}
        assert only_error(answer) == expected
    assert codes(await send(town, call, body_for(call, address, 5))) == ["H180"]


async def test_a_retailer_of_nobody_cannot_be_taken_away(town: Town) -> None:
    answer = await take(town, change_of([await recorded(town)], 12_345_678))
    assert answer.status_code == 404
    assert only_error(answer) == {"code": "H058"}


async def test_a_grant_needs_a_consent(town: Town) -> None:
    code = town.world.retailer_code
    blocked = new_phone()
    assert codes(await town.add(refusal(blocked))) == [
        "H175"
    ]  # kept as a block, which is no record
    for address in (new_phone(), blocked):
        answer = await grant(town, grant_of(address, code))
        assert answer.status_code == 400
        assert only_error(answer) == {"code": "H401"}
    address = await recorded(town)
    for other in ({"type": "ARAMA"}, {"recipientType": "TACIR"}):
        assert codes(await grant(town, grant_of(address, code, **other))) == ["H401"]


@pytest.mark.parametrize("call", [*CALLS, "list"])
async def test_nobody_gets_anywhere_without_a_right(town: Town, call: str) -> None:
    body = body_for("replace" if call in LISTS else "grant", new_phone(), town.world.retailer_code)
    path = f"{town.brand}/consents/retailers/access"
    suffix = {"take": "/remove", "take_all": "/remove/all", "list": "/list"}.get(call, "")
    method = "PUT" if call == "replace" else "POST"
    _iys_code, stranger = await town.new_provider()

    async def told(who: Any, at: str = path) -> tuple[int, list[str]]:
        answer = await town.post(at + suffix, body, who=who, method=method)
        return answer.status_code, codes(answer)

    assert await told(None) == (401, ["H351"])
    assert await told("operator") == (400, ["H363"])
    assert await told(stranger) == (403, ["H353"])
    nowhere = town.brand_path(1) + "/consents/retailers/access"
    assert await told("provider", nowhere) == (
        (404, ["H018"]) if call == "take" else (403, ["H353"])
    )
    second = town.brand_path(town.world.second_brand_code) + "/consents/retailers/access"
    assert await told("partner", second) == (403, ["H353"])
    wrong = path.replace(f"/brands/{town.world.brand_code}", "/brands/x")
    assert await told("provider", wrong) == (422, ["H191"])
    assert await told("provider", wrong.replace("/sps/", "/sps/x")) == (422, ["H190"])


async def test_a_partner_needs_the_right_of_the_channel(town: Town) -> None:
    path = f"/accounts/brands/{town.world.brand_code}/grants/{town.world.integrator_code}"
    address, code = await recorded(town), town.world.retailer_code
    mail = "partner@posta.example"
    await recorded(town, mail, type="EPOSTA")
    rights = {"MESAJ": "read", "ARAMA": "none", "EPOSTA": "write"}
    assert (await town.post(path, rights, method="PUT")).status_code == 200
    try:
        assert codes(await grant(town, grant_of(address, code), who="partner")) == ["H353"]
        by_mail = grant_of(mail, code, type="EPOSTA")
        assert (await grant(town, by_mail, who="partner")).status_code == 200
        assert (await list_access(town, address, who="partner")).status_code == 200
        asked = await list_access(town, address, who="partner", changes={"type": "ARAMA"})
        assert codes(asked) == ["H353"]
        assert (await town.post(f"{town.brand}/retailers", retailer(), who="partner")).is_success
        only_read = {"MESAJ": "read", "ARAMA": "none", "EPOSTA": "none"}
        await town.post(path, only_read, method="PUT")
        assert codes(await town.post(f"{town.brand}/retailers", retailer(), who="partner")) == [
            "H353"
        ]
        assert (await show(town, code, who="partner")).status_code == 200
    finally:
        everything = {"MESAJ": "write", "ARAMA": "write", "EPOSTA": "write"}
        await town.post(path, everything, method="PUT")


async def test_h123_when_a_consent_never_stands_still(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, code = await recorded(town), town.world.retailer_code
    monkeypatch.setattr(change_access, "ATTEMPTS_MAX", 0)
    for answer in (
        await grant(town, grant_of(address, code)),
        await replace(town, change_of([address], code)),
    ):
        assert (answer.status_code, only_error(answer)) == (400, {"code": "H123"})


@pytest.mark.parametrize("call", ["grant", "replace"])
async def test_h101_when_the_ledger_hangs_up_on_a_commit(town: Town, call: str) -> None:
    address, code = await recorded(town), town.world.retailer_code
    lock = "SELECT FROM brand_head FOR UPDATE"
    answer = await hung_up_on(town, lock, send(town, call, body_for(call, address, code)))
    assert (answer.status_code, only_error(answer)) == (500, {"code": "H101"})
    # Nothing was half done, and sending it again is all that it takes.
    assert (await send(town, call, body_for(call, address, code))).is_success


@pytest.mark.parametrize("query", [q for q in QUERIES if not q.startswith(("all", "short"))])
async def test_the_query_of_the_access_list_is_wrong(town: Town, query: str) -> None:
    code, name, value = QUERIES[query]
    answer = await list_access(town, new_phone(), query=f"?{query}")
    assert answer.status_code == 422
    assert only_error(answer) == {"code": code, "location": [name], "value": value}


async def test_faults_of_body_and_query_are_told_together(town: Town) -> None:
    answer = await list_access(town, "x", query="?offset=-1&limit=0")
    assert codes(answer) == ["H121", "H182", "H187"]

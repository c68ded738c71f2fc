"""The operator dialect of İYS (iys-api 10.5, design 9): HTTP Basic, and a list of whom to leave out."""

import json
from typing import Any

import pytest

from services.check.schemas import OperatorBrands
from shared.ledger import accounts
from tests.registry.doors import (
    DROP,
    Answer,
    Town,
    ago,
    codes,
    consent,
    new_email,
    new_phone,
    refusal,
)


async def rejected(
    town: Town,
    recipients: Any,
    *,
    kind: str = "BIREYSEL",
    channel: str = "MESAJ",
    brand_code: object = None,
    who: Any = None,
) -> Answer:
    code = town.world.brand_code if brand_code is None else brand_code
    body = recipients if isinstance(recipients, bytes) else {"recipients": recipients}
    path = f"/brands/{code}/consents/{kind}/rejected/{channel}"
    return await town.post(path, body, who=who or town.world.operator.basic)


async def test_the_list_holds_everybody_who_must_not_receive(town: Town) -> None:
    granted, refused, blocked, unknown, late = (new_phone() for _ in range(5))
    await town.add(consent(granted))
    await town.add(consent(refused, consentDate=ago(hours=3)))
    await town.add(refusal(refused, consentDate=ago(hours=2)))
    await town.add(refusal(blocked))
    await town.add(refusal(late, consentDate=ago(days=40)))
    malformed = [
        "05990000001",
        "",
        " +905990000001",
        "a@posta.example",
        905990000001,
        None,
        {"a": [1]},
    ]
    answer = await rejected(town, [refused, granted, *malformed, blocked, unknown, granted, late])
    assert answer.status_code == 200
    assert answer.json() == {"list": [refused, *malformed, blocked, unknown, late]}


async def test_merchants_that_are_not_on_record_are_on_the_list(town: Town) -> None:
    on_record, refused, unknown = (new_phone() for _ in range(3))
    undated = {"recipientType": "TACIR", "source": DROP, "consentDate": DROP}
    await town.add(consent(on_record, **undated))
    await town.add(consent(refused, **undated))
    await town.add(refusal(refused, recipientType="TACIR"))
    everybody = [on_record, refused, unknown]
    assert (await rejected(town, everybody, kind="TACIR")).json()["list"] == [refused, unknown]
    assert (await rejected(town, everybody)).json()["list"] == everybody


async def test_what_is_rejected_comes_back_in_the_very_form_sent(town: Town) -> None:
    email = new_email()
    await town.add(consent(email, type="EPOSTA"))
    spelt = [email.upper(), "YOK@Posta.Example", "örnek@posta.example", "\\u0041 '\"\\"]
    answer = await rejected(town, spelt, channel="EPOSTA")
    assert answer.json()["list"] == spelt[1:]
    odd = [10**18, -1, 1.5, True, [], {}, "\0", "😀", "x" * 5000]
    assert (await rejected(town, odd)).json()["list"] == odd


async def test_what_cannot_be_written_back_is_on_the_list_all_the_same(town: Town) -> None:
    number = new_phone()
    await town.add(consent(number))
    nest = "[" * 900 + "]" * 900
    answer = await rejected(town, f'{{"recipients":[{nest},"{number}","x"]}}'.encode())
    assert answer.status_code == 200
    nested, other = answer.json()["list"]
    assert isinstance(nested, str)
    assert other == "x"


async def test_nobody_to_leave_out_is_an_empty_list(town: Town) -> None:
    number = new_phone()
    await town.add(consent(number))
    assert (await rejected(town, [number])).json() == {"list": []}


async def test_the_whole_list_of_a_suspended_brand_is_rejected(town: Town) -> None:
    code, login = await town.new_provider()
    number = new_phone()
    await town.add(consent(number), brand=town.brand_path(code, code), who=login)
    assert (await rejected(town, [number], brand_code=code)).json()["list"] == []
    await accounts.set_state(town.writer, "brand", code, active=False)
    assert (await rejected(town, [number], brand_code=code)).json()["list"] == [number]


@pytest.mark.parametrize("code", [999, 0, 2**31, 10**19])
async def test_an_unknown_brand_is_h018(town: Town, code: int) -> None:
    answer = await rejected(town, [new_phone()], brand_code=code)
    assert (answer.status_code, codes(answer)) == (404, ["H018"])


async def test_without_a_right_there_is_no_list(town: Town) -> None:
    body = {"title": "Listeli", "brands": [town.world.second_brand_code]}
    new = (await town.post("/accounts/operators", body, who="admin")).json()
    _code, stranger = await town.new_provider()
    for who in (f"Bearer {new['apiKey']}", "admin", "ministry", stranger):
        answer = await rejected(town, [new_phone()], who=who)
        assert (answer.status_code, codes(answer)) == (403, ["H353"])
        answer = await rejected(town, ["malformed", new_phone()], who=who)
        assert (answer.status_code, codes(answer)) == (403, ["H353"])
        # Also where no address is one: an empty handful of checks is no licence to answer.
        answer = await rejected(town, ["malformed"], who=who)
        assert (answer.status_code, codes(answer)) == (403, ["H353"])


async def test_an_unknown_brand_is_h018_also_for_malformed_addresses(town: Town) -> None:
    answer = await rejected(town, ["malformed"], brand_code=999)
    assert (answer.status_code, codes(answer)) == (404, ["H018"])


@pytest.mark.parametrize("who", ["Basic eDp5", "Bearer x", "Basic", ""])
async def test_bad_credentials_are_h351(town: Town, who: str) -> None:
    for answer in (
        await rejected(town, [new_phone()], who=who or "x"),
        await town.get("/brands/1234567890", who=who),
    ):
        assert (answer.status_code, codes(answer)) == (401, ["H351"])


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "H014"),
        (b"[]", 422, "H168"),
        (b"{}", 422, "H168"),
        (b'{"recipients":"+905990000001"}', 422, "H478"),
        (b'{"recipients":null}', 422, "H478"),
        (b'{"recipients":[]}', 422, "H164"),
        (json.dumps({"recipients": ["x"] * 10_001}).encode(), 422, "H127"),
    ],
)
async def test_a_body_that_is_no_list_is_refused(
    town: Town, body: bytes, status: int, code: str
) -> None:
    answer = await rejected(town, body)
    assert (answer.status_code, codes(answer)) == (status, [code])


async def test_words_of_the_path_have_their_codes(town: Town) -> None:
    for changes, code, value in (
        ({"kind": "KURUMSAL"}, "H116", "KURUMSAL"),
        ({"channel": "SMS"}, "H117", "SMS"),
        ({"kind": "bireysel"}, "H116", "bireysel"),
        ({"brand_code": "x"}, "H191", None),
    ):
        answer = await rejected(town, [new_phone()], **changes)
        assert (answer.status_code, codes(answer)) == (422, [code])
        assert answer.json()["errors"][0].get("value") == value


async def test_the_brands_of_a_tax_number(town: Town) -> None:
    async def brands(tin: str, who: Any = None) -> Answer:
        return await town.get(f"/brands/{tin}", who=who or town.world.operator.basic)

    world = town.world
    answer = await brands("1234567890")
    OperatorBrands.model_validate(answer.json(), strict=True)
    assert answer.json() == {
        "list": [
            {"brandCode": world.brand_code, "name": "Deneme"},
            {"brandCode": world.second_brand_code, "name": "Deneme Kargo"},
        ]
    }
    for nobody in ("1111111111", "x", "1" * 40, "١٢٣٤٥٦٧٨٩٠", "%00"):
        answer = await brands(nobody)
        assert (answer.status_code, answer.json()) == (200, {"list": []})
    await accounts.set_state(town.writer, "brand", world.second_brand_code, active=False)
    assert len((await brands("1234567890")).json()["list"]) == 1
    await accounts.set_state(town.writer, "brand", world.second_brand_code, active=True)
    body = {"title": "Listeli", "brands": [world.second_brand_code]}
    new = (await town.post("/accounts/operators", body, who="admin")).json()
    listed = (await brands("1234567890", f"Bearer {new['apiKey']}")).json()["list"]
    assert [brand["brandCode"] for brand in listed] == [world.second_brand_code]
    for who in ("provider", "partner", "admin", "ministry"):
        refused = await brands("1234567890", who)
        assert (refused.status_code, codes(refused)) == (400, ["H363"])

"""What is no question is a 422 with the field named; who may not ask at all gets a 401 first."""

from typing import Any

import pytest

from shared.sealing.keyring import new_key_ring
from tests.registry.doors import Answer, Town, new_phone

GOOD = {"brandCode": 600001, "type": "MESAJ", "recipient": "+905990000001"}
BATCH = {"brandCode": 600001, "type": "MESAJ", "recipients": ["+905990000001"]}
NOTHING = object()


def changed(body: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {k: v for k, v in {**body, **changes}.items() if v is not NOTHING}


def pointers(answer: Answer) -> list[str]:
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["type"] == f"urn:izin:problem:{body['code']}"
    assert body["request_id"] == answer.headers["x-request-id"]
    return sorted(error["pointer"] for error in body.get("errors", []))


FIELDS = [
    ("/type", {"type": NOTHING}),
    ("/type", {"type": "SMS"}),
    ("/type", {"type": None}),
    ("/type", {"type": ["MESAJ"]}),
    ("/type", {"type": {}}),
    ("/recipientType", {"recipientType": "KURUMSAL"}),
    ("/recipientType", {"recipientType": None}),
    ("/messageClass", {"messageClass": "ADVERT"}),
    ("/messageClass", {"messageClass": ""}),
    ("/brandCode", {"brandCode": NOTHING}),
    ("/brandCode", {"brandCode": 0}),
    ("/brandCode", {"brandCode": -1}),
    ("/brandCode", {"brandCode": 2**31}),
    ("/brandCode", {"brandCode": 10**30}),
    ("/brandCode", {"brandCode": 1.5}),
    ("/brandCode", {"brandCode": True}),
    ("/brandCode", {"brandCode": "x"}),
    ("/brandCode", {"brandCode": "٣"}),
    ("/brandCode", {"brandCode": None}),
    ("/retailerCode", {"retailerCode": 1}),
    ("/retailerCode", {"retailerCode": "123456789"}),
    ("/retailerCode", {"retailerCode": None}),
    ("/header", {"header": ""}),
    ("/header", {"header": "x" * 65}),
    ("/header", {"header": 5}),
    ("/header", {"header": None}),
    ("/header", {"header": "A\nB"}),
    ("/header", {"header": "A\0B"}),
    ("/header", {"header": "DENEME", "type": "ARAMA"}),
    ("/extra", {"extra": 1}),
    ("/a~1b~0c", {"a/b~c": 1}),
]


@pytest.mark.parametrize(("pointer", "changes"), FIELDS)
@pytest.mark.parametrize(("path", "body"), [("/check", GOOD), ("/check/batch", BATCH)])
async def test_a_malformed_field_is_named(
    town: Town, path: str, body: dict[str, Any], pointer: str, changes: dict[str, Any]
) -> None:
    answer = await town.post(path, changed(body, **changes), who="operator")
    assert (answer.status_code, pointers(answer)) == (422, [pointer])
    assert answer.json()["code"] == "INVALID_QUESTION"


async def test_a_header_on_email_is_no_question(town: Town) -> None:
    body = changed(GOOD, header="DENEME", type="EPOSTA", recipient="a@posta.example")
    answer = await town.post("/check", body, who="operator")
    assert (answer.status_code, pointers(answer)) == (422, ["/header"])


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"recipient": NOTHING}, "INVALID_QUESTION"),
        ({"recipient": None}, "INVALID_QUESTION"),
        ({"recipient": 905990000001}, "INVALID_QUESTION"),
        ({"recipient": ["+905990000001"]}, "INVALID_QUESTION"),
        ({"recipient": ""}, "INVALID_RECIPIENT"),
        ({"recipient": "05990000001"}, "INVALID_RECIPIENT"),
        ({"recipient": "+90599000000١"}, "INVALID_RECIPIENT"),
        ({"recipient": "a@posta.example"}, "INVALID_RECIPIENT"),
        ({"recipient": "+905990000001", "type": "EPOSTA"}, "INVALID_RECIPIENT"),
        ({"recipient": "+902125550101"}, "INVALID_RECIPIENT"),
        ({"recipient": "\0"}, "INVALID_RECIPIENT"),
    ],
)
async def test_a_malformed_address_fails_a_single_question(
    town: Town, changes: dict[str, Any], code: str
) -> None:
    answer = await town.post("/check", changed(GOOD, **changes), who="operator")
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert pointers(answer) == ["/recipient"]
    if isinstance(changes["recipient"], str) and changes["recipient"].strip("\0"):
        assert changes["recipient"] not in answer.text


async def test_the_test_range_is_a_setting(town: Town) -> None:
    async with town.another_process(admit_test_range=False) as strict:
        answer = await town.post("/check", GOOD, who="operator", at=strict)
        assert answer.json()["code"] == "INVALID_RECIPIENT"
        answer = await town.post("/check/batch", BATCH, who="operator", at=strict)
        assert answer.json()["results"] == ["INVALID_RECIPIENT"]


@pytest.mark.parametrize("recipients", [NOTHING, [], None, "+905990000001", {}, 5])
async def test_a_batch_needs_a_list_of_addresses(town: Town, recipients: Any) -> None:
    answer = await town.post("/check/batch", changed(BATCH, recipients=recipients), who="operator")
    assert (answer.status_code, pointers(answer)) == (422, ["/recipients"])


async def test_every_mistake_is_named_at_once(town: Town) -> None:
    body = {"type": "X", "recipientType": "Y", "messageClass": "Z", "header": "", "more": 1}
    answer = await town.post("/check", body, who="operator")
    assert pointers(answer) == [
        *("/header", "/messageClass", "/more", "/recipient", "/recipientType", "/type"),
    ]


async def test_of_very_many_unknown_fields_some_are_named(town: Town) -> None:
    for path, body in (("/check", GOOD), ("/check/batch", BATCH)):
        many = {**body, **{f"f{n}": 1 for n in range(10_000)}}
        answer = await town.post(path, many, who="operator")
        assert (answer.status_code, len(pointers(answer))) == (422, 20)


@pytest.mark.parametrize("body", [[], "x", None, 5, True])
async def test_what_is_no_object_is_no_question(town: Town, body: Any) -> None:
    for path in ("/check", "/check/batch"):
        answer = await town.post(path, body, who="operator")
        assert (answer.status_code, pointers(answer)) == (422, [""])


@pytest.mark.parametrize("path", ["/check", "/check/batch"])
async def test_bad_credentials_are_401_whatever_is_asked(town: Town, path: str) -> None:
    expired = await town.forged(town.ring, hours_ago=3, user="operator")
    forged = await town.forged(new_key_ring(), user="operator")
    number = new_phone()
    good = {**GOOD, "recipient": number} if path == "/check" else BATCH
    too_many = {**BATCH, "recipients": [number] * 10_001}
    for who in (None, "", "Bearer x", "Bearer izin_x", "Basic eDp5", expired, forged):
        bodies: tuple[object, ...] = (good, {}, [], too_many)
        for body in bodies:
            answer = await town.post(path, body, who=who)
            assert answer.status_code == 401
            assert answer.json()["code"] == "NOT_AUTHENTICATED"
            assert answer.headers["www-authenticate"] == "Bearer"
            assert pointers(answer) == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_another_method_is_405(town: Town, method: str) -> None:
    answer = await town.post("/check", GOOD, who="operator", method=method)
    assert (answer.status_code, answer.json()["code"]) == (405, "METHOD_NOT_ALLOWED")

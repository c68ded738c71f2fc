from typing import Any

from services.check.schemas import BatchAnswer
from tests.registry.doors import Answer, Town, ago, consent, new_phone, refusal
from tests.support.builders import HEADER


async def ask(town: Town, recipients: list[Any], **changes: Any) -> Answer:
    body = {"brandCode": town.world.brand_code, "type": "MESAJ", "recipients": recipients}
    who = changes.pop("who", "operator")
    return await town.post("/check/batch", {**body, **changes}, who=who)


async def test_the_answer_keeps_the_order_and_counts(town: Town) -> None:
    granted, refused, unknown, blocked = (new_phone() for _ in range(4))
    await town.add(consent(granted))
    await town.add(consent(refused, consentDate=ago(hours=3)))
    await town.add(refusal(refused, consentDate=ago(hours=2)))
    await town.add(refusal(blocked))
    asked = [unknown, "x", granted, 5, refused, granted, None, blocked, ["+905990000001"], ""]
    answer = await ask(town, asked)
    assert answer.status_code == 200
    body = answer.json()
    BatchAnswer.model_validate(body, strict=True)
    assert list(body) == ["position", "allowedCount", "results"]
    bad = "INVALID_RECIPIENT"
    assert body["results"] == [
        *("NO_RECORD", bad, "CONSENT", bad, "REFUSED", "CONSENT", bad, "REFUSED", bad, bad),
    ]
    assert body["allowedCount"] == 2
    assert body["position"] == await town.head()
    for address, reason in zip(asked, body["results"], strict=True):
        if isinstance(address, str) and reason != bad:
            assert await town.reason(address) == reason


async def test_nothing_but_malformed_addresses_is_still_an_answer(town: Town) -> None:
    body = (await ask(town, ["x", 1])).json()
    assert body == {
        "position": await town.head(),
        "allowedCount": 0,
        "results": ["INVALID_RECIPIENT"] * 2,
    }


async def test_ten_thousand_addresses_are_one_batch_and_one_more_is_413(town: Town) -> None:
    numbers = [new_phone() for _ in range(10_000)]
    await town.add(consent(numbers[7]))
    await town.add(consent(numbers[9_999]))
    body = (await ask(town, numbers)).json()
    assert body["allowedCount"] == 2
    assert [n for n, reason in enumerate(body["results"]) if reason == "CONSENT"] == [7, 9_999]
    assert len(body["results"]) == 10_000
    for more in (new_phone(), "x"):
        answer = await ask(town, [*numbers, more])
        assert answer.status_code == 413
        assert answer.json()["code"] == "TOO_MANY_RECIPIENTS"


async def test_the_sender_decides_for_all(town: Town) -> None:
    numbers = [new_phone(), "x"]
    for changes, reason, position in (
        ({"brandCode": 999}, "SENDER_NOT_REGISTERED", None),
        ({"header": "KIMSE"}, "HEADER_MISMATCH", await town.head()),
        ({"who": "admin"}, "NOT_AUTHORISED", await town.head()),
    ):
        answer = await ask(town, numbers, **changes)
        assert answer.status_code == 200
        body = answer.json()
        assert (body["position"], body["allowedCount"]) == (position, 0)
        assert body["results"][0] == reason
    alone = await town.post(
        "/check/batch", {"header": "KIMSE", "type": "MESAJ", "recipients": numbers}, who="operator"
    )
    assert alone.json()["results"][0] == "HEADER_MISMATCH"
    named = await town.post(
        "/check/batch", {"header": HEADER, "type": "MESAJ", "recipients": numbers}, who="operator"
    )
    assert named.json()["results"] == ["NO_RECORD", "INVALID_RECIPIENT"]


async def test_a_retailers_access_is_looked_at_address_by_address(town: Town) -> None:
    code = town.world.retailer_code
    shared, bare = new_phone(), new_phone()
    await town.add(consent(shared, retailerAccess=[code]))
    await town.add(consent(bare))
    body = (await ask(town, [shared, bare], retailerCode=code)).json()
    assert body["results"] == ["CONSENT", "NOT_AUTHORISED"]

"""`POST {b}/consents/history`: what was recorded of one address (iys-api 4.8)."""

from datetime import timedelta
from typing import Any

import pytest

from services.registry.feeds.schemas import HistoryAnswer
from shared.clock import utc_now
from shared.domain.consent import RecipientType, Source, Status
from tests.registry.doors import (
    DROP,
    Answer,
    Town,
    ago,
    codes,
    consent,
    new_email,
    new_phone,
    only_error,
    question,
    refusal,
)
from tests.registry.feeds.feed_reading import wire, write, write_access

MERCHANT = RecipientType.MERCHANT


async def history(town: Town, body: object, query: str = "", **options: Any) -> Answer:
    return await town.post(f"{town.brand}/consents/history{query}", body, **options)


async def test_the_newest_decision_comes_first(town: Town) -> None:
    number, now = new_phone(), utc_now()
    dates = [now - timedelta(hours=hours) for hours in (9, 5, 1)]
    stored = [
        await write(town, town.world.brand_code, number, status=status, consent_date=date)
        for date, status in zip(
            dates, (Status.GRANTED, Status.WITHDRAWN, Status.GRANTED), strict=True
        )
    ]
    body = (await history(town, question(number))).json()
    HistoryAnswer.model_validate(body)
    assert body["pagination"] == {"totalCount": 3, "pageSize": 3, "offset": 0}
    assert [row["status"] for row in body["list"]] == ["ONAY", "RET", "ONAY"]
    assert [row["transactionId"] for row in body["list"]] == [
        movement.transaction_id for movement in reversed(stored)
    ]
    assert body["list"][0] == {
        "consentDate": wire(dates[2]),
        "source": "IYS_WEB",
        "recipient": number,
        "recipientType": "BIREYSEL",
        "status": "ONAY",
        "type": "MESAJ",
        "creationDate": wire(stored[2].created_at),
        "transactionId": stored[2].transaction_id,
    }


async def test_a_merchant_without_a_date_stands_last_and_says_what_there_is(town: Town) -> None:
    number = new_phone()
    first = consent(number, recipientType="TACIR", consentDate=DROP, source=DROP)
    assert (await town.add(first)).status_code == 200
    assert (await town.add(refusal(number, recipientType="TACIR"))).status_code == 200
    rows = (await history(town, question(number, recipientType="TACIR"))).json()["list"]
    assert [row["status"] for row in rows] == ["RET", "ONAY"]
    assert "consentDate" not in rows[1]
    assert "source" not in rows[1]


async def test_other_records_of_the_address_are_other_histories(town: Town) -> None:
    number = new_phone()
    for body in (consent(number), consent(number, type="ARAMA")):
        assert (await town.add(body)).status_code == 200
    body = (await history(town, question(number))).json()
    assert [row["type"] for row in body["list"]] == ["MESAJ"]
    address = new_email()
    assert (await town.add(consent(address, type="EPOSTA"))).status_code == 200
    body = (await history(town, question(address.upper(), type="EPOSTA"))).json()
    assert [row["recipient"] for row in body["list"]] == [address]


async def test_a_block_is_no_history(town: Town) -> None:
    number = new_phone()
    assert (await town.add(refusal(number))).status_code == 400
    empty = {"list": [], "pagination": {"totalCount": 0, "pageSize": 0, "offset": 0}}
    assert (await history(town, question(number))).json() == empty
    assert (await town.add(consent(number, consentDate=ago(minutes=1)))).status_code == 200
    body = (await history(town, question(number))).json()
    assert [row["status"] for row in body["list"]] == ["ONAY"]


async def test_an_address_without_a_record_has_an_empty_history(town: Town) -> None:
    answer = await history(town, question(new_phone()))
    assert answer.json()["pagination"]["totalCount"] == 0


async def test_a_page_is_a_part_of_it(town: Town) -> None:
    number, now = new_phone(), utc_now()
    for hours in range(5, 0, -1):
        await write(town, town.world.brand_code, number, consent_date=now - timedelta(hours=hours))
    dates = [wire(now - timedelta(hours=hours)) for hours in range(1, 6)]

    async def page(query: str) -> tuple[list[str], dict[str, int]]:
        body = (await history(town, question(number), query)).json()
        return [row["consentDate"] for row in body["list"]], body["pagination"]

    assert await page("?limit=2") == (dates[:2], {"totalCount": 5, "pageSize": 2, "offset": 0})
    assert await page("?limit=2&offset=4") == (
        dates[4:],
        {"totalCount": 5, "pageSize": 1, "offset": 4},
    )
    beyond = {"totalCount": 5, "pageSize": 0, "offset": 100}
    assert await page("?offset=100") == ([], beyond)
    for nothing in ("?", "?limit=&offset=", "?limit=100&", "?limit=5&offset=0"):
        assert (await page(nothing))[0] == dates


@pytest.mark.parametrize(
    ("query", "code", "location", "value"),
    [
        ("?limit=-1", "H182", "limit", -1),
        ("?limit=on", "H182", "limit", "on"),
        ("?limit=0", "H187", "limit", 0),
        ("?limit=1000", "H186", "limit", 1000),
        ("?offset=-1", "H183", "offset", -1),
        ("?offset=1.5", "H183", "offset", "1.5"),
    ],
)
async def test_a_page_that_is_none(
    town: Town, query: str, code: str, location: str, value: object
) -> None:
    answer = await history(town, question(new_phone()), query)
    assert answer.status_code == 422
    assert only_error(answer) == {"code": code, "location": [location], "value": value}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "H014"),
        ([], 400, "H097"),
        (question(new_phone(), type=DROP), 422, "H111"),
        (question(new_phone(), type="FAKS"), 422, "H117"),
        ({"type": "MESAJ", "recipientType": "BIREYSEL"}, 422, "H114"),
        (question(new_phone(), recipientType=DROP), 422, "H170"),
        (question(new_phone(), recipientType="KURUMSAL"), 422, "H116"),
        (question("örnek@posta.example", type="EPOSTA"), 422, "H120"),
        (question("05990000001"), 422, "H121"),
        (question("+905990000001000000"), 422, "H166"),
        (question(new_email()), 422, "H121"),
        (question(new_phone(), type="EPOSTA"), 422, "H120"),
    ],
)
async def test_a_question_that_is_none(town: Town, body: object, status: int, code: str) -> None:
    answer = await history(town, body)
    assert answer.status_code == status
    assert code in codes(answer)


async def test_faults_of_page_and_question_come_together(town: Town) -> None:
    answer = await history(town, question(new_phone(), type="FAKS"), "?limit=0&offset=-1")
    assert codes(answer) == ["H183", "H187", "H117"]


async def test_only_who_may_read_the_channel_sees_it(town: Town) -> None:
    number = new_phone()
    path = f"/accounts/brands/{town.world.brand_code}/grants/{town.world.integrator_code}"
    assert (await town.post(path, {"EPOSTA": "read"}, method="PUT")).status_code == 200
    refused = await history(town, question(number), who="partner")
    assert (refused.status_code, codes(refused)) == (403, ["H353"])
    asked = question(new_email(), type="EPOSTA")
    assert (await history(town, asked, who="partner")).status_code == 200
    # without any right nothing is said about the question
    assert (await town.post(path, b"", method="DELETE")).status_code == 204
    faulty = await history(town, question(number, recipientType="?"), "?limit=0", who="partner")
    assert codes(faulty) == ["H353"]


@pytest.mark.parametrize(
    ("who", "status", "code"), [(None, 401, "H351"), ("operator", 400, "H363")]
)
async def test_others_are_turned_away(town: Town, who: str | None, status: int, code: str) -> None:
    answer = await history(town, question(new_phone()), who=who)
    assert (answer.status_code, codes(answer)) == (status, [code])


async def test_retailers_that_gain_access_are_no_history(town: Town) -> None:
    number = new_phone()
    stored = await write(town, town.world.brand_code, number, source=Source.WEB)
    await write_access(town, town.world.brand_code, number)
    rows = (await history(town, question(number))).json()["list"]
    assert [row["transactionId"] for row in rows] == [stored.transaction_id]

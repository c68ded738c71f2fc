import asyncio
import re
from typing import Any

import pytest

from services.registry.schemas import MovementAnswer
from tests.registry.doors import (
    DROP,
    Answer,
    Town,
    ago,
    codes,
    consent,
    new_email,
    new_phone,
    question,
    refusal,
)

WIRE_DATE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


def movement(answer: Answer) -> tuple[str, str]:
    """Return id and date of the movement that an answer names."""
    assert answer.status_code == 200, answer.text
    body = answer.json()
    MovementAnswer.model_validate(body, strict=True)
    assert sorted(body) == ["creationDate", "transactionId"]
    return body["transactionId"], body["creationDate"]


@pytest.mark.parametrize("prefix", ["", "/v2"])
async def test_both_versions_answer_with_an_id_and_turkey_time(town: Town, prefix: str) -> None:
    before = ago(seconds=1)
    transaction_id, created_at = movement(
        await town.post(f"{prefix}{town.brand}/consents", consent())
    )
    assert re.fullmatch("[0-9a-f]{64}", transaction_id)
    assert WIRE_DATE.fullmatch(created_at)
    assert before <= created_at <= ago(seconds=-1)


@pytest.mark.parametrize(
    "body",
    [
        consent(recipientType=DROP),
        consent(type="ARAMA"),
        consent("+902125550101", type="ARAMA"),
        consent(new_email(), type="EPOSTA"),
        consent(recipientType="TACIR", source=DROP, consentDate=DROP),
        consent(source="HS_2015", consentDate="2015-05-01 00:00:00"),
        *(
            consent(source=f"HS_{word}")
            for word in (
                *("FIZIKSEL_ORTAM", "ISLAK_IMZA", "ETKINLIK", "ATM", "EORTAM", "WEB", "MOBIL"),
                *("MESAJ", "EPOSTA", "CAGRI_MERKEZI", "SOSYAL_MEDYA"),
            )
        ),
    ],
)
async def test_every_documented_kind_of_approval_is_taken(town: Town, body: dict[str, Any]) -> None:
    movement(await town.add(body))


async def test_ids_are_never_used_twice(town: Town) -> None:
    answers = await asyncio.gather(*(town.add(consent()) for _ in range(30)))
    assert len({movement(answer)[0] for answer in answers}) == 30
    number = new_phone()
    same_second = [
        movement(await town.add(consent(number, consentDate=ago(hours=3)))),
        movement(await town.add(refusal(number, consentDate=ago(hours=2)))),
    ]
    assert len({transaction_id for transaction_id, _ in same_second}) == 2


async def test_of_many_first_approvals_of_one_key_one_is_recorded(town: Town) -> None:
    # The race: all read "no record" before any is stored. The key's expected movement lets one win; the
    # others read anew and find their date no later.
    body = consent()
    answers = await asyncio.gather(*(town.add(body) for _ in range(10)))
    assert sorted(a.status_code for a in answers) == [200, *[400] * 9]
    assert {tuple(codes(a)) for a in answers if a.status_code == 400} == {("H178",)}


async def test_of_many_v2_repeats_at_once_all_get_the_same_movement(town: Town) -> None:
    # The race: the same; whoever loses finds its own request answered already.
    body = consent()
    answers = await asyncio.gather(*(town.add_v2(body) for _ in range(10)))
    assert len({movement(a) for a in answers}) == 1


async def test_v2_answers_an_exact_repeat_with_the_first_movement(town: Town) -> None:
    number = new_phone()
    bodies = [
        consent(number, consentDate=ago(hours=5)),
        refusal(number, consentDate=ago(hours=4)),
        consent(number, consentDate=ago(hours=3), retailerAccess=[town.world.retailer_code]),
        consent(number, consentDate=ago(hours=2), retailerCode=town.world.retailer_code),
    ]
    first = [movement(await town.add_v2(body)) for body in bodies]
    assert len(set(first)) == 4
    again = [movement(await town.add_v2(body)) for body in bodies]
    assert again == first
    as_text = {**bodies[3], "retailerCode": str(town.world.retailer_code)}
    assert movement(await town.add_v2(as_text)) == first[3]


@pytest.mark.parametrize("field", ["source", "retailerCode", "retailerAccess"])
async def test_a_request_that_differs_is_no_repeat(town: Town, field: str) -> None:
    body = consent()
    movement(await town.add_v2(body))
    code = town.world.retailer_code
    other = {"source": "HS_MOBIL", "retailerCode": code, "retailerAccess": [code]}
    assert codes(await town.add_v2({**body, field: other[field]})) == ["H178"]


async def test_v2_repeats_a_movement_of_the_first_version_in_any_case(town: Town) -> None:
    body = consent(new_email().upper(), type="EPOSTA")
    first = movement(await town.add(body))
    assert movement(await town.add_v2(body)) == first
    assert movement(await town.add_v2({**body, "recipient": body["recipient"].lower()})) == first


async def test_v2_repeats_an_undated_merchant(town: Town) -> None:
    body = consent(recipientType="TACIR", source=DROP, consentDate=DROP)
    first = movement(await town.add_v2(body))
    assert movement(await town.add_v2(body)) == first
    assert codes(await town.add(body)) == ["H463"]


async def test_v1_answers_a_repeat_by_the_state_rules(town: Town) -> None:
    number = new_phone()
    granted, refused = (
        consent(number, consentDate=ago(hours=3)),
        refusal(number, consentDate=ago(hours=2)),
    )
    movement(await town.add(granted))
    assert codes(await town.add(granted)) == ["H178"]
    movement(await town.add(refused))
    assert codes(await town.add(refused)) == ["H174"]
    assert codes(await town.add(granted)) == ["H178"]


async def test_a_refusal_turned_away_is_turned_away_again_by_v2(town: Town) -> None:
    body = refusal()
    assert codes(await town.add_v2(body)) == ["H175"]
    head = await town.head()
    assert codes(await town.add_v2(body)) == ["H175"]
    assert await town.head() == head  # the block is there already


async def test_an_undated_merchant_takes_any_date_next(town: Town) -> None:
    number = new_phone()
    undated = consent(number, recipientType="TACIR", source=DROP, consentDate=DROP)
    movement(await town.add(undated))
    shown = (await town.status(question(number, recipientType="TACIR"))).json()
    assert "consentDate" not in shown
    assert "source" not in shown
    movement(await town.add(refusal(number, recipientType="TACIR", consentDate=ago(hours=20))))


async def test_the_three_day_rule_can_be_switched_off(town: Town) -> None:
    body = consent(consentDate="2020-01-01 12:00:00")
    assert codes(await town.add(body)) == ["H467"]
    async with town.another_process(three_day_rule=False) as sandbox:
        movement(await town.add(body, at=sandbox))

from uuid import UUID

from services.registry.schemas import ConsentAnswer, GrantedAnswer
from shared.ledger import accounts
from tests.registry.doors import (
    DROP,
    Town,
    ago,
    codes,
    consent,
    new_email,
    new_phone,
    question,
    refusal,
)


async def test_single_status_shows_every_field(town: Town) -> None:
    number, code = new_phone(), town.world.retailer_code
    other = await accounts.add_retailer(
        town.writer, brand_code=town.world.brand_code, title="Öteki Bayi"
    )
    body = consent(number, retailerCode=code, retailerAccess=[code, other])
    stored = (await town.add(body)).json()
    answer = await town.status(question(number))
    assert answer.status_code == 200
    shown = answer.json()
    ConsentAnswer.model_validate(shown, strict=True)
    assert shown == {
        "consentDate": body["consentDate"],
        "source": "HS_WEB",
        "recipient": number,
        "recipientType": "BIREYSEL",
        "status": "ONAY",
        "type": "MESAJ",
        "creationDate": stored["creationDate"],
        "retailerCode": code,
        "retailerTitle": "Bayi",
        "retailerAccessCount": 2,
        "transactionId": stored["transactionId"],
    }


async def test_what_is_not_there_is_left_out_but_the_count(town: Town) -> None:
    number = new_phone()
    await town.add(consent(number))
    shown = (await town.status(question(number))).json()
    assert not {"retailerCode", "retailerTitle"} & set(shown)
    assert shown["retailerAccessCount"] == 0
    assert None not in shown.values()


async def test_the_newest_movement_is_shown(town: Town) -> None:
    number = new_phone()
    await town.add(consent(number, consentDate=ago(hours=3)))
    last = (await town.add(refusal(number, consentDate=ago(hours=2), source="HS_ATM"))).json()
    shown = (await town.status(question(number))).json()
    assert (shown["status"], shown["source"]) == ("RET", "HS_ATM")
    assert shown["transactionId"] == last["transactionId"]


async def test_an_email_is_kept_and_shown_in_lower_case(town: Town) -> None:
    email = new_email()
    await town.add(consent(email.upper(), type="EPOSTA"))
    for spelt in (email, email.upper(), email.title()):
        shown = (await town.status(question(spelt, type="EPOSTA"))).json()
        assert shown["recipient"] == email
        listed = await town.granted([spelt], channel="EPOSTA")
        assert listed.json()["list"] == [email]
    twice = await town.granted([email, email.upper()], channel="EPOSTA")
    assert codes(twice) == ["H193"]


async def test_the_two_records_of_an_address_and_its_channels_are_apart(town: Town) -> None:
    number = new_phone()
    await town.add(consent(number))
    for other in ({"recipientType": "TACIR"}, {"type": "ARAMA"}):
        assert codes(await town.status(question(number, **other))) == ["H401"]
    assert codes(
        await town.status(question(number), brand=town.brand_path(town.world.second_brand_code))
    ) == ["H401"]
    await town.add(consent(number, recipientType="TACIR", consentDate=DROP, source=DROP))
    shown = (await town.status(question(number, recipientType="TACIR"))).json()
    assert shown["recipientType"] == "TACIR"


async def test_an_unknown_address_is_a_404_or_by_a_setting_an_empty_object(town: Town) -> None:
    body = question(new_phone())
    answer = await town.status(body)
    assert (answer.status_code, codes(answer)) == (404, ["H401"])
    async with town.another_process(unknown_consent_status=200) as door:
        answer = await town.status(body, at=door)
        assert (answer.status_code, answer.json()) == (200, {})


async def test_a_question_may_hold_more_than_the_wire_asks_for(town: Town) -> None:
    number = new_phone()
    await town.add(consent(number))
    answer = await town.status({**question(number), "iysCode": 1, "extra": None})
    assert answer.status_code == 200


async def test_bulk_status_lists_who_is_in_onay_in_the_order_asked(town: Town) -> None:
    granted, refused, merchant, unknown, again = (new_phone() for _ in range(5))
    for body in (
        consent(granted),
        consent(again),
        consent(refused, consentDate=ago(hours=3)),
        refusal(refused, consentDate=ago(hours=2)),
        consent(merchant, recipientType="TACIR"),
    ):
        assert (await town.add(body)).status_code == 200
    everybody = [unknown, again, refused, merchant, granted]
    answer = await town.granted(everybody)
    assert answer.status_code == 200
    GrantedAnswer.model_validate(answer.json(), strict=True)
    assert answer.json()["list"] == [again, granted]
    assert UUID(answer.json()["requestId"]).version == 4
    assert (await town.granted(everybody, kind="TACIR")).json()["list"] == [merchant]
    assert (await town.granted(everybody, channel="ARAMA")).json()["list"] == []


async def test_bulk_status_takes_a_thousand_addresses(town: Town) -> None:
    numbers = [new_phone() for _ in range(1000)]
    await town.add(consent(numbers[500]))
    answer = await town.granted(numbers)
    assert answer.json()["list"] == [numbers[500]]
    more = await town.granted([*numbers, new_phone()])
    assert (more.status_code, codes(more)) == (422, ["H127"])


async def test_bulk_status_names_every_bad_address(town: Town) -> None:
    good = new_phone()
    answer = await town.granted([good, "x", "+90599", good])
    assert (answer.status_code, codes(answer)) == (422, ["H121", "H121", "H193"])

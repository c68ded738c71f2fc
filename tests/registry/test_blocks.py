"""A refusal that the wire turns away is kept all the same: nobody may forget it (design 4, C13)."""

from typing import Any

import pytest

from shared.ledger import accounts
from shared.ledger.accounts import NewGrant
from tests.registry.doors import (
    DROP,
    Town,
    ago,
    ahead,
    codes,
    consent,
    new_phone,
    question,
    refusal,
)

KINDS = ("BIREYSEL", "TACIR")


async def verdict(town: Town, number: str, **changes: Any) -> tuple[str, str | None]:
    body = {"type": "MESAJ", "recipient": number, **changes}
    answer = (await town.check(body)).json()
    assert answer["allowed"] == (answer["reason"] in {"CONSENT", "MERCHANT_ON_RECORD"})
    return answer["reason"], answer["status"]


async def shows_approval(town: Town, number: str, kind: str = "BIREYSEL") -> bool:
    """Say whether single or bulk status lets the address appear as ONAY."""
    single = await town.status(question(number, recipientType=kind))
    bulk = await town.granted([number], kind=kind)
    listed: bool = bulk.json()["list"] == [number]
    assert listed == (single.status_code == 200 and single.json()["status"] == "ONAY")
    return listed


@pytest.mark.parametrize("kind", KINDS)
async def test_a_first_record_that_refuses(town: Town, kind: str) -> None:
    number, stats, head = new_phone(), await town.stats(), await town.head()
    assert codes(await town.add(refusal(number, recipientType=kind))) == ["H175"]
    assert await verdict(town, number, recipientType=kind) == ("REFUSED", "RET")
    assert not await shows_approval(town, number, kind)
    assert codes(await town.status(question(number, recipientType=kind))) == ["H401"]
    assert await town.stats() == stats
    assert await town.head() == head + 1


async def test_a_block_of_one_type_or_channel_says_nothing_of_another(town: Town) -> None:
    number = new_phone()
    assert codes(await town.add(refusal(number))) == ["H175"]
    assert (await verdict(town, number, recipientType="TACIR"))[0] == "REGISTER_ADDRESS_FIRST"
    assert (await verdict(town, number, type="ARAMA"))[0] == "NO_RECORD"


@pytest.mark.parametrize("kind", KINDS)
async def test_an_undated_refusal_of_a_merchant_counts_from_now(town: Town, kind: str) -> None:
    number = new_phone()
    undated = refusal(number, recipientType="TACIR", consentDate=DROP, source=DROP)
    assert codes(await town.add(undated)) == ["H175"]
    assert await verdict(town, number, recipientType="TACIR") == ("REFUSED", "RET")
    earlier = consent(number, recipientType="TACIR", consentDate=ago(minutes=5))
    assert (await town.add(earlier)).status_code == 200
    assert await verdict(town, number, recipientType="TACIR") == ("REFUSED", "RET")


async def test_a_late_refusal_of_a_stranger(town: Town) -> None:
    number, stats = new_phone(), await town.stats()
    answer = await town.add(refusal(number, consentDate=ago(days=40)))
    assert (answer.status_code, codes(answer)) == (422, ["H467"])
    assert await verdict(town, number) == ("REFUSED", "RET")
    assert await town.stats() == stats
    # The approval of today is later than the refusal of then.
    assert (await town.add(consent(number))).status_code == 200
    assert await verdict(town, number) == ("CONSENT", "ONAY")


async def test_a_late_refusal_does_not_undo_a_later_approval(town: Town) -> None:
    number = new_phone()
    assert (await town.add(consent(number))).status_code == 200
    assert codes(await town.add(refusal(number, consentDate=ago(days=40)))) == ["H467"]
    assert await verdict(town, number) == ("CONSENT", "ONAY")
    assert await shows_approval(town, number)


async def test_a_late_refusal_after_an_old_approval(town: Town) -> None:
    number = new_phone()
    old = consent(number, source="HS_2015", consentDate="2015-05-01 00:00:00")
    assert (await town.add(old)).status_code == 200
    assert await shows_approval(town, number)
    stats = await town.stats()
    assert codes(await town.add(refusal(number, consentDate=ago(days=40)))) == ["H467"]
    assert await verdict(town, number) == ("REFUSED", "RET")
    assert not await shows_approval(town, number)
    assert (await town.status(question(number))).json()["status"] == "RET"
    assert await town.stats() == stats


async def test_a_refusal_of_the_same_second_wins(town: Town) -> None:
    number, same = new_phone(), ago(hours=2)
    assert (await town.add(consent(number, consentDate=same))).status_code == 200
    stats = await town.stats()
    assert codes(await town.add(refusal(number, consentDate=same))) == ["H178"]
    assert await verdict(town, number) == ("REFUSED", "RET")
    assert not await shows_approval(town, number)
    assert await town.stats() == stats
    assert codes(await town.add(consent(number, consentDate=same))) == ["H178"]
    assert await verdict(town, number) == ("REFUSED", "RET")
    assert (await town.add(consent(number, consentDate=ago(hours=1)))).status_code == 200
    assert await verdict(town, number) == ("CONSENT", "ONAY")
    assert await shows_approval(town, number)


async def test_a_refusal_repeated_later_is_not_undone_by_an_approval_in_between(town: Town) -> None:
    number = new_phone()
    assert (await town.add(consent(number, consentDate=ago(hours=9)))).status_code == 200
    assert (await town.add(refusal(number, consentDate=ago(hours=8)))).status_code == 200
    assert codes(await town.add(refusal(number, consentDate=ago(hours=4)))) == ["H174"]
    stats = await town.stats()
    between = consent(number, consentDate=ago(hours=6))
    assert (await town.add(between)).status_code == 200
    assert await verdict(town, number) == ("REFUSED", "RET")
    assert not await shows_approval(town, number)
    assert (await town.add(consent(number, consentDate=ago(hours=2)))).status_code == 200
    assert await verdict(town, number) == ("CONSENT", "ONAY")
    approvals, rejections, total = stats
    assert await town.stats() == (approvals + 1, rejections - 1, total)


async def test_a_refusal_from_a_clock_that_runs_ahead(town: Town) -> None:
    number = new_phone()
    assert (await town.add(consent(number, consentDate=ago(minutes=9)))).status_code == 200
    assert codes(await town.add(refusal(number, consentDate=ahead(minutes=9)))) == ["H162"]
    assert await verdict(town, number) == ("REFUSED", "RET")
    assert (await town.add(consent(number, consentDate=ago(minutes=5)))).status_code == 200
    assert await verdict(town, number) == ("REFUSED", "RET")
    assert not await shows_approval(town, number)


async def test_an_earlier_refusal_repeated_says_nothing_new(town: Town) -> None:
    number = new_phone()
    await town.add(consent(number, consentDate=ago(hours=9)))
    await town.add(refusal(number, consentDate=ago(hours=5)))
    head = await town.head()
    for hours in (5, 7):
        assert codes(await town.add(refusal(number, consentDate=ago(hours=hours)))) == ["H174"]
    assert await town.head() == head


async def test_the_same_block_is_stored_once(town: Town) -> None:
    body = refusal()
    assert codes(await town.add(body)) == ["H175"]
    head = await town.head()
    for _ in range(3):
        assert codes(await town.add(body)) == ["H175"]
    assert await town.head() == head
    assert codes(await town.add({**body, "consentDate": ago(minutes=5)})) == ["H175"]
    assert await town.head() == head + 1


async def test_a_providers_own_decision_as_a_first_record(town: Town) -> None:
    number, stats = new_phone(), await town.stats()
    assert codes(await town.add(refusal(number, source="HS_KARAR"))) == ["H486"]
    assert await verdict(town, number) == ("REFUSED", "RET")
    assert await town.stats() == stats


async def test_a_first_approval_ends_a_block_only_when_it_is_later(town: Town) -> None:
    number = new_phone()
    assert codes(await town.add(refusal(number, consentDate=ago(hours=4)))) == ["H175"]
    assert (await town.add(consent(number, consentDate=ago(hours=5)))).status_code == 200
    assert await verdict(town, number) == ("REFUSED", "RET")
    assert not await shows_approval(town, number)
    assert (await town.add(consent(number, consentDate=ago(hours=3)))).status_code == 200
    assert await verdict(town, number) == ("CONSENT", "ONAY")


async def test_a_refusal_that_was_overruled_leaves_nothing(town: Town) -> None:
    number = new_phone()
    await town.add(consent(number, consentDate=ago(hours=2)))
    head = await town.head()
    assert codes(await town.add(refusal(number, consentDate=ago(hours=3)))) == ["H178"]
    assert await town.head() == head
    assert await verdict(town, number) == ("CONSENT", "ONAY")


@pytest.mark.parametrize(
    "body",
    [
        refusal("05990000001"),
        refusal(consentDate="2026-02-30 00:00:00"),
        refusal(consentDate="2014-01-01 00:00:00"),
        refusal(consentDate=ago(days=40), note=1),
        refusal(source="IYS_WEB"),
        refusal(source=DROP),
        refusal(type=DROP),
        refusal(retailerCode=12345678),
        refusal(retailerAccess=[12345678]),
        refusal(status="ret"),
    ],
)
async def test_a_malformed_refusal_leaves_no_block(town: Town, body: dict[str, Any]) -> None:
    head = await town.head()
    answer = await town.add(body)
    assert answer.status_code in {403, 422}, answer.text
    assert await town.head() == head


async def test_an_unauthorised_refusal_leaves_no_block(town: Town) -> None:
    other, login = await town.new_provider()
    reading = NewGrant("read", "read", "read", reconciliation=True, via=True)
    second = town.world.second_brand_code
    await accounts.put_grant(
        town.writer, brand_code=second, integrator_code=town.world.integrator_code, grant=reading
    )
    heads = [await town.head(), await town.head(second), await town.head(other)]
    for who, brand in (
        (None, town.brand),
        ("operator", town.brand),
        ("ministry", town.brand),
        ("admin", town.brand),
        (login, town.brand),
        ("provider", town.brand_path(other, other)),
        ("partner", town.brand_path(second)),
        ("Bearer forged", town.brand),
    ):
        answer = await town.add(refusal(), who=who, brand=brand)
        assert answer.status_code in {400, 401, 403}
        assert codes(answer)[0] in {"H351", "H353", "H363"}
    assert [await town.head(), await town.head(second), await town.head(other)] == heads

"""Headers that are bound at some operators, and retailers, in every form of the question (design 9, E8, J3).

Each question is asked of the hot path, of the app with a cache and of the app without one; as a batch, and
as a list. All of them say the same.
"""

import json
from typing import Any

import pytest

from shared.ledger import accounts
from tests.check.cached import CachedCheck
from tests.registry.doors import consent, new_phone
from tests.support.builders import HEADER

TITLES = {"title": "Başka bir operatör"}
MISMATCH, ALLOWED = "HEADER_MISMATCH", "CONSENT"


async def stream(cached: CachedCheck, named: dict[str, Any], number: str, *, who: str) -> str:
    """Return the reason of a list of one line, asked of the check with the cache."""
    headers = {**await cached.town.authorization(who), "Content-Type": "text/plain"}
    answer = await cached.client.post(
        "/check/stream", params=named, content=f"{number}\n", headers=headers
    )
    assert answer.status_code == 200, answer.text
    first, last = answer.content.splitlines()
    assert json.loads(last)["end"] is True
    return str(json.loads(first)["reason"])


async def everywhere(
    cached: CachedCheck, number: str, *, who: str = "operator", **named: Any
) -> str:
    """Return the reason that every form of the question gives, and fail if they differ."""
    sender = {"brandCode": cached.town.world.brand_code, "type": "MESAJ", **named}
    sender = {name: value for name, value in sender.items() if value is not None}
    single = {**sender, "recipient": number}
    app, ledger = await cached.both(single, who=who)
    assert app.content == ledger.content
    plain = await cached.plainly(single, who=who)
    assert plain in {False, app.content}, "the hot path gives the same bytes, or hands over"
    assert (plain is False) is ("retailerCode" in sender)
    reasons = {app.json()["reason"]}
    batch = {**sender, "recipients": [number, number]}
    for answer in await cached.both(batch, who=who, path="/check/batch"):
        reasons |= set(answer.json()["results"])
    reasons.add(await stream(cached, sender, number, who=who))
    (reason,) = reasons
    return str(reason)


@pytest.fixture
async def number(cached: CachedCheck) -> str:
    """Return an address in ONAY, which the cache knows."""
    number = new_phone()
    assert (await cached.town.add(consent(number))).status_code == 200
    await cached.caught_up()
    return number


@pytest.fixture(scope="module")
async def stranger(cached: CachedCheck) -> tuple[int, str]:
    """Return one more operator that may ask for every brand: its code and its credential."""
    answer = await cached.town.post("/accounts/operators", TITLES, who="admin")
    return answer.json()["operatorCode"], f"Bearer {answer.json()['apiKey']}"


async def bind(cached: CachedCheck, header: str, *operators: int) -> None:
    await accounts.bind_header(
        cached.town.writer,
        brand_code=cached.town.world.brand_code,
        header=header,
        operators=operators,
    )


async def test_an_operator_that_the_header_is_not_bound_at_may_not_send_under_it(
    cached: CachedCheck, number: str, stranger: tuple[int, str]
) -> None:
    await bind(cached, "YALNIZBU", cached.town.world.operator_code)
    _code, other = stranger
    for brand_code in (cached.town.world.brand_code, None):  # with the header alone, too
        named: dict[str, Any] = {"header": "YALNIZBU", "brandCode": brand_code}
        assert await everywhere(cached, number, **named) == ALLOWED
        assert await everywhere(cached, number, who=other, **named) == MISMATCH
        unbound: dict[str, Any] = {"header": HEADER, "brandCode": brand_code}
        assert await everywhere(cached, number, who=other, **unbound) == ALLOWED
    for nobodys_operator in ("provider", "partner"):
        assert await everywhere(cached, number, who=nobodys_operator, header="YALNIZBU") == ALLOWED
    assert await everywhere(cached, number, who=other) == ALLOWED, "no header, nothing to bind"


async def test_a_binding_that_changes_holds_with_the_next_question(
    cached: CachedCheck, number: str, stranger: tuple[int, str]
) -> None:
    code, other = stranger
    mine = cached.town.world.operator_code
    for operators, for_me, for_other in (
        ((mine,), ALLOWED, MISMATCH),
        ((code,), MISMATCH, ALLOWED),
        ((mine, code), ALLOWED, ALLOWED),
        ((), ALLOWED, ALLOWED),
    ):
        await bind(cached, "DEGISKEN", *operators)
        assert await everywhere(cached, number, header="DEGISKEN") == for_me
        assert await everywhere(cached, number, who=other, header="DEGISKEN") == for_other
    await accounts.unbind_header(
        cached.town.writer, brand_code=cached.town.world.brand_code, header="DEGISKEN"
    )
    assert await everywhere(cached, number, header="DEGISKEN") == MISMATCH


async def test_an_exemption_does_not_lend_a_header(
    cached: CachedCheck, number: str, stranger: tuple[int, str]
) -> None:
    await bind(cached, "MUAFDA", cached.town.world.operator_code)
    exempt = {"type": "MESAJ", "messageClass": "LEGAL_NOTICE", "header": "MUAFDA"}
    for who, reason in (("operator", "EXEMPT"), (stranger[1], MISMATCH)):
        answers = await cached.both({**exempt, "recipient": number}, who=who)
        assert {answer.json()["reason"] for answer in answers} == {reason}


async def test_the_operator_dialect_names_no_header_and_asks_for_the_brand(
    cached: CachedCheck, number: str, stranger: tuple[int, str]
) -> None:
    await bind(cached, "LEHCE", cached.town.world.operator_code)
    path = f"/brands/{cached.town.world.brand_code}/consents/BIREYSEL/rejected/MESAJ"
    for answer in await cached.both({"recipients": [number]}, who=stranger[1], path=path):
        assert answer.json() == {"list": []}


async def test_a_retailer_may_use_what_it_collected_or_was_given(cached: CachedCheck) -> None:
    town, mine = cached.town, cached.town.world.retailer_code
    other = await accounts.add_retailer(
        town.writer, brand_code=town.world.brand_code, title="Öteki bayi"
    )
    theirs = await accounts.add_retailer(
        town.writer, brand_code=town.world.second_brand_code, title="Başka markanın bayisi"
    )
    collected, shared, bare = new_phone(), new_phone(), new_phone()
    for body in (
        consent(collected, retailerCode=mine),
        consent(shared, retailerAccess=[mine, other]),
        consent(bare),
    ):
        assert (await town.add(body)).status_code == 200
    await cached.caught_up()
    for number, code, reason in (
        (collected, mine, ALLOWED),
        (collected, other, "NOT_AUTHORISED"),
        (shared, mine, ALLOWED),
        (shared, other, ALLOWED),
        (shared, theirs, "NOT_AUTHORISED"),
        (bare, mine, "NOT_AUTHORISED"),
        (new_phone(), mine, "NOT_AUTHORISED"),
    ):
        assert await everywhere(cached, number, retailerCode=code) == reason


async def test_a_retailer_that_is_not_active_may_use_nothing_from_the_next_question_on(
    cached: CachedCheck,
) -> None:
    town, number = cached.town, new_phone()
    brand_code = town.world.brand_code
    code = await accounts.add_retailer(town.writer, brand_code=brand_code, title="Değişen")
    assert (await town.add(consent(number, retailerAccess=[code]))).status_code == 200
    await cached.caught_up()
    path = f"/accounts/brands/{brand_code}/retailers/{code}/status"
    for status in ("active", "suspended", "active", "passive", "active"):
        answer = await town.post(path, {"status": status}, method="PUT")
        assert answer.status_code < 300, answer.text
        expected = ALLOWED if status == "active" else "NOT_AUTHORISED"
        assert await everywhere(cached, number, retailerCode=code) == expected
        assert await everywhere(cached, number) == ALLOWED, "the brand itself may use it"


async def test_access_that_is_taken_away_or_lost_with_a_refusal_is_gone(
    cached: CachedCheck,
) -> None:
    town, number, code = cached.town, new_phone(), cached.town.world.retailer_code
    assert (await town.add(consent(number, retailerAccess=[code]))).status_code == 200
    assert await everywhere(cached, number, retailerCode=code) == ALLOWED
    words = {"recipientType": "BIREYSEL", "type": "MESAJ", "recipients": [number]}
    path = f"{town.brand}/consents/retailers/access/remove/all"
    assert (await town.post(path, words)).status_code == 202
    await cached.caught_up()
    assert await everywhere(cached, number, retailerCode=code) == "NOT_AUTHORISED"

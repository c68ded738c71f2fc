"""The core of the hot path answers what the app answers, byte for byte, or nothing at all."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

from services.check.plain_check import _day
from shared.clock import utc_now
from shared.domain.wire_time import TURKEY
from shared.ledger import accounts
from tests.check.cached import CachedCheck, counted, from_cache
from tests.registry.doors import as_json, consent, new_email, new_phone, refusal
from tests.support.builders import HEADER

NUMBER = "+905990000001"


def test_a_day_ends_at_midnight_in_turkey() -> None:
    now = utc_now()
    today, midnight = _day(now.timestamp())
    assert today == now.astimezone(TURKEY).date()
    assert 0 < midnight - now.timestamp() <= 24 * 3600
    assert _day(midnight)[0] == today + timedelta(days=1)
    assert _day(midnight - 0.001)[0] == today


def reason_in(answer: object) -> str:
    assert isinstance(answer, bytes)
    return str(json.loads(answer)["reason"])


async def test_plain_answers_are_the_app_s_byte_for_byte(cached: CachedCheck) -> None:
    town = cached.town
    granted, refused, blocked, unknown, email = (
        *(new_phone() for _ in range(4)),
        new_email(),
    )
    await town.add(consent(granted))
    await town.add(consent(granted, recipientType="TACIR", type="ARAMA"))
    await town.add(consent(refused))
    await town.add(refusal(refused))
    await town.add(refusal(blocked))
    await town.add(consent(email, type="EPOSTA"))
    await cached.caught_up()
    asked = 0
    for recipient in (granted, refused, blocked, unknown, email, email.upper(), "+14155552671"):
        for kind in ("BIREYSEL", "TACIR"):
            for channel in ("EPOSTA",) if "@" in recipient else ("MESAJ", "ARAMA"):
                body = {
                    "brandCode": town.world.brand_code,
                    "type": channel,
                    "recipientType": kind,
                    "recipient": recipient.replace("POSTA.EXAMPLE", "posta.example"),
                }
                app, ledger = await cached.both(body)
                plain = await cached.plainly(body)
                assert app.status_code == ledger.status_code == 200, body
                assert plain == app.content == ledger.content, body
                asked += 1
    assert asked == 24


@pytest.mark.parametrize(
    ("changes", "who"),
    [
        ({}, "admin"),
        ({"header": "KIMSE"}, "operator"),
        ({"header": HEADER}, "operator"),
        ({"type": "ARAMA"}, "partner"),
        ({}, "provider"),
        ({"second": True}, "partner"),
    ],
)
async def test_who_asks_and_in_whose_name_is_judged_as_the_app_does(
    cached: CachedCheck, changes: dict[str, Any], who: str
) -> None:
    world = cached.town.world
    for code in (world.brand_code, world.second_brand_code):
        await cached.caught_up(code)
    code = world.second_brand_code if changes.get("second") else world.brand_code
    more = {name: value for name, value in changes.items() if name != "second"}
    body = {"brandCode": code, "type": "MESAJ", "recipient": new_phone(), **more}
    app, ledger = await cached.both(body, who=who)
    assert await cached.plainly(body, who=who) == app.content == ledger.content


async def test_a_header_alone_is_a_plain_question_once_its_owner_is_known(
    cached: CachedCheck,
) -> None:
    await cached.caught_up()
    body = {"header": HEADER, "type": "MESAJ", "recipient": new_phone()}
    app, _ledger = await cached.both(body)
    assert await cached.plainly(body) == app.content
    assert await cached.plainly({**body, "header": "KIMSENIN"}) is False


async def test_many_who_ask_at_once_get_their_own_answers(cached: CachedCheck) -> None:
    town, world = cached.town, cached.town.world
    numbers = [new_phone() for _ in range(40)]
    for number in numbers[::3]:
        await town.add(consent(number))
    for number in numbers[::4]:
        await town.add(consent(number), brand=town.brand_path(world.second_brand_code))
    codes = (world.brand_code, world.second_brand_code)
    for code in codes:
        await cached.caught_up(code)
    email = new_email()
    bodies = [
        {"brandCode": codes[n % 2], "type": "MESAJ", "recipient": number}
        for n, number in enumerate(numbers)
    ]
    bodies.insert(7, {"brandCode": codes[0], "type": "EPOSTA", "recipient": email})
    answers = await asyncio.gather(*(cached.plainly(body) for body in bodies))
    for body, answer in zip(bodies, answers, strict=True):
        assert answer == (await town.check(body)).content


async def test_a_revoked_right_holds_with_the_next_question(cached: CachedCheck) -> None:
    town, world = cached.town, cached.town.world
    await cached.caught_up()
    body = {"brandCode": world.brand_code, "type": "MESAJ", "recipient": new_phone()}
    await cached.ask(body, who="partner")
    assert reason_in(await cached.plainly(body, who="partner")) == "NO_RECORD"
    grant = {"brand_code": world.brand_code, "integrator_code": world.integrator_code}
    await accounts.remove_grant(town.writer, **grant)
    before = counted("izin_cache_misses_total", why="rights")
    assert await cached.plainly(body, who="partner") is None, "the copies are older than that"
    cached.plain.close()
    assert counted("izin_cache_misses_total", why="rights") == before + 1
    app = await cached.ask(body, who="partner")
    assert app.json()["reason"] == "NOT_AUTHORISED"
    assert await cached.plainly(body, who="partner") == app.content


async def test_a_revoked_key_is_worth_nothing(cached: CachedCheck) -> None:
    town = cached.town
    new = (await town.post("/accounts/operators", {"title": "Yeni"}, who="admin")).json()
    who = f"Bearer {new['apiKey']}"
    await cached.caught_up()
    body = {"brandCode": town.world.brand_code, "type": "MESAJ", "recipient": new_phone()}
    assert await cached.plainly(body, who=who) is None, "never seen before"
    await cached.ask(body, who=who)
    assert await cached.plainly(body, who=who)
    ticket = cached.plain.ticket_of(who)
    answer = await town.post(f"/accounts/users/{new['username']}/suspend", {}, who="admin")
    if answer.status_code >= 400:
        await accounts.set_state(town.writer, "operator", new["operatorCode"], active=False)
    assert await cached.plainly(body, who=who) is None
    assert (await cached.ask(body, who=who)).status_code == 401
    assert ticket is not None
    loop = asyncio.get_running_loop()
    told: asyncio.Future[bytes | None] = loop.create_future()
    assert cached.plain.ask(ticket, as_json(body), told.set_result, asked_at=loop.time())
    assert await told is None, "also with the ticket of then"


async def test_an_expired_token_is_worth_nothing(cached: CachedCheck) -> None:
    town = cached.town
    await cached.caught_up()
    body = {"brandCode": town.world.brand_code, "type": "MESAJ", "recipient": new_phone()}
    await cached.ask(body)
    assert await cached.plainly(body)
    clock, cached.plain._now = cached.plain._now, lambda: utc_now() + timedelta(hours=3)
    try:
        assert await cached.plainly(body) is None
    finally:
        cached.plain._now = clock


async def test_what_was_forgotten_is_not_concluded_from(cached: CachedCheck) -> None:
    town = cached.town
    await cached.caught_up()
    body = {"brandCode": town.world.brand_code, "type": "MESAJ", "recipient": new_phone()}
    assert await cached.plainly(body)
    cached.plain._directory.forget_all()
    assert await cached.plainly(body) is None
    await cached.ask(body)
    assert await cached.plainly(body)


async def test_a_header_that_changes_hands_takes_its_questions_along(cached: CachedCheck) -> None:
    town, world = cached.town, cached.town.world
    first, second = world.brand_code, world.second_brand_code
    for code in (first, second):
        await cached.caught_up(code)
    await accounts.bind_header(town.writer, brand_code=first, header="WANDERS", operators=[])
    number = new_phone()
    await town.add(consent(number))
    await cached.caught_up(first)
    body = {"header": "WANDERS", "type": "MESAJ", "recipient": number}
    await cached.ask(body)
    assert reason_in(await cached.plainly(body)) == "CONSENT"
    await accounts.unbind_header(town.writer, brand_code=first, header="WANDERS")
    await accounts.bind_header(town.writer, brand_code=second, header="WANDERS", operators=[])
    assert await cached.plainly(body) is None
    app = await cached.ask(body)
    assert app.json()["reason"] == "NO_RECORD"
    assert await cached.plainly(body) == app.content


async def test_a_slip_in_a_call_back_is_not_the_others(cached: CachedCheck) -> None:
    await cached.caught_up()
    body = as_json(
        {"brandCode": cached.town.world.brand_code, "type": "MESAJ", "recipient": NUMBER}
    )
    ticket = cached.plain.ticket_of((await cached.town.authorization("operator"))["Authorization"])
    assert ticket is not None
    loop = asyncio.get_running_loop()
    told: list[bytes | None] = []

    def slip(answer: bytes | None) -> None:
        told.append(answer)
        raise LookupError("of its own")

    last: asyncio.Future[bytes | None] = loop.create_future()
    for done in (slip, told.append, slip, last.set_result):
        assert cached.plain.ask(ticket, body, done, asked_at=loop.time())
    assert await last
    assert told == [last.result()] * 3


async def test_what_cannot_be_judged_is_handed_over_and_nobody_is_left_waiting(
    cached: CachedCheck, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cached.caught_up()
    brand_code = cached.town.world.brand_code
    good = {"brandCode": brand_code, "type": "MESAJ", "recipient": new_phone()}
    bad = {**good, "header": "SLIP"}
    judge = cached.plain._judge

    def slip(ticket: Any, sender: Any, versions: Any, now: float) -> Any:
        if sender.header == "SLIP":
            raise LookupError("a word that nobody knows")
        return judge(ticket, sender, versions, now)

    monkeypatch.setattr(cached.plain, "_judge", slip)
    first, second, third = await asyncio.gather(
        cached.plainly(good), cached.plainly(bad), cached.plainly(good)
    )
    assert second is None
    assert first == third
    assert reason_in(first) == "NO_RECORD"


async def test_answers_are_counted_in_bulk(cached: CachedCheck) -> None:
    await cached.caught_up()
    cached.plain.close()
    body = {"brandCode": cached.town.world.brand_code, "type": "MESAJ", "recipient": new_phone()}
    reasons, answers = counted("izin_checks_total", reason="NO_RECORD"), from_cache()
    rounds = counted("izin_check_round_seconds_count")
    for _ in range(5):
        assert await cached.plainly(body)
    async with asyncio.timeout(5):
        while from_cache() < answers + 5:  # noqa: ASYNC110  # it is polled
            await asyncio.sleep(0.02)
    assert counted("izin_checks_total", reason="NO_RECORD") == reasons + 5
    assert counted("izin_check_round_seconds_count") == rounds + 5


async def test_a_full_crowd_is_followed_by_another(
    cached: CachedCheck, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cached.caught_up()
    monkeypatch.setattr("services.check.plain_check.CROWD_MAX", 3)
    rounds = counted("izin_check_round_seconds_count")
    body = {"brandCode": cached.town.world.brand_code, "type": "MESAJ", "recipient": new_phone()}
    answers = await asyncio.gather(*(cached.plainly(body) for _ in range(8)))
    assert len(set(answers)) == 1
    assert counted("izin_check_round_seconds_count") == rounds + 3

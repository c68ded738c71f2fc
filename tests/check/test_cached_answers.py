"""With a cache a check says what it says without one, never less than is acknowledged, and in time."""

import asyncio
from typing import Any

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from services.check import read_cache, rounds
from services.check.app import create_app
from services.check.rounds import Rounds
from services.check.settings import CheckSettings
from shared.cache.layout import watermark_key
from shared.cache.server_info import CacheUnfitError
from shared.ledger import accounts
from shared.ledger.accounts import NewGrant
from tests.check.cached import CachedCheck, counted, from_cache, open_check
from tests.check.island import Stopwatch
from tests.registry.doors import Town, ago, consent, new_email, new_phone, refusal
from tests.support.builders import HEADER

CLASSES = ("COMMERCIAL", "LEGAL_NOTICE", "EXEMPT_SENDER")


def from_ledger() -> float:
    return counted("izin_check_answers_total", source="ledger")


async def people(town: Town) -> dict[str, str]:
    """Record what can be on file for a number, and return the numbers."""
    numbers = {
        name: new_phone() for name in ("granted", "refused", "blocked", "merchant", "unknown")
    }
    await town.add(consent(numbers["granted"]))
    await town.add(consent(numbers["refused"], consentDate=ago(hours=3)))
    await town.add(refusal(numbers["refused"], consentDate=ago(hours=2)))
    await town.add(refusal(numbers["blocked"]))
    await town.add(consent(numbers["merchant"], recipientType="TACIR"))
    return numbers


async def test_every_row_of_the_table_is_the_same_from_the_cache(cached: CachedCheck) -> None:
    town, world = cached.town, cached.town.world
    numbers = await people(town)
    await cached.caught_up()
    before, asked = from_cache(), 0
    for number in numbers.values():
        for kind in ("BIREYSEL", "TACIR"):
            for word in CLASSES:
                for more in ({}, {"header": HEADER}, {"header": "KIMSE"}):
                    for who in ("operator", "partner", "ministry"):
                        body = {
                            "brandCode": world.brand_code,
                            "type": "MESAJ",
                            "recipientType": kind,
                            "messageClass": word,
                            "recipient": number,
                            **more,
                        }
                        app, ledger = await cached.both(body, who=who)
                        assert app.status_code == ledger.status_code == 200
                        assert app.content == ledger.content, (body, who)
                        asked += 1
    assert from_cache() - before == asked


async def test_a_batch_is_the_same_from_the_cache(cached: CachedCheck) -> None:
    town, world = cached.town, cached.town.world
    numbers = await people(town)
    email = new_email()
    await town.add(consent(email, type="EPOSTA"))
    await cached.caught_up()
    lists: list[list[Any]] = [
        [*numbers.values()],
        [*numbers.values(), "x", None, "+14155552671", numbers["granted"]],
        ["x", 5],
        [email, "a@posta.example", "x"],
    ]
    for recipients in lists:
        for kind in ("BIREYSEL", "TACIR"):
            body = {
                "brandCode": world.brand_code,
                "type": "EPOSTA" if email in recipients else "MESAJ",
                "recipientType": kind,
                "recipients": recipients,
            }
            before = from_cache()
            app, ledger = await cached.both(body, path="/check/batch")
            assert app.content == ledger.content
            assert from_cache() - before == len(recipients)
    path = f"/brands/{world.brand_code}/consents/BIREYSEL/rejected/MESAJ"
    basic = world.operator.basic
    app, ledger = await cached.both({"recipients": lists[1]}, who=basic, path=path)
    assert app.content == ledger.content


async def test_ten_thousand_addresses_come_from_the_cache_in_parts(cached: CachedCheck) -> None:
    town = cached.town
    numbers = [new_phone() for _ in range(10_000)]
    for at in (3, 1_500, 9_999):
        await town.add(consent(numbers[at]))
    numbers[5_000] = "x"
    await cached.caught_up()
    body = {"brandCode": town.world.brand_code, "type": "MESAJ", "recipients": numbers}
    await cached.ask(body, path="/check/batch")  # the first one finds out where the entries are
    before = from_cache()
    app, ledger = await cached.both(body, path="/check/batch")
    assert app.content == ledger.content
    assert app.json()["allowedCount"] == 3
    assert from_cache() - before == 10_000


async def test_a_batch_that_a_write_cuts_in_two_is_the_ledger_s_as_a_whole(
    cached: CachedCheck, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts of two positions would be an answer of no moment at all."""
    town = cached.town
    await cached.caught_up()
    joined = Rounds.join
    parts = 0

    def join_apart(self: Rounds, asker: Any) -> bool:
        """Send the second part when the first is answered and a write has been projected."""
        nonlocal parts
        parts += 1
        if parts == 1:
            return joined(self, asker)

        async def later() -> None:
            await town.add(consent())
            async with asyncio.timeout(10):
                while not await _is_projected(cached):  # noqa: ASYNC110  # it is polled
                    await asyncio.sleep(0.01)
            assert joined(self, asker)

        tasks.append(asyncio.create_task(later()))
        return True

    tasks: list[asyncio.Task[None]] = []
    monkeypatch.setattr(read_cache, "ADDRESSES_A_PAGE", 2)
    monkeypatch.setattr(read_cache, "SMALL_ADDRESSES_MAX", 1)
    monkeypatch.setattr(Rounds, "join", join_apart)
    numbers = [new_phone() for _ in range(4)]
    body = {"brandCode": town.world.brand_code, "type": "MESAJ", "recipients": numbers}
    hits, asked = from_cache(), from_ledger()
    answer = await cached.ask(body, path="/check/batch")
    await asyncio.gather(*tasks)
    assert answer.json()["position"] == await town.head()
    assert (from_cache() - hits, from_ledger() - asked) == (0, 4)


async def _is_projected(cached: CachedCheck) -> bool:
    """Look at W itself: the joins of the test's own rounds are delayed."""
    async with Redis.from_url(cached.redis_url) as redis:
        raw = await redis.get(watermark_key(cached.town.world.brand_code))
    return raw is not None and int(raw.split()[2]) == await cached.town.head()


async def test_what_is_acknowledged_holds_at_once(cached: CachedCheck) -> None:
    """Nobody waits for the projector: the head says that the cache is behind, and the ledger answers."""
    town = cached.town
    await cached.caught_up()
    for _ in range(10):
        number = new_phone()
        body = {"brandCode": town.world.brand_code, "type": "MESAJ", "recipient": number}
        await town.add(consent(number, consentDate=ago(hours=2)))
        assert (await cached.ask(body)).json()["reason"] == "CONSENT"
        await town.add(refusal(number, consentDate=ago(hours=1)))
        plain = await cached.plainly(body)
        assert plain is None or b"REFUSED" in plain  # type: ignore[operator]  # a plain question
        assert (await cached.ask(body)).json()["reason"] == "REFUSED"


async def test_while_the_projector_stands_still_the_ledger_answers_and_it_is_told(
    cached: CachedCheck,
) -> None:
    town = cached.town
    await cached.caught_up()
    number = new_phone()
    body = {"brandCode": town.world.brand_code, "type": "MESAJ", "recipient": number}
    with cached.projector_paused():
        await town.add(consent(number))
        behind, hits = counted("izin_cache_misses_total", why="behind"), from_cache()
        for _ in range(3):
            app, ledger = await cached.both(body)
            assert app.content == ledger.content
            assert app.json()["reason"] == "CONSENT"
            assert await cached.plainly(body) is None
        assert counted("izin_cache_misses_total", why="behind") - behind == 6
        assert from_cache() == hits
    await cached.caught_up()


async def test_without_the_test_of_freshness_stale_answers_are_found(
    cached: CachedCheck, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the tests above would notice if it were lost."""
    town = cached.town
    await cached.caught_up()
    number = new_phone()
    body = {"brandCode": town.world.brand_code, "type": "MESAJ", "recipient": number}
    monkeypatch.setattr(rounds, "agrees", lambda *_: True)
    with cached.projector_paused():
        await town.add(consent(number))
        assert (await cached.ask(body)).json()["reason"] == "NO_RECORD"
        assert b"NO_RECORD" in (await cached.plainly(body) or b"")  # type: ignore[operator]  # a plain question


async def test_a_right_holds_with_the_next_question(cached: CachedCheck) -> None:
    town, world = cached.town, cached.town.world
    brand_code = await town.new_brand()
    await cached.caught_up(brand_code)
    body = {"brandCode": brand_code, "type": "MESAJ", "recipient": new_phone()}
    for right, reason in (("none", "NOT_AUTHORISED"), ("read", "NO_RECORD")) * 3:
        await accounts.put_grant(
            town.writer,
            brand_code=brand_code,
            integrator_code=world.integrator_code,
            grant=NewGrant("none", right, "none", reconciliation=False, via=False),
        )
        hits = from_cache()
        assert (await cached.ask(body, who="partner")).json()["reason"] == reason
        assert from_cache() > hits, "rights do not move the head's position"


async def test_a_retailer_s_question_is_the_ledger_s(cached: CachedCheck) -> None:
    town, code = cached.town, cached.town.world.retailer_code
    number = new_phone()
    await town.add(consent(number, retailerAccess=[code]))
    await cached.caught_up()
    body = {
        "brandCode": town.world.brand_code,
        "type": "MESAJ",
        "recipient": number,
        "retailerCode": code,
    }
    hits = from_cache()
    app, ledger = await cached.both(body)
    assert app.content == ledger.content
    assert app.json()["reason"] == "CONSENT"
    assert from_cache() == hits
    assert await cached.plainly(body) is False


@pytest.mark.parametrize("sender", [{"brandCode": 999}, {"header": "KIMSE"}])
async def test_a_sender_that_nobody_knows_is_none_of_the_cache_s(
    cached: CachedCheck, sender: dict[str, Any]
) -> None:
    body = {**sender, "type": "MESAJ", "recipient": new_phone()}
    app, ledger = await cached.both(body)
    assert app.content == ledger.content
    assert app.json()["position"] is None


async def test_what_the_hot_path_hands_over_goes_to_the_ledger_and_keeps_its_deadline(
    cached: CachedCheck,
) -> None:
    await cached.caught_up()
    body = {
        "brandCode": cached.town.world.brand_code,
        "type": "MESAJ",
        "recipient": new_phone(),
    }
    now = asyncio.get_running_loop().time()
    hits, asked = from_cache(), from_ledger()
    try:
        cached.scope.update({"izin.asked_at": now, "izin.cache_missed": True})
        assert (await cached.ask(body)).status_code == 200
        assert (from_cache() - hits, from_ledger() - asked) == (0, 1)
        cached.scope["izin.asked_at"] = now - 60
        late = await cached.ask(body)
        assert (late.status_code, late.json()["reason"]) == (503, "UNVERIFIED")
    finally:
        cached.scope.clear()


async def test_readyz_shows_the_cache_and_does_not_depend_on_it(cached: CachedCheck) -> None:
    answer = await cached.client.get("/readyz")
    assert (answer.status_code, answer.json()["parts"]) == (200, {"ledger": "ok", "cache": "ok"})
    async with open_check(cached.town, cached.redis_url):
        assert counted("izin_cache_up") == 1
    assert counted("izin_cache_up") == 0
    nowhere = "redis://127.0.0.1:1/0"
    async with open_check(cached.town, nowhere) as lonely:
        answer = await lonely.client.get("/readyz")
        assert answer.status_code == 200
        assert answer.json()["parts"] == {"ledger": "ok", "cache": "failing"}
        body = {
            "brandCode": cached.town.world.brand_code,
            "type": "MESAJ",
            "recipient": new_phone(),
        }
        hits = from_cache()
        with Stopwatch() as watch:
            app, ledger = await lonely.both(body)
            assert await lonely.plainly(body) is None
        assert app.content == ledger.content
        assert watch.seconds < 2
        assert from_cache() == hits


async def test_a_frozen_cache_holds_up_nobody_for_long(
    cached: CachedCheck, owner_of_valkey: Redis
) -> None:
    """The server is there and says nothing: after a moment the ledger is asked, in time."""
    await cached.caught_up()
    town = cached.town
    body = {"brandCode": town.world.brand_code, "type": "MESAJ", "recipient": new_phone()}
    async with open_check(town, cached.redis_url, check_cache_timeout_s=0.02) as check:
        await check.caught_up()
        await owner_of_valkey.client_pause(1_500)
        with Stopwatch() as watch:
            answers = await asyncio.gather(*(check.ask(body) for _ in range(20)))
            assert await check.plainly(body) is None
        assert watch.seconds < 1.2
        assert {answer.json()["reason"] for answer in answers} == {"NO_RECORD"}
        await check.caught_up()


async def test_a_server_that_may_evict_is_refused_at_the_start(
    cached: CachedCheck, owner_of_valkey: Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = CheckSettings(
        postgres_dsn=SecretStr(cached.town.dsn),
        redis_url=SecretStr(cached.redis_url),
        keys_file=cached.town.keys_file,
        data_dir=cached.town.data_dir,
    )
    app = create_app(settings)
    await owner_of_valkey.config_set("maxmemory-policy", "allkeys-lru")
    try:
        with pytest.raises(CacheUnfitError, match="noeviction"):
            async with app.router.lifespan_context(app):
                pass
    finally:
        await owner_of_valkey.config_set("maxmemory-policy", "noeviction")
    assert "check.cache.refused" in capsys.readouterr().err


async def test_a_lost_cache_is_built_again_while_the_ledger_answers(
    cached: CachedCheck, owner_of_valkey: Redis
) -> None:
    town = cached.town
    number = new_phone()
    await town.add(consent(number))
    await cached.caught_up()
    body = {"brandCode": town.world.brand_code, "type": "MESAJ", "recipient": number}
    await owner_of_valkey.flushall()
    for _ in range(5):
        assert (await cached.ask(body)).json()["reason"] == "CONSENT"
    await cached.caught_up()
    hits = from_cache()
    assert (await cached.ask(body)).json()["reason"] == "CONSENT"
    assert from_cache() == hits + 1


async def test_a_silent_ledger_is_not_waited_for_longer_than_promised(
    cached: CachedCheck,
) -> None:
    """A fresh answer needs the ledger's head: without it nothing commercial goes out, in bounded time."""
    town = cached.town
    number = new_phone()
    await town.add(consent(number))
    body = {"brandCode": town.world.brand_code, "type": "MESAJ", "recipient": number}
    batch = {"brandCode": town.world.brand_code, "type": "MESAJ", "recipients": [number] * 200}
    async with open_check(town, cached.redis_url, check_deadline_s=0.25) as check:
        await check.caught_up()
        unverified = counted("izin_check_answers_total", source="none")
        async with town.owner.transaction():
            await town.owner.execute("LOCK TABLE brand_head IN ACCESS EXCLUSIVE MODE")
            for path, asked in (("/check", body), ("/check/batch", batch)):
                with Stopwatch() as watch:
                    answer = await check.ask(asked, path=path)
                assert answer.status_code == 503
                assert watch.seconds < 2
            exempt = await check.ask({**body, "messageClass": "LEGAL_NOTICE"})
            assert exempt.json()["reason"] == "EXEMPT_UNVERIFIED"
            with Stopwatch() as watch:
                assert await check.plainly(body) is None
            assert watch.seconds < 2
        assert counted("izin_check_answers_total", source="none") - unverified == 202
        await check.caught_up()
        assert (await check.ask(body)).json()["reason"] == "CONSENT"


async def test_the_door_is_open_while_the_service_runs_and_no_longer(cached: CachedCheck) -> None:
    async with open_check(cached.town, cached.redis_url) as check:
        assert check.door.plain is not None
    assert check.door.plain is None

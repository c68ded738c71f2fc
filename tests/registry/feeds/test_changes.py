"""`GET {b}/consents/changes`: what is in the feed, in which order, and for whom (iys-api 4.9)."""

from datetime import timedelta
from typing import Any

import pytest

from services.registry.feeds import read_changes
from services.registry.feeds.schemas import ChangesAnswer
from shared.clock import utc_now
from shared.domain.consent import Channel, NewConsent, RecipientType, Source
from shared.sealing.addresses import Sealer
from shared.sealing.keyring import new_key_ring
from tests.registry.doors import Town, codes, consent, new_email, new_phone, only_error
from tests.registry.feeds.feed_reading import (
    Clock,
    authorized,
    changes,
    changes_path,
    door_with_clock,
    ids,
    read_on,
    rows_of,
    scribe_of,
    wire,
    write,
    write_access,
    write_block,
    write_closed_line,
)
from tests.support.builders import consent as new_consent


async def test_a_row_says_what_the_publication_shows(town: Town) -> None:
    brand, number, decided = await town.new_brand(), new_phone(), utc_now() - timedelta(hours=2)
    stored = await write(town, brand, number, source=Source.REGISTRY_MOBILE, consent_date=decided)
    answer = await changes(town, brand)
    assert answer.status_code == 200
    ChangesAnswer.model_validate(answer.json())
    assert answer.json()["list"] == [
        {
            "consentDate": wire(decided),
            "creationDate": wire(stored.created_at),
            "source": "IYS_MOBIL",
            "recipient": number,
            "recipientType": "BIREYSEL",
            "status": "ONAY",
            "type": "MESAJ",
            "transactionId": stored.transaction_id,
        }
    ]
    seconds, _, rest = answer.json()["after"].partition("_")
    assert int(seconds) == int(stored.created_at.timestamp())
    assert len(bytes.fromhex(rest)) == 32


async def test_each_kind_of_source_is_a_feed_of_its_own(town: Town) -> None:
    brand = await town.new_brand()
    citizens = [await write(town, brand, source=s) for s in Source if not s.from_provider]
    answer = await town.add(consent(), brand=town.brand_path(brand))
    providers = [answer.json()["transactionId"]]
    undated = await write(town, brand, source=None, dated=False, kind=RecipientType.MERCHANT)
    providers.append(undated.transaction_id)
    assert ids(await read_on(town, brand)) == [s.transaction_id for s in citizens]
    assert ids(await read_on(town, brand, source="IYS", limit=1)) == [
        s.transaction_id for s in citizens
    ]
    rows = await read_on(town, brand, source="HS")
    assert ids(rows) == providers
    assert not rows[1].keys() & {"source", "consentDate"}


async def test_a_closed_line_of_a_merchant_without_a_date_has_it_empty(town: Town) -> None:
    brand, number = await town.new_brand(), new_phone()
    merchant: dict[str, Any] = {"kind": RecipientType.MERCHANT, "dated": False}
    await write(town, brand, number, source=None, **merchant)
    await write_closed_line(town, brand, number, **merchant)
    person, dated = new_phone(), utc_now()
    await write(town, brand, person)
    await write_closed_line(town, brand, person, consent_date=dated)
    rows = [row for row in await read_on(town, brand) if row["source"] == "IYS_AHS_HAT_KAPATMA"]
    assert [row["consentDate"] for row in rows] == ["", wire(dated)]
    ChangesAnswer.model_validate({"after": "", "list": rows})


async def test_pages_follow_each_other_in_the_ledgers_order(town: Town) -> None:
    brand = await town.new_brand()
    for _ in range(9):
        await write(town, brand)
    scribe = scribe_of(town)
    bulk = [scribe.movement(brand, wished) for wished in map(_of_registry, range(8))]
    await scribe.appender.append(brand, bulk, wait=True)
    everything = [row.id for row in await rows_of(town, brand)]
    assert len(everything) == 17
    for limit in (1, 2, 7, 16, 17, 18, 1000):
        assert ids(await read_on(town, brand, limit=limit)) == everything
    half = (await changes(town, brand, limit=8)).json()
    assert ids(half["list"]) == everything[:8]
    assert ids(await read_on(town, brand, after=half["after"])) == everything[8:]
    # who asks again gets the same again
    assert (await changes(town, brand, limit=8)).json() == half


async def test_what_is_no_decision_is_left_out_and_is_no_end(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    brand, number = await town.new_brand(), new_phone()
    first = await write(town, brand, number, source=Source.WEB)
    for _ in range(30):
        await write_block(town, brand)
    await write_access(town, brand, number)
    last = await write(town, brand, source=Source.WEB)
    await write_block(town, brand)
    wanted = [first.transaction_id, last.transaction_id]
    assert ids(await read_on(town, brand, source="HS")) == wanted
    assert ids(await read_on(town, brand, source="HS", limit=1)) == wanted
    # a page that looks at fewer than there are ends without a row, and says where to go on
    monkeypatch.setattr(read_changes, "SCANNED_MAX", 8)
    monkeypatch.setattr(read_changes, "_SCANNED_AT_ONCE", 4)
    page = (await changes(town, brand, source="HS", limit=1)).json()
    passed_over = 0
    while not (
        page := (await changes(town, brand, source="HS", limit=1, after=page["after"])).json()
    )["list"]:
        passed_over += 1
    assert passed_over >= 3
    assert ids(page["list"]) == [last.transaction_id]
    assert ids(await read_on(town, brand, source="HS")) == wanted
    assert await read_on(town, brand) == []


@pytest.mark.parametrize(
    "query", ["", "?", "?&", "?source=&limit=&after=", "?source=IYS&", "?limit=1000&unknown=1", "/"]
)
async def test_how_clients_spell_it(town: Town, query: str) -> None:
    brand = await town.new_brand()
    stored = await write(town, brand)
    answer = await town.get(f"{town.brand_path(brand)}/consents/changes{query}")
    assert answer.status_code == 200, answer.text
    assert ids(answer.json()["list"]) == [stored.transaction_id]


@pytest.mark.parametrize(
    ("parameters", "code", "location"),
    [
        ({"source": "SH"}, "H506", "source"),
        ({"source": "iys"}, "H506", "source"),
        ({"limit": "1500"}, "H507", "limit"),
        ({"limit": "0"}, "H507", "limit"),
        ({"limit": "-1"}, "H507", "limit"),
        ({"limit": "many"}, "H507", "limit"),
        ({"limit": "9" * 40}, "H507", "limit"),
    ],
)
async def test_a_parameter_that_is_none(
    town: Town, parameters: dict[str, str], code: str, location: str
) -> None:
    answer = await changes(town, town.world.brand_code, **parameters)
    assert answer.status_code == 422
    assert only_error(answer) == {
        "code": code,
        "location": [location],
        "value": parameters[location],
    }


async def test_both_parameters_may_be_wrong(town: Town) -> None:
    answer = await changes(town, town.world.brand_code, source="x", limit="x")
    assert codes(answer) == ["H506", "H507"]


async def test_an_address_that_does_not_open_ends_the_page_and_leaves_nothing_out(
    town: Town,
) -> None:
    brand = await town.new_brand()
    scribe = scribe_of(town)
    foreign = Sealer(new_key_ring())
    sealed = foreign.seal("+905990000001", brand_code=brand)
    broken = scribe.movement(brand, _of_registry(1))._replace(sealed=sealed)
    await scribe.appender.append(brand, [broken], wait=True)
    answer = await changes(town, brand)
    assert (answer.status_code, codes(answer)) == (500, ["H103"])


@pytest.mark.parametrize(
    ("who", "status", "code"),
    [(None, 401, "H351"), ("operator", 400, "H363"), ("ministry", 400, "H363")],
)
async def test_others_are_turned_away(town: Town, who: str | None, status: int, code: str) -> None:
    answer = await changes(town, town.world.brand_code, who=who)
    assert (answer.status_code, codes(answer)) == (status, [code])


async def test_another_providers_brand_is_not_shown(town: Town) -> None:
    code, login = await town.new_provider()
    path = changes_path(town, town.world.brand_code)
    assert codes(await town.get(path, who=login)) == ["H353"]
    assert codes(await changes(town, code)) == ["H353"]


async def test_a_partner_sees_the_channels_that_it_may_read(town: Town) -> None:
    brand = await town.new_brand()
    stored = {
        channel: await write(
            town, brand, new_email() if channel is Channel.EMAIL else None, channel=channel
        )
        for channel in Channel
    }
    path = f"/accounts/brands/{brand}/grants/{town.world.integrator_code}"
    assert codes(await changes(town, brand, who="partner")) == ["H353"]
    for granted, seen in (
        ({"EPOSTA": "read"}, [Channel.EMAIL]),
        ({"ARAMA": "write", "MESAJ": "read"}, [Channel.CALL, Channel.SMS]),
        ({"ARAMA": "none", "EPOSTA": "write"}, [Channel.EMAIL]),
    ):
        assert (await town.post(path, granted, method="PUT")).status_code == 200
        for limit in (1, 1000):
            rows = await read_on(town, brand, who="partner", limit=limit)
            assert ids(rows) == [stored[channel].transaction_id for channel in seen]
    # what is there, but not for it, looks like nothing
    assert (await town.post(path, {"ARAMA": "none"}, method="PUT")).status_code == 200
    assert codes(await changes(town, brand, who="partner")) == ["H353"]


async def test_the_documented_window_is_seven_days_without_the_last_hour(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    brand, clock = await town.new_brand(), Clock()
    stored = await write(town, brand)
    await write(town, brand, source=Source.WEB)
    path, day, second = changes_path(town, brand), timedelta(days=1), timedelta(seconds=1)
    # the clocks of this test and of the ledger's server are one, give or take the time that a step takes
    steps = (
        (timedelta(), False),
        (timedelta(minutes=59), False),
        (timedelta(hours=1) + second, True),
        (7 * day - 5 * second, True),
        (7 * day + second, False),
    )
    async with door_with_clock(town, monkeypatch, clock, feed_delay_s=3600) as door:
        for ahead, shown in steps:
            clock.ahead = ahead
            answer = await door.get(path, headers=await authorized(town, door))
            assert answer.status_code == (200 if shown else 204), ahead
            if shown:
                assert ids(answer.json()["list"]) == [stored.transaction_id]


async def test_the_window_may_reach_back_to_the_beginning(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    brand, clock = await town.new_brand(), Clock(timedelta(days=3_000))
    stored = await write(town, brand)
    path = changes_path(town, brand)
    async with door_with_clock(town, monkeypatch, clock, feed_window_days=3650) as door:
        answer = await door.get(path, headers=await authorized(town, door))
        assert ids(answer.json()["list"]) == [stored.transaction_id]


async def test_the_window_cuts_what_a_slow_reader_has_not_read(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    brand, clock = await town.new_brand(), Clock()
    await write(town, brand)
    after = (await changes(town, brand)).json()["after"]
    await write(town, brand)
    async with door_with_clock(town, monkeypatch, clock) as door:
        clock.ahead = timedelta(days=8)
        path = changes_path(town, brand, after=after)
        answer = await door.get(path, headers=await authorized(town, door))
        assert answer.status_code == 204


def _of_registry(_n: int) -> NewConsent:
    return new_consent(new_phone(), source=Source.REGISTRY_VOICE, consent_date=utc_now())

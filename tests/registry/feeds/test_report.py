"""The report of a day: its numbers beside an independent count, its edges, and who may see it."""

import csv
import io
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from services.registry.feeds import report_day
from services.registry.feeds.schemas import ReportAnswer
from shared.clock import utc_now
from shared.domain.consent import Channel, RecipientType, Source, Status
from shared.domain.wire_time import TURKEY, turkish_day
from tests.registry.doors import Answer, Town, new_email, new_phone
from tests.registry.feeds.feed_reading import (
    Clock,
    authorized,
    door_with_clock,
    rows_of,
    write,
    write_access,
    write_block,
)

NUMBERS = ("approvals", "refusals", "blocks", "total")
# A day of long ago, whose extents are written as no writer can.
EDGES = """
    SET LOCAL session_replication_role = replica;
    INSERT INTO extent (brand_code, extent_id, nonce, base_position, size, created_at)
    SELECT {brand}, 900000 + n, 1, n - 1, 1, moment::timestamptz
      FROM unnest('{moments}'::text[]) WITH ORDINALITY AS t (moment, n);
    INSERT INTO movement (brand_code, extent_id, extent_offset, channel, recipient_type, status, source,
                          consent_date, kind, sealing_key_id, digest, sealed)
    SELECT brand_code, extent_id, 1, 'MESAJ', 'BIREYSEL', 'ONAY', 'HS_WEB', created_at, 'CONSENT', 1,
           decode(md5(extent_id::text), 'hex'), ''
      FROM extent WHERE brand_code = {brand}
"""


async def report(
    town: Town, brand: int, day: date | str, *, who: Any = "provider", **headers: str
) -> Answer:
    said = {**await town.authorization(who), **headers}
    return await town.client.get(f"/accounts/brands/{brand}/reports/{day}", headers=said)


@pytest.fixture
async def busy(town: Town) -> int:
    """Return a brand at which something of everything happened, at one time."""
    brand, number = await town.new_brand(), new_phone()
    await write(town, brand, number, source=Source.WEB)
    await write(town, brand, number, source=Source.WEB, status=Status.WITHDRAWN)
    await write(town, brand, number, source=Source.REGISTRY_MOBILE)
    await write(town, brand, source=Source.REGISTRY_VOICE, channel=Channel.CALL)
    undated: dict[str, Any] = {"source": None, "dated": False}
    await write(town, brand, **undated, kind=RecipientType.MERCHANT)
    await write(town, brand, new_email(), source=Source.EMAIL, channel=Channel.EMAIL)
    for channel in (Channel.CALL, Channel.SMS, Channel.SMS):
        await write_block(town, brand, channel=channel)
    await write_access(town, brand, (await _granted(town, brand)))
    return brand


async def _granted(town: Town, brand: int) -> str:
    number = new_phone()
    await write(town, brand, number, source=Source.WEB)
    return number


async def counted(town: Town, brand: int, day: date) -> Counter[tuple[str, str, str, str]]:
    """Count by hand: what, of which source, channel and recipient type."""
    return Counter(
        (
            "blocks"
            if row.kind == "BLOCK"
            else "approvals"
            if row.status == "ONAY"
            else "refusals",
            "IYS" if row.of_registry else "HS",
            row.channel,
            row.recipient_type,
        )
        for row in await rows_of(town, brand)
        if row.kind != "ACCESS" and turkish_day(row.created_at) == day
    )


async def today_of(town: Town, brand: int) -> date:
    """Return the day on which most happened: a test may run over midnight."""
    days = Counter(turkish_day(row.created_at) for row in await rows_of(town, brand))
    return days.most_common(1)[0][0]


async def test_the_numbers_are_those_of_an_independent_count(
    town: Town, busy: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_day, "_POSITIONS_AT_ONCE", 3)  # several slices
    day = await today_of(town, busy)
    body = (await report(town, busy, day)).json()
    ReportAnswer.model_validate(body)
    expected = await counted(town, busy, day)
    assert sum(expected.values()) == 10
    found = Counter[tuple[str, str, str, str]]()
    for row in body["rows"]:
        assert row["total"] == row["approvals"] + row["refusals"] + row["blocks"]
        for what in NUMBERS[:3]:
            found[what, row["source"], row["type"], row["recipientType"]] += row[what]
    assert +found == expected
    assert len(body["rows"]) == 12
    assert body["totals"] == {name: sum(row[name] for row in body["rows"]) for name in NUMBERS}
    assert (body["brandCode"], body["date"], body["complete"]) == (busy, day.isoformat(), False)


async def test_csv_has_the_same_rows(town: Town, busy: int) -> None:
    day = await today_of(town, busy)
    body = (await report(town, busy, day)).json()
    answer = await report(town, busy, day, Accept="text/csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.text.endswith("\n")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert rows == [
        {"date": day.isoformat(), "brandCode": str(busy)}
        | {name: str(value) for name, value in row.items()}
        for row in body["rows"]
    ]


async def test_yesterday_is_the_day_before_in_turkey(
    town: Town, busy: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    day, clock = await today_of(town, busy), Clock()
    midnight = datetime(day.year, day.month, day.day, tzinfo=TURKEY) + timedelta(days=1)
    async with door_with_clock(town, monkeypatch, clock) as door:
        for after_midnight, complete in ((1, False), (61, True), (86_000, True)):
            clock.ahead = midnight - utc_now() + timedelta(seconds=after_midnight)
            headers = await authorized(town, door)
            path = f"/accounts/brands/{busy}/reports/yesterday"
            body = (await door.get(path, headers=headers)).json()
            assert (body["date"], body["complete"]) == (day.isoformat(), complete)
            assert body["totals"]["total"] == sum((await counted(town, busy, day)).values())


async def test_a_day_begins_and_ends_at_midnight_in_turkey(town: Town) -> None:
    brand = await town.new_brand()
    edges = (
        "2020-03-01 20:59:59.999999Z",
        "2020-03-01 21:00:00Z",
        "2020-03-02 20:59:59.999999Z",
        "2020-03-02 21:00:00Z",
    )
    async with town.owner.transaction():
        await town.owner.execute(
            EDGES.format(brand=brand, moments="{" + ",".join(f'"{e}"' for e in edges) + "}")
        )
    totals = [
        (await report(town, brand, f"2020-03-0{n}")).json()["totals"]["total"] for n in (1, 2, 3, 4)
    ]
    assert totals == [1, 2, 1, 0]
    assert (await report(town, brand, "2020-03-04")).json()["complete"]


async def test_a_partner_sees_its_channels_and_staff_everything(town: Town, busy: int) -> None:
    day = await today_of(town, busy)
    whole = (await report(town, busy, day)).json()
    assert (await report(town, busy, day, who="admin")).json() == whole
    assert (await report(town, busy, day, who="partner")).json()["code"] == "FORBIDDEN"
    path = f"/accounts/brands/{busy}/grants/{town.world.integrator_code}"
    granted = {"ARAMA": "read", "EPOSTA": "write"}
    assert (await town.post(path, granted, method="PUT")).status_code == 200
    part = (await report(town, busy, day, who="partner")).json()
    assert part["rows"] == [row for row in whole["rows"] if row["type"] in granted]
    assert part["totals"]["total"] == sum(row["total"] for row in part["rows"])


@pytest.mark.parametrize(
    ("who", "status", "code"),
    [
        (None, 401, "NOT_AUTHENTICATED"),
        ("Bearer nobody", 401, "NOT_AUTHENTICATED"),
        ("operator", 403, "FORBIDDEN"),
        ("ministry", 403, "FORBIDDEN"),
    ],
)
async def test_others_do_not_see_it(town: Town, who: str | None, status: int, code: str) -> None:
    answer = await report(town, town.world.brand_code, "yesterday", who=who)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_another_providers_brand_and_one_that_is_none(town: Town) -> None:
    code, _login = await town.new_provider()
    for brand in (code, 999_999_999):
        assert (await report(town, brand, "yesterday")).json()["code"] == "FORBIDDEN"
    unknown = await report(town, 999_999_999, "yesterday", who="admin")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "UNKNOWN_BRAND")


@pytest.mark.parametrize(
    "day", ["today", "2026-3-2", "2026-02-31", "2015-04-30", "0001-01-01", "9999-12-31", "20260302"]
)
async def test_a_day_that_is_none(town: Town, day: str) -> None:
    answer = await report(town, town.world.brand_code, day)
    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_FIELD")
    assert answer.json()["errors"][0]["pointer"] == "/date"


async def test_today_may_be_asked_for_and_tomorrow_not(town: Town) -> None:
    now = utc_now().astimezone(UTC)
    today = await report(town, town.world.brand_code, turkish_day(now))
    assert today.status_code == 200
    in_two_days = await report(town, town.world.brand_code, turkish_day(now) + timedelta(days=2))
    assert in_two_days.status_code == 422

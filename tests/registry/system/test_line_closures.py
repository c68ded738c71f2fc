"""Lines that operators report as closed: every consent of a number goes, at every brand (regulation E11)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.registry.parts import Parts
from services.registry.system.close_lines import CloseLines
from services.registry.system.jobs import close_lines
from shared.clock import utc_now
from shared.domain.wire_time import parse_wire_date
from shared.ledger.verify import verify
from shared.sealing.addresses import Digester
from tests.registry.doors import DROP, Town, ago, codes, consent, new_phone, question
from tests.registry.system.calls import (
    BREAKS,
    actions,
    decide,
    fed,
    movements,
    progress,
    report,
    send,
)

SOURCE = "IYS_AHS_HAT_KAPATMA"
BRANDS = 400
MANY = """
    INSERT INTO brand (brand_code, iys_code, name)
    SELECT 710000 + n, $1, 'Marka ' || n FROM generate_series(1, $2::integer) AS n
        ON CONFLICT DO NOTHING
"""
# One consent of the same address at each of them, as their providers might have recorded it.
APPENDED = """
    SELECT count(append_movements_v2(
        b.brand_code, 1::smallint, 1::smallint, b.brand_code, false, 1, 0, ARRAY[$1::bytea],
        ARRAY['MESAJ'::channel], ARRAY['BIREYSEL'::recipient_type], ARRAY['CONSENT'::movement_kind],
        ARRAY['ONAY'::consent_status], ARRAY['HS_WEB'::consent_source], ARRAY[now() - interval '1 day'],
        ARRAY[null::integer], ARRAY[null::text], ARRAY['\\x00'::bytea], ARRAY[null::bigint],
        ARRAY[null::integer]))
      FROM brand AS b WHERE b.brand_code BETWEEN 710001 AND 719999
"""
STATES = "SELECT status, count(*) FROM consent WHERE digest = $1 GROUP BY status"
MAKE_DUE = "UPDATE line_closure SET due_at = now() - interval '1 s' WHERE sealed IS NOT NULL"


def shown_date(wire: str) -> datetime:
    moment = parse_wire_date(wire)
    assert isinstance(moment, datetime)
    return moment


async def closed(town: Town, worker: CloseLines, recipients: Any, **more: Any) -> dict[str, Any]:
    """Report lines, have a worker do what there is to do, and return what the operator is told."""
    answer = await report(town, recipients, **more)
    assert answer.status_code == 202, answer.text
    while await worker():
        pass
    return await progress(town, answer.json()["reportId"])


async def test_all_consents_of_a_number_go_and_the_operator_is_told(
    town: Town, worker: CloseLines
) -> None:
    number, other, second = new_phone(), new_phone(), town.world.second_brand_code
    elsewhere = town.brand_path(second)
    await town.add(consent(number))
    await town.add(consent(number, type="ARAMA"))
    await town.add(consent(number, recipientType="TACIR"))
    await town.add(consent(number), brand=elsewhere)
    await town.add(consent(other))
    stats, head = await town.stats(), await town.head()
    told = await closed(town, worker, [number])
    assert (told["state"], told["pending"], told["consentsClosed"]) == ("DONE", 0, 4)
    assert told["results"] == [{"index": 0, "state": "DONE", "consentsClosed": 4, "brands": 2}]
    for asked in ({}, {"type": "ARAMA"}, {"recipientType": "TACIR"}, {"brandCode": second}):
        assert await town.reason(number, **asked) == "REFUSED"
    assert await town.reason(other) == "CONSENT"
    assert await town.stats() == (stats[0] - 3, stats[1] + 3, stats[2])
    assert await town.head() == head + 6, "a block and a refusal each"
    assert (await town.status(question(number))).json()["source"] == SOURCE
    assert (await verify(town.dsn)).differences == []


async def test_the_refusal_carries_the_last_known_date_or_none(
    town: Town, worker: CloseLines
) -> None:
    number, date = new_phone(), ago(hours=5)
    undated = {"recipientType": "TACIR", "source": DROP, "consentDate": DROP}
    await town.add(consent(number, consentDate=ago(hours=9)))
    await town.add(consent(number, consentDate=date))
    await town.add(consent(number, **undated))
    await closed(town, worker, [number])
    rows = await movements(town, number)
    refusals = {row[-1] for row in rows if row[1:4] == ("CONSENT", "RET", SOURCE)}
    assert refusals == {shown_date(date), None}
    assert await town.reason(number, recipientType="TACIR") == "REFUSED"


async def test_the_next_owner_starts_clean(town: Town, worker: CloseLines) -> None:
    number, at = new_phone(), utc_now().replace(microsecond=0) - timedelta(hours=4)
    await town.add(consent(number, consentDate=ago(hours=9)))
    told = await closed(town, worker, [number], closedAt=at.isoformat())
    assert told["consentsClosed"] == 1
    late = consent(number, consentDate=ago(hours=6))  # the last owner's, and not uploaded before
    assert (await town.add(late)).status_code == 200
    assert await town.reason(number) == "REFUSED"
    assert (await town.add(consent(number, consentDate=ago(hours=2)))).status_code == 200
    assert await town.reason(number) == "CONSENT"
    again = await closed(town, worker, [number], closedAt=at.isoformat())
    assert again["consentsClosed"] == 0, "what the next owner decided stays"
    assert await town.reason(number) == "CONSENT"


async def test_a_refusal_of_the_last_owner_is_no_hindrance_either(
    town: Town, worker: CloseLines
) -> None:
    number = new_phone()
    await decide(town, number)
    told = await closed(town, worker, [number])
    assert told["results"] == [{"index": 0, "state": "DONE", "consentsClosed": 0, "brands": 0}]
    assert await town.reason(number) == "REFUSED"
    answer = await decide(town, number, status="ONAY")
    assert answer.json()["outcome"] == "RECORDED"
    assert await town.reason(number) == "CONSENT"


async def test_reporting_again_changes_nothing(town: Town, worker: CloseLines) -> None:
    number = new_phone()
    at = utc_now() - timedelta(minutes=5)
    await town.add(consent(number))
    first = await closed(town, worker, [number], closedAt=at.isoformat())
    written = await movements(town, number)
    second = await closed(town, worker, [number], closedAt=at.isoformat())
    assert (first["consentsClosed"], second["consentsClosed"]) == (1, 0)
    assert await movements(town, number) == written


async def test_a_bad_number_does_not_fail_the_others(town: Town, worker: CloseLines) -> None:
    number = new_phone()
    await town.add(consent(number))
    odd = ["0599", None, 5, {"a": [1]}, "\ud800", "kisi@posta.example", "x" * 3000]
    answer = await report(town, [*odd, number, "+902122223344", number])
    body = answer.json()
    bad = [{"index": n, "problem": "INVALID_RECIPIENT"} for n in range(len(odd))]
    twice = {"index": 9, "problem": "DUPLICATE"}
    assert (body["accepted"], body["leftOut"]) == (2, [*bad, twice])
    while await worker():
        pass
    told = await progress(town, body["reportId"])
    assert (told["state"], told["numbers"], told["consentsClosed"]) == ("DONE", 10, 1)
    assert told["results"][7:] == [
        {"index": 7, "state": "DONE", "consentsClosed": 1, "brands": 1},
        {"index": 8, "state": "DONE", "consentsClosed": 0, "brands": 0},
        {"index": 9, "state": "DUPLICATE"},
    ]


async def test_a_report_without_one_good_number_is_done_at_once(town: Town) -> None:
    body = (await report(town, ["x"])).json()
    assert body["accepted"] == 0
    assert (await progress(town, body["reportId"]))["state"] == "DONE"


async def test_what_is_accepted_is_durable_and_then_its_address_goes(
    town: Town, worker: CloseLines
) -> None:
    number = new_phone()
    await town.add(consent(number))
    body = (await report(town, [number])).json()
    select = "SELECT * FROM line_closure WHERE report_id = $1"
    row = await town.owner.fetchrow(select, UUID(body["reportId"]))
    assert row is not None
    assert row["sealed"] is not None
    assert number.encode() not in row["sealed"]
    told = await progress(town, body["reportId"])
    assert (told["state"], told["pending"]) == ("PENDING", 1)
    assert told["results"] == [{"index": 0, "state": "PENDING"}]
    (action,) = await actions(town, number)
    assert (action["source"], action["outcome"]) == (SOURCE, None)
    await worker()
    row = await town.owner.fetchrow(select, UUID(body["reportId"]))
    assert row is not None
    assert row["sealed"] is None
    (audited,) = await actions(town, number)
    assert (audited["user_id"], audited["process"]) == (
        town.world.operator.user_id,
        "line closures",
    )
    on_file = (await town.status(question(number))).json()["transactionId"]
    assert (audited["outcome"], audited["transaction"]) == ("RECORDED", on_file)
    assert audited["at_brand"] == town.world.brand_code


@pytest.mark.parametrize("who", ["provider", "partner", "admin", "ministry", None])
async def test_only_operators_report(town: Town, who: Any) -> None:
    answer = await report(town, [new_phone()], who=who)
    assert answer.status_code == (401 if who is None else 403)


async def test_a_report_is_its_operators_and_staffs(town: Town) -> None:
    body = (await report(town, [new_phone()])).json()
    path = f"/operators/line-closures/{body['reportId']}"
    other = (await send(town, "POST", "/accounts/operators", {"title": "Öteki"})).json()
    for who, status in (
        ("operator", 200),
        ("admin", 200),
        (f"Bearer {other['apiKey']}", 404),
        ("provider", 403),
        (None, 401),
    ):
        assert (await send(town, "GET", path, who=who)).status_code == status
    missing = await send(town, "GET", f"/operators/line-closures/{uuid4()}")
    assert missing.json()["code"] == "UNKNOWN_REPORT"
    assert (await send(town, "GET", "/operators/line-closures/x")).status_code == 422


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"recipients": []}, 422),
        ({"recipients": "+905990000001"}, 422),
        ({}, 422),
        ({"recipients": ["x"] * 1001}, 413),
        ({"recipients": ["x"], "closedAt": "2026-03-01"}, 422),
        ({"recipients": ["x"], "closedAt": "2026-03-01T10:00:00"}, 422),
        ({"recipients": ["x"], "closedAt": "2999-03-01T10:00:00+03:00"}, 422),
        ({"recipients": ["x"], "closedAt": "0001-01-01T00:00:00+14:00"}, 422),
        ({"recipients": ["x"], "closedAt": 1_700_000_000}, 422),
        ({"recipients": ["x"], "since": None}, 422),
    ],
)
async def test_what_is_no_report_is_refused_whole(
    town: Town, body: dict[str, Any], status: int
) -> None:
    before = await town.owner.fetchval("SELECT count(*) FROM line_closure_report")
    answer = await send(town, "POST", "/operators/line-closures", body, who="operator")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert await town.owner.fetchval("SELECT count(*) FROM line_closure_report") == before


async def test_a_clock_that_runs_ahead_a_little_means_now(town: Town) -> None:
    ahead = (utc_now() + timedelta(minutes=2)).isoformat()
    body = (await report(town, [new_phone()], closedAt=ahead)).json()
    assert body["closedAt"] == body["receivedAt"]


async def counted(town: Town, select: str, digest: bytes) -> dict[str, int]:
    """Return counts by their word."""
    return {row[0]: row[1] for row in await town.owner.fetch(select, digest)}


async def consents_at_many_brands(town: Town, digest: bytes) -> None:
    await town.owner.execute(MANY, town.world.iys_code, BRANDS)
    assert await town.owner.fetchval(APPENDED, digest) == BRANDS


@asynccontextmanager
async def brand_that_cannot_be_written(town: Town, brand_code: int) -> AsyncIterator[None]:
    await town.owner.execute(BREAKS)
    await town.owner.execute(
        "CREATE TRIGGER broken BEFORE INSERT ON extent "
        f"FOR EACH ROW EXECUTE FUNCTION breaks('{brand_code}')"
    )
    try:
        yield
    finally:
        await town.owner.execute("DROP FUNCTION breaks() CASCADE")


async def test_a_number_at_hundreds_of_brands_is_closed_at_each_though_one_fails_meanwhile(
    town: Town, worker: CloseLines
) -> None:
    number = new_phone()
    digest = Digester(town.ring).digest(number)
    await consents_at_many_brands(town, digest)
    async with brand_that_cannot_be_written(town, 710_200):
        told = await closed(town, worker, [number])
        assert (told["state"], told["consentsClosed"]) == ("PENDING", 0)
        states = await counted(town, STATES, digest)
        assert states == {"RET": BRANDS - 1, "ONAY": 1}, "the others do not wait for it"
    assert await worker() == 0, "it rests a moment before it is tried again"
    await town.owner.execute(MAKE_DUE)
    assert await worker() == 1
    told = await progress(town, told["reportId"])
    assert (told["state"], told["consentsClosed"]) == ("DONE", BRANDS)
    assert told["results"][0]["brands"] == BRANDS
    audited = await actions(town, number)
    assert len({row["transaction"] for row in audited}) == BRANDS
    kept = "SELECT count(*) FROM consent WHERE digest = $1 AND blocked_at IS NOT NULL"
    assert await town.owner.fetchval(kept, digest) == BRANDS
    written = (
        "SELECT kind, count(*) FROM movement WHERE digest = $1 AND status = 'RET' GROUP BY kind"
    )
    assert await counted(town, written, digest) == {"CONSENT": BRANDS, "BLOCK": BRANDS}
    assert (await verify(town.dsn)).differences == []


async def test_who_dies_in_the_middle_leaves_it_to_the_next_one(
    town: Town, worker: CloseLines, parts: Parts
) -> None:
    number = new_phone()
    digest = Digester(town.ring).digest(number)
    await consents_at_many_brands(town, digest)
    body = (await report(town, [number])).json()
    one_by_one = replace(worker, slots=asyncio.Semaphore(1))
    dying = asyncio.create_task(one_by_one())
    async with asyncio.timeout(10):
        while "RET" not in await counted(town, STATES, digest):  # noqa: ASYNC110  # the ledger tells nobody
            await asyncio.sleep(0.001)
    dying.cancel()
    with suppress(asyncio.CancelledError):
        await dying
    await parts.commits.drain()
    assert (await progress(town, body["reportId"]))["state"] == "PENDING"
    assert await worker() == 0, "it is not taken twice within its lease"
    await town.owner.execute(MAKE_DUE)
    await asyncio.gather(worker(), worker())
    told = await progress(town, body["reportId"])
    assert (told["state"], told["consentsClosed"]) == ("DONE", BRANDS)
    assert (await verify(town.dsn)).differences == []


async def test_a_full_report_shares_transactions_brand_by_brand(
    town: Town, worker: CloseLines
) -> None:
    numbers = [new_phone() for _ in range(300)]
    await asyncio.gather(*(town.add(consent(number)) for number in numbers[:100]))
    extents = "SELECT count(*) FROM extent WHERE brand_code = $1"
    before = await town.owner.fetchval(extents, town.world.brand_code)
    told = await closed(town, worker, numbers)
    assert (told["state"], told["consentsClosed"]) == ("DONE", 100)
    after = await town.owner.fetchval(extents, town.world.brand_code)
    assert after - before < 100, "200 movements, in groups"


async def test_consents_that_change_meanwhile_are_judged_anew(
    town: Town, worker: CloseLines
) -> None:
    numbers = [new_phone() for _ in range(20)]
    for number in numbers:
        await town.add(consent(number, consentDate=ago(hours=9)))

    async def disturb(number: str) -> None:
        for hours in (8, 7, 6):
            await town.add(consent(number, consentDate=ago(hours=hours)))

    body = (await report(town, numbers)).json()
    await asyncio.gather(worker(), *map(disturb, numbers))
    await town.owner.execute(MAKE_DUE)
    while await worker():
        pass
    told = await progress(town, body["reportId"])
    assert (told["state"], told["consentsClosed"]) == ("DONE", 20)
    assert {await town.reason(number) for number in numbers} == {"REFUSED"}


async def test_the_workers_job_does_it_by_itself(town: Town, parts: Parts) -> None:
    number = new_phone()
    await town.add(consent(number))
    job = asyncio.create_task(close_lines(parts))
    try:
        body = (await report(town, [number])).json()
        async with asyncio.timeout(10):
            while (await progress(town, body["reportId"]))["state"] == "PENDING":  # noqa: ASYNC110  # it is polled
                await asyncio.sleep(0.02)
    finally:
        job.cancel()
        with suppress(asyncio.CancelledError):
            await job
    assert await town.reason(number) == "REFUSED"


async def test_a_provider_cannot_write_what_is_the_registrys(town: Town) -> None:
    assert codes(await town.add(consent(source=SOURCE))) == ["H119"]


async def test_the_default_feed_shows_closures_with_their_dates(
    town: Town, worker: CloseLines
) -> None:
    number, date = new_phone(), ago(hours=5)
    await town.add(consent(number, consentDate=date))
    undated = {"recipientType": "TACIR", "source": DROP, "consentDate": DROP}
    await town.add(consent(number, **undated))
    await closed(town, worker, [number])
    rows = await fed(town, number)
    assert {(row["source"], row["status"], row["type"]) for row in rows} == {
        (SOURCE, "RET", "MESAJ")
    }
    dates = {row["recipientType"]: row.get("consentDate") for row in rows}
    assert dates["BIREYSEL"] == date
    assert not dates["TACIR"], "it never had one (iys-api 4.9)"

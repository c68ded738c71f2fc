"""What a sender sees of its files: how far they are, how they ended brand by brand; and only its own."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from services.ingest.jobs import job_events
from services.ingest.jobs.job_events import JobEvents
from services.ingest.lanes.watch_queue import WatchQueue
from services.ingest.lanes.work_file import PARTS_A_PIECE
from shared.ledger import accounts
from shared.ledger.accounts import NewGrant, NewProvider
from shared.ledger.ingest_jobs import Lane
from shared.telemetry.metrics import render
from shared.web.problems import ProblemError
from tests.ingest.doors import (
    CONTENT,
    Area,
    announce,
    claimed,
    code_of,
    head,
    patch,
    play_step,
    play_survey,
    play_worker,
    put,
    send,
    shown,
    uploaded,
)
from tests.registry.doors import Town
from tests.support.builders import new_user


async def test_progress_shows_rows_outcomes_pace_and_the_time_left(town: Town, area: Area) -> None:
    brand = town.world.brand_code
    job = await uploaded(town, brandCode=brand)
    await play_survey(area, job, rows=1000)
    claim = await claimed(area, Lane.APPROVALS)
    await town.owner.execute(
        "UPDATE ingest_lane SET created_at = now() - interval '10 seconds' WHERE job_id = $1",
        UUID(job["id"]),
    )
    outcomes = {(brand, "ACCEPTED"): 300, (brand, "UNCHANGED"): 50, (brand, "H178"): 50}
    await play_step(area, claim, outcomes, is_last=False)
    view = await shown(town, job)
    assert view["state"] == "QUEUED"
    assert (view["rowsSeen"], view["rowsDone"]) == (1000, 400)
    assert (view["accepted"], view["unchanged"], view["refused"]) == (300, 50, 50)
    assert view["refusedByCode"] == {"H178": 50}
    assert 5 < view["rowsPerSecond"] <= 40
    assert 15 <= view["secondsLeft"] < 120
    assert (view["faultsUrl"], view["finishedAt"], view["failure"]) == (None, None, None)


async def test_a_file_that_could_not_be_read_says_why(town: Town, area: Area) -> None:
    job = await uploaded(town)
    await town.owner.execute(
        "UPDATE ingest_job SET state = 'FAILED', finished_at = now(), failure = 'FILE_EMPTY',"
        " failure_detail = 'Dosya boş.' WHERE job_id = $1",
        UUID(job["id"]),
    )
    view = await shown(town, job)
    assert view["failure"] == {"code": "FILE_EMPTY", "detail": "Dosya boş."}


async def test_the_list_is_the_organisation_s_in_pages_the_newest_first(
    town: Town, area: Area
) -> None:
    jobs = [await announce(town, name=f"{n}.csv") for n in range(5)]
    await announce(town, name="theirs.csv", who="partner")
    first = (await town.get("/ingest/jobs?limit=3")).json()
    second = (await town.get(f"/ingest/jobs?limit=3&before={first['next']}")).json()
    names = [item["name"] for page in (first, second) for item in page["items"]]
    assert names == ["4.csv", "3.csv", "2.csv", "1.csv", "0.csv"]
    assert second["next"] is None
    assert [item["id"] for item in first["items"]] == [job["id"] for job in jobs[:1:-1]]
    nobody = (await town.get(f"/ingest/jobs?before={uuid4()}")).json()
    assert nobody == {"items": [], "next": None}
    assert code_of(await town.get("/ingest/jobs?limit=0")) == "INVALID_FIELD"
    assert code_of(await town.get("/ingest/jobs?before=x")) == "INVALID_FIELD"


async def test_colleagues_share_their_jobs_and_nobody_else_sees_them(
    town: Town, area: Area
) -> None:
    colleague = new_user("provider", username="is-arkadasi")
    await town.owner.execute(
        "INSERT INTO api_user (username, secret_hash, role, iys_code) VALUES ($1, $2, $3, $4)",
        *(colleague.username, colleague.secret_hash, "provider", town.world.iys_code),
    )
    job = await uploaded(town)
    assert (await shown(town, job, who=await town.login("is-arkadasi", "provider"))) == job
    _code, stranger = await town.new_provider()
    for who in (stranger, "partner"):
        for method, path in (
            ("GET", ""),
            ("GET", "/events"),
            ("GET", "/report"),
            ("GET", "/faults"),
            ("POST", "/cancel"),
            ("DELETE", ""),
            ("HEAD", "/content"),
            ("PUT", "/content"),
        ):
            answer = await send(
                town, method, f"/ingest/jobs/{job['id']}{path}", content=b"x", who=who
            )
            assert answer.status_code == 404, (method, path)
            if method != "HEAD":
                assert code_of(answer) == "UNKNOWN_JOB"
        content = {"uploadUrl": f"/ingest/jobs/{job['id']}/content"}
        theirs = await patch(town, content, b"", at=0, who=who)
        assert code_of(theirs) == "UNKNOWN_JOB"
        listed = (await town.get("/ingest/jobs", who=who)).json()["items"]
        assert job["id"] not in {item["id"] for item in listed}
    assert (await shown(town, job))["state"] == "QUEUED"


@pytest.mark.parametrize("who", ["operator", "ministry", "admin"])
async def test_files_are_for_providers_and_partners(town: Town, who: str) -> None:
    job = await announce(town)
    for answer in (
        await town.get("/ingest/jobs", who=who),
        await town.get(f"/ingest/jobs/{job['id']}", who=who),
        await town.post("/ingest/jobs", {"name": "a.csv"}, who=who),
        await send(town, "POST", "/ingest/files?name=a.csv", content=CONTENT, who=who),
        await put(town, job, CONTENT, who=who),
    ):
        assert (answer.status_code, code_of(answer)) == (403, "FORBIDDEN")


@pytest.mark.parametrize("who", [None, "Bearer nonsense", "Basic bm9ib2R5OnBhc3N3b3Jk"])
async def test_without_a_good_credential_there_is_nothing_to_see(
    town: Town, who: str | None
) -> None:
    job = await announce(town)
    for answer in (
        await town.get("/ingest/jobs", who=who),
        await town.get(f"/ingest/jobs/{job['id']}/events", who=who),
        await town.post("/ingest/jobs", {"name": "a.csv"}, who=who),
        await put(town, job, CONTENT, who=who),
    ):
        assert (answer.status_code, code_of(answer)) == (401, "NOT_AUTHENTICATED")
    assert (await head(town, job, who=who)).status_code == 401


async def test_a_file_is_sent_for_brands_that_one_may_record_at(town: Town) -> None:
    world = town.world
    other_code, other = await town.new_provider()
    cases: list[tuple[Any, int | None, int]] = [
        ("provider", world.brand_code, 201),
        ("provider", world.second_brand_code, 201),
        ("provider", other_code, 403),
        ("provider", 999_999, 403),
        ("partner", world.brand_code, 201),
        ("partner", world.second_brand_code, 403),
        ("partner", None, 201),
        (other, other_code, 201),
        (other, world.brand_code, 403),
    ]
    for who, brand, status in cases:
        body = {"name": "a.csv"} if brand is None else {"name": "a.csv", "brandCode": brand}
        answer = await town.post("/ingest/jobs", body, who=who)
        assert answer.status_code == status, (who, brand)


@pytest.mark.parametrize(
    ("rights", "status"),
    [(("none", "write", "none"), 201), (("read", "read", "read"), 403), (("none",) * 3, 403)],
)
async def test_a_partner_needs_write_on_one_channel(
    town: Town, rights: tuple[str, str, str], status: int
) -> None:
    brand = await town.new_brand()
    await accounts.put_grant(
        town.writer,
        brand_code=brand,
        integrator_code=town.world.integrator_code,
        grant=NewGrant(*rights, reconciliation=False, via=False),
    )
    body = {"name": "a.csv", "brandCode": brand}
    assert (await town.post("/ingest/jobs", body, who="partner")).status_code == status


async def test_a_partner_s_report_is_by_customer_and_names_only_its_own(
    town: Town, area: Area
) -> None:
    mine, strange = town.world.brand_code, town.world.second_brand_code
    job = await uploaded(town, who="partner")
    outcomes = {
        (mine, "ACCEPTED"): 7,
        (mine, "UNCHANGED"): 2,
        (mine, "H178"): 1,
        (strange, "H353"): 4,
        (0, "BRAND_MISSING"): 3,
    }
    await play_worker(area, job, outcomes)
    report = (await town.get(f"/ingest/jobs/{job['id']}/report", who="partner")).json()
    assert report["id"] == job["id"]
    assert report["brands"] == [
        {
            "brandCode": mine,
            "brandName": "Deneme",
            "iysCode": town.world.iys_code,
            "accepted": 7,
            "unchanged": 2,
            "refused": 1,
            "refusedByCode": {"H178": 1},
        },
        {
            "brandCode": strange,
            "brandName": None,
            "iysCode": None,
            "accepted": 0,
            "unchanged": 0,
            "refused": 4,
            "refusedByCode": {"H353": 4},
        },
    ]
    assert (report["unreadable"], report["unreadableByCode"]) == (3, {"BRAND_MISSING": 3})


def read_events(raw: bytes) -> list[dict[str, Any]]:
    """Return the events of a stream, with their names and numbers."""
    events: list[dict[str, Any]] = []
    for block in raw.decode().split("\n\n"):
        fields = dict(line.partition(": ")[::2] for line in block.splitlines() if line[:1] != ":")
        if "data" in fields:
            events.append({**fields, "data": orjson.loads(fields["data"])})
    return events


async def test_events_tell_of_a_file_until_its_end(town: Town, area: Area) -> None:
    brand = town.world.brand_code
    job = await uploaded(town, brandCode=brand)
    authorization = (await town.authorization("provider"))["Authorization"]
    events = JobEvents(area.files.senders, area.files.read, look_every_s=0.01, heartbeat_s=0.05)
    said = bytearray()
    async with (
        aclosing(events.follow(authorization, UUID(job["id"]), last_id=None)) as stream,
        asyncio.timeout(10),
    ):
        said += await anext(stream) + await anext(stream)
        assert read_events(bytes(said))[0]["data"]["rowsSeen"] is None
        while (piece := await anext(stream)) != b": still here\n\n":
            said += piece
        await play_survey(area, job, rows=20)
        said += await next_event(stream)
        claim = await claimed(area, Lane.APPROVALS)
        await play_step(area, claim, {(brand, "ACCEPTED"): 10}, is_last=False)
        said += await next_event(stream)
        await play_step(area, claim, {(brand, "ACCEPTED"): 10}, number=PARTS_A_PIECE, after=0)
        said += await next_event(stream)
        refusals = await claimed(area, Lane.REFUSALS)
        await play_step(area, refusals, {})
        assert await area.upkeep.close(UUID(job["id"]))
        async for piece in stream:
            said += piece
    told = read_events(bytes(said))
    assert [event["event"] for event in told] == ["progress"] * (len(told) - 1) + ["end"]
    assert [event["data"]["rowsDone"] for event in told] == [0, 0, 10, 20, 20]
    assert told[-1]["data"]["state"] == "DONE"
    assert len({event["id"] for event in told}) == len(told)
    assert any(event["data"]["rowsPerSecond"] for event in told)


async def next_event(stream: AsyncGenerator[bytes]) -> bytes:
    while (piece := await anext(stream)).startswith(b":"):
        pass
    return piece


async def test_who_comes_back_is_not_told_again(town: Town, area: Area) -> None:
    job = await uploaded(town)
    authorization = (await town.authorization("provider"))["Authorization"]
    events = JobEvents(area.files.senders, area.files.read, look_every_s=0.01, heartbeat_s=0.02)
    async with aclosing(events.follow(authorization, UUID(job["id"]), last_id=None)) as first:
        await anext(first)
        (event,) = read_events(await anext(first))
    async with aclosing(
        events.follow(authorization, UUID(job["id"]), last_id=event["id"])
    ) as second:
        await anext(second)
        assert await anext(second) == b": still here\n\n"
    await send(town, "POST", f"/ingest/jobs/{job['id']}/cancel")
    answer = await town.get(f"/ingest/jobs/{job['id']}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["x-accel-buffering"] == "no"
    (end,) = read_events(answer.content)
    again = await send(town, "GET", f"/ingest/jobs/{job['id']}/events", Last_Event_Id=end["id"])
    assert [(e["event"], e["data"]["state"]) for e in read_events(again.content)] == [
        ("end", "CANCELLED")
    ]


async def test_who_loses_its_rights_hears_no_more(town: Town, area: Area) -> None:
    user = new_user("provider", username="kapatilan")
    code = await accounts.add_provider(
        town.writer, NewProvider("Kapanan A.Ş.", "9876543210", None, None, "Kapanan"), user
    )
    login = await town.login("kapatilan", "provider")
    job = await announce(town, who=login)
    authorization = (await town.authorization(login))["Authorization"]
    events = JobEvents(area.files.senders, area.files.read, look_every_s=0.01)
    async with aclosing(events.follow(authorization, UUID(job["id"]), last_id=None)) as stream:
        await anext(stream)
        await anext(stream)
        await town.owner.execute(
            "UPDATE api_user SET state = 'SUSPENDED' WHERE user_id = $1", login.user_id
        )
        async with asyncio.timeout(10):
            assert [piece async for piece in stream if not piece.startswith(b":")] == []
    assert code > 0
    assert code_of(await town.get(f"/ingest/jobs/{job['id']}", who=login)) == "NOT_AUTHENTICATED"


async def test_a_process_serves_so_many_listeners(
    area: Area, monkeypatch: pytest.MonkeyPatch
) -> None:
    area.files.events.require_room()
    monkeypatch.setattr(job_events, "LISTENERS_MAX", 0)
    with pytest.raises(ProblemError) as refused:
        area.files.events.require_room()
    assert (refused.value.code, refused.value.headers["Retry-After"]) == ("OVERLOADED", "10")


async def test_the_queue_has_numbers(town: Town, area: Area) -> None:
    job = await uploaded(town)
    await announce(town)
    await town.owner.execute(
        "UPDATE ingest_lane SET created_at = created_at - interval '1 hour' WHERE job_id = $1",
        UUID(job["id"]),
    )
    await WatchQueue(area.parts.reader_pool, area.clock).look()
    text = render()[0].decode()
    ages = {
        lane: float(text.partition(f'izin_ingest_oldest_seconds{{lane="{lane}"}} ')[2].split()[0])
        for lane in ("REFUSALS", "APPROVALS")
    }
    assert all(3600 <= age < 3700 for age in ages.values())
    assert 'izin_ingest_files{state="QUEUED"} 1.0' in text
    assert 'izin_ingest_files{state="UPLOADING"} 1.0' in text

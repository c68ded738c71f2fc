"""Whoever asked for it is called when a file has ended: signed, once if it answers, else again and again."""

import asyncio
import base64
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.ingest.jobs.call_webhooks import TRIES_MAX
from tests.ingest.doors import CONTENT, Area, announce, play_worker, put, send, uploaded
from tests.registry.doors import Town

URL = "https://kayit.example/iys?dosya=1"
SECRET = "whsec_" + base64.b64encode(b"the secret of the receiver 01").decode()


async def ended(town: Town, area: Area, **webhook: str) -> dict[str, Any]:
    """Return a job with a webhook that is worked off and closed."""
    job = await announce(town, webhook={"url": URL, **webhook})
    assert (await put(town, job, CONTENT)).status_code == 200
    await play_worker(area, job, {(town.world.brand_code, "ACCEPTED"): 2, (0, "H121"): 1})
    assert await area.upkeep.close(UUID(job["id"]))
    return job


async def options_of(town: Town, job: dict[str, Any]) -> str:
    options: str = await town.owner.fetchval(
        "SELECT options FROM ingest_job WHERE job_id = $1", UUID(job["id"])
    )
    return options


async def test_the_receiver_is_told_once_how_it_ended(town: Town, area: Area) -> None:
    job = await ended(town, area, secret=SECRET)
    assert job["webhookSecret"] is None
    assert await area.upkeep.call_webhooks() == 1
    assert await area.upkeep.call_webhooks() == 0
    ((url, message, message_id, secret),) = area.calls.made
    assert (url.host, url.target, secret) == ("kayit.example", "/iys?dosya=1", SECRET)
    assert message_id == f"job-{job['id']}"
    assert message["type"] == "ingest.job.ended"
    data = message["data"]
    assert (data["id"], data["state"], data["accepted"]) == (job["id"], "DONE", 2)
    assert data["refusedByCode"] == {"H121": 1}
    assert message["timestamp"] == data["finishedAt"]
    assert "name" not in data
    assert "webhook" not in await options_of(town, job)


async def test_a_secret_that_nobody_gave_is_made_up_and_shown_once(town: Town, area: Area) -> None:
    job = await ended(town, area)
    assert job["webhookSecret"].startswith("whsec_")
    listed = (await town.get(f"/ingest/jobs/{job['id']}")).json()
    assert "webhookSecret" not in listed
    await area.upkeep.call_webhooks()
    assert area.calls.made[0][3] == job["webhookSecret"]


async def test_address_and_secret_are_kept_sealed(town: Town, area: Area) -> None:
    job = await announce(town, webhook={"url": URL, "secret": SECRET})
    options = await options_of(town, job)
    for text in ("kayit", SECRET, SECRET[6:30]):
        assert text not in options
    assert "sealed" in options


async def test_a_receiver_that_does_not_answer_is_called_again_later_and_then_no_more(
    town: Town, area: Area
) -> None:
    job = await ended(town, area)
    area.calls.taken = False
    for tries in range(TRIES_MAX):
        assert await area.upkeep.call_webhooks() == 1
        assert await area.upkeep.call_webhooks() == 0
        area.clock.ahead += timedelta(minutes=4**tries, seconds=1)
    assert await area.upkeep.call_webhooks() == 0
    assert len({call[2] for call in area.calls.made}) == 1
    assert len(area.calls.made) == TRIES_MAX
    assert "webhook" not in await options_of(town, job)


async def test_many_workers_make_one_call(town: Town, area: Area) -> None:
    await ended(town, area)
    calls = await asyncio.gather(*(area.upkeep.call_webhooks() for _ in range(5)))
    assert sum(calls) == len(area.calls.made) == 1


@pytest.mark.parametrize("end", ["cancel", "fail", "repeat"])
async def test_every_end_is_told(town: Town, area: Area, end: str) -> None:
    if end == "repeat":
        job = await uploaded(town)
        await play_worker(area, job, {(town.world.brand_code, "ACCEPTED"): 2})
        assert await area.upkeep.close(UUID(job["id"]))
    job = await uploaded(town, webhook={"url": URL})
    assert await area.upkeep.call_webhooks() == (end == "repeat")
    if end == "cancel":
        await send(town, "POST", f"/ingest/jobs/{job['id']}/cancel")
    if end == "fail":
        await town.owner.execute(
            "UPDATE ingest_job SET state = 'FAILED', finished_at = now(), failure = 'FILE_EMPTY'"
            " WHERE job_id = $1",
            UUID(job["id"]),
        )
    await area.upkeep.call_webhooks()
    ((_url, message, _id, _secret),) = area.calls.made
    states = {"cancel": "CANCELLED", "fail": "FAILED", "repeat": "DONE"}
    assert message["data"]["state"] == states[end]


async def test_a_job_that_is_deleted_calls_nobody(town: Town, area: Area) -> None:
    job = await ended(town, area)
    await send(town, "DELETE", f"/ingest/jobs/{job['id']}")
    assert await area.upkeep.call_webhooks() == 0

"""Steps go one after the other, also where the next one is sent before the last one is stored."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from shared.ledger.failures import StaleStateError
from shared.ledger.ingest_jobs import Lane
from tests.ingest.doors import Area, claimed, play_step, play_survey, shown, uploaded
from tests.ingest.working import work_off, worker
from tests.registry.doors import Town, ago, consent, new_phone
from tests.support.ledger import owner_connection, until_waiting

MARK: str = "UPDATE ingest_lane SET step = 0 WHERE job_id = $1 AND lane = 'APPROVALS'"


@asynccontextmanager
async def under_way(town: Town, job: Mapping[str, Any]) -> AsyncGenerator[asyncpg.Connection]:
    """Hold the lane as a step does that is being stored."""
    async with owner_connection(town.dsn) as other:
        await other.execute("BEGIN")
        await other.execute(MARK, UUID(job["id"]))
        yield other


@pytest.mark.parametrize(("ending", "rows_done"), [("COMMIT", 10), ("ROLLBACK", 0)])
async def test_a_step_waits_for_the_one_before_and_is_nothing_without_it(
    town: Town, area: Area, ending: str, rows_done: int
) -> None:
    brand = await town.new_brand()
    job = await uploaded(town, brandCode=brand)
    await play_survey(area, job, rows=20)
    claim = await claimed(area, Lane.APPROVALS)
    async with under_way(town, job) as before:
        outcomes = {(brand, "ACCEPTED"): 10}
        step = asyncio.create_task(play_step(area, claim, outcomes, number=1, after=0))
        await until_waiting(town.owner)
        assert not step.done()
        await before.execute(ending)
        if ending == "COMMIT":
            await step
        else:
            with pytest.raises(StaleStateError):
                await step
    assert (await shown(town, job))["rowsDone"] == rows_done


async def test_others_write_the_same_keys_meanwhile_and_every_row_counts_once(town: Town) -> None:
    brand = await town.new_brand()
    numbers = [new_phone() for _ in range(300)]
    # Each number comes three times, each time with a later date, ten rows apart: a key is often under way.
    rows = [
        f"{number};SMS;Onay;{ago(hours=9 - turn)}"
        for at in range(0, len(numbers), 10)
        for turn in range(3)
        for number in numbers[at : at + 10]
    ]
    content = "\r\n".join(["Telefon;Tür;Durum;Tarih", *rows]).encode()
    headers = await town.authorization("provider")
    async with (
        town.another_process(ingest_chunk_rows=10) as door,
        worker(town) as lanes,
    ):
        url = (
            f"/ingest/files?name=izinler.csv&brandCode={brand}&source=HS_WEB&recipientType=BIREYSEL"
        )
        queued = await door.post(url, content=content, headers=headers)
        assert queued.status_code == 202, queued.text
        working = asyncio.create_task(work_off(lanes))
        others = 0
        for number in numbers[::-7]:
            said = consent(number, consentDate=ago(hours=2))
            answer = await town.post(f"/sps/{town.world.iys_code}/brands/{brand}/consents", said)
            others += answer.status_code == 200
        await working
        job = (await door.get(f"/ingest/jobs/{queued.json()['id']}", headers=headers)).json()
    assert job["state"] == "DONE", job
    assert job["rowsDone"] == job["accepted"] + job["unchanged"] + job["refused"] == len(rows)
    stored = "SELECT count(*) FROM movement WHERE brand_code = $1 AND kind = 'CONSENT'"
    assert await town.owner.fetchval(stored, brand) == job["accepted"] + others
    approvals, rejections, _total = await town.stats(brand)
    assert (approvals, rejections) == (len(numbers), 0)

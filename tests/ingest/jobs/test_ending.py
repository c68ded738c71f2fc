"""Jobs end: by being worked off, cancelled, deleted, forgotten; and nothing of a file outlives its time."""

import os
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.ingest.jobs.close_file import CloseFile
from services.ingest.jobs.tidy_files import TidyFiles
from services.ingest.lanes.rows import RowFault
from shared.ledger.ingest_jobs import Lane, renew_claim
from shared.ledger.ingest_steps import LeaseLostError
from tests.ingest.doors import (
    CONTENT,
    Area,
    PlainCells,
    announce,
    claimed,
    code_of,
    patch,
    play_step,
    play_survey,
    play_worker,
    send,
    shown,
    uploaded,
)
from tests.registry.doors import Town

DAYS = 60
A_FAULT = RowFault(1, None, "H121", "Numara geçerli değil.")


def folder_of(town: Town, job: dict[str, Any]) -> Path:
    return town.data_dir / "spool" / "files" / str(job["id"])


def tidy(area: Area) -> TidyFiles:
    """Return the sweep with a reader that knows CSV."""
    tidy = area.upkeep.tidy
    close = tidy.close
    reading = CloseFile(close.pool, close.writer, close.keys, close.spool, PlainCells(), close.now)
    return TidyFiles(tidy.pool, tidy.writer, tidy.spool, reading, DAYS, tidy.now)


def age(path: Path, how_long: timedelta) -> None:
    """Make files look as if nobody had touched them for so long."""
    for one in (path, *path.iterdir()):
        then = one.stat().st_mtime - how_long.total_seconds()
        os.utime(one, (then, then))


async def columns(town: Town, job: dict[str, Any]) -> Any:
    return await town.owner.fetchrow(
        "SELECT state, job_key, name, options FROM ingest_job WHERE job_id = $1", UUID(job["id"])
    )


async def test_an_upload_is_cancelled_and_its_content_goes_at_once(town: Town, area: Area) -> None:
    job = await announce(town, size=100)
    await patch(town, job, b"x" * 50, at=0)
    assert folder_of(town, job).exists()
    answer = await send(town, "POST", f"/ingest/jobs/{job['id']}/cancel")
    assert (answer.status_code, answer.json()["state"]) == (200, "CANCELLED")
    assert answer.json()["finishedAt"] is not None
    assert not folder_of(town, job).exists()
    assert (await send(town, "POST", f"/ingest/jobs/{job['id']}/cancel")).status_code == 200


async def test_a_cancelled_file_records_no_further_row_and_keeps_what_it_had(
    town: Town, area: Area
) -> None:
    brand = town.world.brand_code
    job = await uploaded(town, brandCode=brand)
    await play_survey(area, job, rows=100)
    claim = await claimed(area, Lane.APPROVALS)
    await play_step(area, claim, {(brand, "ACCEPTED"): 10}, is_last=False)
    assert (await send(town, "POST", f"/ingest/jobs/{job['id']}/cancel")).status_code == 200
    with pytest.raises(LeaseLostError):
        await play_step(area, claim, {(brand, "ACCEPTED"): 10}, number=5, after=0)
    view = await shown(town, job)
    assert (view["state"], view["accepted"], view["rowsDone"]) == ("CANCELLED", 10, 10)
    await tidy(area)()
    assert (folder_of(town, job) / "content").exists()  # somebody is reading it
    await renew_claim(area.parts.writer_pool, claim, until=area.clock())
    area.clock.ahead += timedelta(minutes=2)
    await tidy(area)()
    assert not folder_of(town, job).exists()


async def test_what_has_ended_cannot_be_cancelled(town: Town, area: Area) -> None:
    job = await uploaded(town)
    await play_worker(area, job, {(0, "H121"): 2})
    assert await area.upkeep.close(UUID(job["id"]))
    answer = await send(town, "POST", f"/ingest/jobs/{job['id']}/cancel")
    assert (answer.status_code, code_of(answer)) == (409, "CONFLICT")


async def test_a_job_that_is_deleted_is_gone_with_its_key(town: Town, area: Area) -> None:
    uploading, waiting = await announce(town, size=100), await uploaded(town)
    await patch(town, uploading, b"x" * 50, at=0)
    ended = await uploaded(town, CONTENT + b"\n", brandCode=town.world.brand_code)
    await send(town, "POST", f"/ingest/jobs/{ended['id']}/cancel")
    for job in (uploading, waiting, ended):
        answer = await send(town, "DELETE", f"/ingest/jobs/{job['id']}")
        assert (answer.status_code, answer.content) == (204, b"")
        assert code_of(await town.get(f"/ingest/jobs/{job['id']}")) == "UNKNOWN_JOB"
        assert await columns(town, job) is None
        again = await send(town, "DELETE", f"/ingest/jobs/{job['id']}")
        assert code_of(again) == "UNKNOWN_JOB"
    assert not folder_of(town, uploading).exists()
    assert not folder_of(town, ended).exists()
    # A worker may be reading the one in the queue; without the key it is noise, and the sweep takes it.
    age(folder_of(town, waiting), timedelta(hours=2))
    await tidy(area)()
    assert not folder_of(town, waiting).exists()


async def test_a_file_whose_worker_died_at_the_very_end_is_closed_by_the_sweep(
    town: Town, area: Area
) -> None:
    job = await uploaded(town)
    await play_worker(area, job, {(0, "H121"): 1}, faults=[A_FAULT])
    assert (await shown(town, job))["state"] == "QUEUED"
    await tidy(area)()
    assert (await shown(town, job))["state"] == "DONE"
    assert [path.name for path in folder_of(town, job).iterdir()] == ["fault-rows"]


async def test_a_file_that_is_still_worked_on_is_left_alone(town: Town, area: Area) -> None:
    job = await uploaded(town)
    await play_survey(area, job, rows=2)
    await play_step(area, await claimed(area, Lane.REFUSALS), {})
    assert not await area.upkeep.close(UUID(job["id"]))
    age(folder_of(town, job), timedelta(days=100))
    await tidy(area)()
    assert (await shown(town, job))["state"] == "QUEUED"
    assert (folder_of(town, job) / "content").exists()


async def test_an_upload_that_nobody_finishes_is_given_up_after_a_day(
    town: Town, area: Area
) -> None:
    job, empty = await announce(town, size=100), await announce(town)
    await patch(town, job, b"x" * 50, at=0)
    area.clock.ahead += timedelta(hours=23)
    await tidy(area)()
    assert (await shown(town, job))["state"] == "UPLOADING"
    area.clock.ahead += timedelta(hours=2)
    os.utime(folder_of(town, job) / "content", (area.clock().timestamp(),) * 2)
    await tidy(area)()
    states = [(await shown(town, one))["state"] for one in (job, empty)]
    assert states == ["UPLOADING", "CANCELLED"]  # something came to the first one just now
    area.clock.ahead += timedelta(hours=25)
    await tidy(area)()
    assert (await shown(town, job))["state"] == "CANCELLED"
    assert not folder_of(town, job).exists()


async def test_faults_and_key_go_when_their_time_is_over(town: Town, area: Area) -> None:
    job = await uploaded(town, webhook={"url": "https://kayit.example/x"})
    await play_worker(area, job, {(0, "H121"): 1}, faults=[A_FAULT])
    await tidy(area)()
    path = f"/ingest/jobs/{job['id']}/faults"
    area.clock.ahead += timedelta(days=DAYS) - timedelta(hours=1)
    await tidy(area)()
    assert (await town.get(path)).status_code == 200
    area.clock.ahead += timedelta(hours=2)
    await tidy(area)()
    row = await columns(town, job)
    assert (row["job_key"], row["name"]) == (None, None)
    assert "webhook" not in row["options"]
    assert not folder_of(town, job).exists()
    view = await shown(town, job)
    assert (view["state"], view["name"], view["faultsUrl"], view["refused"]) == (
        *("DONE", None, None),
        1,
    )
    assert code_of(await town.get(path)) == "CONFLICT"
    await tidy(area)()


async def test_folders_of_nobody_are_swept_and_young_ones_left(town: Town, area: Area) -> None:
    spool = town.data_dir / "spool" / "files"
    old, young, other = spool / str(uuid4()), spool / str(uuid4()), spool / "notes"
    for folder in (old, young, other):
        folder.mkdir(parents=True)
        (folder / "content").write_bytes(b"sealed")
    age(old, timedelta(hours=2))
    age(other, timedelta(hours=2))
    await tidy(area)()
    assert [folder.exists() for folder in (old, young, other)] == [False, True, True]
    shutil.rmtree(other)
    shutil.rmtree(young)


async def test_without_a_spool_there_is_nothing_to_sweep(town: Town, area: Area) -> None:
    nowhere = area.upkeep.tidy
    spool = type(nowhere.spool)(town.data_dir / "not there")
    sweep = TidyFiles(nowhere.pool, nowhere.writer, spool, nowhere.close, DAYS, nowhere.now)
    await sweep()

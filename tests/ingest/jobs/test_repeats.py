"""The same file sent twice is recognised, and does no harm either way."""

from typing import Any
from uuid import UUID

import pytest

from tests.ingest.doors import (
    CONTENT,
    Area,
    announce,
    lanes_of,
    patch,
    play_worker,
    put,
    send,
    shown,
    spool_of,
    uploaded,
)
from tests.registry.doors import Town


async def done(town: Town, area: Area, *, refused: int = 0, **body: Any) -> dict[str, Any]:
    """Return a file that was worked off."""
    job = await uploaded(town, **body)
    outcomes = {(town.world.brand_code, "ACCEPTED"): 2, (town.world.brand_code, "H178"): refused}
    await play_worker(area, job, {key: rows for key, rows in outcomes.items() if rows})
    assert await area.upkeep.close(UUID(job["id"]))
    return await shown(town, job)


async def test_the_same_file_again_is_done_at_once_and_says_of_which_it_is_the_repeat(
    town: Town, area: Area
) -> None:
    first = await done(town, area)
    assert first["duplicateOf"] is None
    second = await uploaded(town, name="başka ad.csv")
    assert (second["state"], second["duplicateOf"]) == ("DONE", first["id"])
    assert second["finishedAt"] is not None
    assert await lanes_of(town, second) == []
    assert not (await spool_of(town, second)).path.exists()
    third = await send(town, "POST", "/ingest/files?name=a.csv", content=CONTENT)
    assert (third.json()["state"], third.json()["duplicateOf"]) == ("DONE", first["id"])


async def test_it_is_recognised_however_it_comes(town: Town, area: Area) -> None:
    first = await done(town, area)
    job = await announce(town, size=len(CONTENT))
    for at in (0, 10, 20):
        assert (await patch(town, job, CONTENT[at : at + 10], at=at)).status_code == 204
    assert (await patch(town, job, CONTENT[30:], at=30)).status_code == 204
    view = await shown(town, job)
    assert (view["state"], view["duplicateOf"]) == ("DONE", first["id"])


@pytest.mark.parametrize("how", ["put", "patch", "at once"])
async def test_who_means_it_sends_it_again(town: Town, area: Area, how: str) -> None:
    first = await done(town, area)
    if how == "at once":
        answer = await send(town, "POST", "/ingest/files?name=a.csv&again=true", content=CONTENT)
        view = answer.json()
    else:
        job = await announce(town, size=len(CONTENT))
        again = {**job, "uploadUrl": job["uploadUrl"] + "?again=true"}
        if how == "put":
            await put(town, again, CONTENT)
        else:
            await patch(town, again, CONTENT, at=0)
        view = await shown(town, job)
    assert (view["state"], view["duplicateOf"]) == ("QUEUED", first["id"])
    assert len(await lanes_of(town, view)) == 2


async def test_rows_that_were_turned_away_get_another_chance(town: Town, area: Area) -> None:
    first = await done(town, area, refused=1)
    second = await uploaded(town)
    assert (second["state"], second["duplicateOf"]) == ("QUEUED", first["id"])


@pytest.mark.parametrize(
    "change",
    [
        {"dryRun": True},
        {"brandCode": "brand"},
        {"defaults": {"source": "HS_WEB"}},
        {"mapping": {"alıcı": "recipient"}},
    ],
    ids=str,
)
async def test_with_other_options_it_is_another_file(
    town: Town, area: Area, change: dict[str, Any]
) -> None:
    await done(town, area)
    if "brandCode" in change:
        change = {"brandCode": town.world.brand_code}
    assert (await uploaded(town, **change))["duplicateOf"] is None


async def test_other_content_other_accounts_and_jobs_that_are_not_done_are_no_repeats(
    town: Town, area: Area
) -> None:
    waiting = await uploaded(town)
    second = await uploaded(town)
    assert (second["state"], second["duplicateOf"]) == ("QUEUED", None)
    await send(town, "DELETE", f"/ingest/jobs/{second['id']}")
    await send(town, "POST", f"/ingest/jobs/{waiting['id']}/cancel")
    assert (await uploaded(town, who="partner"))["duplicateOf"] is None
    await town.owner.execute("TRUNCATE ingest_job CASCADE")
    await done(town, area)
    assert (await uploaded(town, CONTENT + b"\n"))["duplicateOf"] is None


async def test_nothing_tells_the_content_from_what_is_kept_to_recognise_it(
    town: Town, area: Area
) -> None:
    first, second = await uploaded(town), await uploaded(town, who="partner")
    macs = {
        job["id"]: await town.owner.fetchval(
            "SELECT content_mac FROM ingest_job WHERE job_id = $1", UUID(job["id"])
        )
        for job in (first, second)
    }
    assert len(macs[first["id"]]) == 32
    assert CONTENT[:10] not in macs[first["id"]]

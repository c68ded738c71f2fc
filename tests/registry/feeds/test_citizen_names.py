"""The name of a citizen who added the brand for the first time: shown for some days, then gone."""

import asyncio
from datetime import timedelta

import pytest

from services.registry.feeds import forget_names
from services.registry.parts import open_parts
from services.registry.settings import RegistrySettings
from shared.clock import utc_now
from shared.domain.consent import Source
from shared.ledger.append import Stored
from shared.ledger.citizen_names import save_citizen_name
from shared.sealing.addresses import Sealer
from tests.registry.doors import Town
from tests.registry.feeds.feed_reading import (
    Clock,
    authorized,
    changes_path,
    door_with_clock,
    read_on,
    write,
)

NAME = "Deneme Yılmaz"
COUNT = "SELECT count(*) FROM citizen_name WHERE brand_code = $1"


async def named(town: Town, brand: int, movement: Stored, *, days: float = 7) -> bool:
    sealer = Sealer(town.ring)
    return await save_citizen_name(
        town.writer,
        brand_code=brand,
        movement=movement,
        sealed=sealer.seal(NAME, brand_code=brand),
        sealing_key_id=sealer.key_id,
        expires_at=utc_now() + timedelta(days=days),
    )


async def test_a_name_stands_on_its_row_alone(town: Town) -> None:
    brand = await town.new_brand()
    before = await write(town, brand)
    first = await write(town, brand, source=Source.REGISTRY_WEB_FIRST)
    nameless = await write(town, brand, source=Source.REGISTRY_WEB_FIRST)
    assert await named(town, brand, first)
    rows = {row["transactionId"]: row for row in await read_on(town, brand)}
    assert rows[first.transaction_id]["citizenName"] == NAME
    assert rows[first.transaction_id]["source"] == "IYS_WEB_YENI"
    assert "citizenName" not in rows[before.transaction_id]
    assert "citizenName" not in rows[nameless.transaction_id]
    assert await read_on(town, brand, source="HS") == []


async def test_a_name_is_at_rest_sealed_and_kept_once(town: Town) -> None:
    brand = await town.new_brand()
    first = await write(town, brand, source=Source.REGISTRY_WEB_FIRST)
    assert await named(town, brand, first)
    assert not await named(town, brand, first), "the second time there is one already"
    sealed = await town.owner.fetchval(
        "SELECT sealed FROM citizen_name WHERE brand_code = $1", brand
    )
    assert NAME.encode() not in sealed


async def test_a_name_of_a_movement_that_is_not_there_is_not_kept(town: Town) -> None:
    brand = await town.new_brand()
    first = await write(town, brand, source=Source.REGISTRY_WEB_FIRST)
    extent_id, offset = first.movement
    late = first.created_at + timedelta(seconds=1)
    for lost in (
        Stored("", first.created_at, 1, (extent_id + 1_000_000, offset)),
        Stored("", first.created_at, 1, (extent_id, offset + 1)),
        Stored("", late, 1, first.movement),
    ):
        assert not await named(town, brand, lost)
    assert await town.owner.fetchval(COUNT, brand) == 0


async def test_a_name_that_has_expired_is_not_shown_and_then_deleted(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    brand, clock = await town.new_brand(), Clock()
    for days in (1, 3):
        stored = await write(town, brand, source=Source.REGISTRY_WEB_FIRST)
        assert await named(town, brand, stored, days=days)

    async with door_with_clock(town, monkeypatch, clock, feed_delay_s=0) as door:
        for ahead, shown in ((0, 2), (2, 1), (4, 0)):
            clock.ahead = timedelta(days=ahead)
            path, headers = changes_path(town, brand), await authorized(town, door)
            rows = (await door.get(path, headers=headers)).json()["list"]
            assert len(rows) == 2
            assert sum("citizenName" in row for row in rows) == shown
    assert await town.owner.fetchval(COUNT, brand) == 2, "what is not shown may still be there"

    settings = RegistrySettings.model_validate(
        {"postgres_dsn": town.dsn, "keys_file": town.keys_file}
    )
    monkeypatch.setattr(forget_names, "PAUSE_S", 0.01)
    clock.ahead = timedelta(days=2)
    async with open_parts(settings, now=clock) as parts, asyncio.timeout(10):
        jobs = [asyncio.create_task(forget_names.forget_names(parts)) for _ in range(2)]
        for left, ahead in ((1, 2), (0, 4)):
            clock.ahead = timedelta(days=ahead)
            while (  # noqa: ASYNC110  # the server tells nobody
                await town.owner.fetchval(COUNT, brand) != left
            ):
                await asyncio.sleep(0.01)
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)

"""Cursors of the feed: ours, the documented ones, those of a lost history, dates, and anything else."""

from datetime import timedelta

import httpx
import pytest

from services.registry.feeds.cursor import Place, pack
from shared.domain.read_feed import write_cursor
from shared.domain.wire_time import TURKEY
from shared.ledger.append import Stored
from tests.registry.doors import Town
from tests.registry.feeds.feed_reading import (
    Clock,
    authorized,
    changes,
    changes_path,
    door_with_clock,
    ids,
    read_on,
    wire,
    write,
)


@pytest.fixture
async def brand(town: Town) -> int:
    return await town.new_brand()


async def five(town: Town, brand: int) -> list[Stored]:
    return [await write(town, brand) for _ in range(5)]


def names(stored: list[Stored]) -> list[str]:
    return [movement.transaction_id for movement in stored]


async def test_a_cursor_goes_on_behind_its_row(town: Town, brand: int) -> None:
    stored = await five(town, brand)
    for n in range(1, 6):
        after = (await changes(town, brand, limit=n)).json()["after"]
        assert ids(await read_on(town, brand, after=after)) == names(stored[n:])


async def test_a_cursor_outlives_the_process_that_gave_it(town: Town, brand: int) -> None:
    stored = await five(town, brand)
    after = (await changes(town, brand, limit=2)).json()["after"]
    async with town.another_process(feed_delay_s=0) as restarted:
        answer = await town.get(changes_path(town, brand, after=after), at=restarted)
    assert ids(answer.json()["list"]) == names(stored[2:])


async def test_a_cursor_at_the_end_waits_for_what_comes(town: Town, brand: int) -> None:
    await five(town, brand)
    after = (await changes(town, brand)).json()["after"]
    assert (await changes(town, brand, after=after)).status_code == 204
    later = await write(town, brand)
    assert ids(await read_on(town, brand, after=after)) == names([later])


async def test_a_cursor_is_good_for_the_other_source_too(town: Town, brand: int) -> None:
    stored = await five(town, brand)
    after = (await changes(town, brand, limit=3)).json()["after"]
    assert await read_on(town, brand, after=after, source="HS") == []
    assert ids(await read_on(town, brand, after=after)) == names(stored[3:])


async def test_a_cursor_made_of_a_rows_own_time_and_id_is_as_good(town: Town, brand: int) -> None:
    """The publication says what a cursor is made of, in seconds here and in milliseconds there."""
    stored = await five(town, brand)
    for n, movement in enumerate(stored, 1):
        moment = movement.created_at.timestamp()
        for epoch in (int(moment), int(moment * 1000)):
            after = f"{epoch}_{movement.transaction_id}"
            assert ids(await read_on(town, brand, after=after)) == names(stored[n:])


async def test_a_cursor_of_a_movement_that_is_lost_is_taken_up_an_hour_earlier(
    town: Town, brand: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a restore: repeated rows are possible then, a gap is not."""
    stored = await five(town, brand)
    place = Place(
        *stored[-1].movement[:1], 7, stored[-1].movement[1]
    )  # another nonce: another history
    clock, path = Clock(timedelta(days=1)), changes_path
    lost = [pack(brand, place), pack(brand, Place(2**40, 1, 1)), bytes(32)]
    async with door_with_clock(town, monkeypatch, clock, feed_delay_s=0) as door:
        headers = await authorized(town, door)

        async def seen(after: str) -> list[str]:
            answer = await door.get(path(town, brand, after=after), headers=headers)
            return ids(answer.json()["list"]) if answer.status_code == 200 else []

        written = stored[0].created_at
        for token in lost:
            assert await seen(write_cursor(written + timedelta(minutes=59), token)) == names(stored)
            assert await seen(write_cursor(written + timedelta(minutes=62), token)) == []
        # and what is later than the cursor is there in any case
        assert await seen(write_cursor(written - timedelta(hours=3), lost[0])) == names(stored)
        for foreign in ("_632cc155429f", "_", ""):
            epoch = int((written + timedelta(minutes=59)).timestamp())
            assert await seen(f"{epoch}{foreign}") == names(stored)


async def test_a_cursor_of_another_brand_names_nothing_here(town: Town, brand: int) -> None:
    other = await town.new_brand()
    await five(town, other)
    after = (await changes(town, other)).json()["after"]
    stored = await five(town, brand)
    assert ids(await read_on(town, brand, after=after)) == names(stored)


async def test_a_date_is_where_to_begin(
    town: Town, brand: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = await five(town, brand)
    written = stored[0].created_at.astimezone(TURKEY)
    day = timedelta(days=1)
    begins = {
        written.date().isoformat(): True,
        (written - day).date().isoformat(): True,
        "2015-05-01": True,
        wire(written - timedelta(seconds=1)): True,
        (written + day).date().isoformat(): False,
        wire(stored[-1].created_at + timedelta(seconds=1)): False,
    }
    async with door_with_clock(town, monkeypatch, Clock(2 * day), feed_delay_s=0) as door:
        headers = await authorized(town, door)
        for after, shown in begins.items():
            answer = await door.get(changes_path(town, brand, after=after), headers=headers)
            assert answer.status_code == (200 if shown else 204), after
            if shown:
                assert ids(answer.json()["list"]) == names(stored)


@pytest.mark.parametrize(
    "after",
    [
        "2026-02-31",
        "yesterday",
        "null",
        "1772442311_",
        "99999999999999999999_" + "a" * 64,
        "-5_" + "a" * 64,
        "١٧٧٢٤٤٢٣١١",
        "1772442311_" + "A" * 64,
        "\x00\ud800".encode("utf-8", "replace").decode(),
        "x" * 5000,
    ],
)
async def test_anything_else_is_the_start_of_the_window(town: Town, brand: int, after: str) -> None:
    stored = await five(town, brand)
    assert ids((await changes(town, brand, after=after)).json()["list"]) == names(stored)


async def test_the_ledger_is_silent(town: Town, brand: int) -> None:
    """A read that fails is no end of the feed."""
    async with town.another_process(registry_deadline_s=0.000001) as door:
        answer = await town.get(changes_path(town, brand), at=door)
    assert isinstance(answer, httpx.Response)
    assert answer.status_code == 503

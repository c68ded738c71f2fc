"""Where a day of Turkey begins and ends, for movements and for those who ask."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpx
import pytest

from services.registry import app as registry_app
from services.registry.reconciliation.make_reports import ReportMaker
from tests.registry.doors import Town, only_error
from tests.registry.reconciliation.days import (
    NOW,
    Reports,
    days_ago,
    file_of,
    make,
    moment,
    phones,
    put,
)

DAY = days_ago(3)
LAST_MOMENT = timedelta(days=1) - timedelta(microseconds=1)


@dataclass
class Clock:
    """A clock that a test sets."""

    now: datetime = field(default=NOW)

    def __call__(self) -> datetime:
        return self.now


async def test_a_movement_belongs_to_the_day_in_turkey(
    town: Town, maker: ReportMaker, reports: Reports
) -> None:
    brand, midnight = reports.brand_code, moment(DAY, hours=0)
    before = await put(town, brand, midnight - timedelta(microseconds=1), phones(1))
    first = await put(town, brand, midnight, phones(2))
    last = await put(town, brand, midnight + LAST_MOMENT, phones(2))
    after = await put(town, brand, midnight + timedelta(days=1), phones(1))
    await make(town, maker)
    assert (await reports.file(days_ago(4))).content == file_of(before)
    assert (await reports.file(DAY)).content == file_of(first, last)
    assert (await reports.file(days_ago(2))).content == file_of(after)
    for line in (*first.lines, *last.lines):
        assert line.startswith(str(DAY))


async def asked(client: httpx.AsyncClient, reports: Reports, day: object) -> httpx.Response:
    """Ask for a day's agreement with a credential that no clock can spoil."""
    login = reports.town.world.provider.basic
    path = f"{reports.town.brand_path(reports.brand_code)}/agreements/{day}"
    return await client.get(path, headers={"Authorization": login})


async def test_a_day_may_be_asked_for_from_its_end_until_seven_days_later(
    town: Town, reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, midnight = Clock(), moment(DAY, hours=0)
    monkeypatch.setattr(registry_app, "utc_now", clock)
    async with town.another_process() as client:
        for since_its_midnight, status in (
            (LAST_MOMENT, 422),
            (timedelta(days=1), 204),
            (timedelta(days=7) + LAST_MOMENT, 204),
            (timedelta(days=8), 422),
        ):
            clock.now = midnight + since_its_midnight
            answer = await asked(client, reports, DAY)
            assert answer.status_code == status, since_its_midnight
            if status == 422:
                assert only_error(answer)["code"] == "H502"


async def test_a_setting_lets_older_days_be_asked_for(town: Town, reports: Reports) -> None:
    async with town.another_process(reconciliation_days_back=30) as client:
        assert (await asked(client, reports, days_ago(29))).status_code == 204
        answer = await asked(client, reports, "2026-01-01")
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["message"].endswith("30")

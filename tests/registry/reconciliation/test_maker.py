"""The nightly maker: every brand once, whoever dies, whatever breaks, and never a day that is not over."""

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import asyncpg
import pytest

from services.registry.parts import Parts
from services.registry.reconciliation import make_reports as make_reports_module
from services.registry.reconciliation.authorities import Authority
from services.registry.reconciliation.check_stamp import UnfitStampError
from services.registry.reconciliation.make_reports import (
    CLOCK_GRACE,
    LEASE,
    RETRY_FIRST,
    ReportMaker,
    make_reports,
)
from services.registry.reconciliation.own_authority import OwnAuthority
from shared.ledger import report_queue
from shared.ledger.failures import LedgerUnavailableError
from tests.registry.doors import Town, open_town
from tests.registry.reconciliation.crowds import put_crowd, put_small_brands
from tests.registry.reconciliation.days import (
    NOW,
    Reports,
    Row,
    days_ago,
    maker_of,
    moment,
    parts_of,
    phones,
    put,
)
from tests.support.ledger import database, owner_connection
from tests.support.measured import coverage_variables

YESTERDAY = days_ago(1)
STATES = """
    SELECT state::text, count(*)
      FROM reconciliation_report
     GROUP BY state
     ORDER BY state
"""


# Whatever moved in the tests before; brands stay, and do not move.
FORGET = """
    TRUNCATE reconciliation_day, reconciliation_report, extent, movement;
    UPDATE brand_head
       SET position = 0, extent_id = NULL, extent_nonce = NULL, extent_offset = NULL
"""


@dataclass
class Clock:
    now: datetime = field(default=NOW)

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Night:
    """A town of its own, with a maker whose clock the test sets."""

    town: Town
    parts: Parts
    clock: Clock
    maker: ReportMaker

    async def brand(self, day: date = YESTERDAY, count: int = 2) -> Reports:
        """Return a brand that moved on a day."""
        reports = Reports(self.town, await self.town.new_brand())
        await put(self.town, reports.brand_code, moment(day, hours=1), phones(count))
        return reports

    async def states(self) -> dict[str, int]:
        return {row["state"]: row["count"] for row in await self.town.owner.fetch(STATES)}

    async def queue(self) -> None:
        await self.maker._begin_days()
        await self.maker._queue_brands()


@pytest.fixture(scope="module")
async def dark_town(
    server_dsn: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Town]:
    """Return a town in which nobody else makes reports."""
    async with (
        database(server_dsn, template=template) as dsn,
        open_town(dsn, tmp_path_factory.mktemp("dark")) as town,
    ):
        yield town


@pytest.fixture
async def night(dark_town: Town) -> AsyncIterator[Night]:
    async with dark_town.owner.transaction():
        await dark_town.owner.execute("SET LOCAL session_replication_role = replica")
        await dark_town.owner.execute(FORGET)
    clock = Clock()
    async with parts_of(dark_town, now=clock) as parts:
        yield Night(dark_town, parts, clock, maker_of(parts, ring=dark_town.ring))


@dataclass
class Fickle:
    """An authority that stamps only when it is told to."""

    own: OwnAuthority
    down: Exception | None

    async def stamp(self, file_hash: bytes, *, now: datetime) -> bytes:
        if self.down:
            raise self.down
        return await self.own.stamp(file_hash, now=now)


async def test_every_missed_day_is_made_as_far_back_as_anybody_may_ask(night: Night) -> None:
    brands = [await night.brand(days_ago(days)) for days in range(1, 10)]
    assert await night.maker.work_off() == 7
    assert await night.states() == {"completed": 7}
    made = await night.town.owner.fetch("SELECT brand_code FROM reconciliation_report")
    assert {row[0] for row in made} == {one.brand_code for one in brands[:7]}
    assert await night.maker.work_off() == 0


async def test_the_next_night_goes_on_where_the_last_one_ended(night: Night) -> None:
    first, second = await night.brand(), await night.brand()
    assert await night.maker.work_off() == 2
    await put(night.town, first.brand_code, moment(days_ago(0), minutes=1), phones(1))
    assert await night.maker.work_off() == 0
    night.clock.now = moment(days_ago(0), hours=24) + CLOCK_GRACE
    assert await night.maker.work_off() == 1
    assert await night.states() == {"completed": 3}
    assert second.brand_code


async def test_makers_share_the_work_and_make_every_brand_once(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Race: claims of one queue, and pages of one day, without the locks that others skip."""
    monkeypatch.setattr(make_reports_module, "BRANDS_A_PAGE", 20)
    monkeypatch.setattr(make_reports_module, "REPORTS_A_CLAIM", 3)
    await put_small_brands(night.town, moment(YESTERDAY, hours=5), brands=120)
    async with parts_of(night.town) as others:
        makers = [maker_of(parts, ring=night.town.ring) for parts in (night.parts, others) * 2]
        made = await asyncio.gather(*(maker.work_off() for maker in makers))
        made.append(await night.maker.work_off())
    assert sum(made) == 120
    assert await night.states() == {"completed": 120}
    attempts = "SELECT count(*) FROM reconciliation_report WHERE attempts <> 0 OR stamp IS NULL"
    assert await night.town.owner.fetchval(attempts) == 0


async def test_what_a_dead_maker_had_is_taken_up_when_its_lease_ends(night: Night) -> None:
    reports = await night.brand()
    await night.queue()
    assert len(await night.maker._claim()) == 1
    assert await night.states() == {"inprogress": 1}
    assert await night.maker.work_off() == 0
    night.clock.now += LEASE
    assert await night.maker.work_off() == 1
    assert await night.states() == {"completed": 1}
    assert reports.brand_code


async def test_a_worker_that_is_killed_in_the_middle_is_replaced(night: Night) -> None:
    """A real process, killed while it writes the file of a large brand for its hash."""
    brand = await night.town.new_brand()
    await put_crowd(
        night.town, brand, moment(YESTERDAY, hours=1), extents=30_000, rows=2, over_s=80_000
    )
    settings = {"IZIN_POSTGRES_DSN": night.town.dsn, "IZIN_KEYS_FILE": str(night.town.keys_file)}
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.registry.worker"),
        env={**settings, **coverage_variables()},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await until(night, {"inprogress": 1})
    finally:
        worker.kill()
        await worker.wait()
    assert await night.states() == {"inprogress": 1}
    due = await night.town.owner.fetchval("SELECT due_at FROM reconciliation_report")
    night.clock.now = due
    assert await night.maker.work_off() == 1
    assert await night.states() == {"completed": 1}
    counted = "SELECT movements FROM reconciliation_report WHERE brand_code = $1"
    assert await night.town.owner.fetchval(counted, brand) == 60_000


async def test_a_day_is_not_over_while_a_transaction_of_it_is_under_way(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Race: a movement that is dated before midnight and committed after the report was made."""
    monkeypatch.setattr(make_reports_module, "_HELD_UP_PAUSE_S", 0.001)
    monkeypatch.setattr(make_reports_module, "_HELD_UP_ROUNDS_MAX", 5)
    await night.brand()
    async with owner_connection(night.town.dsn) as writer:
        late = writer.transaction()
        await late.start()
        await writer.execute("SELECT pg_current_xact_id()")
        assert await night.maker.work_off() == 0
        assert await night.states() == {}
        await late.rollback()
    assert await night.maker.work_off() == 1


async def test_the_ledger_s_clock_says_when_a_day_is_over(night: Night) -> None:
    """Ours may be ahead of it; then the day of its movements goes on."""
    await night.brand()
    night.clock.now = NOW + timedelta(days=2)
    assert await night.maker.work_off() == 1
    days = await night.town.owner.fetch("SELECT report_date FROM reconciliation_day")
    assert max(row[0] for row in days) == days_ago(0)


async def test_one_brand_s_trouble_is_not_the_others(night: Night) -> None:
    broken, fine = await night.brand(), await night.brand()
    damage = "UPDATE movement SET sealed = substr(sealed, 2) WHERE brand_code = $1"
    mend = "UPDATE movement SET sealed = $2 || sealed WHERE brand_code = $1"
    first = "SELECT substr(sealed, 1, 1) FROM movement WHERE brand_code = $1 AND extent_offset = $2"
    lost = [await night.town.owner.fetchval(first, broken.brand_code, n) for n in (1, 2)]
    await changed(night, damage, broken.brand_code)
    assert await night.maker.work_off() == 2
    assert await night.states() == {"completed": 1, "error": 1}
    assert await night.maker.work_off() == 0
    for n, byte in enumerate(lost, 1):
        await changed(night, f"{mend} AND extent_offset = {n}", broken.brand_code, byte)
    night.clock.now += 4 * RETRY_FIRST
    assert await night.maker.work_off() == 1
    assert await night.states() == {"completed": 2}
    assert fine.brand_code


async def test_a_value_that_would_break_a_line_ends_in_an_error(night: Night) -> None:
    brand = await night.town.new_brand()
    for n, address in enumerate(('a,b"c@ornek.example', "a\n@ornek.example")):
        row = Row(address, channel="EPOSTA")
        await put(night.town, brand, moment(YESTERDAY, hours=1 + n), [row])
    await night.maker.work_off()
    assert await night.states() == {"error": 1}


@pytest.mark.parametrize("down", [UnfitStampError("not now"), KeyError("odd")], ids=repr)
async def test_without_an_authority_reports_are_made_and_stamped_later(
    night: Night, down: Exception
) -> None:
    reports = await night.brand()
    fickle = Fickle(OwnAuthority(night.town.ring), down)
    authority: Authority = fickle
    maker = maker_of(night.parts, authority)
    assert await maker.work_off() == 1
    stamps = "SELECT state::text, stamp IS NOT NULL, attempts FROM reconciliation_report"
    assert tuple(await night.town.owner.fetchrow(stamps) or ()) == ("completed", False, 0)
    for _ in range(2):
        night.clock.now += timedelta(hours=1)
        assert await maker.work_off() == 1
    assert tuple(await night.town.owner.fetchrow(stamps) or ()) == ("completed", False, 2)
    fickle.down = None
    night.clock.now += timedelta(hours=1)
    assert await maker.work_off() == 1
    assert tuple(await night.town.owner.fetchrow(stamps) or ()) == ("completed", True, 0)
    assert await maker.work_off() == 0
    assert reports.brand_code


async def test_two_who_make_the_same_report_leave_one(night: Night) -> None:
    reports = await night.brand()
    await night.queue()
    first = await night.maker._claim()
    night.clock.now += LEASE
    second = await night.maker._claim()
    assert [one.brand_code for one in first] == [one.brand_code for one in second]
    kept = "SELECT file_hash, stamp, made_at FROM reconciliation_report"
    await night.maker._make(second)
    before = await night.town.owner.fetchrow(kept)
    night.clock.now += LEASE
    await night.maker._make(first)
    assert await night.town.owner.fetchrow(kept) == before
    assert reports.brand_code


async def test_a_ledger_that_goes_away_ends_the_round_and_not_the_report(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    await night.brand()

    async def gone(*_: object, **__: object) -> None:
        raise LedgerUnavailableError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(report_queue, "store_reports", gone)
        with pytest.raises(LedgerUnavailableError):
            await night.maker.work_off()
    assert await night.states() == {"inprogress": 1}
    night.clock.now += LEASE
    assert await night.maker.work_off() == 1


async def test_the_job_goes_on_for_ever(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make_reports_module, "PAUSE_S", 0.01)
    first = await night.brand()
    job = asyncio.create_task(make_reports(night.parts))
    try:
        await until(night, {"completed": 1})
        await put(night.town, first.brand_code, moment(days_ago(0), minutes=1), phones(1))
        night.clock.now = moment(days_ago(0), hours=24) + CLOCK_GRACE
        await until(night, {"completed": 2})
    finally:
        job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job


async def until(night: Night, states: dict[str, int]) -> None:
    """Wait until the reports are in these states: somebody else brings them there."""
    async with asyncio.timeout(20):
        while await night.states() != states:  # noqa: ASYNC110  # the ledger tells nobody
            await asyncio.sleep(0.01)


async def changed(night: Night, statement: str, *arguments: object) -> None:
    """Damage what nobody can change: the owner puts the triggers to sleep."""
    owner: asyncpg.Connection = night.town.owner
    async with owner.transaction():
        await owner.execute("SET LOCAL session_replication_role = replica")
        await owner.execute(statement, *arguments)

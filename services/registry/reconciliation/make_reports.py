"""Making every brand's report of a day that is over: its file's hash, its counts, its time stamp.

A job of the worker. Any number of workers share it; whoever dies leaves what others take up. Days that were
missed are made as soon as a worker runs, as far back as anybody may ask for them.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from hashlib import sha384
from typing import Final

import structlog

from services.registry.parts import Parts
from services.registry.reconciliation.authorities import Authority, open_authority
from services.registry.reconciliation.check_stamp import UnfitStampError
from services.registry.reconciliation.movement_file import DayReader, Span
from services.registry.reconciliation.remote_authority import AuthorityUnavailableError
from shared.domain.day_counts import DayCounts
from shared.domain.report_day import days_to_report
from shared.domain.wire_time import bounds_of_day, turkish_day
from shared.ledger import report_queue
from shared.ledger.deadline import heed_cancellation
from shared.ledger.failures import LedgerUnavailableError
from shared.ledger.report_queue import DueReport, MadeReport
from shared.ledger.store import ReaderPool, WriterPool

PAUSE_S: Final = 10.0
"""Between two looks for work where there is none."""
CLOCK_GRACE: Final = timedelta(minutes=1)
"""A day is over so long after its end, so that a clock that is set back a little dates nothing into it."""
LEASE: Final = timedelta(minutes=10)
REPORTS_A_CLAIM: Final = 50
MOVEMENTS_A_STORE: Final = 100_000
BRANDS_A_PAGE: Final = 500
STAMPS_AT_ONCE: Final = 8
RETRY_FIRST: Final = timedelta(seconds=30)
RETRY_LAST: Final = timedelta(hours=1)

_HELD_UP_ROUNDS_MAX: Final = 100
_HELD_UP_PAUSE_S: Final = 0.2
_DOUBLINGS_MAX: Final = 10
_log: Final[structlog.typing.FilteringBoundLogger] = structlog.get_logger()


async def make_reports(parts: Parts) -> None:
    """Make reports for ever; raises what opening the authority raises, LedgerUnavailableError."""
    async with open_authority(parts.settings) as authority:
        maker = ReportMaker(
            reader=DayReader(parts.reader_pool, parts.sealer),
            reader_pool=parts.reader_pool,
            writer_pool=parts.writer_pool,
            authority=authority,
            days_back=parts.settings.reconciliation_days_back,
            now=parts.now,
        )
        while True:
            heed_cancellation()
            if not await maker.work_off():
                await asyncio.sleep(PAUSE_S)


@dataclass(frozen=True, slots=True)
class ReportMaker:
    """The maker with what it needs."""

    reader: DayReader
    reader_pool: ReaderPool
    writer_pool: WriterPool
    authority: Authority
    days_back: int
    now: Callable[[], datetime]

    async def work_off(self) -> int:
        """Make every report that is due now, and return how many; raises LedgerUnavailableError."""
        await self._begin_days()
        await self._queue_brands()
        made = 0
        while due := await self._claim():
            heed_cancellation()
            await self._make(due)
            made += len(due)
        if made:
            _log.info("reconciliation.reports.made", reports=made)
        return made

    async def _begin_days(self) -> None:
        """Begin every day that is over and was not begun, the oldest first."""
        days = days_to_report(turkish_day(self.now()), days_back=self.days_back)
        known = await report_queue.known_days(self.reader_pool, since=days[0])
        for day in days:
            if day in known:
                continue
            if not await self._is_over(day):
                return  # and no later one either
            await report_queue.add_day(self.writer_pool, day)

    async def _is_over(self, day: date) -> bool:
        """Say whether no movement can be dated into this day any more.

        A movement is dated inside its transaction, by the ledger's clock. So once that is past the day, we
        wait until every transaction that is under way now has ended: whoever begins later has a later date.
        """
        _, end = bounds_of_day(day)
        if (await report_queue.read_moment(self.reader_pool)).now < end + CLOCK_GRACE:
            return False
        border = (await report_queue.read_moment(self.reader_pool)).next
        for _ in range(_HELD_UP_ROUNDS_MAX):
            if (await report_queue.read_moment(self.reader_pool)).oldest >= border:
                return True
            heed_cancellation()
            await asyncio.sleep(_HELD_UP_PAUSE_S)
        _log.warning("reconciliation.day.held_up", day=day.isoformat())
        return False

    async def _queue_brands(self) -> None:
        for day in await report_queue.unqueued_days(self.reader_pool):
            reports = 0
            is_last: bool | None = False
            while is_last is False:
                heed_cancellation()
                found, is_last = await report_queue.queue_page(
                    self.writer_pool, day, now=self.now(), brands=BRANDS_A_PAGE
                )
                reports += found
            if is_last and reports:
                _log.info("reconciliation.day.queued", day=day.isoformat(), reports=reports)

    async def _claim(self) -> list[DueReport]:
        now = self.now()
        return await report_queue.claim_reports(
            self.writer_pool, now=now, until=now + LEASE, count=REPORTS_A_CLAIM
        )

    async def _make(self, due: Sequence[DueReport]) -> None:
        """Make what is due; what is done is stored now and then, so that a death costs little."""
        waiting: list[MadeReport] = []
        for report in due:
            if report.file_hash is not None:
                await self._stamp_late(report)
            elif (made := await self._made(report)) is not None:
                waiting.append(made)
            if sum(one.movements for one in waiting) >= MOVEMENTS_A_STORE:
                await self._store(waiting)
                waiting = []
        await self._store(waiting)

    async def _made(self, report: DueReport) -> MadeReport | None:
        """Write the file for its hash alone; None, and told, when that fails."""
        digest, size, counts = sha384(), 0, DayCounts()
        span = Span(report.brand_code, report.after_position, report.until_position)
        try:
            async for chunk in self.reader.chunks(span, counts):
                digest.update(chunk)
                size += len(chunk)
        except LedgerUnavailableError:
            raise
        except Exception:  # noqa: BLE001  # one brand's trouble is not the others'
            _log.exception(
                "reconciliation.report.failed",
                brand_code=report.brand_code,
                day=report.report_date.isoformat(),
            )
            await self._postpone(report)
            return None
        return MadeReport(
            brand_code=report.brand_code,
            report_date=report.report_date,
            movements=counts.total,
            size_bytes=size,
            file_hash=digest.digest(),
            counts=counts.numbers,
            stamp=None,
            due_at=None,
        )

    async def _store(self, made: Sequence[MadeReport]) -> None:
        if not made:
            return
        gate = asyncio.Semaphore(STAMPS_AT_ONCE)

        async def stamped(report: MadeReport) -> MadeReport:
            if not report.movements:  # nobody gets a file without a movement
                return report
            async with gate:
                stamp = await self._stamp(report.file_hash)
            due_at = self.now() + RETRY_FIRST if stamp is None else None
            return replace(report, stamp=stamp, due_at=due_at)

        whole = await asyncio.gather(*map(stamped, made))
        await report_queue.store_reports(self.writer_pool, whole, now=self.now())

    async def _stamp(self, file_hash: bytes) -> bytes | None:
        try:
            return await self.authority.stamp(file_hash, now=self.now())
        except (AuthorityUnavailableError, UnfitStampError) as error:
            _log.warning("reconciliation.stamp.failed", why=str(error))
        except Exception:  # noqa: BLE001  # one odd answer is not the end of the night
            _log.exception("reconciliation.stamp.broken")
        return None

    async def _stamp_late(self, report: DueReport) -> None:
        assert report.file_hash is not None  # noqa: S101  # the caller has looked
        stamp = await self._stamp(report.file_hash)
        if stamp is None:
            await self._postpone(report)
        else:
            await report_queue.store_stamp(self.writer_pool, report, stamp, now=self.now())

    async def _postpone(self, report: DueReport) -> None:
        doubled: timedelta = RETRY_FIRST * (1 << min(report.attempts, _DOUBLINGS_MAX))
        due_at = self.now() + min(doubled, RETRY_LAST)
        await report_queue.postpone_report(self.writer_pool, report, due_at=due_at)

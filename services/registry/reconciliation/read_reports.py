"""Asking about a day: its summary, its hash, its file, its time stamp; and agreeing to it (iys-api 7).

A provider may do all of it for its own brands, a partner where it has the switch of reconciliation. Who may
not is told so before anything is said about the date.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import structlog

from services.registry.reconciliation.movement_file import (
    DayReader,
    FileDiffersError,
    Span,
    proven,
)
from shared.auth.gate import Ticket
from shared.domain.consent import RecipientType
from shared.domain.day_counts import DayCounts
from shared.domain.faults import ABSENT, Fault, RecipientTypeUnknown, RuleBrokenError
from shared.domain.report_day import read_agreement, read_report_date
from shared.domain.wire_time import turkish_day
from shared.ledger.coalesce import StateReader
from shared.ledger.failures import LedgerUnavailableError
from shared.ledger.reports import Report, agree_to_report, read_report
from shared.ledger.store import ReaderPool, WriterPool
from shared.wire.caller import Caller, WireGate
from shared.wire.path_codes import BrandPath

HASH_METHOD: Final = "SHA-384"
_COMPLETED: Final = "completed"
_log: Final[structlog.typing.FilteringBoundLogger] = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class DayFile:
    """A file on its way: its name, its size in bytes, and its content as it is written."""

    name: str
    size_bytes: int
    content: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class TimeStamp:
    """A time stamp, and the name of its file."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class ReadReports:
    """The questions with what they need.

    Each raises RuleBrokenError with every fault (H501, H502, and its own), LedgerUnavailableError.
    """

    gate: WireGate
    reader: StateReader
    pool: ReaderPool
    writer: WriterPool
    days: DayReader
    days_back: int
    now: Callable[[], datetime]

    async def summary(
        self, ticket: Ticket, path: BrandPath, report_date: str, recipient_type: str
    ) -> dict[str, object]:
        """Return the day's counts for one recipient type (H116).

        They are those of the report. Until that is made they are counted when they are asked for.
        """
        caller = await self._admit(ticket, path)
        kind = _recipient_type(recipient_type)
        day = self._day(report_date, *([kind] if isinstance(kind, Fault) else []))
        assert isinstance(kind, RecipientType)  # noqa: S101  # a fault was raised
        report = await read_report(self.pool, caller.brand.brand_code, day)
        counts = DayCounts() if report is None else await self._counts(caller, report)
        return {"changeStats": counts.stats(kind)}

    async def agreement(
        self, ticket: Ticket, path: BrandPath, report_date: str
    ) -> dict[str, object] | None:
        """Return how far the day's hash is, and the hash; None where nothing moved."""
        report = await self._report(ticket, path, report_date)
        if report is None:
            return None
        shown: dict[str, object] = {"processStatus": report.state}
        if report.file_hash is not None:
            shown["hashValue"] = report.file_hash.hex()
        return shown | {"hashMethod": HASH_METHOD, "agreementStatus": report.agreed}

    async def agree(
        self, ticket: Ticket, path: BrandPath, report_date: str, body: object
    ) -> dict[str, object] | None:
        """Keep that the provider has the same file (H512); None where there is no report to agree to."""
        caller = await self._admit(ticket, path)
        fault = read_agreement(body)
        day = self._day(report_date, *([fault] if fault else []))
        agreed = await agree_to_report(
            self.writer,
            caller.brand.brand_code,
            day,
            user_id=caller.user.user_id,
            now=self.now(),
        )
        return {"agreementCaptured": True} if agreed else None

    async def time_stamp(
        self, ticket: Ticket, path: BrandPath, report_date: str
    ) -> TimeStamp | None:
        """Return the day's time stamp, None while there is none."""
        report = await self._report(ticket, path, report_date)
        if report is None or report.stamp is None:
            return None
        return TimeStamp(f"{path.brand_code}-{report_date}.tsr", report.stamp)

    async def file(self, ticket: Ticket, path: BrandPath, report_date: str) -> DayFile | None:
        """Return the day's file, None while there is no report of a movement.

        Its content raises FileDiffersError when the ledger no longer gives what was hashed.
        """
        report = await self._report(ticket, path, report_date)
        if report is None or report.size_bytes is None or report.file_hash is None:
            return None
        span = _span(path.brand_code, report)
        return DayFile(
            name=f"{path.brand_code}-{report_date}.csv",
            size_bytes=report.size_bytes,
            content=_told(
                proven(
                    self.days.chunks(span, DayCounts()),
                    size_bytes=report.size_bytes,
                    file_hash=report.file_hash,
                ),
                brand_code=path.brand_code,
                day=report_date,
            ),
        )

    async def _report(self, ticket: Ticket, path: BrandPath, report_date: str) -> Report | None:
        """Return the report of a day on which something moved; a day of blocks alone is as none."""
        caller = await self._admit(ticket, path)
        report = await read_report(self.pool, caller.brand.brand_code, self._day(report_date))
        return None if report is None or report.movements == 0 else report

    async def _admit(self, ticket: Ticket, path: BrandPath) -> Caller:
        snapshot = await self.reader.read_head(path.brand_code)
        caller = await self.gate.admit_at(ticket, path, snapshot)
        caller.require_reconciliation(today=turkish_day(self.now()))
        return caller

    def _day(self, report_date: str, *others: Fault) -> date:
        """Return the day that is asked for, or raise what is wrong with it together with the others."""
        day = read_report_date(report_date, today=turkish_day(self.now()), days_back=self.days_back)
        faults = [*([day] if isinstance(day, Fault) else []), *others]
        if faults or isinstance(day, Fault):
            raise RuleBrokenError(*faults)
        return day

    async def _counts(self, caller: Caller, report: Report) -> DayCounts:
        if report.state == _COMPLETED and report.counts is not None:
            return DayCounts(report.counts)
        return await self.days.count(_span(caller.brand.brand_code, report))


async def _told(
    content: AsyncIterator[bytes], *, brand_code: int, day: str
) -> AsyncIterator[bytes]:
    """Tell the operator why a file broke off; the client sees that it did."""
    try:
        async for chunk in content:
            yield chunk
    except FileDiffersError:
        _log.exception("reconciliation.file.differs", brand_code=brand_code, day=day)
        raise
    except LedgerUnavailableError:
        _log.warning("reconciliation.file.broken_off", brand_code=brand_code, day=day)
        raise


def _span(brand_code: int, report: Report) -> Span:
    return Span(brand_code, report.after_position, report.until_position)


def _recipient_type(word: str) -> RecipientType | Fault:
    try:
        return RecipientType(word)
    except ValueError:
        return RecipientTypeUnknown(("recipientType",), word or ABSENT)

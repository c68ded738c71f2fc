"""Taking an operator's report of closed lines: durable before it is answered, done right after.

A malformed number does not fail the others: it stands in the report with what is wrong with it, and so does a
number that is in the list twice. What came of each number is asked for by its place in the list, so that no
answer holds an address.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from shared.domain.consent import Channel
from shared.domain.recipient import read_addresses
from shared.ledger.directory import UserRow
from shared.ledger.line_closures import (
    NO_BRAND,
    NewReport,
    ReportedNumber,
    ReportRow,
    read_report,
    save_report,
)
from shared.ledger.store import WriterPool
from shared.sealing.addresses import Digester, Sealer

NUMBERS_MAX: Final = 1000
# Clocks differ; what lies further ahead than this is a mistake.
AHEAD_MAX: Final = timedelta(minutes=5)
EARLIEST: Final = datetime(2015, 5, 1, tzinfo=UTC)
PROCESS: Final = "line closures"
_AT_ONCE: Final = 100
_INVALID: Final = ReportedNumber(problem="INVALID_RECIPIENT")
_DUPLICATE: Final = ReportedNumber(problem="DUPLICATE")


class NoSuchTimeError(Exception):
    """A line cannot have been closed then."""


@dataclass(frozen=True, slots=True)
class TakenReport:
    """A report that is stored. `problems` are the entries that are left out, by their places from 0."""

    report_id: UUID
    received_at: datetime
    closed_at: datetime
    accepted: int
    problems: dict[int, str]


@dataclass(frozen=True, slots=True)
class ReportClosures:
    """Both questions of an operator, with what they need."""

    writer_pool: WriterPool
    digester: Digester
    sealer: Sealer
    admit_test_range: bool
    now: Callable[[], datetime]

    async def take(
        self, user: UserRow, raw: Sequence[object], *, closed_at: datetime | None
    ) -> TakenReport:
        """Store a report of an operator's user; returns when it is durable.

        Raises NoSuchTimeError, LedgerUnavailableError (then it may be there; repeating it does no harm).
        """
        if closed_at is not None and not EARLIEST <= closed_at <= self.now() + AHEAD_MAX:
            raise NoSuchTimeError
        assert user.operator_code is not None, "an operator's user has one"  # noqa: S101  # by the schema
        numbers = await self._numbers(raw)
        report_id = uuid4()
        received_at, counted_from = await save_report(
            self.writer_pool,
            NewReport(
                report_id=report_id,
                operator_code=user.operator_code,
                user_id=user.user_id,
                process=PROCESS,
                closed_at=closed_at,
                digest_key_id=self.digester.key_id,
                sealing_key_id=self.sealer.key_id,
                numbers=numbers,
            ),
        )
        problems = {n: one.problem for n, one in enumerate(numbers) if one.problem is not None}
        return TakenReport(
            report_id, received_at, counted_from, len(numbers) - len(problems), problems
        )

    async def read(self, user: UserRow, report_id: UUID) -> ReportRow | None:
        """Return how far a report is; None where there is none that this user may see."""
        # Of the writer's server: a report must be found by whoever was just given its number.
        report = await read_report(self.writer_pool, report_id)
        if report is None or user.role not in {"operator", "admin"}:
            return None
        own = user.role == "admin" or user.operator_code == report.operator_code
        return report if own else None

    async def _numbers(self, raw: Sequence[object]) -> list[ReportedNumber]:
        """Read the numbers: whatever can be called is a line (a mobile number takes messages, too)."""
        numbers: list[ReportedNumber] = []
        seen: set[str] = set()
        for at in range(0, len(raw), _AT_ONCE):
            if at:
                await asyncio.sleep(0)
            some = read_addresses(
                raw[at : at + _AT_ONCE], Channel.CALL, admit_test_range=self.admit_test_range
            )
            for number in some:
                numbers.append(self._entry(number, seen))
                if number is not None:
                    seen.add(number)
        return numbers

    def _entry(self, number: str | None, seen: set[str]) -> ReportedNumber:
        if number is None:
            return _INVALID
        if number in seen:
            return _DUPLICATE
        return ReportedNumber(
            digest=self.digester.digest(number),
            sealed=self.sealer.seal(number, brand_code=NO_BRAND),
        )

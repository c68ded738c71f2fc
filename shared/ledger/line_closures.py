"""Lines that operators report as closed: a queue of numbers, each done once, by whichever worker takes it.

A number is taken for a while, not locked: who dies leaves it to the next one. Doing it twice changes nothing,
since the state of the consents says what is still to be done. The address is sealed, bound to no brand, and
goes when the work is done; an audit row (`system_action`) with its digest stays.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, LiteralString
from uuid import UUID

from shared.domain.registry_movements import Effect
from shared.ledger.failures import ledger_errors
from shared.ledger.read_across_brands import BrandConsent
from shared.ledger.store import ReaderPool, WriterPool

TIMEOUT_S: Final = 5
NO_BRAND: Final = 0
"""What the sealed copy of a reported number is bound to."""


@dataclass(frozen=True, slots=True)
class ReportedNumber:
    """One entry of a report: digest and sealed copy, or `problem`, a word of the closed set of the schema."""

    digest: bytes | None = None
    sealed: bytes | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class NewReport:
    """A report to be. `closed_at` None means now; one that lies ahead is taken as now, too."""

    report_id: UUID
    operator_code: int
    user_id: int
    process: str
    closed_at: datetime | None
    digest_key_id: int
    sealing_key_id: int
    numbers: Sequence[ReportedNumber]


# The times are the server's, as those of the movements are. Actions are matched to their numbers by the
# digest, which is there once: a second entry of a number is a duplicate.
REPORT: LiteralString = """
    WITH moment AS MATERIALIZED (SELECT clock_timestamp() AS received_at),
    numbers AS MATERIALIZED (
        SELECT (n - 1)::integer AS number_index, digest, sealed, problem
          FROM unnest($8::bytea[], $9::bytea[], $10::text[]) WITH ORDINALITY
               AS k (digest, sealed, problem, n)),
    report AS (
        INSERT INTO line_closure_report (report_id, operator_code, user_id, received_at, closed_at, size)
        SELECT $1::uuid, $2::integer, $3::integer, received_at, LEAST(received_at, $5::timestamptz),
               cardinality($8::bytea[])
          FROM moment
        RETURNING received_at, closed_at),
    acted AS (
        INSERT INTO system_action (acted_at, user_id, process, status, source, digest_key_id, digest)
        SELECT received_at, $3::integer, $4::text, 'RET', 'IYS_AHS_HAT_KAPATMA', $6::smallint, digest
          FROM numbers, moment WHERE problem IS NULL
        RETURNING action_id, digest),
    queued AS (
        INSERT INTO line_closure (report_id, number_index, problem, action_id, sealing_key_id, sealed, due_at,
                                  done_at, consents_closed, brands)
        SELECT $1::uuid, n.number_index, n.problem, a.action_id,
               CASE WHEN n.problem IS NULL THEN $7::smallint END, n.sealed, moment.received_at,
               CASE WHEN n.problem IS NOT NULL THEN moment.received_at END,
               CASE WHEN n.problem IS NOT NULL THEN 0 END, CASE WHEN n.problem IS NOT NULL THEN 0 END
          FROM numbers AS n
         CROSS JOIN moment
          LEFT JOIN acted AS a ON a.digest = n.digest AND n.problem IS NULL)
    SELECT received_at, closed_at FROM report
"""


async def save_report(pool: WriterPool, new: NewReport) -> tuple[datetime, datetime]:
    """Store a report with its audit, whole or not at all; return when it came and since when it holds.

    Raises LedgerUnavailableError.
    """
    async with ledger_errors():
        row = await pool.fetchrow(
            REPORT,
            new.report_id,
            new.operator_code,
            new.user_id,
            new.process,
            new.closed_at,
            new.digest_key_id,
            new.sealing_key_id,
            [number.digest for number in new.numbers],
            [number.sealed for number in new.numbers],
            [number.problem for number in new.numbers],
            timeout=TIMEOUT_S,
        )
    assert row is not None, "the statement returns the report"  # noqa: S101  # by its form
    return row["received_at"], row["closed_at"]


@dataclass(frozen=True, slots=True)
class ClosedLine:
    """A number that a worker has taken: close every consent that was decided until `closed_at`."""

    report_id: UUID
    number_index: int
    action_id: int
    received_at: datetime
    closed_at: datetime
    sealing_key_id: int
    sealed: bytes
    attempts: int


TAKE: LiteralString = """
    WITH due AS (
        SELECT report_id, number_index
          FROM line_closure
         WHERE sealed IS NOT NULL AND due_at <= clock_timestamp()
         ORDER BY due_at
         LIMIT $2
           FOR UPDATE SKIP LOCKED)
    UPDATE line_closure AS l
       SET due_at = clock_timestamp() + $1::interval, attempts = l.attempts + 1
      FROM due
      JOIN line_closure_report AS r ON r.report_id = due.report_id
     WHERE l.report_id = due.report_id AND l.number_index = due.number_index
    RETURNING l.report_id, l.number_index, l.action_id, r.received_at, r.closed_at, l.sealing_key_id,
              l.sealed, l.attempts
"""


async def take_lines(pool: WriterPool, *, lease: timedelta, limit: int) -> list[ClosedLine]:
    """Take numbers that are due, over `line_closure_due`; nobody else takes them within the lease."""
    async with ledger_errors():
        rows = await pool.fetch(TAKE, lease, limit, timeout=TIMEOUT_S)
    return [ClosedLine(*row) for row in rows]


PUT_BACK: LiteralString = """
    UPDATE line_closure SET due_at = clock_timestamp() + $3::interval
     WHERE report_id = $1 AND number_index = $2 AND sealed IS NOT NULL
"""


async def put_back(pool: WriterPool, line: ClosedLine, *, pause: timedelta) -> None:
    """Leave a number for later: something of it could not be written."""
    async with ledger_errors():
        await pool.execute(PUT_BACK, line.report_id, line.number_index, pause, timeout=TIMEOUT_S)


FINISH: LiteralString = """
    WITH done AS (
        UPDATE line_closure
           SET done_at = clock_timestamp(), sealed = NULL, sealing_key_id = NULL,
               consents_closed = cardinality($4::integer[]), brands = $3
         WHERE report_id = $1 AND number_index = $2 AND sealed IS NOT NULL
        RETURNING action_id)
    INSERT INTO system_outcome (action_id, brand_code, channel, recipient_type, outcome, transaction_id)
    SELECT done.action_id, c.brand_code, c.channel, c.recipient_type, $8::text, c.transaction_id
      FROM done,
           unnest($4::integer[], $5::channel[], $6::recipient_type[], $7::bytea[])
           AS c (brand_code, channel, recipient_type, transaction_id)
"""


async def finish_line(pool: WriterPool, line: ClosedLine, closed: Sequence[BrandConsent]) -> None:
    """Store what came of a number, drop its address, and audit every consent that was closed.

    Who comes second changes nothing. Raises LedgerUnavailableError.
    """
    recorded = [one.recorded.transaction_id for one in closed if one.recorded is not None]
    async with ledger_errors():
        await pool.execute(
            FINISH,
            line.report_id,
            line.number_index,
            len({one.key.brand_code for one in closed}),
            [one.key.brand_code for one in closed],
            [one.key.channel.value for one in closed],
            [one.key.recipient_type.value for one in closed],
            [bytes.fromhex(one) for one in recorded],
            Effect.RECORDED.value,
            timeout=TIMEOUT_S,
        )


@dataclass(frozen=True, slots=True)
class NumberResult:
    """What became of an entry: a `problem`, or done or not; counts are None until it is done."""

    number_index: int
    problem: str | None
    consents_closed: int | None
    brands: int | None


@dataclass(frozen=True, slots=True)
class ReportRow:
    """A report with all its entries, in their order."""

    operator_code: int
    received_at: datetime
    closed_at: datetime
    numbers: list[NumberResult]


READ_REPORT: LiteralString = """
    SELECT r.operator_code, r.received_at, r.closed_at, l.number_index, l.problem, l.consents_closed, l.brands
      FROM line_closure_report AS r
      JOIN line_closure AS l ON l.report_id = r.report_id
     WHERE r.report_id = $1
     ORDER BY l.number_index
"""


async def read_report(pool: ReaderPool | WriterPool, report_id: UUID) -> ReportRow | None:
    """Return a report, over the primary keys; None: there is no such report."""
    async with ledger_errors():
        rows = await pool.fetch(READ_REPORT, report_id, timeout=TIMEOUT_S)
    if not rows:
        return None
    first = rows[0]
    return ReportRow(
        first["operator_code"],
        first["received_at"],
        first["closed_at"],
        [
            NumberResult(row["number_index"], row["problem"], row["consents_closed"], row["brands"])
            for row in rows
        ],
    )

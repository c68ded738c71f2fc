"""Which reports of reconciliation are still to be made, and whose turn it is to make them.

Any number of makers share the work. A day is queued page by page, a report is claimed by a lease: whoever
dies leaves a page that is done or not begun, and a report that somebody else takes up when its lease ends.
Two who make the same report make the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import LiteralString

from shared.domain.wire_time import bounds_of_day
from shared.ledger.failures import ledger_errors
from shared.ledger.store import ReaderPool, WriterPool

TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class LedgerMoment:
    """The server's clock and transactions: all below `oldest` are over, none from `next` on has begun."""

    now: datetime
    oldest: int
    next: int


MOMENT: LiteralString = """
    SELECT clock_timestamp() AS now,
           pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS oldest,
           pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next
"""


async def read_moment(pool: ReaderPool) -> LedgerMoment:
    """Return what time the ledger has, and which transactions are under way."""
    async with ledger_errors():
        row = await pool.fetchrow(MOMENT, timeout=TIMEOUT_S)
    assert row is not None, "a SELECT of functions has one row"  # noqa: S101  # it has no FROM
    return LedgerMoment(row["now"], row["oldest"], row["next"])


KNOWN_DAYS: LiteralString = """
    SELECT report_date
      FROM reconciliation_day
     WHERE report_date >= $1
"""


async def known_days(pool: ReaderPool, *, since: date) -> set[date]:
    """Return the days from `since` on that somebody has begun to queue, by reconciliation_day_pkey."""
    async with ledger_errors():
        rows = await pool.fetch(KNOWN_DAYS, since, timeout=TIMEOUT_S)
    return {row["report_date"] for row in rows}


ADD_DAY: LiteralString = """
    INSERT INTO reconciliation_day (report_date)
    VALUES ($1)
        ON CONFLICT ON CONSTRAINT reconciliation_day_pkey DO NOTHING
"""


async def add_day(pool: WriterPool, day: date) -> None:
    """Say that a day is over, for every brand: no movement can be dated into it any more."""
    async with ledger_errors():
        await pool.execute(ADD_DAY, day, timeout=TIMEOUT_S)


UNQUEUED_DAYS: LiteralString = """
    SELECT report_date
      FROM reconciliation_day
     WHERE NOT is_queued
     ORDER BY report_date
"""


async def unqueued_days(pool: ReaderPool) -> list[date]:
    """Return the days of which some brands were not looked at yet."""
    async with ledger_errors():
        rows = await pool.fetch(UNQUEUED_DAYS, timeout=TIMEOUT_S)
    return [row["report_date"] for row in rows]


# Each brand costs one probe of extent_by_time, and a second one if it moved on the day. Whoever else is at
# the same day has its row, and then there is nothing to do here.
QUEUE: LiteralString = """
    WITH day AS (
        SELECT report_date, next_brand
          FROM reconciliation_day
         WHERE report_date = $1 AND NOT is_queued
           FOR UPDATE SKIP LOCKED),
    looked_at AS (
        SELECT head.brand_code
          FROM day
         CROSS JOIN LATERAL (
               SELECT brand_code
                 FROM brand_head
                WHERE brand_code > day.next_brand
                ORDER BY brand_code
                LIMIT $4) AS head),
    moved AS (
        SELECT looked_at.brand_code, first.base_position AS after_position,
               last.base_position + last.size AS until_position
          FROM looked_at
         CROSS JOIN LATERAL (
               SELECT base_position
                 FROM extent
                WHERE brand_code = looked_at.brand_code AND created_at >= $2 AND created_at < $3
                ORDER BY created_at, base_position
                LIMIT 1) AS first
         CROSS JOIN LATERAL (
               SELECT base_position, size
                 FROM extent
                WHERE brand_code = looked_at.brand_code AND created_at >= $2 AND created_at < $3
                ORDER BY created_at DESC, base_position DESC
                LIMIT 1) AS last),
    queued AS (
        INSERT INTO reconciliation_report (brand_code, report_date, after_position, until_position, due_at)
        SELECT brand_code, $1, after_position, until_position, $5
          FROM moved
            ON CONFLICT ON CONSTRAINT reconciliation_report_pkey DO NOTHING
        RETURNING brand_code),
    gone_on AS (
        UPDATE reconciliation_day AS d
           SET next_brand = COALESCE((SELECT max(brand_code) FROM looked_at), d.next_brand),
               is_queued  = (SELECT count(*) FROM looked_at) < $4
          FROM day
         WHERE d.report_date = day.report_date
        RETURNING d.is_queued)
    SELECT (SELECT count(*) FROM queued) AS queued, (SELECT is_queued FROM gone_on) AS is_last
"""


async def queue_page(
    pool: WriterPool, day: date, *, now: datetime, brands: int
) -> tuple[int, bool | None]:
    """Look at the next brands and queue a report for each that moved on the day.

    Returns how many, and whether the day is queued to its end; None when somebody else is at it or it was.
    """
    begin, end = bounds_of_day(day)
    async with ledger_errors():
        row = await pool.fetchrow(QUEUE, day, begin, end, brands, now, timeout=TIMEOUT_S)
    assert row is not None, "a SELECT of sub-selects has one row"  # noqa: S101  # it has no FROM
    return row["queued"], row["is_last"]


@dataclass(frozen=True, slots=True)
class DueReport:
    """A report that is ours until the lease ends. With a hash it lacks its time stamp alone."""

    brand_code: int
    report_date: date
    after_position: int
    until_position: int
    attempts: int
    file_hash: bytes | None


CLAIM: LiteralString = """
    WITH due AS (
        SELECT brand_code, report_date
          FROM reconciliation_report
         WHERE due_at <= $1
         ORDER BY due_at
         LIMIT $3
           FOR UPDATE SKIP LOCKED)
    UPDATE reconciliation_report AS r
       SET due_at   = $2,
           attempts = r.attempts + 1,
           state    = CASE WHEN r.file_hash IS NULL THEN 'inprogress' ELSE r.state END
      FROM due
     WHERE r.brand_code = due.brand_code AND r.report_date = due.report_date
    RETURNING r.brand_code, r.report_date, r.after_position, r.until_position, r.attempts, r.file_hash
"""


async def claim_reports(
    pool: WriterPool, *, now: datetime, until: datetime, count: int
) -> list[DueReport]:
    """Take up to `count` reports that are due, over reconciliation_report_to_do, until `until`."""
    async with ledger_errors():
        rows = await pool.fetch(CLAIM, now, until, count, timeout=TIMEOUT_S)
    return [DueReport(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class MadeReport:
    """What is kept of a day's file. Without a stamp it is due again at `due_at`, None if it needs none."""

    brand_code: int
    report_date: date
    movements: int
    size_bytes: int
    file_hash: bytes
    counts: Sequence[int]
    stamp: bytes | None
    due_at: datetime | None


STORE: LiteralString = """
    UPDATE reconciliation_report AS r
       SET state = 'completed', movements = m.movements, bytes = m.bytes, file_hash = m.file_hash,
           counts = m.counts::bigint[], made_at = $1::timestamptz, stamp = m.stamp,
           stamped_at = CASE WHEN m.stamp IS NOT NULL THEN $1::timestamptz END,
           due_at = m.due_at, attempts = 0
      FROM unnest($2::integer[], $3::date[], $4::bigint[], $5::bigint[], $6::bytea[], $7::text[],
                  $8::bytea[], $9::timestamptz[])
           AS m (brand_code, report_date, movements, bytes, file_hash, counts, stamp, due_at)
     WHERE r.brand_code = m.brand_code AND r.report_date = m.report_date AND r.file_hash IS NULL
"""


async def store_reports(pool: WriterPool, made: Sequence[MadeReport], *, now: datetime) -> None:
    """Keep what was made, unless somebody else has made it meanwhile: by primary keys."""
    columns: list[list[object]] = [
        [report.brand_code for report in made],
        [report.report_date for report in made],
        [report.movements for report in made],
        [report.size_bytes for report in made],
        [report.file_hash for report in made],
        # Arrays of arrays would be flattened, so each list of counters travels as text.
        ["{" + ",".join(map(str, report.counts)) + "}" for report in made],
        [report.stamp for report in made],
        [report.due_at for report in made],
    ]
    async with ledger_errors():
        await pool.execute(STORE, now, *columns, timeout=TIMEOUT_S)


STAMP: LiteralString = """
    UPDATE reconciliation_report
       SET stamp = $4, stamped_at = $3, due_at = NULL, attempts = 0
     WHERE brand_code = $1 AND report_date = $2 AND file_hash IS NOT NULL AND stamp IS NULL
"""


async def store_stamp(pool: WriterPool, report: DueReport, stamp: bytes, *, now: datetime) -> None:
    """Keep the time stamp of a report that had none, by primary key."""
    async with ledger_errors():
        await pool.execute(
            STAMP, report.brand_code, report.report_date, now, stamp, timeout=TIMEOUT_S
        )


FAIL: LiteralString = """
    UPDATE reconciliation_report
       SET due_at = $3, state = CASE WHEN file_hash IS NULL THEN 'error' ELSE state END
     WHERE brand_code = $1 AND report_date = $2 AND due_at IS NOT NULL
"""


async def postpone_report(pool: WriterPool, report: DueReport, *, due_at: datetime) -> None:
    """Say that it failed and when it is tried again, by primary key."""
    async with ledger_errors():
        await pool.execute(FAIL, report.brand_code, report.report_date, due_at, timeout=TIMEOUT_S)

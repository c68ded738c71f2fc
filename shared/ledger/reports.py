"""The reports of reconciliation as the wire asks for them: one brand, one day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import LiteralString

from shared.domain.wire_time import bounds_of_day
from shared.ledger.failures import ledger_errors
from shared.ledger.store import ReaderPool, WriterPool

TIMEOUT_S = 5


@dataclass(frozen=True, slots=True)
class Report:
    """What is known of a day; `state` is the wire's word.

    `file_hash` and `counts` come with the state completed, `stamp` with it or later.
    """

    state: str
    after_position: int
    until_position: int
    movements: int | None
    size_bytes: int | None
    file_hash: bytes | None
    counts: Sequence[int] | None
    agreed: bool
    stamp: bytes | None


REPORT: LiteralString = """
    SELECT state, after_position, until_position, movements, bytes, file_hash, counts,
           agreed_at IS NOT NULL AS agreed, stamp
      FROM reconciliation_report
     WHERE brand_code = $1 AND report_date = $2
"""
# A day without a report: not queued yet, or nothing moved. Two probes of extent_by_time.
SPAN: LiteralString = """
    SELECT first.base_position AS after_position, last.base_position + last.size AS until_position
      FROM (SELECT base_position
              FROM extent
             WHERE brand_code = $1 AND created_at >= $2 AND created_at < $3
             ORDER BY created_at, base_position
             LIMIT 1) AS first
     CROSS JOIN (
           SELECT base_position, size
             FROM extent
            WHERE brand_code = $1 AND created_at >= $2 AND created_at < $3
            ORDER BY created_at DESC, base_position DESC
            LIMIT 1) AS last
"""


async def read_report(pool: ReaderPool, brand_code: int, day: date) -> Report | None:
    """Return the report of a day, by primary key, or None where nothing moved.

    One that nobody has queued yet is shown as queued.
    """
    async with ledger_errors():
        row = await pool.fetchrow(REPORT, brand_code, day, timeout=TIMEOUT_S)
        if row is not None:
            return Report(*row)
        span = await pool.fetchrow(SPAN, brand_code, *bounds_of_day(day), timeout=TIMEOUT_S)
    if span is None:
        return None
    return Report(
        state="queued",
        after_position=span["after_position"],
        until_position=span["until_position"],
        movements=None,
        size_bytes=None,
        file_hash=None,
        counts=None,
        agreed=False,
        stamp=None,
    )


AGREE: LiteralString = """
    UPDATE reconciliation_report
       SET agreed_at = COALESCE(agreed_at, $3), agreed_by = COALESCE(agreed_by, $4)
     WHERE brand_code = $1 AND report_date = $2 AND movements > 0
    RETURNING brand_code
"""


async def agree_to_report(
    pool: WriterPool, brand_code: int, day: date, *, user_id: int, now: datetime
) -> bool:
    """Keep that a user agreed to a report, by primary key; False where there is none to agree to.

    Whoever agreed first stays the one who did.
    """
    async with ledger_errors():
        agreed = await pool.fetchval(AGREE, brand_code, day, now, user_id, timeout=TIMEOUT_S)
    return agreed is not None

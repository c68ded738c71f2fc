"""Looking after files: uploads that nobody finishes, content that has served its time, calls that are due.

All of it may be done by any number of workers at once, and again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, LiteralString
from uuid import UUID

from shared.ledger.failures import ledger_errors
from shared.ledger.store import ReaderPool, WriterPool

READ_TIMEOUT_S: Final = 5
WRITE_TIMEOUT_S: Final = 15

UNFINISHED: LiteralString = """
    SELECT job_id FROM ingest_job
     WHERE kind = 'FILE' AND state = 'UPLOADING' AND created_at < $1
     ORDER BY created_at
     LIMIT 1000
"""


async def unfinished_uploads(pool: ReaderPool, *, before: datetime) -> list[UUID]:
    """Return files that were announced before a moment and have not come in whole."""
    async with ledger_errors():
        return [row["job_id"] for row in await pool.fetch(UNFINISHED, before)]


WORKED_OFF: LiteralString = """
    SELECT job_id FROM ingest_job AS j
     WHERE kind = 'FILE' AND state = 'QUEUED'
       AND EXISTS (SELECT FROM ingest_lane AS l WHERE l.job_id = j.job_id)
       AND NOT EXISTS (SELECT FROM ingest_lane AS l WHERE l.job_id = j.job_id AND NOT l.done)
     LIMIT 1000
"""


async def worked_off_files(pool: ReaderPool) -> list[UUID]:
    """Return files whose lanes are done, and that nobody has closed: who did it has died."""
    async with ledger_errors():
        return [row["job_id"] for row in await pool.fetch(WORKED_OFF, timeout=READ_TIMEOUT_S)]


IS_WORKED_OFF: LiteralString = """
    SELECT bool_and(done) FROM ingest_lane WHERE job_id = $1
"""


async def is_worked_off(pool: WriterPool, job_id: UUID) -> bool:
    """Say whether a job has lanes, and all of them are done."""
    async with ledger_errors():
        done: bool | None = await pool.fetchval(IS_WORKED_OFF, job_id, timeout=READ_TIMEOUT_S)
        return bool(done)


@dataclass(frozen=True, slots=True)
class Kept:
    """What may be kept of a job: `is_busy` while somebody works on it or may yet.

    Whoever worked on one that was cancelled or has failed may be reading it until its lease has run out.
    """

    job_id: UUID
    state: str
    finished_at: datetime | None
    is_busy: bool


KEPT: LiteralString = """
    SELECT j.job_id, j.state, j.finished_at,
           j.state IN ('UPLOADING', 'QUEUED') OR j.state <> 'DONE' AND EXISTS (
               SELECT FROM ingest_lane AS l WHERE l.job_id = j.job_id AND l.leased_to > $2) AS is_busy
      FROM ingest_job AS j
     WHERE j.job_id = ANY($1::uuid[])
"""


async def what_is_kept(
    pool: WriterPool, job_ids: Sequence[UUID], *, now: datetime
) -> dict[UUID, Kept]:
    """Return those of these jobs that there are."""
    async with ledger_errors():
        rows = await pool.fetch(KEPT, job_ids, now, timeout=READ_TIMEOUT_S)
    return {row["job_id"]: Kept(*row) for row in rows}


SHRED: LiteralString = """
    UPDATE ingest_job
       SET job_key = NULL, name = NULL, options = options - 'webhook'
     WHERE kind = 'FILE' AND created_at < $1 AND finished_at < $1 AND job_key IS NOT NULL
"""


async def shred_files(pool: WriterPool, *, before: datetime) -> None:
    """Throw away the keys of files that ended before a moment: every copy of them is unreadable now."""
    async with ledger_errors():
        await pool.execute(SHRED, before, timeout=WRITE_TIMEOUT_S)


@dataclass(frozen=True, slots=True)
class QueueState:
    """How it stands with the queue: since when each lane's oldest waits, and files by state."""

    oldest: dict[str, datetime]
    files: dict[str, int]


WAITING: LiteralString = """
    SELECT lane, min(created_at) AS oldest FROM ingest_lane WHERE NOT done GROUP BY lane
"""
FILES_BY_STATE: LiteralString = """
    SELECT state, count(*) AS files FROM ingest_job WHERE kind = 'FILE' GROUP BY state
"""


async def read_queue(pool: ReaderPool) -> QueueState:
    """Return the state of the queue, over the indexes of open lanes and of files."""
    async with ledger_errors():
        waiting = await pool.fetch(WAITING, timeout=READ_TIMEOUT_S)
        files = await pool.fetch(FILES_BY_STATE, timeout=READ_TIMEOUT_S)
    return QueueState(
        oldest={row["lane"]: row["oldest"] for row in waiting},
        files={row["state"]: row["files"] for row in files},
    )


@dataclass(frozen=True, slots=True)
class DueCall:
    """A file that has ended, and whose webhook is to be called now; `sealed` is in base64."""

    job_id: UUID
    tries: int
    sealed: str


# The next try is put off before this one is made: so no two workers make the same one, and one that dies
# costs a try. The pauses grow fourfold, from a minute.
CLAIM_CALL: LiteralString = """
    WITH due AS (
        SELECT job_id FROM ingest_job
         WHERE kind = 'FILE' AND state IN ('DONE', 'FAILED', 'CANCELLED') AND job_key IS NOT NULL
           AND options ? 'webhook' AND (options -> 'webhook' ->> 'due')::timestamptz <= $1
         LIMIT 1
           FOR UPDATE SKIP LOCKED)
    UPDATE ingest_job AS j
       SET options = jsonb_set(j.options, '{webhook}', j.options -> 'webhook' || jsonb_build_object(
               'tries', (j.options -> 'webhook' ->> 'tries')::integer + 1,
               'due', $1 + interval '1 minute' * 4 ^ (j.options -> 'webhook' ->> 'tries')::integer))
      FROM due
     WHERE j.job_id = due.job_id
    RETURNING j.job_id, (j.options -> 'webhook' ->> 'tries')::integer, j.options -> 'webhook' ->> 'sealed'
"""


async def claim_call(pool: WriterPool, *, now: datetime) -> DueCall | None:
    """Return a call that is due, this try counted in; None when none is."""
    async with ledger_errors():
        row = await pool.fetchrow(CLAIM_CALL, now, timeout=WRITE_TIMEOUT_S)
    return None if row is None else DueCall(*row)


END_CALLS: LiteralString = "UPDATE ingest_job SET options = options - 'webhook' WHERE job_id = $1"


async def end_calls(pool: WriterPool, job_id: UUID) -> None:
    """Call this job's webhook no more, and forget its address and secret."""
    async with ledger_errors():
        await pool.execute(END_CALLS, job_id, timeout=WRITE_TIMEOUT_S)

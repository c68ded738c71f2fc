"""Uploaded files as jobs: from the announcement over the upload to the queue, and what becomes of them.

Who has uploaded a file is a user; whose it is, is the user's organisation: a provider or a partner. What is
worked off is in `ingest_jobs.py`, what is swept away in `ingest_upkeep.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, LiteralString, NamedTuple
from uuid import UUID

import asyncpg

from shared.ledger.failures import ledger_errors
from shared.ledger.store import ReaderPool, WriterPool

READ_TIMEOUT_S: Final = 5
WRITE_TIMEOUT_S: Final = 15
# The first of two numbers of an advisory lock ("file"); the second is the user.
_LOCK_CLASS: Final = 0x66_69_6C_65


class TooManyOpenJobsError(Exception):
    """This account has as many files under way as it may have."""


class Organisation(NamedTuple):
    """Whose a job is: a provider's or a partner's; one of the two is None."""

    iys_code: int | None
    integrator_code: int | None


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file to be. `name` is sealed with the job's key; `options` is a JSON object without any address."""

    job_id: UUID
    user_id: int
    brand_code: int | None
    created_at: datetime
    sealing_key_id: int
    job_key: bytes
    name: bytes
    size: int | None
    dry_run: bool
    options: str


LOCK: LiteralString = "SELECT pg_advisory_xact_lock($1::integer, $2::integer)"
NEW_FILE: LiteralString = """
    INSERT INTO ingest_job (job_id, kind, state, user_id, brand_code, created_at, sealing_key_id, job_key,
                            name, size, dry_run, options)
    SELECT $1, 'FILE', 'UPLOADING', $2, $3, $4, $5, $6, $7, $8, $9, $10
     WHERE (SELECT count(*) FROM ingest_job
             WHERE user_id = $2 AND kind = 'FILE' AND state IN ('UPLOADING', 'QUEUED')) < $11
"""


async def add_file(pool: WriterPool, new: NewFile, *, open_max: int) -> None:
    """Announce a file, one after the other for each account.

    Raises TooManyOpenJobsError when `open_max` of the account are under way, LedgerUnavailableError.
    """
    async with ledger_errors(), pool.acquire() as connection, connection.transaction():
        await connection.execute(LOCK, _LOCK_CLASS, new.user_id)
        done = await connection.execute(
            NEW_FILE,
            new.job_id,
            new.user_id,
            new.brand_code,
            new.created_at,
            new.sealing_key_id,
            new.job_key,
            new.name,
            new.size,
            new.dry_run,
            new.options,
            open_max,
            timeout=WRITE_TIMEOUT_S,
        )
    if done != "INSERT 0 1":
        raise TooManyOpenJobsError


RECEIVED: LiteralString = """
    UPDATE ingest_job SET received = $2 WHERE job_id = $1 AND state = 'UPLOADING'
"""


async def note_received(pool: WriterPool, job_id: UUID, received: int) -> bool:
    """Keep how many bytes have come; False when the upload is over, or was cancelled."""
    async with ledger_errors():
        done = await pool.execute(RECEIVED, job_id, received, timeout=WRITE_TIMEOUT_S)
    return done == "UPDATE 1"


SIZE: LiteralString = """
    UPDATE ingest_job SET size = $2
     WHERE job_id = $1 AND state = 'UPLOADING' AND (size IS NULL OR size = $2)
"""


async def announce_size(pool: WriterPool, job_id: UUID, size: int) -> bool:
    """Keep how large the file will be; False when it was said to be of another size, or is over."""
    async with ledger_errors():
        return await pool.execute(SIZE, job_id, size, timeout=WRITE_TIMEOUT_S) == "UPDATE 1"


# Both lanes begin at once, so that the age of the older one is that of the file.
COMPLETE: LiteralString = """
    WITH job AS (
        UPDATE ingest_job
           SET state = 'QUEUED', size = $2, received = $2, content_mac = $3,
               options = CASE WHEN $5::text IS NULL THEN options
                              ELSE options || jsonb_build_object('duplicate_of', $5::text) END
         WHERE job_id = $1 AND state = 'UPLOADING'
        RETURNING job_id, user_id)
    INSERT INTO ingest_lane (job_id, lane, user_id, created_at)
    SELECT job_id, lane, user_id, $4
      FROM job, unnest('{REFUSALS,APPROVALS}'::ingest_lane_name[]) AS lane
"""
COMPLETE_REPEAT: LiteralString = """
    UPDATE ingest_job
       SET state = 'DONE', size = $2, received = $2, content_mac = $3, finished_at = $4,
           options = options || jsonb_build_object('duplicate_of', $5::text, 'repeat', true)
     WHERE job_id = $1 AND state = 'UPLOADING'
"""


@dataclass(frozen=True, slots=True)
class Complete:
    """A file that has come in whole. `is_repeat`: there is nothing to do, the other one has done it all."""

    job_id: UUID
    size: int
    content_mac: bytes
    duplicate_of: UUID | None
    is_repeat: bool


async def complete_file(pool: WriterPool, complete: Complete, *, now: datetime) -> bool:
    """Put a file into the queue, or close it as a repeat; False when it was cancelled meanwhile."""
    other = None if complete.duplicate_of is None else str(complete.duplicate_of)
    arguments = (complete.job_id, complete.size, complete.content_mac, now, other)
    async with ledger_errors():
        if complete.is_repeat:
            done = await pool.execute(COMPLETE_REPEAT, *arguments, timeout=WRITE_TIMEOUT_S)
            return done == "UPDATE 1"
        done = await pool.execute(COMPLETE, *arguments, timeout=WRITE_TIMEOUT_S)
        return done == "INSERT 0 2"


SAME_CONTENT: LiteralString = """
    SELECT j.job_id,
           NOT EXISTS (SELECT FROM ingest_lane AS l WHERE l.job_id = j.job_id AND l.refused > 0) AS is_clean
      FROM ingest_job AS j
     WHERE j.user_id = $1 AND j.content_mac = $2 AND j.job_id <> $3 AND j.kind = 'FILE'
       AND j.state = 'DONE' AND NOT j.options ? 'repeat'
     ORDER BY j.created_at DESC
     LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Earlier:
    """The same content, worked off before; clean, if none of its rows was turned away."""

    job_id: UUID
    is_clean: bool


async def find_same(
    pool: WriterPool, job_id: UUID, *, user_id: int, content_mac: bytes
) -> Earlier | None:
    """Return the newest job of this account with the same content and options that was worked off."""
    async with ledger_errors():
        row = await pool.fetchrow(
            SAME_CONTENT, user_id, content_mac, job_id, timeout=READ_TIMEOUT_S
        )
    return None if row is None else Earlier(row["job_id"], row["is_clean"])


CANCEL: LiteralString = """
    WITH job AS (
        UPDATE ingest_job SET state = 'CANCELLED', finished_at = $2
         WHERE job_id = $1 AND kind = 'FILE' AND state IN ('UPLOADING', 'QUEUED')
        RETURNING job_id),
    lanes AS (
        UPDATE ingest_lane SET done = true WHERE job_id IN (SELECT job_id FROM job))
    SELECT count(*) FROM job
"""


async def cancel_file(pool: WriterPool, job_id: UUID, *, now: datetime) -> bool:
    """Cancel a file that is not done; False when there was nothing to cancel.

    No step is recorded afterwards: a lane that is done takes none. What was recorded before stays.
    """
    async with ledger_errors():
        cancelled: int = await pool.fetchval(CANCEL, job_id, now, timeout=WRITE_TIMEOUT_S)
    return cancelled == 1


DELETE_FILE: LiteralString = "DELETE FROM ingest_job WHERE job_id = $1 AND kind = 'FILE'"


async def delete_file(pool: WriterPool, job_id: UUID) -> None:
    """Forget a file and everything that is known of it, its key too."""
    async with ledger_errors():
        await pool.execute(DELETE_FILE, job_id, timeout=WRITE_TIMEOUT_S)


@dataclass(frozen=True, slots=True)
class FileJob:
    """A file as it stands. `refusals` counts rows by code; a job whose key is gone has no `job_key`."""

    job_id: UUID
    user_id: int
    state: str
    brand_code: int | None
    created_at: datetime
    finished_at: datetime | None
    rows_seen: int
    sealing_key_id: int
    job_key: bytes | None
    name: bytes | None
    size: int | None
    received: int
    dry_run: bool
    surveyed: bool
    options: str
    failure: str | None
    failure_detail: str | None
    queued_at: datetime | None
    rows_done: int
    accepted: int
    unchanged: int
    refused: int
    refusals: Mapping[str, int]


FILE: LiteralString = """
    SELECT j.job_id, j.user_id, j.state, j.brand_code, j.created_at, j.finished_at, j.rows_seen,
           j.sealing_key_id, j.job_key, j.name, j.size, j.received, j.dry_run, j.surveyed, j.options,
           j.failure, j.failure_detail, l.queued_at, l.rows_done, l.accepted, l.unchanged, l.refused,
           ARRAY(SELECT row(c.code, sum(c.rows)::bigint) FROM ingest_count AS c
                  WHERE c.job_id = j.job_id AND c.code NOT IN ('ACCEPTED', 'UNCHANGED')
                  GROUP BY c.code ORDER BY c.code) AS refusals
      FROM ingest_job AS j
      JOIN api_user AS u ON u.user_id = j.user_id
     CROSS JOIN LATERAL (
           SELECT min(created_at) AS queued_at, COALESCE(sum(rows_done), 0)::bigint AS rows_done,
                  COALESCE(sum(accepted), 0)::bigint AS accepted,
                  COALESCE(sum(unchanged), 0)::bigint AS unchanged,
                  COALESCE(sum(refused), 0)::bigint AS refused
             FROM ingest_lane WHERE job_id = j.job_id) AS l
     WHERE j.job_id = $1 AND j.kind = 'FILE' AND ($2 OR u.iys_code = $3 OR u.integrator_code = $4)
"""
FILES: LiteralString = """
    SELECT j.job_id, j.user_id, j.state, j.brand_code, j.created_at, j.finished_at, j.rows_seen,
           j.sealing_key_id, j.job_key, j.name, j.size, j.received, j.dry_run, j.surveyed, j.options,
           j.failure, j.failure_detail, l.queued_at, l.rows_done, l.accepted, l.unchanged, l.refused,
           '{}'::text[] AS refusals
      FROM api_user AS u
      JOIN ingest_job AS j ON j.user_id = u.user_id
     CROSS JOIN LATERAL (
           SELECT min(created_at) AS queued_at, COALESCE(sum(rows_done), 0)::bigint AS rows_done,
                  COALESCE(sum(accepted), 0)::bigint AS accepted,
                  COALESCE(sum(unchanged), 0)::bigint AS unchanged,
                  COALESCE(sum(refused), 0)::bigint AS refused
             FROM ingest_lane WHERE job_id = j.job_id) AS l
     WHERE j.kind = 'FILE' AND (u.iys_code = $1 OR u.integrator_code = $2)
       AND ($3::uuid IS NULL OR (j.created_at, j.job_id) < (
           SELECT created_at, job_id FROM ingest_job WHERE job_id = $3))
     ORDER BY j.created_at DESC, j.job_id DESC
     LIMIT $4
"""


async def read_file_job(
    pool: ReaderPool, job_id: UUID, *, of: Organisation | None
) -> FileJob | None:
    """Return a file, if it is this organisation's; `of` None: whoever's it is, for the service itself."""
    iys_code, integrator_code = of or (None, None)
    async with ledger_errors():
        row = await pool.fetchrow(
            FILE, job_id, of is None, iys_code, integrator_code, timeout=READ_TIMEOUT_S
        )
    return None if row is None else _job(row)


async def list_files(
    pool: ReaderPool, of: Organisation, *, before: UUID | None, limit: int
) -> list[FileJob]:
    """Return the files of an organisation, the newest first, those before `before`; without refusals."""
    async with ledger_errors():
        rows = await pool.fetch(FILES, *of, before, limit, timeout=READ_TIMEOUT_S)
    return [_job(row) for row in rows]


@dataclass(frozen=True, slots=True)
class BrandCount:
    """How many rows of a brand ended with this code; brand 0 is that of rows whose brand is unreadable."""

    brand_code: int
    code: str
    rows: int


COUNTS: LiteralString = """
    SELECT brand_code, code, rows FROM ingest_count WHERE job_id = $1 ORDER BY brand_code, code
"""


async def read_counts(pool: ReaderPool, job_id: UUID) -> Sequence[BrandCount]:
    """Return the counts of a job by brand and code, over ingest_count_pkey."""
    async with ledger_errors():
        rows = await pool.fetch(COUNTS, job_id, timeout=READ_TIMEOUT_S)
    return [BrandCount(*row) for row in rows]


def _job(row: asyncpg.Record) -> FileJob:
    columns = dict(row.items())
    columns["refusals"] = dict(tuple(pair) for pair in columns["refusals"])
    return FileJob(**columns)

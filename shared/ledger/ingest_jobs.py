"""The queue of what was handed in: jobs, their lanes, and who works on which (migration 0012).

A worker claims a lane for a while and renews the claim as it goes. Who was away for too long has lost it: its
fence is old, and nothing that it still sends is written.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import LiteralString
from uuid import UUID

from shared.ledger.failures import ledger_errors
from shared.ledger.store import ReaderPool, WriterPool

READ_TIMEOUT_S = 5
WRITE_TIMEOUT_S = 15


class Lane(Enum):
    """Refusals, with every row of their keys; and the rest."""

    REFUSALS = "REFUSALS"
    APPROVALS = "APPROVALS"


@dataclass(frozen=True, slots=True)
class NewBatch:
    """A batch of the wire to be. `body` is sealed with the job's key, `job_key` with the key file's.

    `refused` are the items that are turned away at once: index, code, and what the code's text names.
    """

    job_id: UUID
    user_id: int
    brand_code: int
    replayable: bool
    created_at: datetime
    rows: int
    lanes: tuple[Lane, ...]
    sealing_key_id: int
    job_key: bytes
    body: bytes
    refused: Sequence[tuple[int, str, str | None]] = ()


NEW_BATCH: LiteralString = """
    WITH job AS (
        INSERT INTO ingest_job (job_id, kind, state, user_id, brand_code, replayable, created_at, rows_seen,
                                sealing_key_id, job_key, body)
        VALUES ($1, 'BATCH', 'QUEUED', $2, $3, $4, $5, $6, $7, $8, $9)),
    refused AS (
        INSERT INTO ingest_item (job_id, item_index, code, facts)
        SELECT $1, i.item_index, i.code, i.facts
          FROM unnest($11::integer[], $12::text[], $13::text[]) AS i (item_index, code, facts))
    INSERT INTO ingest_lane (job_id, lane, user_id, created_at)
    SELECT $1, lane, $2, $5 FROM unnest($10::ingest_lane_name[]) AS lane
"""


async def add_batch(pool: WriterPool, batch: NewBatch) -> None:
    """Put a batch into the queue, durably. Raises LedgerUnavailableError."""
    async with ledger_errors():
        await pool.execute(
            NEW_BATCH,
            batch.job_id,
            batch.user_id,
            batch.brand_code,
            batch.replayable,
            batch.created_at,
            batch.rows,
            batch.sealing_key_id,
            batch.job_key,
            batch.body,
            [lane.value for lane in batch.lanes],
            [index for index, _code, _facts in batch.refused],
            [code for _index, code, _facts in batch.refused],
            [facts for _index, _code, facts in batch.refused],
            timeout=WRITE_TIMEOUT_S,
        )


@dataclass(frozen=True, slots=True)
class Claim:
    """A lane that is ours for a while, and what is needed to work on it. `step` is the last one done."""

    job_id: UUID
    lane: Lane
    fence: int
    step: int
    attempts: int
    kind: str
    user_id: int
    brand_code: int | None
    replayable: bool
    created_at: datetime
    sealing_key_id: int
    job_key: bytes
    body: bytes | None
    surveyed: bool
    dry_run: bool
    options: str


# The account that was served longest ago comes first, and of its jobs the oldest.
CLAIM: LiteralString = """
    WITH mine AS (
        SELECT l.job_id, l.lane
          FROM ingest_lane AS l
          JOIN ingest_job AS j ON j.job_id = l.job_id
          LEFT JOIN ingest_turn AS t ON t.user_id = l.user_id
         WHERE l.lane = $1 AND NOT l.done AND l.leased_to < $2 AND j.state = 'QUEUED'
           AND (j.surveyed OR j.kind = 'BATCH' OR l.lane = 'REFUSALS')
         ORDER BY t.served_at NULLS FIRST, l.created_at
         LIMIT 1
           FOR UPDATE OF l SKIP LOCKED),
    turn AS (
        INSERT INTO ingest_turn (user_id, served_at)
        SELECT l.user_id, $2 FROM ingest_lane AS l JOIN mine USING (job_id, lane)
            ON CONFLICT ON CONSTRAINT ingest_turn_pkey DO UPDATE SET served_at = EXCLUDED.served_at)
    UPDATE ingest_lane AS l
       SET fence = l.fence + 1, leased_to = $3, attempts = l.attempts + 1
      FROM mine, ingest_job AS j
     WHERE l.job_id = mine.job_id AND l.lane = mine.lane AND j.job_id = l.job_id
    RETURNING l.job_id, l.fence, l.step, l.attempts, j.kind, j.user_id, j.brand_code, j.replayable,
              j.created_at, j.sealing_key_id, j.job_key, j.body, j.surveyed, j.dry_run, j.options
"""


async def claim_lane(
    pool: WriterPool, lane: Lane, *, now: datetime, until: datetime
) -> Claim | None:
    """Claim an open lane until a moment, or return None when there is nothing to do."""
    async with ledger_errors():
        row = await pool.fetchrow(CLAIM, lane.value, now, until, timeout=WRITE_TIMEOUT_S)
    if row is None:
        return None
    return Claim(
        job_id=row["job_id"],
        lane=lane,
        fence=row["fence"],
        step=row["step"],
        attempts=row["attempts"],
        kind=row["kind"],
        user_id=row["user_id"],
        brand_code=row["brand_code"],
        replayable=row["replayable"],
        created_at=row["created_at"],
        sealing_key_id=row["sealing_key_id"],
        job_key=row["job_key"],
        body=row["body"],
        surveyed=row["surveyed"],
        dry_run=row["dry_run"],
        options=row["options"],
    )


RENEW: LiteralString = """
    UPDATE ingest_lane SET leased_to = $4 WHERE job_id = $1 AND lane = $2 AND fence = $3 AND NOT done
"""


async def renew_claim(pool: WriterPool, claim: Claim, *, until: datetime) -> bool:
    """Keep a claim until a later moment (an earlier one gives it back); False when it was lost."""
    async with ledger_errors():
        done = await pool.execute(
            RENEW, claim.job_id, claim.lane.value, claim.fence, until, timeout=WRITE_TIMEOUT_S
        )
    return done == "UPDATE 1"


SAVE_SURVEY: LiteralString = """
    WITH idle AS (
        UPDATE ingest_lane SET done = true
         WHERE job_id = $1 AND ($2 = 0 OR (lane = 'REFUSALS' AND NOT $3)))
    UPDATE ingest_job SET surveyed = true, rows_seen = $2 WHERE job_id = $1
"""


async def save_survey(pool: WriterPool, job_id: UUID, *, rows: int, has_refusals: bool) -> None:
    """Keep how many rows a file has; lanes that have nothing to do are done with it."""
    async with ledger_errors():
        await pool.execute(SAVE_SURVEY, job_id, rows, has_refusals, timeout=WRITE_TIMEOUT_S)


JOB_STATE: LiteralString = "SELECT state FROM ingest_job WHERE job_id = $1"


async def job_state(pool: WriterPool, job_id: UUID) -> str | None:
    """Return the state of a job, or None where there is none."""
    async with ledger_errors():
        state: str | None = await pool.fetchval(JOB_STATE, job_id, timeout=READ_TIMEOUT_S)
        return state


RELEASE: LiteralString = """
    UPDATE ingest_lane
       SET leased_to = $4, attempts = GREATEST(attempts - 1, 0)
     WHERE job_id = $1 AND lane = $2 AND fence = $3 AND NOT done
"""


async def release_claim(pool: WriterPool, claim: Claim, *, now: datetime) -> None:
    """Give a claim back that nobody is to blame for: it does not count as an attempt."""
    async with ledger_errors():
        await pool.execute(
            RELEASE, claim.job_id, claim.lane.value, claim.fence, now, timeout=WRITE_TIMEOUT_S
        )


FINISH: LiteralString = """
    UPDATE ingest_job AS j
       SET state = CASE WHEN EXISTS (SELECT FROM ingest_lane AS l WHERE l.job_id = j.job_id AND l.given_up)
                        THEN 'FAILED'::ingest_state ELSE 'DONE' END,
           finished_at = $2, body = NULL
     WHERE j.job_id = $1 AND j.state = 'QUEUED'
       AND NOT EXISTS (SELECT FROM ingest_lane AS l WHERE l.job_id = j.job_id AND NOT l.done)
"""


async def finish_job(pool: WriterPool, job_id: UUID, *, now: datetime) -> bool:
    """Close a job whose lanes are all done; its content goes. False when there is still work."""
    async with ledger_errors():
        return await pool.execute(FINISH, job_id, now, timeout=WRITE_TIMEOUT_S) == "UPDATE 1"


GIVE_UP_LANE: LiteralString = """
    WITH lane AS (
        UPDATE ingest_lane SET done = true, given_up = true
         WHERE job_id = $1 AND lane = $2 AND fence = $3 AND NOT done)
    UPDATE ingest_job SET failure = $4 WHERE job_id = $1
"""


async def give_up_lane(pool: WriterPool, claim: Claim, *, failure: str) -> None:
    """End the claimed lane where it stands; the job's other lane goes on."""
    async with ledger_errors():
        await pool.execute(
            GIVE_UP_LANE,
            claim.job_id,
            claim.lane.value,
            claim.fence,
            failure,
            timeout=WRITE_TIMEOUT_S,
        )


GIVE_UP: LiteralString = """
    WITH lanes AS (
        UPDATE ingest_lane SET done = true, given_up = given_up OR NOT done WHERE job_id = $1)
    UPDATE ingest_job
       SET state = 'FAILED', finished_at = $2, failure = $3, failure_detail = $4, body = NULL
     WHERE job_id = $1 AND state = 'QUEUED'
"""


async def give_up_job(
    pool: WriterPool, job_id: UUID, *, now: datetime, failure: str, detail: str | None
) -> None:
    """Close a job of which nobody can read anything; what is stored of it stays stored."""
    async with ledger_errors():
        await pool.execute(GIVE_UP, job_id, now, failure, detail, timeout=WRITE_TIMEOUT_S)


FORGET: LiteralString = "DELETE FROM ingest_job WHERE created_at < $1 AND state <> 'QUEUED'"


async def forget_jobs(pool: WriterPool, *, before: datetime) -> None:
    """Remove closed jobs of an earlier time, with all that is known of them (60 days: iys-api 4.5)."""
    async with ledger_errors():
        await pool.execute(FORGET, before, timeout=WRITE_TIMEOUT_S)


OLDEST: LiteralString = "SELECT min(created_at) FROM ingest_lane WHERE lane = $1 AND NOT done"


async def oldest_waiting(pool: WriterPool, lane: Lane) -> datetime | None:
    """Return since when the oldest open lane of this name waits, over ingest_lane_open."""
    async with ledger_errors():
        moment: datetime | None = await pool.fetchval(OLDEST, lane.value, timeout=READ_TIMEOUT_S)
        return moment


@dataclass(frozen=True, slots=True)
class Item:
    """What became of one item of a batch; without code and transaction it still waits.

    `original` is the request, and the place in it, that stored the movement first.
    """

    index: int
    code: str | None
    facts: str | None
    movement: tuple[int, int, int] | None
    created_at: datetime | None
    original: tuple[UUID, int] | None


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch that was handed in: how many items it has, and the outcome of those that are done.

    Where `failed` is true, there will be no more.
    """

    rows: int
    replayable: bool
    failed: bool
    items: list[Item]


BATCH: LiteralString = """
    SELECT rows_seen, replayable, state = 'FAILED' AS failed
      FROM ingest_job
     WHERE job_id = $1 AND brand_code = $2 AND kind = 'BATCH' AND created_at >= $3
"""
ITEMS: LiteralString = """
    SELECT i.item_index, i.code, i.facts, i.extent_id, i.extent_offset, e.nonce, e.created_at,
           o.job_id AS original_job, o.item_index AS original_index
      FROM ingest_item AS i
      LEFT JOIN extent AS e ON e.brand_code = $2 AND e.extent_id = i.extent_id
      LEFT JOIN ingest_item AS o
        ON i.replayed AND o.extent_id = i.extent_id AND o.extent_offset = i.extent_offset
       AND NOT o.replayed
     WHERE i.job_id = $1
     ORDER BY i.item_index
"""


async def read_batch(
    pool: ReaderPool, job_id: UUID, *, brand_code: int, since: datetime
) -> Batch | None:
    """Return a batch of this brand that is not older than `since`, or None."""
    async with ledger_errors():
        job = await pool.fetchrow(BATCH, job_id, brand_code, since, timeout=READ_TIMEOUT_S)
        if job is None:
            return None
        rows = await pool.fetch(ITEMS, job_id, brand_code, timeout=READ_TIMEOUT_S)
    items = [
        Item(
            index=row["item_index"],
            code=row["code"],
            facts=row["facts"],
            movement=None
            if row["extent_id"] is None
            else (row["extent_id"], row["nonce"], row["extent_offset"]),
            created_at=row["created_at"],
            original=None
            if row["original_job"] is None
            else (row["original_job"], row["original_index"]),
        )
        for row in rows
    ]
    return Batch(job["rows_seen"], job["replayable"], job["failed"], items)

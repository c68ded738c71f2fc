"""One step of a lane: movements, outcomes and progress in one statement (`record_step_v1`)."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import LiteralString
from uuid import UUID

import asyncpg

from shared.ledger.append import NewMovement, movement_columns, run_append
from shared.ledger.failures import LedgerUnavailableError, StaleStateError
from shared.ledger.ingest_jobs import Claim
from shared.ledger.store import WriterPool

LEASE_LOST = "IZ004"


class LeaseLostError(Exception):
    """Somebody else works on this lane now, or has done this step: leave it alone."""


@dataclass(frozen=True, slots=True)
class ItemOutcome:
    """What became of one item of a batch.

    Stored: `place` is the movement's place in its step (from 1), or, with `extent`, in that older extent.
    Turned away: `code`, and in `facts` what its text names.
    """

    index: int
    code: str | None = None
    facts: str | None = None
    extent: int | None = None
    place: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A step to record: its number, what it did to the counts, and whether the lane ends with it.

    `after` is the step before it, -1 for the first one of a lane: it is stored by then, or this one is not.

    `counts` says how many rows ended how: by brand, and ACCEPTED, UNCHANGED or a code.
    """

    number: int
    after: int
    is_last: bool
    rows: int
    accepted: int
    unchanged: int
    refused: int
    items: Sequence[ItemOutcome] = ()
    counts: Mapping[tuple[int, str], int] = field(default_factory=dict[tuple[int, str], int])


RECORD_STEP: LiteralString = """
    SELECT extent_id, base_position, created_at, left_out
      FROM record_step_v1(
           $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
           $21, $22, $23, $24, $25, $26::channel[], $27::recipient_type[], $28::movement_kind[],
           $29::consent_status[], $30::consent_source[], $31, $32, $33, $34, $35, $36)
"""


class StepRecorder:
    """Records steps. `committed` is told of each brand whose movements were stored; it returns at once."""

    def __init__(
        self,
        pool: WriterPool,
        *,
        digest_key_id: int,
        sealing_key_id: int,
        committed: Callable[[int], None] = lambda _brand_code: None,
    ) -> None:
        self._pool = pool
        self._digest_key_id = digest_key_id
        self._sealing_key_id = sealing_key_id
        self._committed = committed

    async def record(
        self, claim: Claim, step: Step, brand_code: int, movements: Sequence[NewMovement]
    ) -> None:
        """Record a step, all of it or nothing; movements are of different keys of one brand.

        Raises StaleStateError when a key has moved on or the step before was not stored (read, judge, come
        again), LeaseLostError,
        MovementRefusedError, CommitUnknownError (the progress tells), LedgerUnavailableError.
        """
        arguments = [
            *_progress(claim.job_id, claim, step),
            brand_code,
            self._digest_key_id,
            self._sealing_key_id,
            secrets.randbits(63),
            sum(movement.approvals for movement in movements),
            sum(movement.rejections for movement in movements),
            *map(_once, movement_columns(movements)),
        ]
        try:
            row = await run_append(self._pool, RECORD_STEP, arguments)
        except LedgerUnavailableError as error:
            if isinstance(error.__cause__, asyncpg.PostgresError) and (
                error.__cause__.sqlstate == LEASE_LOST
            ):
                raise LeaseLostError from error
            raise
        if row["left_out"]:
            raise StaleStateError("a key has moved on")
        if movements:
            self._committed(brand_code)


def _once(column: list[object]) -> list[object]:
    """Return a column whose rows are all alike as one (`for_every_row`): the driver looks at each value."""
    if len(column) > 1 and column.count(column[0]) == len(column):
        return column[:1]
    return column


def _progress(job_id: UUID, claim: Claim, step: Step) -> list[object]:
    return [
        job_id,
        claim.lane.value,
        claim.fence,
        step.after,
        step.number,
        step.is_last,
        step.rows,
        step.accepted,
        step.unchanged,
        step.refused,
        [brand_code for brand_code, _code in step.counts],
        [code for _brand_code, code in step.counts],
        list(step.counts.values()),
        [item.index for item in step.items],
        [item.code for item in step.items],
        [item.facts for item in step.items],
        [item.extent for item in step.items],
        [item.place for item in step.items],
    ]

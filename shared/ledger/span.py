"""The movements between two positions of a brand: first the extents, then the rows at chosen places.

An extent says how many movements it has and what their ids are made of, so a reader can put them into any
order before it has read one of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from shared.ledger.failures import ledger_errors
from shared.ledger.store import ReaderPool

TIMEOUT_S = 5


@dataclass(frozen=True, slots=True)
class Extent:
    """The movements of one transaction: offsets 1 to `size`, at the positions after `base_position`."""

    extent_id: int
    nonce: int
    base_position: int
    size: int
    created_at: datetime


EXTENTS: LiteralString = """
    SELECT extent_id, nonce, base_position, size, created_at
      FROM extent
     WHERE brand_code = $1 AND base_position >= $2 AND base_position < $3
     ORDER BY base_position
     LIMIT $4
"""


async def read_extents(
    pool: ReaderPool, brand_code: int, *, after: int, until: int, limit: int
) -> list[Extent]:
    """Return up to `limit` extents that begin in this span, over extent_positions_do_not_overlap."""
    async with ledger_errors():
        rows = await pool.fetch(EXTENTS, brand_code, after, until, limit, timeout=TIMEOUT_S)
    return [Extent(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class SpanMovement:
    """One accepted change. `before` is the status of its key until then, None where there was none."""

    extent_id: int
    extent_offset: int
    recipient_type: str
    channel: str
    status: str
    source: str | None
    consent_date: datetime | None
    sealing_key_id: int
    sealed: bytes
    before: str | None


# The sub-selects end in LIMIT, so that whatever the planner thinks of the tables, it probes once a place. The
# movement before is nearly always a consent. Where it is not, the walk goes on to one that is.
AT_PLACES: LiteralString = """
    SELECT m.extent_id, m.extent_offset, m.recipient_type, m.channel, m.status, m.source, m.consent_date,
           m.sealing_key_id, m.sealed,
           CASE WHEN p.kind IS NULL THEN NULL
                WHEN p.kind = 'CONSENT' THEN p.status
                ELSE (
                    WITH RECURSIVE walk AS (
                        SELECT p.kind, p.status, p.previous_extent, p.previous_offset
                        UNION ALL
                        SELECT w.kind, w.status, w.previous_extent, w.previous_offset
                          FROM walk
                          JOIN movement AS w
                            ON w.brand_code = $1 AND w.extent_id = walk.previous_extent
                           AND w.extent_offset = walk.previous_offset
                         WHERE walk.kind <> 'CONSENT')
                    SELECT status FROM walk WHERE kind = 'CONSENT')
           END AS before
      FROM unnest($2::bigint[], $3::integer[]) WITH ORDINALITY AS place (extent_id, extent_offset, n)
     CROSS JOIN LATERAL (
           SELECT extent_id, extent_offset, recipient_type, channel, status, source, consent_date,
                  sealing_key_id, sealed, previous_extent, previous_offset
             FROM movement
            WHERE brand_code = $1 AND extent_id = place.extent_id
              AND extent_offset = place.extent_offset AND kind = 'CONSENT'
            LIMIT 1) AS m
      LEFT JOIN LATERAL (
           SELECT kind, status, previous_extent, previous_offset
             FROM movement
            WHERE brand_code = $1 AND extent_id = m.previous_extent
              AND extent_offset = m.previous_offset
            LIMIT 1) AS p ON true
     ORDER BY place.n
"""


async def read_places(
    pool: ReaderPool, brand_code: int, places: Sequence[tuple[int, int]]
) -> list[SpanMovement]:
    """Return the consents (no blocks, no changes of access) at these places, in the order of the places.

    A place is extent and offset: primary keys.
    """
    extents, offsets = [place[0] for place in places], [place[1] for place in places]
    async with ledger_errors():
        rows = await pool.fetch(AT_PLACES, brand_code, extents, offsets, timeout=TIMEOUT_S)
    return [SpanMovement(*row) for row in rows]

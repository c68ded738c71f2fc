"""The movements of a brand in the order of their positions, of all kinds: what a re-key proves one by one.

Followers that need less read less: `feed`, `push_queue`, `span`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from shared.ledger.failures import ledger_errors
from shared.ledger.store import Connection, Pool

READ_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class TailMovement:
    """One movement at its place. `sealed` opens with the sealing key `sealing_key_id`."""

    position: int
    created_at: datetime
    extent_id: int
    extent_offset: int
    kind: str
    digest: bytes
    channel: str
    recipient_type: str
    status: str
    source: str | None
    consent_date: datetime | None
    retailer_code: int | None
    retailer_access: tuple[int, ...] | None
    previous: tuple[int, int] | None
    sealing_key_id: int
    sealed: bytes


# An extent that begins before the position may reach beyond it, so the walk starts at the last one that
# begins at or before it: one probe of extent_positions_do_not_overlap. It ends where the page must be full,
# because positions have no gaps; of each extent no more is read than the page can hold, however large it is.
TAIL: LiteralString = """
    SELECT e.base_position + m.extent_offset AS position, e.created_at, m.extent_id, m.extent_offset,
           m.kind, m.digest, m.channel, m.recipient_type, m.status, m.source, m.consent_date,
           m.retailer_code, m.retailer_access, m.previous_extent, m.previous_offset, m.sealing_key_id,
           m.sealed
      FROM extent AS e
     CROSS JOIN LATERAL (
           SELECT extent_id, extent_offset, kind, digest, channel, recipient_type, status, source,
                  consent_date, retailer_code, retailer_access, previous_extent, previous_offset,
                  sealing_key_id, sealed
             FROM movement
            WHERE brand_code = e.brand_code AND extent_id = e.extent_id
              AND extent_offset > $2 - e.base_position
            ORDER BY extent_offset
            LIMIT $3) AS m
     WHERE e.brand_code = $1 AND e.base_position < $2 + $3
       AND e.base_position >= COALESCE((SELECT max(f.base_position) FROM extent AS f
                                         WHERE f.brand_code = $1 AND f.base_position <= $2), 0)
     ORDER BY e.base_position, m.extent_offset
     LIMIT $3
"""


async def read_tail(
    source: "Connection | Pool", brand_code: int, *, after: int, limit: int
) -> list[TailMovement]:
    """Return up to `limit` movements of a brand whose position is greater than `after`, in order.

    Positions are given under the head's lock, so a reader that pages by them misses nothing, whoever
    commits when.
    """
    async with ledger_errors():
        rows = await source.fetch(TAIL, brand_code, after, limit, timeout=READ_TIMEOUT_S)
    return [
        TailMovement(
            position=row["position"],
            created_at=row["created_at"],
            extent_id=row["extent_id"],
            extent_offset=row["extent_offset"],
            kind=row["kind"],
            digest=row["digest"],
            channel=row["channel"],
            recipient_type=row["recipient_type"],
            status=row["status"],
            source=row["source"],
            consent_date=row["consent_date"],
            retailer_code=row["retailer_code"],
            retailer_access=None
            if row["retailer_access"] is None
            else tuple(row["retailer_access"]),
            previous=None
            if row["previous_extent"] is None
            else (row["previous_extent"], row["previous_offset"]),
            sealing_key_id=row["sealing_key_id"],
            sealed=row["sealed"],
        )
        for row in rows
    ]

"""Names of citizens who added a brand for the first time: beside the ledger, sealed, and for some days only.

The feed shows them on rows of the source IYS_WEB_YENI (iys-api 4.9). A name is sealed as addresses are
(`Sealer.seal(name, brand_code=…)`), and what has expired is never read again, deleted or not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, LiteralString

from shared.ledger.append import Stored
from shared.ledger.failures import ledger_errors
from shared.ledger.store import ReaderPool, WriterPool

TIMEOUT_S: Final = 5
DELETED_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class SealedName:
    """A name at rest; it opens with the sealing key `sealing_key_id`, at its brand alone."""

    extent_id: int
    extent_offset: int
    sealed: bytes
    sealing_key_id: int


# A movement is known by its place and its time: a ledger that was restored may give the place again.
SAVE: LiteralString = """
    INSERT INTO citizen_name (
           brand_code, extent_id, extent_offset, sealing_key_id, sealed, expires_at)
    SELECT e.brand_code, e.extent_id, $3, $5, $6, $7
      FROM extent AS e
     WHERE e.brand_code = $1 AND e.extent_id = $2 AND e.created_at = $4
       AND $3::integer BETWEEN 1 AND e.size
        ON CONFLICT ON CONSTRAINT citizen_name_pkey DO NOTHING
    RETURNING extent_id
"""


async def save_citizen_name(
    pool: WriterPool,
    *,
    brand_code: int,
    movement: Stored,
    sealed: bytes,
    sealing_key_id: int,
    expires_at: datetime,
) -> bool:
    """Keep a sealed name beside the movement that was stored with it, until it expires.

    Returns False where there is one already, or where the movement is not in this ledger. The name is
    optional on the wire: who fails here after the movement is stored need not repeat it. Raises
    LedgerUnavailableError.
    """
    async with ledger_errors():
        extent_id: int | None = await pool.fetchval(
            SAVE,
            brand_code,
            *movement.movement,
            movement.created_at,
            sealing_key_id,
            sealed,
            expires_at,
            timeout=TIMEOUT_S,
        )
    return extent_id is not None


# $2 and $3 name movements pairwise. Probes citizen_name_pkey.
READ: LiteralString = """
    SELECT n.extent_id, n.extent_offset, n.sealed, n.sealing_key_id
      FROM unnest($2::bigint[], $3::integer[]) AS m (extent_id, extent_offset)
      JOIN citizen_name AS n
        ON n.brand_code = $1 AND n.extent_id = m.extent_id AND n.extent_offset = m.extent_offset
     WHERE n.expires_at > $4
"""


async def read_citizen_names(
    pool: ReaderPool, brand_code: int, movements: Sequence[tuple[int, int]], *, now: datetime
) -> list[SealedName]:
    """Return the names that are still to be shown beside these movements (extent, offset)."""
    if not movements:
        return []
    extents, offsets = zip(*movements, strict=True)
    async with ledger_errors():
        rows = await pool.fetch(
            READ, brand_code, list(extents), list(offsets), now, timeout=TIMEOUT_S
        )
    return [
        SealedName(row["extent_id"], row["extent_offset"], row["sealed"], row["sealing_key_id"])
        for row in rows
    ]


DELETE_EXPIRED: LiteralString = """
    WITH gone AS (
        SELECT brand_code, extent_id, extent_offset
          FROM citizen_name
         WHERE expires_at <= $1
         ORDER BY expires_at
         LIMIT $2)
    DELETE FROM citizen_name AS n
     USING gone
     WHERE n.brand_code = gone.brand_code AND n.extent_id = gone.extent_id
       AND n.extent_offset = gone.extent_offset
    RETURNING n.extent_id
"""


async def delete_expired_names(pool: WriterPool, *, now: datetime) -> int:
    """Delete up to 1000 names that have expired, along `citizen_name_by_expiry`; return how many.

    Several may call it at once: who comes second finds less.
    """
    async with ledger_errors():
        rows = await pool.fetch(DELETE_EXPIRED, now, DELETED_AT_ONCE, timeout=TIMEOUT_S)
    return len(rows)

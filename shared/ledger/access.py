"""What a change of access needs of a consent besides its state: it repeats the record (kind ACCESS)."""

from collections.abc import Sequence
from typing import LiteralString

from shared.domain.consent import Source
from shared.ledger.append import Stored, transaction_id
from shared.ledger.failures import ledger_errors
from shared.ledger.read_state import Key
from shared.ledger.store import ReaderPool

READ_TIMEOUT_S = 5

SOURCES: LiteralString = """
    SELECT k.n, m.source
      FROM unnest($2::bytea[], $3::channel[], $4::recipient_type[])
           WITH ORDINALITY AS k (digest, channel, recipient_type, n)
      JOIN consent AS c
        ON c.brand_code = $1 AND c.digest = k.digest AND c.channel = k.channel
       AND c.recipient_type = k.recipient_type
      JOIN movement AS m
        ON m.brand_code = c.brand_code AND m.extent_id = c.recorded_extent
       AND m.extent_offset = c.recorded_offset
"""


async def read_sources(
    pool: ReaderPool, brand_code: int, keys: Sequence[Key]
) -> list[Source | None]:
    """Return the source of each key's record, in order; None where it has none, or there is no record.

    By primary keys. Who appends with the newest movement that was seen before this read may believe it: had
    the record changed meanwhile, the append would be refused.
    """
    async with ledger_errors():
        rows = await pool.fetch(
            SOURCES,
            brand_code,
            [key.digest for key in keys],
            [key.channel.value for key in keys],
            [key.recipient_type.value for key in keys],
            timeout=READ_TIMEOUT_S,
        )
    sources: list[Source | None] = [None] * len(keys)
    for row in rows:
        sources[row["n"] - 1] = None if row["source"] is None else Source(row["source"])
    return sources


# Blocks say nothing of access; the movement before them does.
NEWEST: LiteralString = """
    WITH RECURSIVE walk AS (
        SELECT m.brand_code, m.extent_id, m.extent_offset, m.previous_extent, m.previous_offset, m.kind
          FROM consent AS c
          JOIN movement AS m
            ON m.brand_code = c.brand_code AND m.extent_id = c.latest_extent
           AND m.extent_offset = c.latest_offset
         WHERE c.brand_code = $1 AND c.digest = $2 AND c.channel = $3 AND c.recipient_type = $4
        UNION ALL
        SELECT m.brand_code, m.extent_id, m.extent_offset, m.previous_extent, m.previous_offset, m.kind
          FROM walk AS w
          JOIN movement AS m
            ON m.brand_code = w.brand_code AND m.extent_id = w.previous_extent
           AND m.extent_offset = w.previous_offset
         WHERE w.kind = 'BLOCK')
    SELECT w.extent_id, w.extent_offset, e.nonce, e.created_at, e.base_position
      FROM walk AS w
      JOIN extent AS e ON e.brand_code = w.brand_code AND e.extent_id = w.extent_id
     WHERE w.kind <> 'BLOCK'
"""


async def newest_movement(pool: ReaderPool, key: Key) -> Stored | None:
    """Return the movement that says who may use a consent now, by primary keys; None without a record."""
    async with ledger_errors():
        row = await pool.fetchrow(
            NEWEST,
            key.brand_code,
            key.digest,
            key.channel.value,
            key.recipient_type.value,
            timeout=READ_TIMEOUT_S,
        )
    if row is None:
        return None
    movement = (row["extent_id"], row["extent_offset"])
    return Stored(
        transaction_id(key.brand_code, row["extent_id"], row["nonce"], row["extent_offset"]),
        row["created_at"],
        row["base_position"] + row["extent_offset"],
        movement,
    )

"""One brand's movements as a feed reads them: from a place, up to a moment, of one kind of source.

Order and completeness are those of the positions (`tail.py`); moments only say where a reading may begin and
where it ends. Times go the way of the positions, so "since then" is a position, too.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, LiteralString

import asyncpg

from shared.domain.read_feed import SourceKind
from shared.ledger.append import transaction_id
from shared.ledger.failures import ledger_errors
from shared.ledger.store import ReaderPool

READ_TIMEOUT_S: Final = 5


@dataclass(frozen=True, slots=True)
class Window:
    """Part of a brand's order: positions after `after`, of extents up to the one that begins at `last`."""

    after: int
    last: int


@dataclass(frozen=True, slots=True)
class FeedMovement:
    """One movement at its place. `sealed` opens with the sealing key `sealing_key_id`."""

    position: int
    created_at: datetime
    extent_id: int
    nonce: int
    extent_offset: int
    kind: str
    channel: str
    recipient_type: str
    status: str
    source: str | None
    consent_date: datetime | None
    sealing_key_id: int
    sealed: bytes

    @property
    def of_registry(self) -> bool:
        """The registry wrote it; all others came from the provider, those without a source, too."""
        return self.source is not None and self.source.startswith("IYS_")

    def transaction_id(self, brand_code: int) -> str:
        """Return the id that was answered when it was written."""
        return transaction_id(brand_code, self.extent_id, self.nonce, self.extent_offset)


# Both probe extent_by_time.
WINDOW: LiteralString = """
    SELECT (SELECT e.base_position
              FROM extent AS e
             WHERE e.brand_code = $1 AND e.created_at >= $2
             ORDER BY e.created_at, e.base_position
             LIMIT 1) AS after,
           (SELECT e.base_position
              FROM extent AS e
             WHERE e.brand_code = $1 AND e.created_at <= $3
             ORDER BY e.created_at DESC, e.base_position DESC
             LIMIT 1) AS last
"""


async def find_window(
    pool: ReaderPool, brand_code: int, *, since: datetime, until: datetime
) -> Window | None:
    """Return where a brand's movements of this time stand, both ends included; None: there are none."""
    async with ledger_errors():
        row = await pool.fetchrow(WINDOW, brand_code, since, until, timeout=READ_TIMEOUT_S)
    if row is None or row["after"] is None or row["last"] is None or row["after"] > row["last"]:
        return None
    return Window(row["after"], row["last"])


# Probes extent_pkey.
MOVEMENT: LiteralString = """
    SELECT e.base_position + $4::integer AS position
      FROM extent AS e
     WHERE e.brand_code = $1 AND e.extent_id = $2 AND e.nonce = $3
       AND $4::integer BETWEEN 1 AND e.size
"""


async def find_movement(
    pool: ReaderPool, brand_code: int, *, extent_id: int, nonce: int, extent_offset: int
) -> int | None:
    """Return the position of a movement, None if it is not of this ledger's history."""
    async with ledger_errors():
        position: int | None = await pool.fetchval(
            MOVEMENT, brand_code, extent_id, nonce, extent_offset, timeout=READ_TIMEOUT_S
        )
    return position


# Ids are made from the place (`append.transaction_id`), so the movements of that time are tried, along
# extent_by_time: a microsecond or two for each.
TRANSACTION: LiteralString = """
    SELECT e.base_position + n.extent_offset AS position
      FROM extent AS e
     CROSS JOIN LATERAL generate_series(1, e.size) AS n (extent_offset)
     WHERE e.brand_code = $1 AND e.created_at >= $2 AND e.created_at < $3
       AND sha256(convert_to(format('izin movement %s %s %s %s', e.brand_code, e.extent_id, e.nonce,
                                    n.extent_offset), 'UTF8')) = $4
     LIMIT 1
"""


async def find_transaction(
    pool: ReaderPool, brand_code: int, *, since: datetime, before: datetime, transaction: bytes
) -> int | None:
    """Return the position of the movement with this `transactionId` that was stored in this time."""
    async with ledger_errors():
        position: int | None = await pool.fetchval(
            TRANSACTION, brand_code, since, before, transaction, timeout=READ_TIMEOUT_S
        )
    return position


# Walks the extents as `tail.TAIL` does, up to the one that begins at $3.
ALL: LiteralString = """
    SELECT e.base_position + m.extent_offset AS position, e.created_at, m.extent_id, e.nonce,
           m.extent_offset, m.kind, m.channel, m.recipient_type, m.status, m.source, m.consent_date,
           m.sealing_key_id, m.sealed
      FROM extent AS e
     CROSS JOIN LATERAL (
           SELECT extent_id, extent_offset, kind, channel, recipient_type, status, source, consent_date,
                  sealing_key_id, sealed
             FROM movement
            WHERE brand_code = e.brand_code AND extent_id = e.extent_id
              AND extent_offset > $2 - e.base_position
            ORDER BY extent_offset
            LIMIT $4) AS m
     WHERE e.brand_code = $1
       AND e.base_position <= $3
       AND e.base_position >= COALESCE((SELECT max(f.base_position) FROM extent AS f
                                         WHERE f.brand_code = $1 AND f.base_position <= $2), 0)
     ORDER BY e.base_position, m.extent_offset
     LIMIT $4
"""
# The same, along extent_with_registry and movement_of_registry: what providers wrote is not even looked at.
OF_REGISTRY: LiteralString = """
    SELECT e.base_position + m.extent_offset AS position, e.created_at, m.extent_id, e.nonce,
           m.extent_offset, m.kind, m.channel, m.recipient_type, m.status, m.source, m.consent_date,
           m.sealing_key_id, m.sealed
      FROM extent AS e
     CROSS JOIN LATERAL (
           SELECT extent_id, extent_offset, kind, channel, recipient_type, status, source, consent_date,
                  sealing_key_id, sealed
             FROM movement
            WHERE brand_code = e.brand_code AND extent_id = e.extent_id
              AND extent_offset > $2 - e.base_position
              AND kind = 'CONSENT' AND source >= 'IYS_WEB'
            ORDER BY extent_offset
            LIMIT $4) AS m
     WHERE e.brand_code = $1
       AND e.has_registry
       AND e.base_position <= $3
       AND e.base_position >= COALESCE((SELECT max(f.base_position) FROM extent AS f
                                         WHERE f.brand_code = $1 AND f.has_registry
                                           AND f.base_position <= $2), 0)
     ORDER BY e.base_position, m.extent_offset
     LIMIT $4
"""


async def read_feed(
    pool: ReaderPool, brand_code: int, window: Window, *, kind: SourceKind, limit: int
) -> list[FeedMovement]:
    """Return up to `limit` movements of a window, in order.

    Of the registry's kind only its own consents; of the provider's kind everything, blocks and the registry's
    own included: who shows it leaves them out. Fewer than `limit` means that the window ends there.
    """
    statement = OF_REGISTRY if kind is SourceKind.REGISTRY else ALL
    async with ledger_errors():
        rows = await pool.fetch(
            statement, brand_code, window.after, window.last, limit, timeout=READ_TIMEOUT_S
        )
    return [_movement(row) for row in rows]


@dataclass(frozen=True, slots=True)
class Likeness:
    """What movements are counted by."""

    kind: str
    channel: str
    recipient_type: str
    of_registry: bool
    status: str


# Extents as a whole: a moment never cuts one.
COUNTS: LiteralString = """
    SELECT m.kind, m.channel, m.recipient_type, COALESCE(m.source >= 'IYS_WEB', false) AS of_registry,
           m.status, count(*) AS movements
      FROM extent AS e
      JOIN movement AS m
        ON m.brand_code = e.brand_code AND m.extent_id = e.extent_id
     WHERE e.brand_code = $1 AND e.base_position >= $2 AND e.base_position < $3
     GROUP BY m.kind, m.channel, m.recipient_type, of_registry, m.status
"""


async def count_movements(
    pool: ReaderPool, brand_code: int, *, from_base: int, before_base: int
) -> dict[Likeness, int]:
    """Count the movements of the extents that begin in this part, `before_base` left out."""
    async with ledger_errors():
        rows = await pool.fetch(COUNTS, brand_code, from_base, before_base, timeout=READ_TIMEOUT_S)
    return {Likeness(*like): movements for *like, movements in rows}


def _movement(row: asyncpg.Record) -> FeedMovement:
    return FeedMovement(**row)

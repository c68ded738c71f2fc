"""Everything on file for one person, whatever the brand: over the index on the digest (design 3).

One statement and one snapshot. There is no order across brands, so the rows say where each brand stands and
nothing about which of two brands was first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

import asyncpg

from shared.domain.consent import Channel, ConsentState, RecipientType, Source, Status
from shared.ledger.append import transaction_id
from shared.ledger.failures import DigestKeyRetiredError, LedgerUnavailableError, ledger_errors
from shared.ledger.read_state import Key
from shared.ledger.store import ReaderPool

READ_TIMEOUT_S = 5


@dataclass(frozen=True, slots=True)
class RecordedMovement:
    """The movement that a record stands on; `source` is None on a merchant's first record without one."""

    source: Source | None
    created_at: datetime
    transaction_id: str


@dataclass(frozen=True, slots=True)
class BrandConsent:
    """One consent of the person at a brand.

    `recorded` is None where there is a block and no record. `latest` identifies the newest movement of the
    key (extent, offset).
    """

    key: Key
    brand_name: str
    state: ConsentState
    latest: tuple[int, int]
    recorded: RecordedMovement | None


# Probes consent_by_digest, and for each row found the primary keys.
ACROSS_BRANDS: LiteralString = """
    SELECT s.digest_key_id, pg_is_in_recovery() AS in_recovery,
           c.brand_code, b.name, c.channel, c.recipient_type, c.status, c.consent_date, c.blocked_at,
           c.latest_extent, c.latest_offset, m.source, e.created_at, e.extent_id, e.nonce, m.extent_offset
      FROM ledger_state AS s
      LEFT JOIN consent AS c ON c.digest = $1 AND c.channel = ANY ($2::channel[])
      LEFT JOIN brand AS b ON b.brand_code = c.brand_code
      LEFT JOIN movement AS m
        ON m.brand_code = c.brand_code AND m.extent_id = c.recorded_extent
       AND m.extent_offset = c.recorded_offset
      LEFT JOIN extent AS e ON e.brand_code = m.brand_code AND e.extent_id = m.extent_id
     ORDER BY c.brand_code, c.channel, c.recipient_type
"""


async def read_across_brands(
    pool: ReaderPool,
    digest: bytes,
    *,
    digest_key_id: int,
    channels: Sequence[Channel] = tuple(Channel),
) -> list[BrandConsent]:
    """Return the person's consents at all brands, by brand, channel and recipient type.

    Raises LedgerUnavailableError when the server does not answer or is a standby, DigestKeyRetiredError
    when the digest is of another key than the ledger's.
    """
    async with ledger_errors():
        rows = await pool.fetch(
            ACROSS_BRANDS, digest, [channel.value for channel in channels], timeout=READ_TIMEOUT_S
        )
    if not rows or rows[0]["in_recovery"]:
        raise LedgerUnavailableError("not a primary")
    if rows[0]["digest_key_id"] != digest_key_id:
        raise DigestKeyRetiredError("the ledger was re-keyed")
    return [_to_consent(row, digest) for row in rows if row["brand_code"] is not None]


def _to_consent(row: asyncpg.Record, digest: bytes) -> BrandConsent:
    status = None if row["status"] is None else Status(row["status"])
    channel, recipient_type = Channel(row["channel"]), RecipientType(row["recipient_type"])
    return BrandConsent(
        key=Key(row["brand_code"], channel, recipient_type, digest),
        brand_name=row["name"],
        state=ConsentState(status, row["consent_date"], row["blocked_at"]),
        latest=(row["latest_extent"], row["latest_offset"]),
        recorded=None if status is None else _to_recorded(row),
    )


def _to_recorded(row: asyncpg.Record) -> RecordedMovement:
    return RecordedMovement(
        source=None if row["source"] is None else Source(row["source"]),
        created_at=row["created_at"],
        transaction_id=transaction_id(
            row["brand_code"], row["extent_id"], row["nonce"], row["extent_offset"]
        ),
    )

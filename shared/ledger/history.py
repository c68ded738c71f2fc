"""The movements of one key: walked from the newest to the oldest by their `previous` pointers."""

from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from shared.domain.consent import NewConsent
from shared.ledger.append import Stored, transaction_id
from shared.ledger.failures import ledger_errors
from shared.ledger.read_state import Key
from shared.ledger.store import ReaderPool

READ_TIMEOUT_S = 5


@dataclass(frozen=True, slots=True)
class Record:
    """The movement that a key's current record stands on, as the wire shows it."""

    status: str
    source: str | None
    consent_date: datetime | None
    created_at: datetime
    transaction_id: str
    retailer_code: int | None
    retailer_title: str | None
    retailer_access: int
    blocked_at: datetime | None


RECORD: LiteralString = """
    SELECT m.status, m.source, m.consent_date, e.created_at, m.extent_id, e.nonce, m.extent_offset,
           c.retailer_code, r.title, COALESCE(cardinality(c.retailer_access), 0) AS retailer_access,
           c.blocked_at
      FROM consent AS c
      JOIN movement AS m
        ON m.brand_code = c.brand_code AND m.extent_id = c.recorded_extent
       AND m.extent_offset = c.recorded_offset
      JOIN extent AS e ON e.brand_code = m.brand_code AND e.extent_id = m.extent_id
      LEFT JOIN retailer AS r ON r.retailer_code = c.retailer_code
     WHERE c.brand_code = $1
       AND c.digest = $2
       AND c.channel = $3
       AND c.recipient_type = $4
"""


async def read_record(pool: ReaderPool, key: Key) -> Record | None:
    """Return a key's record, or None where there is none (a block alone is none), by primary keys."""
    async with ledger_errors():
        row = await pool.fetchrow(
            RECORD,
            key.brand_code,
            key.digest,
            key.channel.value,
            key.recipient_type.value,
            timeout=READ_TIMEOUT_S,
        )
    if row is None:
        return None
    return Record(
        status=row["status"],
        source=row["source"],
        consent_date=row["consent_date"],
        created_at=row["created_at"],
        transaction_id=transaction_id(
            key.brand_code, row["extent_id"], row["nonce"], row["extent_offset"]
        ),
        retailer_code=row["retailer_code"],
        retailer_title=row["title"],
        retailer_access=row["retailer_access"],
        blocked_at=row["blocked_at"],
    )


# $1 brand, $2 digest, $3 channel, $4 recipient type, then what the request said.
REPLAY: LiteralString = """
    SELECT w.extent_id, w.extent_offset, e.nonce, e.created_at, e.base_position
      FROM movements_of_key($1, $2, $3, $4) AS w
      JOIN extent AS e ON e.brand_code = w.brand_code AND e.extent_id = w.extent_id
     WHERE w.kind = 'CONSENT'
       AND w.status = $5
       AND w.source IS NOT DISTINCT FROM $6
       AND w.consent_date IS NOT DISTINCT FROM $7
       AND w.retailer_code IS NOT DISTINCT FROM $8
       AND COALESCE(w.retailer_access, '{}') = $9
     LIMIT 1
"""


async def find_replayed(pool: ReaderPool, key: Key, consent: NewConsent) -> Stored | None:
    """Return the stored movement that an identical request made before (iys-api 4.3, C11)."""
    async with ledger_errors():
        row = await pool.fetchrow(
            REPLAY,
            key.brand_code,
            key.digest,
            key.channel.value,
            key.recipient_type.value,
            consent.status.value,
            None if consent.source is None else consent.source.value,
            consent.consent_date,
            consent.retailer_code,
            list(consent.retailer_access),
            timeout=READ_TIMEOUT_S,
        )
    if row is None:
        return None
    return Stored(
        transaction_id(key.brand_code, row["extent_id"], row["nonce"], row["extent_offset"]),
        row["created_at"],
        row["base_position"] + row["extent_offset"],
        (row["extent_id"], row["extent_offset"]),
    )


STATE_AT: LiteralString = """
    SELECT e.base_position + w.extent_offset AS position, e.created_at, w.kind, w.status,
           w.consent_date
      FROM movements_of_key($1, $2, $3, $4) AS w
      JOIN extent AS e ON e.brand_code = w.brand_code AND e.extent_id = w.extent_id
     WHERE w.kind <> 'ACCESS'
       AND ($5::bigint IS NULL OR e.base_position + w.extent_offset <= $5)
       AND ($6::timestamptz IS NULL OR e.created_at <= $6)
     ORDER BY position
"""


@dataclass(frozen=True, slots=True)
class PastMovement:
    """One movement of a key, enough to derive its state."""

    position: int
    created_at: datetime
    is_block: bool
    status: str
    consent_date: datetime | None


async def movements_until(
    pool: ReaderPool, key: Key, *, position: int | None = None, moment: datetime | None = None
) -> list[PastMovement]:
    """Return a key's movements up to a position or a moment, oldest first.

    This is the question "what would the check have said then?": derive the state from the answer. Changes
    of access are left out: they say nothing of what the person decided.
    """
    async with ledger_errors():
        rows = await pool.fetch(
            STATE_AT,
            key.brand_code,
            key.digest,
            key.channel.value,
            key.recipient_type.value,
            position,
            moment,
            timeout=READ_TIMEOUT_S,
        )
    return [
        PastMovement(
            row["position"],
            row["created_at"],
            row["kind"] == "BLOCK",
            row["status"],
            row["consent_date"],
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One consent of a key's history, as the wire shows it."""

    status: str
    source: str | None
    consent_date: datetime | None
    created_at: datetime
    transaction_id: str


# What is no consent (a refusal that was turned away, a change of retailers) is on the walk, but not shown.
HISTORY: LiteralString = """
    WITH shown AS (
        SELECT w.status, w.source, w.consent_date, e.created_at, w.extent_id, e.nonce, w.extent_offset,
               e.base_position + w.extent_offset AS position
          FROM movements_of_key($1, $2, $3, $4) AS w
          JOIN extent AS e ON e.brand_code = w.brand_code AND e.extent_id = w.extent_id
         WHERE w.kind = 'CONSENT')
    SELECT (SELECT count(*) FROM shown) AS total, p.*
      FROM ledger_state
      LEFT JOIN (SELECT * FROM shown
                  ORDER BY consent_date DESC NULLS LAST, position DESC
                  LIMIT $5 OFFSET $6) AS p ON true
     ORDER BY p.consent_date DESC NULLS LAST, p.position DESC
"""


async def read_history(
    pool: ReaderPool, key: Key, *, limit: int, offset: int
) -> tuple[list[HistoryRow], int]:
    """Return a page of a key's consents, the newest decision first, and how many there are in all."""
    async with ledger_errors():
        rows = await pool.fetch(
            HISTORY,
            key.brand_code,
            key.digest,
            key.channel.value,
            key.recipient_type.value,
            limit,
            offset,
            timeout=READ_TIMEOUT_S,
        )
    page = [
        HistoryRow(
            status=row["status"],
            source=row["source"],
            consent_date=row["consent_date"],
            created_at=row["created_at"],
            transaction_id=transaction_id(
                key.brand_code, row["extent_id"], row["nonce"], row["extent_offset"]
            ),
        )
        for row in rows
        if row["extent_id"] is not None
    ]
    return page, rows[0]["total"]

"""The queue of pushes: which connections have something to deliver, and what.

A connection's place in its brand's order is all that is kept of what was delivered. Who works on one
holds its lease, for a while; whoever comes back with an older lease number changes nothing. Leases go by
the server's clock, attempts by the caller's, which is how tests turn a day.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, LiteralString

from shared.ledger.append import transaction_id
from shared.ledger.failures import ledger_errors
from shared.ledger.store import ReaderPool, WriterPool

TIMEOUT_S: Final = 5
PAGE_MAX: Final = 1000
# Extents that one statement walks over at most, whether or not they hold anything for this connection.
WALK_MAX: Final = 2000


@dataclass(frozen=True, slots=True)
class Due:
    """A connection with something to read; `failing` if its last attempt failed."""

    registration_id: int
    failing: bool


# An extent that begins before the position may reach beyond it, so both look at the last one that does.
DUE: LiteralString = """
    SELECT r.registration_id, r.attempts > 0 AS failing
      FROM push_registration AS r
     WHERE r.registration_id > $2
       AND r.state = 'ACTIVE' AND r.next_attempt_at <= $1 AND r.lease_until <= now()
       AND EXISTS (
           SELECT FROM extent AS e
            WHERE e.brand_code = r.brand_code AND e.has_registry
              AND e.base_position >= COALESCE((SELECT max(f.base_position) FROM extent AS f
                                                WHERE f.brand_code = r.brand_code AND f.has_registry
                                                  AND f.base_position <= r.position), 0)
              AND e.base_position + e.size > r.position)
     ORDER BY r.registration_id
     LIMIT $3
"""
DUE_AT: LiteralString = """
    SELECT r.registration_id, r.attempts > 0 AS failing
      FROM push_registration AS r
     WHERE r.brand_code = ANY ($2)
       AND r.state = 'ACTIVE' AND r.next_attempt_at <= $1 AND r.lease_until <= now()
       AND EXISTS (
           SELECT FROM extent AS e
            WHERE e.brand_code = r.brand_code AND e.has_registry
              AND e.base_position >= COALESCE((SELECT max(f.base_position) FROM extent AS f
                                                WHERE f.brand_code = r.brand_code AND f.has_registry
                                                  AND f.base_position <= r.position), 0)
              AND e.base_position + e.size > r.position)
     ORDER BY r.registration_id
"""


async def find_due(pool: ReaderPool, *, now: datetime, after: int, limit: int) -> list[Due]:
    """Return a page of the connections that may be worked on, by number, over push_registration_pkey.

    Each costs two probes of extent_with_registry, however much else its brand has written.
    """
    async with ledger_errors():
        rows = await pool.fetch(DUE, now, after, limit, timeout=TIMEOUT_S)
    return [Due(row["registration_id"], row["failing"]) for row in rows]


async def find_due_at(pool: ReaderPool, brands: Sequence[int], *, now: datetime) -> list[Due]:
    """Return those of these brands, over push_registration_seat_is_free."""
    async with ledger_errors():
        rows = await pool.fetch(DUE_AT, now, list(brands), timeout=TIMEOUT_S)
    return [Due(row["registration_id"], row["failing"]) for row in rows]


@dataclass(frozen=True, slots=True)
class Lease:
    """A connection that we work on, with the versions that its rights are judged by."""

    registration_id: int
    lease_number: int
    brand_code: int
    iys_code: int
    channel: str
    user_id: int
    sealing_key_id: int
    sealed: bytes
    position: int
    batch_until: int | None
    attempts: int
    failing_since: datetime | None
    authority_version: int
    directory_version: int


CLAIM: LiteralString = """
    UPDATE push_registration AS r
       SET lease_until = clock_timestamp() + make_interval(secs => $3),
           lease_number = r.lease_number + 1
      FROM brand AS b, brand_head AS h, ledger_state AS s
     WHERE r.registration_id = (
           SELECT q.registration_id FROM push_registration AS q
            WHERE q.registration_id = $1 AND q.state = 'ACTIVE' AND q.next_attempt_at <= $2
              AND q.lease_until <= clock_timestamp()
              FOR UPDATE SKIP LOCKED)
       AND b.brand_code = r.brand_code AND h.brand_code = r.brand_code
    RETURNING r.registration_id, r.lease_number, r.brand_code, b.iys_code, r.channel, r.user_id,
              r.sealing_key_id, r.sealed, r.position, r.batch_until, r.attempts, r.failing_since,
              h.authority_version, s.directory_version
"""


async def claim(
    pool: WriterPool, registration_id: int, *, now: datetime, seconds: float
) -> Lease | None:
    """Take the lease of a connection; None: somebody else has it, or there is nothing to do yet."""
    async with ledger_errors():
        row = await pool.fetchrow(CLAIM, registration_id, now, seconds, timeout=TIMEOUT_S)
    return None if row is None else Lease(**dict(row.items()))


@dataclass(frozen=True, slots=True)
class PushedMovement:
    """A movement of the registry, as a receiver is to be told of it; `sealed` holds the address."""

    position: int
    created_at: datetime
    transaction_id: str
    recipient_type: str
    status: str
    source: str
    consent_date: datetime | None
    sealing_key_id: int
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Page:
    """What comes next for a connection, and up to which position that is all there is for it."""

    movements: list[PushedMovement]
    until: int


WALK: LiteralString = """
    SELECT COALESCE(max(w.base_position + w.size), $2) AS until
      FROM (SELECT e.base_position, e.size
              FROM extent AS e
             WHERE e.brand_code = $1 AND e.has_registry
               AND e.base_position >= COALESCE((SELECT max(f.base_position) FROM extent AS f
                                                 WHERE f.brand_code = $1 AND f.has_registry
                                                   AND f.base_position <= $2), 0)
               AND e.base_position + e.size > $2
             ORDER BY e.base_position
             LIMIT $3) AS w
"""
PAGE: LiteralString = """
    SELECT e.base_position + m.extent_offset AS position, e.created_at, e.nonce, m.extent_id,
           m.extent_offset, m.recipient_type, m.status, m.source, m.consent_date, m.sealing_key_id,
           m.sealed
      FROM extent AS e
     CROSS JOIN LATERAL (
           SELECT extent_id, extent_offset, recipient_type, status, source, consent_date,
                  sealing_key_id, sealed
             FROM movement
            WHERE brand_code = e.brand_code AND extent_id = e.extent_id
              AND kind = 'CONSENT' AND source >= 'IYS_WEB' AND channel = $2
              AND extent_offset > $3 - e.base_position AND extent_offset <= $4 - e.base_position
            ORDER BY extent_offset
            LIMIT $5) AS m
     WHERE e.brand_code = $1 AND e.has_registry
       AND e.base_position >= COALESCE((SELECT max(f.base_position) FROM extent AS f
                                         WHERE f.brand_code = $1 AND f.has_registry
                                           AND f.base_position <= $3), 0)
       AND e.base_position < $4
     ORDER BY e.base_position, m.extent_offset
     LIMIT $5
"""


async def read_page(
    pool: ReaderPool, lease: Lease, *, after: int, until: int | None, limit: int
) -> Page:
    """Return up to `limit` movements of the connection's channel after a position, in order.

    With `until` they are those up to there, which is how a delivery that failed is read again. What is
    read is bounded: a walk over at most WALK_MAX extents with movements of the registry, by
    extent_with_registry, and in them movement_of_registry.
    """
    async with ledger_errors():
        end: int = until or await pool.fetchval(
            WALK, lease.brand_code, after, WALK_MAX, timeout=TIMEOUT_S
        )
        rows = await pool.fetch(
            PAGE, lease.brand_code, lease.channel, after, end, limit, timeout=TIMEOUT_S
        )
    movements = [
        PushedMovement(
            position=row["position"],
            created_at=row["created_at"],
            transaction_id=transaction_id(
                lease.brand_code, row["extent_id"], row["nonce"], row["extent_offset"]
            ),
            recipient_type=row["recipient_type"],
            status=row["status"],
            source=row["source"],
            consent_date=row["consent_date"],
            sealing_key_id=row["sealing_key_id"],
            sealed=row["sealed"],
        )
        for row in rows
    ]
    return Page(movements, movements[-1].position if len(movements) == limit else end)


DELIVERED: LiteralString = """
    UPDATE push_registration AS r
       SET position = $3, batch_until = NULL, attempts = 0, failing_since = NULL,
           last_outcome = 'delivered', next_attempt_at = LEAST(next_attempt_at, $4),
           lease_until = clock_timestamp() + make_interval(secs => $5)
      FROM brand_head AS h, ledger_state AS s
     WHERE r.registration_id = $1 AND r.lease_number = $2 AND h.brand_code = r.brand_code
    RETURNING h.authority_version, s.directory_version
"""


async def delivered(
    pool: WriterPool, lease: Lease, *, until: int, now: datetime, seconds: float
) -> Lease | None:
    """Note that everything up to `until` has arrived, and hold the lease on; None: it is lost.

    What is returned has the versions of now: rights may have been taken away meanwhile.
    """
    async with ledger_errors():
        row = await pool.fetchrow(
            DELIVERED,
            lease.registration_id,
            lease.lease_number,
            until,
            now,
            seconds,
            timeout=TIMEOUT_S,
        )
    return None if row is None else replace(lease, **dict(row.items()))


RELEASED: LiteralString = """
    UPDATE push_registration
       SET position = GREATEST(position, $3), lease_until = '-infinity'
     WHERE registration_id = $1 AND lease_number = $2
"""


async def release(pool: WriterPool, lease: Lease, *, until: int) -> None:
    """Give the lease back; up to `until` there was nothing more for this connection."""
    async with ledger_errors():
        await pool.execute(
            RELEASED, lease.registration_id, lease.lease_number, until, timeout=TIMEOUT_S
        )


@dataclass(frozen=True, slots=True)
class Failure:
    """How an attempt failed, and what follows: another one, or none until somebody takes it up again."""

    outcome: str
    batch_until: int | None
    next_attempt_at: datetime
    suspends: bool


FAILED: LiteralString = """
    UPDATE push_registration
       SET attempts = attempts + 1, failing_since = COALESCE(failing_since, $3),
           batch_until = COALESCE($4, batch_until), next_attempt_at = $5,
           last_outcome = $6, lease_until = '-infinity',
           state = CASE WHEN $7 THEN 'SUSPENDED' ELSE state END,
           seat = CASE WHEN $7 THEN NULL ELSE seat END,
           state_since = CASE WHEN $7 THEN $3 ELSE state_since END
     WHERE registration_id = $1 AND lease_number = $2
    RETURNING registration_id
"""


async def failed(pool: WriterPool, lease: Lease, failure: Failure, *, now: datetime) -> bool:
    """Note a failed attempt and give the lease back; False: it was lost, and nothing is noted."""
    async with ledger_errors():
        row = await pool.fetchrow(
            FAILED,
            lease.registration_id,
            lease.lease_number,
            now,
            failure.batch_until,
            failure.next_attempt_at,
            failure.outcome,
            failure.suspends,
            timeout=TIMEOUT_S,
        )
    return row is not None


HELD: LiteralString = """
    UPDATE push_registration
       SET last_outcome = 'not_entitled', next_attempt_at = $3, lease_until = '-infinity'
     WHERE registration_id = $1 AND lease_number = $2
"""


async def hold(pool: WriterPool, lease: Lease, *, until: datetime) -> None:
    """Deliver nothing for a while, because who registered the connection may not read; no failure."""
    async with ledger_errors():
        await pool.execute(
            HELD, lease.registration_id, lease.lease_number, until, timeout=TIMEOUT_S
        )

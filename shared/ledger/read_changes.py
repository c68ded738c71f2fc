"""What a follower of a brand reads: what has moved since a place, and everything, page by page.

A follower keeps a copy of the brand's state somewhere and says how far that copy goes (`Mark`). Each
answer is one statement, so one snapshot: whether this server may be believed at all, which digest key is
in use, where the head is, whether the mark is of this ledger's history, and the state *now* of the
addresses of the page. So a page may show more than its last movement; `Mark` says what that means.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, LiteralString, TypeAlias

import asyncpg

from shared.domain.consent import Channel, ConsentState, RecipientType, Status
from shared.domain.transitions import is_blocked
from shared.ledger.failures import LedgerUnavailableError, ledger_errors
from shared.ledger.store import ReaderPool

READ_TIMEOUT_S: Final = 5
MOVEMENTS_A_PAGE: Final = 500
# Must exceed the six that one address can have, else a page would stand still.
CONSENTS_A_PAGE: Final = 500
BRANDS_A_PAGE: Final = 2_000

# (extent, nonce, offset); all zero where a brand has no movement yet.
Movement: TypeAlias = tuple[int, int, int]
Entries: TypeAlias = list[tuple[bytes, int]]
ValueOf: TypeAlias = Callable[[Iterable[tuple[Channel, RecipientType, Status]]], int]


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a copy goes.

    All movements up to `position` are in it. `seen` is the newest movement that any snapshot showed from
    which the copy was made: the one at `position` if the copy is exactly the state there (`settled`), a
    later one otherwise. Is `seen` in the ledger's history, then so is all that the copy may hold.
    """

    position: int
    seen: Movement
    settled: bool


@dataclass(frozen=True, slots=True)
class BrandHead:
    """Where a brand's order ends, and how many consents are on record."""

    brand_code: int
    position: int
    movement: Movement
    consents: int
    digest_key_id: int


@dataclass(frozen=True, slots=True)
class Changes:
    """The movements after a mark, and what is on file now for each address among them.

    `is_there` says whether the mark is of this history; if not, nothing else means anything. `position`
    is that of the page's last movement, the mark's own if there was none. An entry is an address's digest
    and all that is on file for it, as one number; 0 is nothing. `age_s` is how long ago the last movement
    was committed, None without one.
    """

    head: BrandHead
    is_there: bool
    position: int
    movements: int
    entries: Entries
    age_s: float | None


@dataclass(frozen=True, slots=True)
class Fill:
    """One page of everything that is on file, in the order of the digests.

    `filled_to` is the last digest of the page, None when no later one is on file.
    """

    head: BrandHead
    is_there: bool
    entries: Entries
    filled_to: bytes | None


# In the order in which `izin rekey` locks them (ledger_state, consent, movement), wherever the server
# takes its locks: while it parses, plans or executes. Hence the join that begins with `consent`.
# The extents are walked as in `tail.TAIL`, and positions have no gaps: what begins beyond the page is not
# looked at, however far behind the reader is.
CHANGES: LiteralString = """
    SELECT s.digest_key_id, pg_is_in_recovery() AS in_recovery,
           h.position, h.extent_id, h.extent_nonce, h.extent_offset, h.approvals + h.rejections AS consents,
           ($2::bigint = 0 AND $3::bigint = 0)
           OR EXISTS (SELECT FROM extent AS v
                       WHERE v.brand_code = $1 AND v.extent_id = $3 AND v.nonce = $4::bigint
                         AND $5::integer BETWEEN 1 AND v.size
                         AND CASE WHEN $6::boolean THEN v.base_position + $5 = $2
                                  ELSE v.base_position + $5 >= $2 END) AS is_there,
           p.position AS last_position, p.movements, clock_timestamp() - p.created_at AS age,
           p.digests, p.channels, p.recipient_types, p.statuses, p.consent_dates, p.blocked_at
      FROM ledger_state AS s
      LEFT JOIN brand_head AS h
        ON h.brand_code = $1
     CROSS JOIN (
           SELECT max(m.position) AS position, max(m.movements)::integer AS movements,
                  max(m.created_at) AS created_at,
                  array_agg(m.digest) AS digests,
                  array_agg(c.channel) AS channels,
                  array_agg(c.recipient_type) AS recipient_types,
                  array_agg(c.status) AS statuses,
                  array_agg(CASE WHEN c.blocked_at IS NOT NULL THEN c.consent_date END) AS consent_dates,
                  array_agg(c.blocked_at) AS blocked_at
             FROM consent AS c
            RIGHT JOIN (
                  SELECT t.digest, max(t.position) AS position, max(t.created_at) AS created_at,
                         sum(count(*)) OVER () AS movements
                    FROM (SELECT e.base_position + n.extent_offset AS position, e.created_at, n.digest
                            FROM extent AS e
                           CROSS JOIN LATERAL (
                                 SELECT extent_offset, digest
                                   FROM movement
                                  WHERE brand_code = e.brand_code AND extent_id = e.extent_id
                                    AND extent_offset > $2 - e.base_position
                                  ORDER BY extent_offset
                                  LIMIT $7) AS n
                           WHERE e.brand_code = $1 AND e.base_position < $2 + $7
                             AND e.base_position >= COALESCE(
                                 (SELECT max(f.base_position) FROM extent AS f
                                   WHERE f.brand_code = $1 AND f.base_position <= $2), 0)
                           ORDER BY e.base_position, n.extent_offset
                           LIMIT $7) AS t
                   GROUP BY t.digest) AS m
               ON c.brand_code = $1 AND c.digest = m.digest) AS p
"""
# One row more than the page holds tells whether the last address is there with all its rows.
FILL: LiteralString = """
    SELECT s.digest_key_id, pg_is_in_recovery() AS in_recovery,
           h.position, h.extent_id, h.extent_nonce, h.extent_offset, h.approvals + h.rejections AS consents,
           ($2::bigint = 0 AND $3::bigint = 0)
           OR EXISTS (SELECT FROM extent AS v
                       WHERE v.brand_code = $1 AND v.extent_id = $3 AND v.nonce = $4::bigint
                         AND $5::integer BETWEEN 1 AND v.size
                         AND v.base_position + $5 >= $2) AS is_there,
           p.digests, p.channels, p.recipient_types, p.statuses, p.consent_dates, p.blocked_at
      FROM ledger_state AS s
      LEFT JOIN brand_head AS h
        ON h.brand_code = $1
     CROSS JOIN (
           SELECT array_agg(c.digest) AS digests,
                  array_agg(c.channel) AS channels,
                  array_agg(c.recipient_type) AS recipient_types,
                  array_agg(c.status) AS statuses,
                  array_agg(CASE WHEN c.blocked_at IS NOT NULL THEN c.consent_date END) AS consent_dates,
                  array_agg(c.blocked_at) AS blocked_at
             FROM (SELECT digest, channel, recipient_type, status, consent_date, blocked_at
                     FROM consent
                    WHERE brand_code = $1 AND digest > $6::bytea
                    ORDER BY digest, channel, recipient_type
                    LIMIT $7) AS c) AS p
"""
HEADS: LiteralString = """
    SELECT s.digest_key_id, pg_is_in_recovery() AS in_recovery,
           h.position, h.extent_id, h.extent_nonce, h.extent_offset, h.approvals + h.rejections AS consents,
           h.brand_code
      FROM ledger_state AS s
     CROSS JOIN brand_head AS h
     WHERE h.brand_code > $1
     ORDER BY h.brand_code
     LIMIT $2
"""

_STATUSES: Final = {status.value: status for status in Status}


class ChangeReader:
    """Reads brands for a follower who keeps one number an address.

    `value_of` makes that number from what is on file for the address, each with the status that counts:
    a block that denies is RET. It must be a sum over the consents that it is given.
    """

    def __init__(self, pool: ReaderPool, *, value_of: ValueOf) -> None:
        self._pool = pool
        self._weights = {
            (channel.value, recipient_type.value, status.value): value_of(
                [(channel, recipient_type, status)]
            )
            for channel in Channel
            for recipient_type in RecipientType
            for status in Status
        }

    async def changes(self, brand_code: int, mark: Mark) -> Changes | None:
        """Return up to 500 movements' addresses after a mark; None for an unknown brand.

        Raises LedgerUnavailableError when the server does not answer or is a standby. Probes `extent_pkey`,
        `extent_positions_do_not_overlap`, `movement_pkey` and, once an address, `consent_pkey`.
        """
        row = await self._one(
            CHANGES, brand_code, mark.position, *mark.seen, mark.settled, MOVEMENTS_A_PAGE
        )
        if row["position"] is None:
            return None
        age: timedelta | None = row["age"]
        return Changes(
            head=_head(brand_code, row),
            is_there=row["is_there"],
            position=mark.position if row["last_position"] is None else row["last_position"],
            movements=row["movements"] or 0,
            entries=list(self._values(row).items()),
            age_s=None if age is None else age.total_seconds(),
        )

    async def fill(self, brand_code: int, mark: Mark, *, after: bytes) -> Fill | None:
        """Return what is on file for the next 500 digests beyond `after` (b"": from the beginning).

        Raises as `changes`. Reads on along `consent_pkey`.
        """
        rows_max = CONSENTS_A_PAGE
        row = await self._one(FILL, brand_code, mark.position, *mark.seen, after, rows_max + 1)
        if row["position"] is None:
            return None
        values = self._values(row)
        filled_to: bytes | None = None
        if len(row["digests"] or ()) > rows_max:
            # The last address may have more rows than were read: it belongs to the next page.
            del values[max(values)]
            filled_to = max(values)
        return Fill(_head(brand_code, row), row["is_there"], list(values.items()), filled_to)

    async def heads(self, *, after: int, limit: int = BRANDS_A_PAGE) -> list[BrandHead]:
        """Return the heads of the next brands beyond the code `after`; raises as `changes`."""
        async with ledger_errors():
            rows = await self._pool.fetch(HEADS, after, limit, timeout=READ_TIMEOUT_S)
        if rows and rows[0]["in_recovery"]:
            raise LedgerUnavailableError("not a primary")
        return [_head(row["brand_code"], row) for row in rows]

    async def head(self, brand_code: int) -> BrandHead | None:
        """Return one brand's head, None for an unknown brand; raises as `changes`."""
        found = await self.heads(after=brand_code - 1, limit=1)
        return found[0] if found and found[0].brand_code == brand_code else None

    async def _one(self, statement: LiteralString, *arguments: object) -> asyncpg.Record:
        async with ledger_errors():
            row = await self._pool.fetchrow(statement, *arguments, timeout=READ_TIMEOUT_S)
        if row is None or row["in_recovery"]:
            raise LedgerUnavailableError("not a primary")
        return row

    def _values(self, row: asyncpg.Record) -> dict[bytes, int]:
        values: dict[bytes, int] = {}
        weights = self._weights
        for digest, channel, recipient_type, status, consent_date, blocked_at in zip(
            *(row[name] or () for name in _COLUMNS), strict=True
        ):
            if channel is None:  # an address that moved and of which nothing is on file
                values.setdefault(digest, 0)
                continue
            counts = status if blocked_at is None else _with_block(status, consent_date, blocked_at)
            values[digest] = values.get(digest, 0) + weights[channel, recipient_type, counts]
        return values


_COLUMNS: Final = (
    "digests",
    "channels",
    "recipient_types",
    "statuses",
    "consent_dates",
    "blocked_at",
)


def _with_block(status: str | None, consent_date: datetime | None, blocked_at: datetime) -> str:
    """Return the status that counts for a consent that has a block."""
    state = ConsentState(None if status is None else _STATUSES[status], consent_date, blocked_at)
    if status is None or is_blocked(state):
        return Status.WITHDRAWN.value
    return status


def _head(brand_code: int, row: asyncpg.Record) -> BrandHead:
    movement = (row["extent_id"] or 0, row["extent_nonce"] or 0, row["extent_offset"] or 0)
    return BrandHead(brand_code, row["position"], movement, row["consents"], row["digest_key_id"])

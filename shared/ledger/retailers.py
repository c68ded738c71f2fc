"""Retailers of a brand: adding, showing, setting their status, removing (iys-api 5).

What is personal comes and goes sealed. How many consents name a retailer is counted by the append
(`retailer_reach`), so that a page of them costs a probe each, and a removal is decided at once.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import LiteralString

import asyncpg

from shared.ledger.failures import (
    AlreadyExistsError,
    DigestKeyRetiredError,
    UnknownReferenceError,
    ledger_errors,
)
from shared.ledger.store import Connection, ReaderPool, WriterPool

READ_TIMEOUT_S = 5
# A code drawn at random may be taken by somebody else at the same moment.
ATTEMPTS_MAX = 5


@dataclass(frozen=True, slots=True)
class SealedRetailer:
    """A retailer to be, with what is personal sealed and digested.

    `status` is the wire's word; `city` and `town` are code and name.
    """

    brand_code: int
    title: str
    alias: str | None
    status: str
    city: tuple[str, str]
    town: tuple[str, str]
    digest_key_id: int
    sealing_key_id: int
    sealed: bytes
    tckn_digest: bytes
    mersis_digest: bytes | None


@dataclass(frozen=True, slots=True)
class RetailerRow:
    """A retailer as it stands. `consents` is how many name it; those of a title alone have no more."""

    retailer_code: int
    title: str
    alias: str | None
    status: str
    city_code: str | None
    city_name: str | None
    town_code: str | None
    town_name: str | None
    sealing_key_id: int | None
    sealed: bytes | None
    consents: int


class Removal(Enum):
    """What became of the wish to remove a retailer."""

    DONE = "done"
    UNKNOWN = "unknown"
    LINKED = "linked"


# A re-key takes this table first, so whoever has read it finds the same digest key until the commit.
DIGEST_KEY: LiteralString = "SELECT digest_key_id FROM ledger_state"
# Two who add at the same time wait for each other here, so that the limit is a limit.
LOCK_BRAND: LiteralString = "SELECT iys_code FROM brand WHERE brand_code = $1 FOR NO KEY UPDATE"
COUNT: LiteralString = """
    SELECT count(*) FROM retailer WHERE brand_code = $1 AND deleted_at IS NULL
"""
ADD: LiteralString = """
    INSERT INTO retailer (retailer_code, brand_code, iys_code, title, alias, state, passive, city_code,
                          city_name, town_code, town_name, sealing_key_id, sealed, tckn_digest,
                          mersis_digest)
    SELECT drawn.code, $1, $2, $3, $4,
           (CASE WHEN $5::text = 'active' THEN 'ACTIVE' ELSE 'SUSPENDED' END)::account_state,
           $5::text = 'passive', $6, $7, $8, $9, $10, $11, $12, $13
      FROM (SELECT floor(random() * 90000000 + 10000000)::integer AS code
              FROM generate_series(1, 20)) AS drawn
     WHERE NOT EXISTS (SELECT FROM retailer AS r WHERE r.retailer_code = drawn.code)
     LIMIT 1
    RETURNING retailer_code
"""


async def add_retailer(pool: WriterPool, retailer: SealedRetailer, *, count_max: int) -> int | None:
    """Add a retailer and return its code; None when the brand has `count_max`, or no code is free.

    Raises AlreadyExistsError (`retailer_tckn_is_unique`, `retailer_mersis_is_unique`: another one of the
    same provider has the number), UnknownReferenceError without such a brand, DigestKeyRetiredError,
    LedgerUnavailableError.
    """
    for _attempt in range(ATTEMPTS_MAX):
        try:
            async with ledger_errors(), pool.acquire() as connection, connection.transaction():
                return await _add(connection, retailer, count_max=count_max)
        except AlreadyExistsError as error:
            if error.what != "retailer_pkey":
                raise
    return None


async def _add(connection: Connection, retailer: SealedRetailer, *, count_max: int) -> int | None:
    if await connection.fetchval(DIGEST_KEY) != retailer.digest_key_id:
        raise DigestKeyRetiredError("the ledger was re-keyed")
    iys_code: int | None = await connection.fetchval(LOCK_BRAND, retailer.brand_code)
    if iys_code is None:
        raise UnknownReferenceError("retailer_brand_exists")
    count: int = await connection.fetchval(COUNT, retailer.brand_code)
    if count >= count_max:
        return None
    code: int | None = await connection.fetchval(
        ADD,
        retailer.brand_code,
        iys_code,
        retailer.title,
        retailer.alias,
        retailer.status,
        *retailer.city,
        *retailer.town,
        retailer.sealing_key_id,
        retailer.sealed,
        retailer.tckn_digest,
        retailer.mersis_digest,
    )
    return code


TWINS: LiteralString = """
    SELECT r.passive, r.tckn_digest = $2 AS same_tckn, r.mersis_digest = $3 AS same_mersis
      FROM brand AS b
      JOIN retailer AS r
        ON r.iys_code = b.iys_code AND (r.tckn_digest = $2 OR r.mersis_digest = $3)
     WHERE b.brand_code = $1
"""


@dataclass(frozen=True, slots=True)
class Twin:
    """Another retailer of the same provider, with the same TCKN or MERSIS number, or both."""

    passive: bool
    same_tckn: bool
    same_mersis: bool


async def find_twins(
    pool: ReaderPool, brand_code: int, *, tckn_digest: bytes, mersis_digest: bytes | None
) -> list[Twin]:
    """Return the retailers of the brand's provider that have one of these numbers already."""
    async with ledger_errors():
        rows = await pool.fetch(
            TWINS, brand_code, tckn_digest, mersis_digest, timeout=READ_TIMEOUT_S
        )
    return [Twin(row["passive"], bool(row["same_tckn"]), bool(row["same_mersis"])) for row in rows]


PAGE: LiteralString = """
    SELECT r.retailer_code, r.title, r.alias,
           CASE WHEN r.state = 'ACTIVE' THEN 'active' WHEN r.passive THEN 'passive' ELSE 'suspended'
           END AS status,
           r.city_code, r.city_name, r.town_code, r.town_name, r.sealing_key_id, r.sealed,
           COALESCE(t.consents, 0) AS consents
      FROM retailer AS r
      LEFT JOIN retailer_reach AS t
        ON t.brand_code = r.brand_code AND t.retailer_code = r.retailer_code
     WHERE r.brand_code = $1 AND r.deleted_at IS NULL
     ORDER BY r.created_at, r.retailer_code
    OFFSET $2 LIMIT $3
"""
NAMED: LiteralString = """
    SELECT r.retailer_code, r.title, r.alias,
           CASE WHEN r.state = 'ACTIVE' THEN 'active' WHEN r.passive THEN 'passive' ELSE 'suspended'
           END AS status,
           r.city_code, r.city_name, r.town_code, r.town_name, r.sealing_key_id, r.sealed,
           COALESCE(t.consents, 0) AS consents
      FROM unnest($2::integer[]) AS k (code)
      JOIN retailer AS r
        ON r.retailer_code = k.code
      LEFT JOIN retailer_reach AS t
        ON t.brand_code = r.brand_code AND t.retailer_code = r.retailer_code
     WHERE r.brand_code = $1 AND r.deleted_at IS NULL
"""


async def read_page(
    pool: ReaderPool, brand_code: int, *, offset: int, limit: int
) -> tuple[int, list[RetailerRow]]:
    """Return how many retailers a brand has and one page of them, the oldest first.

    Over `retailer_by_brand`; `retailer_reach_pkey` once a row.
    """
    async with ledger_errors():
        total: int = await pool.fetchval(COUNT, brand_code, timeout=READ_TIMEOUT_S)
        rows = await pool.fetch(PAGE, brand_code, offset, limit, timeout=READ_TIMEOUT_S)
    return total, [RetailerRow(*row) for row in rows]


async def read_named(
    pool: ReaderPool, brand_code: int, codes: Sequence[int]
) -> dict[int, RetailerRow]:
    """Return those of the codes that are retailers of the brand, whatever their status, by primary key."""
    async with ledger_errors():
        rows = await pool.fetch(NAMED, brand_code, list(codes), timeout=READ_TIMEOUT_S)
    return {row["retailer_code"]: RetailerRow(*row) for row in rows}


OF_BRAND: LiteralString = """
    SELECT count(*)
      FROM unnest($2::integer[]) AS k (code)
      JOIN retailer AS r
        ON r.retailer_code = k.code
     WHERE r.brand_code = $1
"""


async def count_of_brand(pool: ReaderPool, brand_code: int, codes: Collection[int]) -> int:
    """Return how many of the codes are or were retailers of the brand, removed ones too, by primary key."""
    async with ledger_errors():
        count: int = await pool.fetchval(OF_BRAND, brand_code, list(codes), timeout=READ_TIMEOUT_S)
        return count


SET_STATUS: LiteralString = """
    UPDATE retailer
       SET state = (CASE WHEN $3::text = 'active' THEN 'ACTIVE' ELSE 'SUSPENDED' END)::account_state,
           passive = $3::text = 'passive'
     WHERE retailer_code = $2 AND brand_code = $1 AND deleted_at IS NULL
"""


async def set_status(pool: WriterPool, brand_code: int, retailer_code: int, *, status: str) -> bool:
    """Make a retailer active, passive or suspended, for the next request; False when there is none."""
    async with ledger_errors():
        return await pool.execute(SET_STATUS, brand_code, retailer_code, status) == "UPDATE 1"


# Its trigger takes the brand's head, where consents are counted: nobody links the retailer after this, until
# the commit, and who judged before it is told to judge again (`append_movements_v2`).
ERASE: LiteralString = """
    UPDATE retailer
       SET deleted_at = now(), state = 'SUSPENDED', sealed = NULL, sealing_key_id = NULL,
           tckn_digest = NULL, mersis_digest = NULL
     WHERE retailer_code = $2 AND brand_code = $1 AND deleted_at IS NULL
"""
REACH: LiteralString = """
    SELECT consents FROM retailer_reach WHERE brand_code = $1 AND retailer_code = $2
"""


class _LinkedError(Exception):
    """Ends the transaction of a removal that may not be."""


async def remove_retailer(pool: WriterPool, brand_code: int, retailer_code: int) -> Removal:
    """Remove a retailer unless a consent names it. Its code and title stay, for history names them."""
    try:
        async with ledger_errors(), pool.acquire() as connection, connection.transaction():
            return await _remove(connection, brand_code, retailer_code)
    except _LinkedError:
        return Removal.LINKED


async def _remove(connection: Connection, brand_code: int, retailer_code: int) -> Removal:
    if await connection.execute(ERASE, brand_code, retailer_code) != "UPDATE 1":
        return Removal.UNKNOWN
    if await connection.fetchval(REACH, brand_code, retailer_code):
        raise _LinkedError
    return Removal.DONE


SEALED: LiteralString = """
    SELECT retailer_code, brand_code, sealing_key_id, sealed FROM retailer WHERE sealed IS NOT NULL
     ORDER BY retailer_code
"""
SET_DIGESTS: LiteralString = """
    UPDATE retailer SET tckn_digest = $2, mersis_digest = $3 WHERE retailer_code = $1
"""


async def sealed_retailers(connection: Connection) -> list[asyncpg.Record]:
    """Return code, brand and sealed details of all retailers that have any, for a re-key."""
    return await connection.fetch(SEALED)


async def set_digests(
    connection: Connection, rows: Sequence[tuple[int, bytes, bytes | None]]
) -> None:
    """Give retailers the digests of another key: code, of the TCKN, of the MERSIS."""
    await connection.executemany(SET_DIGESTS, rows)

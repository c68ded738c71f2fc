"""Who receives movements by push: the connections of a brand, and changes to them.

What is sealed here (the receiver's address and credentials) is opened by whoever has the keys; this
module keeps the bytes.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, LiteralString

import asyncpg

from shared.ledger.failures import ledger_errors
from shared.ledger.store import Connection, Pool, WriterPool

READ_TIMEOUT_S: Final = 5
SEATS: Final = 2
"""How many connections of one channel may be active at a brand (iys-api 8)."""
# The first of two numbers of an advisory lock ("push"); the second is the brand.
_LOCK_CLASS: Final = 0x70757368


@dataclass(frozen=True, slots=True)
class Registration:
    """One connection. `integrator_code` is None where it is the provider's own."""

    registration_id: int
    brand_code: int
    channel: str
    integrator_code: int | None
    user_id: int
    active: bool
    state_since: datetime
    sealing_key_id: int
    sealed: bytes
    position: int
    attempts: int
    failing_since: datetime | None
    next_attempt_at: datetime
    last_outcome: str | None


@dataclass(frozen=True, slots=True)
class NewRegistration:
    """A connection to be. `sealed` was made with `sealing_key_id`."""

    channel: str
    integrator_code: int | None
    user_id: int
    sealing_key_id: int
    sealed: bytes


OF_BRAND: LiteralString = """
    SELECT registration_id, brand_code, channel, integrator_code, user_id, state = 'ACTIVE' AS active,
           state_since, sealing_key_id, sealed, position, attempts, failing_since, next_attempt_at,
           last_outcome
      FROM push_registration
     WHERE brand_code = $1
     ORDER BY registration_id
"""


async def registrations_of(source: "Connection | Pool", brand_code: int) -> list[Registration]:
    """Return the connections of a brand, oldest first, over push_registration_seat_is_free."""
    async with ledger_errors():
        rows = await source.fetch(OF_BRAND, brand_code, timeout=READ_TIMEOUT_S)
    return [Registration(**dict(row.items())) for row in rows]


LOCK: LiteralString = "SELECT pg_advisory_xact_lock($1::integer, $2::integer)"


@asynccontextmanager
async def changing(pool: WriterPool, brand_code: int) -> AsyncGenerator["BrandRegistrations"]:
    """Change the connections of one brand, all or nothing, one changer after the other.

    Raises LedgerUnavailableError; then what became of the change is not known, and it may be repeated.
    """
    async with ledger_errors(), pool.acquire() as connection, connection.transaction():
        await connection.execute(LOCK, _LOCK_CLASS, brand_code)
        yield BrandRegistrations(
            connection, brand_code, await registrations_of(connection, brand_code)
        )


ADD: LiteralString = """
    INSERT INTO push_registration (brand_code, channel, integrator_code, user_id, state_since, seat,
                                   sealing_key_id, sealed, position, next_attempt_at)
    SELECT h.brand_code, $2, $3, $4, $5, $6, $7, $8, h.position, $5
      FROM brand_head AS h
     WHERE h.brand_code = $1
    RETURNING registration_id, brand_code, channel, integrator_code, user_id, state = 'ACTIVE' AS active,
              state_since, sealing_key_id, sealed, position, attempts, failing_since, next_attempt_at,
              last_outcome
"""
# Whoever works on it loses the lease: what the old address or password led to says nothing about the new.
RENEW: LiteralString = """
    UPDATE push_registration
       SET user_id = $2, sealing_key_id = $3, sealed = $4, state = 'ACTIVE', seat = $5,
           state_since = CASE WHEN state = 'ACTIVE' THEN state_since ELSE $6 END,
           attempts = 0, failing_since = NULL, last_outcome = NULL, next_attempt_at = $6,
           lease_until = '-infinity', lease_number = lease_number + 1
     WHERE registration_id = $1
"""
RESUME: LiteralString = """
    UPDATE push_registration
       SET state = 'ACTIVE', seat = $2,
           state_since = CASE WHEN state = 'ACTIVE' THEN state_since ELSE $3 END,
           attempts = 0, failing_since = NULL, last_outcome = NULL, next_attempt_at = $3,
           lease_until = '-infinity', lease_number = lease_number + 1
     WHERE registration_id = $1
"""
RESEAL: LiteralString = """
    UPDATE push_registration SET sealing_key_id = $2, sealed = $3 WHERE registration_id = $1
"""
REMOVE: LiteralString = "DELETE FROM push_registration WHERE registration_id = $1"
SEATS_TAKEN: LiteralString = """
    SELECT registration_id, seat FROM push_registration
     WHERE brand_code = $1 AND channel = $2 AND seat IS NOT NULL
"""


class BrandRegistrations:
    """The connections of one brand, while nobody else can change them."""

    def __init__(
        self,
        connection: Connection,
        brand_code: int,
        rows: list[Registration],
    ) -> None:
        self._connection = connection
        self._brand_code = brand_code
        self.rows = rows

    async def add(self, new: NewRegistration, *, now: datetime) -> bool:
        """Add a connection that begins at the brand's head; False: no seat is free."""
        seat = await self._free_seat(new.channel)
        if seat is None:
            return False
        row = await self._connection.fetchrow(
            ADD,
            self._brand_code,
            new.channel,
            new.integrator_code,
            new.user_id,
            now,
            seat,
            new.sealing_key_id,
            new.sealed,
        )
        assert row is not None, "a brand has a head"  # noqa: S101  # a trigger of the schema
        self.rows.append(Registration(**dict(row.items())))
        return True

    async def renew(self, old: Registration, new: NewRegistration, *, now: datetime) -> bool:
        """Give a connection other credentials, and take it up again where it stood; False: no seat."""
        seat = await self._free_seat(old.channel, but=old.registration_id)
        if seat is None:
            return False
        await self._connection.execute(
            RENEW, old.registration_id, new.user_id, new.sealing_key_id, new.sealed, seat, now
        )
        return True

    async def resume(self, old: Registration, *, now: datetime) -> bool:
        """Take a connection up again where it stood, and at once; False: no seat is free."""
        seat = await self._free_seat(old.channel, but=old.registration_id)
        if seat is None:
            return False
        await self._connection.execute(RESUME, old.registration_id, seat, now)
        return True

    async def reseal(self, old: Registration, sealed: bytes, *, key_id: int) -> None:
        """Keep other sealed bytes for a connection; deliveries go on."""
        await self._connection.execute(RESEAL, old.registration_id, key_id, sealed)

    async def remove(self, old: Registration) -> None:
        """Remove a connection; a delivery that is under way may still arrive."""
        await self._connection.execute(REMOVE, old.registration_id)

    async def _free_seat(self, channel: str, *, but: int | None = None) -> int | None:
        """Return the lowest free seat, or the one that this connection has."""
        taken: list[asyncpg.Record] = await self._connection.fetch(
            SEATS_TAKEN, self._brand_code, channel
        )
        others = {row["seat"] for row in taken if row["registration_id"] != but}
        own = [row["seat"] for row in taken if row["registration_id"] == but]
        return next(iter(own), min(set(range(1, SEATS + 1)) - others, default=None))

"""Who is registered: providers, brands, headers, operators, partners, retailers, users, refresh tokens.

Every change here bumps the versions that running processes compare (triggers in the schema), so it
holds for the next request everywhere. Codes left out are drawn from one sequence; a code that exists
already raises AlreadyExistsError, a thing that is not there UnknownReferenceError or returns False.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import LiteralString
from uuid import UUID

from shared.ledger.failures import ledger_errors
from shared.ledger.store import Connection, WriterPool


@dataclass(frozen=True, slots=True)
class NewUser:
    """A user to be: the secret is hashed by the caller; the key is given by its digest only."""

    username: str
    secret_hash: str
    role: str
    api_key_digest: bytes | None = None


USER: LiteralString = """
    INSERT INTO api_user (username, secret_hash, role, api_key_digest, iys_code, integrator_code,
                          operator_code)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    RETURNING user_id
"""


async def _insert_user(
    connection: Connection,
    user: NewUser,
    *,
    iys_code: int | None = None,
    integrator_code: int | None = None,
    operator_code: int | None = None,
) -> int:
    user_id: int = await connection.fetchval(
        USER,
        user.username,
        user.secret_hash,
        user.role,
        user.api_key_digest,
        iys_code,
        integrator_code,
        operator_code,
    )
    return user_id


async def add_user(pool: WriterPool, user: NewUser) -> int:
    """Add a ministry or admin user; return its id."""
    async with ledger_errors(), pool.acquire() as connection, connection.transaction():
        return await _insert_user(connection, user)


# A code that somebody chose may lie ahead of the sequence, so a drawn one must also be free.
FREE_CODE: LiteralString = """
    SELECT code
      FROM (SELECT nextval('account_code_seq')::integer AS code FROM generate_series(1, 20)) AS drawn
     WHERE NOT EXISTS (SELECT FROM brand WHERE brand_code = code)
       AND NOT EXISTS (SELECT FROM provider WHERE iys_code = code)
       AND NOT EXISTS (SELECT FROM operator WHERE operator_code = code)
       AND NOT EXISTS (SELECT FROM partner WHERE integrator_code = code)
     LIMIT 1
"""


async def _free_code(connection: Connection) -> int:
    """Draw codes until one is nobody's."""
    while True:
        code: int | None = await connection.fetchval(FREE_CODE)
        if code is not None:
            return code


PROVIDER: LiteralString = """
    INSERT INTO provider (iys_code, title, tax_number, exemption_basis)
    VALUES ($1, $2, $3, $4)
"""
NEW_BRAND: LiteralString = "INSERT INTO brand (brand_code, iys_code, name) VALUES ($1, $2, $3)"


@dataclass(frozen=True, slots=True)
class NewProvider:
    """A provider to be, with its master brand, whose code is the provider's own."""

    title: str
    tax_number: str
    exemption_basis: str | None
    iys_code: int | None
    master_brand_name: str


async def add_provider(pool: WriterPool, provider: NewProvider, user: NewUser) -> int:
    """Add a provider with its master brand and its API user; return its iysCode."""
    async with ledger_errors(), pool.acquire() as connection, connection.transaction():
        code: int = provider.iys_code or await _free_code(connection)
        await connection.execute(
            PROVIDER, code, provider.title, provider.tax_number, provider.exemption_basis
        )
        await connection.execute(NEW_BRAND, code, code, provider.master_brand_name)
        await _insert_user(connection, user, iys_code=code)
        return code


async def add_brand(
    pool: WriterPool, *, iys_code: int, name: str, brand_code: int | None = None
) -> int:
    """Add a brand to a provider; return its brandCode."""
    async with ledger_errors(), pool.acquire() as connection, connection.transaction():
        code: int = brand_code or await _free_code(connection)
        await connection.execute(NEW_BRAND, code, iys_code, name)
        return code


NEW_HEADER: LiteralString = """
    INSERT INTO header (header, brand_code)
    VALUES ($1, $2)
        ON CONFLICT ON CONSTRAINT header_pkey DO UPDATE SET brand_code = EXCLUDED.brand_code
     WHERE header.brand_code = EXCLUDED.brand_code
    RETURNING brand_code
"""
CLEAR_HEADER_OPERATORS: LiteralString = "DELETE FROM header_operator WHERE header = $1"
HEADER_OPERATORS: LiteralString = """
    INSERT INTO header_operator (header, operator_code) SELECT $1, unnest($2::integer[])
"""


async def bind_header(
    pool: WriterPool, *, brand_code: int, header: str, operators: Sequence[int]
) -> bool:
    """Bind a header to a brand, at these operators or (none named) at all; False: another brand has it."""
    async with ledger_errors(), pool.acquire() as connection, connection.transaction():
        owner = await connection.fetchval(NEW_HEADER, header, brand_code)
        if owner is None:
            return False
        await connection.execute(CLEAR_HEADER_OPERATORS, header)
        await connection.execute(HEADER_OPERATORS, header, sorted(set(operators)))
        return True


DROP_HEADER: LiteralString = "DELETE FROM header WHERE header = $1 AND brand_code = $2"


async def unbind_header(pool: WriterPool, *, brand_code: int, header: str) -> bool:
    """Take a header from a brand; False when it was not bound to it."""
    async with ledger_errors():
        return await pool.execute(DROP_HEADER, header, brand_code) == "DELETE 1"


NEW_OPERATOR: LiteralString = """
    INSERT INTO operator (operator_code, title, every_brand) VALUES ($1, $2, $3)
"""
OPERATOR_BRANDS: LiteralString = """
    INSERT INTO operator_brand (operator_code, brand_code) SELECT $1, unnest($2::integer[])
"""


async def add_operator(
    pool: WriterPool, *, title: str, brands: Sequence[int] | None, user: NewUser
) -> int:
    """Add an operator that asks for these brands, or (None) for every active one; return its code."""
    async with ledger_errors(), pool.acquire() as connection, connection.transaction():
        code: int = await _free_code(connection)
        await connection.execute(NEW_OPERATOR, code, title, brands is None)
        await connection.execute(OPERATOR_BRANDS, code, sorted(set(brands or ())))
        await _insert_user(connection, user, operator_code=code)
        return code


NEW_PARTNER: LiteralString = """
    INSERT INTO partner (integrator_code, title, licence_valid_until) VALUES ($1, $2, $3)
"""


async def add_partner(
    pool: WriterPool, *, title: str, licence_valid_until: date | None, user: NewUser
) -> int:
    """Add a partner with its API user; return its integratorCode."""
    async with ledger_errors(), pool.acquire() as connection, connection.transaction():
        code: int = await _free_code(connection)
        await connection.execute(NEW_PARTNER, code, title, licence_valid_until)
        await _insert_user(connection, user, integrator_code=code)
        return code


PUT_GRANT: LiteralString = """
    INSERT INTO brand_grant (brand_code, integrator_code, call_right, sms_right, email_right,
                             reconciliation, via)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT ON CONSTRAINT brand_grant_pkey DO UPDATE
       SET call_right = EXCLUDED.call_right,
           sms_right = EXCLUDED.sms_right,
           email_right = EXCLUDED.email_right,
           reconciliation = EXCLUDED.reconciliation,
           via = EXCLUDED.via
"""


@dataclass(frozen=True, slots=True)
class NewGrant:
    """What a provider allows a partner at one brand; rights are the wire's words none, read, write."""

    call_right: str
    sms_right: str
    email_right: str
    reconciliation: bool
    via: bool


async def put_grant(
    pool: WriterPool, *, brand_code: int, integrator_code: int, grant: NewGrant
) -> None:
    """Set what a partner may do at a brand, in place of what it could before."""
    async with ledger_errors():
        await pool.execute(
            PUT_GRANT,
            brand_code,
            integrator_code,
            grant.call_right,
            grant.sms_right,
            grant.email_right,
            grant.reconciliation,
            grant.via,
        )


DROP_GRANT: LiteralString = """
    DELETE FROM brand_grant WHERE brand_code = $1 AND integrator_code = $2
"""


async def remove_grant(pool: WriterPool, *, brand_code: int, integrator_code: int) -> bool:
    """Withdraw a partner's rights at a brand, at once; False when it had none."""
    async with ledger_errors():
        return await pool.execute(DROP_GRANT, brand_code, integrator_code) == "DELETE 1"


NEW_RETAILER: LiteralString = """
    INSERT INTO retailer (retailer_code, brand_code, title)
    VALUES (COALESCE($1, (SELECT code
                            FROM (SELECT floor(random() * 90000000 + 10000000)::integer AS code
                                    FROM generate_series(1, 20)) AS drawn
                           WHERE NOT EXISTS (SELECT FROM retailer WHERE retailer_code = code)
                           LIMIT 1)), $2, $3)
    RETURNING retailer_code
"""


async def add_retailer(
    pool: WriterPool, *, brand_code: int, title: str, retailer_code: int | None = None
) -> int:
    """Add a retailer to a brand; return its eight-digit code."""
    async with ledger_errors():
        code: int = await pool.fetchval(NEW_RETAILER, retailer_code, brand_code, title)
        return code


SET_BRAND_STATE: LiteralString = "UPDATE brand SET state = $2 WHERE brand_code = $1"
SET_PROVIDER_STATE: LiteralString = "UPDATE provider SET state = $2 WHERE iys_code = $1"
SET_OPERATOR_STATE: LiteralString = "UPDATE operator SET state = $2 WHERE operator_code = $1"
SET_PARTNER_STATE: LiteralString = "UPDATE partner SET state = $2 WHERE integrator_code = $1"
_SET_STATE: dict[str, LiteralString] = {
    "brand": SET_BRAND_STATE,
    "provider": SET_PROVIDER_STATE,
    "operator": SET_OPERATOR_STATE,
    "partner": SET_PARTNER_STATE,
}


async def set_state(pool: WriterPool, kind: str, code: int, *, active: bool) -> bool:
    """Suspend or restore a brand, provider, operator or partner; False when it does not exist."""
    async with ledger_errors():
        state = "ACTIVE" if active else "SUSPENDED"
        return await pool.execute(_SET_STATE[kind], code, state) == "UPDATE 1"


SET_LICENCE: LiteralString = """
    UPDATE partner SET licence_valid_until = $2 WHERE integrator_code = $1
"""


async def set_licence(pool: WriterPool, integrator_code: int, valid_until: date | None) -> bool:
    """Set the last day of a partner's licence (None: no end); False when there is no such partner."""
    async with ledger_errors():
        return await pool.execute(SET_LICENCE, integrator_code, valid_until) == "UPDATE 1"


SET_SECRET: LiteralString = "UPDATE api_user SET secret_hash = $2 WHERE username = $1"  # noqa: S105  # a statement


async def set_secret(pool: WriterPool, username: str, secret_hash: str) -> bool:
    """Give a user a new password; its tokens end at once. False when there is no such user."""
    async with ledger_errors():
        return await pool.execute(SET_SECRET, username, secret_hash) == "UPDATE 1"


SET_API_KEY: LiteralString = """
    UPDATE api_user SET api_key_digest = $2 WHERE username = $1 AND role = 'operator'
"""


async def set_api_key(pool: WriterPool, username: str, key_digest: bytes | None) -> bool:
    """Replace or (None) remove an operator's long-lived key; False when no operator has this user."""
    async with ledger_errors():
        return await pool.execute(SET_API_KEY, username, key_digest) == "UPDATE 1"


SAVE_REFRESH: LiteralString = """
    WITH swept AS (DELETE FROM refresh_token WHERE expires_at < $4)
    INSERT INTO refresh_token (token_id, user_id, expires_at) VALUES ($1, $2, $3)
"""
SPEND_REFRESH: LiteralString = """
    DELETE FROM refresh_token WHERE token_id = $1 AND expires_at > $2 RETURNING user_id
"""


async def save_refresh_token(
    pool: WriterPool, token_id: UUID, *, user_id: int, expires_at: datetime, now: datetime
) -> None:
    """Remember a refresh token, and forget those that have expired."""
    async with ledger_errors():
        await pool.execute(SAVE_REFRESH, token_id, user_id, expires_at, now)


async def spend_refresh_token(pool: WriterPool, token_id: UUID, *, now: datetime) -> int | None:
    """Use a refresh token up; return its user, or None when it is unknown, spent or expired."""
    async with ledger_errors():
        user_id: int | None = await pool.fetchval(SPEND_REFRESH, token_id, now)
        return user_id

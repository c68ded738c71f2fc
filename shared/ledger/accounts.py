"""Who is registered: providers, brands, headers, operators, partners, retailers, users.

Every change here bumps the versions that running processes compare (triggers in the schema), so it
holds for the next request everywhere. Codes left out are drawn from one sequence; a code that exists
already raises AlreadyExistsError, a thing that is not there UnknownReferenceError or returns False.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import LiteralString

from shared.ledger.account_change import account_change
from shared.ledger.api_keys import NewKey, insert_key
from shared.ledger.failures import ledger_errors
from shared.ledger.retailers import LOCK_BRAND
from shared.ledger.store import Connection, WriterPool


@dataclass(frozen=True, slots=True)
class NewUser:
    """A user to be: the secret is hashed by the caller; the key is given by its digest only."""

    username: str
    secret_hash: str
    role: str
    api_key_digest: bytes | None = None
    api_key_prefix: str = ""


USER: LiteralString = """
    INSERT INTO api_user (username, secret_hash, role, iys_code, integrator_code, operator_code)
    VALUES ($1, $2, $3, $4, $5, $6)
    RETURNING user_id
"""


async def insert_user(
    connection: Connection,
    user: NewUser,
    *,
    iys_code: int | None = None,
    integrator_code: int | None = None,
    operator_code: int | None = None,
) -> int:
    """Add a user, and its long-lived key where it has one, within a change; return its id."""
    user_id: int = await connection.fetchval(
        USER,
        user.username,
        user.secret_hash,
        user.role,
        iys_code,
        integrator_code,
        operator_code,
    )
    if user.api_key_digest is not None:
        key = NewKey(user.api_key_digest, user.api_key_prefix, label="first key")
        await insert_key(connection, user_id, key)
    return user_id


async def add_user(pool: WriterPool, user: NewUser, *, actor: int | None = None) -> int:
    """Add a ministry or admin user; return its id."""
    async with account_change(pool, actor) as connection:
        return await insert_user(connection, user)


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
    INSERT INTO provider (iys_code, title, tax_number, exemption_basis, mersis)
    VALUES ($1, $2, $3, $4, $5)
"""
NEW_BRAND: LiteralString = """
    INSERT INTO brand (brand_code, iys_code, name, application_id) VALUES ($1, $2, $3, $4)
"""


@dataclass(frozen=True, slots=True)
class NewProvider:
    """A provider to be, with its master brand, whose code is the provider's own."""

    title: str
    tax_number: str
    exemption_basis: str | None
    iys_code: int | None
    master_brand_name: str
    mersis: str | None = None


async def add_provider(
    pool: WriterPool, provider: NewProvider, user: NewUser, *, actor: int | None = None
) -> int:
    """Add a provider with its master brand and its API user; return its iysCode."""
    async with account_change(pool, actor) as connection:
        code, _user_id = await insert_provider(connection, provider, user)
        return code


async def insert_provider(
    connection: Connection, provider: NewProvider, user: NewUser
) -> tuple[int, int]:
    """Add a provider with its master brand and its API user, within a change; return both numbers."""
    code: int = provider.iys_code or await _free_code(connection)
    await connection.execute(
        PROVIDER,
        code,
        provider.title,
        provider.tax_number,
        provider.exemption_basis,
        provider.mersis,
    )
    await connection.execute(NEW_BRAND, code, code, provider.master_brand_name, None)
    return code, await insert_user(connection, user, iys_code=code)


async def add_brand(
    pool: WriterPool,
    *,
    iys_code: int,
    name: str,
    brand_code: int | None = None,
    actor: int | None = None,
) -> int:
    """Add a brand to a provider; return its brandCode."""
    async with account_change(pool, actor) as connection:
        return await insert_brand(connection, iys_code=iys_code, name=name, brand_code=brand_code)


async def insert_brand(
    connection: Connection,
    *,
    iys_code: int,
    name: str,
    brand_code: int | None = None,
    application_id: int | None = None,
) -> int:
    """Add a brand to a provider, within a change; return its brandCode."""
    code: int = brand_code or await _free_code(connection)
    await connection.execute(NEW_BRAND, code, iys_code, name, application_id)
    return code


NEW_HEADER: LiteralString = """
    INSERT INTO header (header, brand_code, proof, proof_reference, application_id)
    VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT ON CONSTRAINT header_pkey DO UPDATE SET brand_code = EXCLUDED.brand_code
     WHERE header.brand_code = EXCLUDED.brand_code
    RETURNING brand_code
"""
CLEAR_HEADER_OPERATORS: LiteralString = "DELETE FROM header_operator WHERE header = $1"
HEADER_OPERATORS: LiteralString = """
    INSERT INTO header_operator (header, operator_code) SELECT $1, unnest($2::integer[])
"""


@dataclass(frozen=True, slots=True)
class HeaderProof:
    """How a firm shows that a header is its own (regulation E9), and the application that said so."""

    proof: str
    reference: str | None
    application_id: int


async def bind_header(
    pool: WriterPool,
    *,
    brand_code: int,
    header: str,
    operators: Sequence[int],
    actor: int | None = None,
) -> bool:
    """Bind a header to a brand, at these operators or (none named) at all; False: another brand has it."""
    async with account_change(pool, actor) as connection:
        return await insert_header(
            connection, brand_code=brand_code, header=header, operators=operators
        )


async def insert_header(
    connection: Connection,
    *,
    brand_code: int,
    header: str,
    operators: Sequence[int],
    proof: HeaderProof | None = None,
) -> bool:
    """Bind a header, within a change; a proof that it has stays. False: another brand has it."""
    shown = () if proof is None else (proof.proof, proof.reference, proof.application_id)
    owner = await connection.fetchval(NEW_HEADER, header, brand_code, *(shown or (None,) * 3))
    if owner is None:
        return False
    await connection.execute(CLEAR_HEADER_OPERATORS, header)
    await connection.execute(HEADER_OPERATORS, header, sorted(set(operators)))
    return True


DROP_HEADER: LiteralString = "DELETE FROM header WHERE header = $1 AND brand_code = $2"


async def unbind_header(
    pool: WriterPool, *, brand_code: int, header: str, actor: int | None = None
) -> bool:
    """Take a header from a brand; False when it was not bound to it."""
    async with account_change(pool, actor) as connection:
        return await connection.execute(DROP_HEADER, header, brand_code) == "DELETE 1"


NEW_OPERATOR: LiteralString = """
    INSERT INTO operator (operator_code, title, every_brand) VALUES ($1, $2, $3)
"""
OPERATOR_BRANDS: LiteralString = """
    INSERT INTO operator_brand (operator_code, brand_code) SELECT $1, unnest($2::integer[])
"""


async def add_operator(
    pool: WriterPool,
    *,
    title: str,
    brands: Sequence[int] | None,
    user: NewUser,
    actor: int | None = None,
) -> int:
    """Add an operator that asks for these brands, or (None) for every active one; return its code."""
    async with account_change(pool, actor) as connection:
        code: int = await _free_code(connection)
        await connection.execute(NEW_OPERATOR, code, title, brands is None)
        await connection.execute(OPERATOR_BRANDS, code, sorted(set(brands or ())))
        await insert_user(connection, user, operator_code=code)
        return code


NEW_PARTNER: LiteralString = """
    INSERT INTO partner (integrator_code, title, licence_valid_until) VALUES ($1, $2, $3)
"""


async def add_partner(
    pool: WriterPool,
    *,
    title: str,
    licence_valid_until: date | None,
    user: NewUser,
    actor: int | None = None,
) -> int:
    """Add a partner with its API user; return its integratorCode."""
    async with account_change(pool, actor) as connection:
        code: int = await _free_code(connection)
        await connection.execute(NEW_PARTNER, code, title, licence_valid_until)
        await insert_user(connection, user, integrator_code=code)
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
    pool: WriterPool,
    *,
    brand_code: int,
    integrator_code: int,
    grant: NewGrant,
    actor: int | None = None,
) -> None:
    """Set what a partner may do at a brand, in place of what it could before."""
    async with account_change(pool, actor) as connection:
        await connection.execute(
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


async def remove_grant(
    pool: WriterPool, *, brand_code: int, integrator_code: int, actor: int | None = None
) -> bool:
    """Withdraw a partner's rights at a brand, at once; False when it had none."""
    async with account_change(pool, actor) as connection:
        return await connection.execute(DROP_GRANT, brand_code, integrator_code) == "DELETE 1"


NEW_RETAILER: LiteralString = """
    INSERT INTO retailer (retailer_code, brand_code, title) SELECT COALESCE($1, (
        SELECT code FROM (SELECT floor(random() * 90000000 + 10000000)::integer AS code
                            FROM generate_series(1, 20)) AS drawn
         WHERE NOT EXISTS (SELECT FROM retailer WHERE retailer_code = code) LIMIT 1)), $2, $3
     WHERE (SELECT count(*) FROM retailer WHERE brand_code = $2 AND deleted_at IS NULL) < $4
    RETURNING retailer_code
"""


async def add_retailer(
    pool: WriterPool,
    *,
    brand_code: int,
    title: str,
    retailer_code: int | None = None,
    count_max: int = 100_000,
) -> int:
    """Add a retailer to a brand; return its eight-digit code, 0 where the brand has `count_max`."""
    async with ledger_errors(), pool.acquire() as connection, connection.transaction():
        await connection.execute(LOCK_BRAND, brand_code)
        args = (retailer_code, brand_code, title, count_max)
        return await connection.fetchval(NEW_RETAILER, *args) or 0


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


async def set_state(
    pool: WriterPool, kind: str, code: int, *, active: bool, actor: int | None = None
) -> bool:
    """Suspend or restore a brand, provider, operator or partner; False when it does not exist."""
    async with account_change(pool, actor) as connection:
        state = "ACTIVE" if active else "SUSPENDED"
        return await connection.execute(_SET_STATE[kind], code, state) == "UPDATE 1"


SET_LICENCE: LiteralString = """
    UPDATE partner SET licence_valid_until = $2 WHERE integrator_code = $1
"""


async def set_licence(
    pool: WriterPool, integrator_code: int, valid_until: date | None, *, actor: int | None = None
) -> bool:
    """Set the last day of a partner's licence (None: no end); False when there is no such partner."""
    async with account_change(pool, actor) as connection:
        return await connection.execute(SET_LICENCE, integrator_code, valid_until) == "UPDATE 1"


SET_SECRET: LiteralString = "UPDATE api_user SET secret_hash = $2 WHERE username = $1"  # noqa: S105  # a statement


async def set_secret(
    pool: WriterPool, username: str, secret_hash: str, *, actor: int | None = None
) -> bool:
    """Give a user a new password; its tokens end at once. False when there is no such user."""
    async with account_change(pool, actor) as connection:
        return await connection.execute(SET_SECRET, username, secret_hash) == "UPDATE 1"

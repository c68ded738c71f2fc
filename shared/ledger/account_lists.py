"""Who is registered, page by page: by code or name, behind the last one of the page before."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, LiteralString

from shared.ledger.failures import ledger_errors
from shared.ledger.store import ReaderPool

READ_TIMEOUT_S: Final = 5


@dataclass(frozen=True, slots=True)
class ProviderInfo:
    """A provider; `brands` counts all of them, the master brand among them."""

    iys_code: int
    title: str
    tax_number: str
    mersis: str | None
    exemption_basis: str | None
    active: bool
    created_at: datetime
    brands: int


# One provider where its number is given, a page of all where it is not.
PROVIDERS: LiteralString = """
    SELECT p.iys_code, p.title, p.tax_number, p.mersis, p.exemption_basis, p.state = 'ACTIVE' AS active,
           p.created_at, (SELECT count(*) FROM brand AS b WHERE b.iys_code = p.iys_code) AS brands
      FROM provider AS p
     WHERE p.iys_code > $1 AND ($2::integer IS NULL OR p.iys_code = $2)
     ORDER BY p.iys_code
     LIMIT $3
"""


async def list_providers(
    pool: ReaderPool, *, after: int = 0, limit: int = 1, only: int | None = None
) -> list[ProviderInfo]:
    """Return a page of providers, or the one with the number `only`, over provider_pkey."""
    async with ledger_errors():
        rows = await pool.fetch(PROVIDERS, after, only, limit, timeout=READ_TIMEOUT_S)
    return [ProviderInfo(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class BrandInfo:
    """A brand as staff and its provider see it."""

    brand_code: int
    name: str
    master: bool
    active: bool
    created_at: datetime
    headers: int


BRANDS: LiteralString = """
    SELECT b.brand_code, b.name, b.brand_code = b.iys_code AS master, b.state = 'ACTIVE' AS active,
           b.created_at, (SELECT count(*) FROM header AS h WHERE h.brand_code = b.brand_code) AS headers
      FROM brand AS b
     WHERE b.iys_code = $1 AND b.brand_code > $2
     ORDER BY b.brand_code
     LIMIT $3
"""


async def list_brands(
    pool: ReaderPool, iys_code: int, *, after: int, limit: int
) -> list[BrandInfo]:
    """Return a page of a provider's brands, over brand_by_provider."""
    async with ledger_errors():
        rows = await pool.fetch(BRANDS, iys_code, after, limit, timeout=READ_TIMEOUT_S)
    return [BrandInfo(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class HeaderInfo:
    """A header with how its firm showed that it is its own; no operators: at all."""

    header: str
    proof: str | None
    proof_reference: str | None
    application: str | None
    created_at: datetime
    operators: Sequence[int]


HEADERS: LiteralString = """
    SELECT h.header, h.proof, h.proof_reference, a.reference AS application, h.created_at,
           ARRAY(SELECT o.operator_code FROM header_operator AS o
                  WHERE o.header = h.header ORDER BY o.operator_code) AS operators
      FROM header AS h
      LEFT JOIN application AS a ON a.application_id = h.application_id
     WHERE h.brand_code = $1 AND h.header > $2
     ORDER BY h.header
     LIMIT $3
"""


async def list_headers(
    pool: ReaderPool, brand_code: int, *, after: str, limit: int
) -> list[HeaderInfo]:
    """Return a page of a brand's headers, over header_by_brand."""
    async with ledger_errors():
        rows = await pool.fetch(HEADERS, brand_code, after, limit, timeout=READ_TIMEOUT_S)
    return [HeaderInfo(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class GrantInfo:
    """What a brand grants a partner; rights are the wire's words none, read, write."""

    integrator_code: int
    title: str
    call_right: str
    sms_right: str
    email_right: str
    reconciliation: bool
    via: bool


GRANTS: LiteralString = """
    SELECT g.integrator_code, p.title, g.call_right, g.sms_right, g.email_right, g.reconciliation, g.via
      FROM brand_grant AS g
      JOIN partner AS p ON p.integrator_code = g.integrator_code
     WHERE g.brand_code = $1 AND g.integrator_code > $2
     ORDER BY g.integrator_code
     LIMIT $3
"""


async def list_grants(
    pool: ReaderPool, brand_code: int, *, after: int, limit: int
) -> list[GrantInfo]:
    """Return a page of what a brand grants, over brand_grant_pkey."""
    async with ledger_errors():
        rows = await pool.fetch(GRANTS, brand_code, after, limit, timeout=READ_TIMEOUT_S)
    return [GrantInfo(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class OperatorInfo:
    """An operator; `brands` counts its list, and means something where it does not ask for every brand."""

    operator_code: int
    title: str
    every_brand: bool
    brands: int
    active: bool
    created_at: datetime
    sender_code: str | None


OPERATORS: LiteralString = """
    SELECT o.operator_code, o.title, o.every_brand,
           (SELECT count(*) FROM operator_brand AS b WHERE b.operator_code = o.operator_code) AS brands,
           o.state = 'ACTIVE' AS active, o.created_at, o.sender_code
      FROM operator AS o
     WHERE o.operator_code > $1 AND ($2::integer IS NULL OR o.operator_code = $2)
     ORDER BY o.operator_code
     LIMIT $3
"""


async def list_operators(
    pool: ReaderPool, *, after: int = 0, limit: int = 1, only: int | None = None
) -> list[OperatorInfo]:
    """Return a page of operators, or the one with the number `only`, over operator_pkey."""
    async with ledger_errors():
        rows = await pool.fetch(OPERATORS, after, only, limit, timeout=READ_TIMEOUT_S)
    return [OperatorInfo(*row) for row in rows]


OPERATOR_BRANDS: LiteralString = """
    SELECT brand_code FROM operator_brand
     WHERE operator_code = $1 AND brand_code > $2
     ORDER BY brand_code
     LIMIT $3
"""


async def list_operator_brands(
    pool: ReaderPool, operator_code: int, *, after: int, limit: int
) -> list[int]:
    """Return a page of the brands that an operator may ask for, over operator_brand_pkey."""
    async with ledger_errors():
        rows = await pool.fetch(
            OPERATOR_BRANDS, operator_code, after, limit, timeout=READ_TIMEOUT_S
        )
    return [row["brand_code"] for row in rows]


@dataclass(frozen=True, slots=True)
class PartnerInfo:
    """A partner with the last day of its licence (None: no end)."""

    integrator_code: int
    title: str
    licence_valid_until: date | None
    active: bool
    created_at: datetime


PARTNERS: LiteralString = """
    SELECT integrator_code, title, licence_valid_until, state = 'ACTIVE' AS active, created_at
      FROM partner
     WHERE integrator_code > $1 AND ($2::integer IS NULL OR integrator_code = $2)
     ORDER BY integrator_code
     LIMIT $3
"""


async def list_partners(
    pool: ReaderPool, *, after: int = 0, limit: int = 1, only: int | None = None
) -> list[PartnerInfo]:
    """Return a page of partners, or the one with the number `only`, over partner_pkey."""
    async with ledger_errors():
        rows = await pool.fetch(PARTNERS, after, only, limit, timeout=READ_TIMEOUT_S)
    return [PartnerInfo(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class UserInfo:
    """Somebody who signs in; at most one of the three numbers says to whom the account belongs."""

    username: str
    role: str
    iys_code: int | None
    integrator_code: int | None
    operator_code: int | None
    active: bool
    created_at: datetime


USERS: LiteralString = """
    SELECT username, role, iys_code, integrator_code, operator_code, state = 'ACTIVE' AS active, created_at
      FROM api_user
     WHERE username > $1
       AND ($2::text IS NULL OR role::text = $2)
       AND ($3::integer IS NULL OR iys_code = $3)
     ORDER BY username
     LIMIT $4
"""


async def list_users(
    pool: ReaderPool, *, after: str, limit: int, role: str | None, iys_code: int | None
) -> list[UserInfo]:
    """Return a page of users by name, over api_user_name_is_unique; perhaps of one role or provider."""
    async with ledger_errors():
        rows = await pool.fetch(USERS, after, role, iys_code, limit, timeout=READ_TIMEOUT_S)
    return [UserInfo(*row) for row in rows]

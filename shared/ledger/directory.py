"""Who there is: users, what their organisations may do, which brand a header belongs to.

Each read returns the directory version, or the brand's authority version, of its own snapshot, so that
a process can tell whether its copy is current (design 5, rule 6).
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import LiteralString, NamedTuple

import asyncpg

from shared.domain.networks import Network
from shared.domain.subscription import Subscription
from shared.ledger.failures import ledger_errors
from shared.ledger.store import ReaderPool
from shared.ledger.subscriptions import to_subscription

READ_TIMEOUT_S = 5


class KeyRow(NamedTuple):
    """A long-lived key that is good: its digest, and its end (None: none)."""

    digest: bytes
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class UserRow:
    """A user with the state of the organisation that it belongs to.

    `subscription` is the partner's own; a provider's stands with its brands. `networks` are those that it
    may act from; none: from anywhere.
    """

    user_id: int
    username: str
    secret_hash: str
    role: str
    iys_code: int | None
    integrator_code: int | None
    operator_code: int | None
    epoch: int
    active: bool
    licence_valid_until: date | None
    every_brand: bool
    brands: frozenset[int]
    keys: frozenset[KeyRow] = frozenset()
    subscription: Subscription | None = None
    networks: tuple[Network, ...] = ()


@dataclass(frozen=True, slots=True)
class GrantRow:
    """What a partner may do at a brand; rights are the wire's words none, read, write.

    The two switches stand beside the channels: reconciliation (mutabakat) and ViA (regulation J5).
    """

    call_right: str
    sms_right: str
    email_right: str
    reconciliation: bool = False
    via: bool = False


@dataclass(frozen=True, slots=True)
class BrandRow:
    """A brand with all that its authority version covers; the subscription is its provider's."""

    brand_code: int
    iys_code: int
    name: str
    active: bool
    exemption_basis: str | None
    authority_version: int
    headers: dict[str, frozenset[int]]
    grants: dict[int, GrantRow]
    retailers: frozenset[int]
    subscription: Subscription | None = None


USER_BY_ID: LiteralString = """
    SELECT s.directory_version, u.user_id, u.username, u.secret_hash, u.role, u.iys_code,
           u.integrator_code, u.operator_code, u.epoch, u.allowed_networks,
           ARRAY(SELECT row(k.digest, k.expires_at) FROM api_key AS k
                  WHERE k.user_id = u.user_id AND k.revoked_at IS NULL) AS keys,
           p.licence_valid_until, o.every_brand,
           u.state = 'ACTIVE' AND COALESCE(o.state, p.state, 'ACTIVE') = 'ACTIVE' AS active,
           ARRAY(SELECT ob.brand_code FROM operator_brand AS ob
                  WHERE ob.operator_code = u.operator_code) AS brands,
           sub.subscription_id, sub.package, sub.with_api, sub.state AS subscription_state,
           sub.starts_at, sub.ends_at, sub.consent_limit, sub.may_exceed
      FROM ledger_state AS s
      LEFT JOIN api_user AS u ON u.user_id = $1
      LEFT JOIN operator AS o ON o.operator_code = u.operator_code
      LEFT JOIN partner AS p ON p.integrator_code = u.integrator_code
      LEFT JOIN subscription AS sub ON sub.integrator_code = u.integrator_code
"""
USER_ID_BY_NAME: LiteralString = "SELECT user_id FROM api_user WHERE username = $1"


async def read_user(pool: ReaderPool, user_id: int) -> tuple[int, UserRow | None]:
    """Return the directory version and the user, by primary keys."""
    async with ledger_errors():
        row = await pool.fetchrow(USER_BY_ID, user_id, timeout=READ_TIMEOUT_S)
    assert row is not None, "ledger_state has one row"  # noqa: S101  # a constraint of the schema
    if row["user_id"] is None:
        return row["directory_version"], None
    return row["directory_version"], UserRow(
        user_id=row["user_id"],
        username=row["username"],
        secret_hash=row["secret_hash"],
        role=row["role"],
        iys_code=row["iys_code"],
        integrator_code=row["integrator_code"],
        operator_code=row["operator_code"],
        epoch=row["epoch"],
        keys=frozenset(KeyRow(*key) for key in row["keys"]),
        active=row["active"],
        licence_valid_until=row["licence_valid_until"],
        every_brand=bool(row["every_brand"]),
        brands=frozenset(row["brands"]),
        subscription=to_subscription(row),
        networks=tuple(row["allowed_networks"] or ()),
    )


async def user_id_by_name(pool: ReaderPool, username: str) -> int | None:
    """Find a user by name, over api_user_name_is_unique. Names never move to another user."""
    async with ledger_errors():
        user_id: int | None = await pool.fetchval(USER_ID_BY_NAME, username, timeout=READ_TIMEOUT_S)
        return user_id


CHANGES: LiteralString = """
    SELECT version, subject
      FROM directory_change
     WHERE version > $1
     ORDER BY version
"""


async def changes_since(pool: ReaderPool, version: int) -> tuple[int, list[str]]:
    """Return what changed after `version` and the version that this brings a copy to."""
    async with ledger_errors():
        rows = await pool.fetch(CHANGES, version, timeout=READ_TIMEOUT_S)
    return (rows[-1]["version"] if rows else version), [row["subject"] for row in rows]


HEADER_OWNER: LiteralString = """
    SELECT s.directory_version, h.brand_code
      FROM ledger_state AS s
      LEFT JOIN header AS h ON h.header = $1
"""


async def header_owner(pool: ReaderPool, header: str) -> tuple[int, int | None]:
    """Return the directory version and the brand that a header belongs to, by primary key."""
    async with ledger_errors():
        row = await pool.fetchrow(HEADER_OWNER, header, timeout=READ_TIMEOUT_S)
    assert row is not None, "ledger_state has one row"  # noqa: S101  # a constraint of the schema
    return row["directory_version"], row["brand_code"]


BRAND: LiteralString = """
    SELECT b.brand_code, b.iys_code, b.name, p.exemption_basis, h.authority_version,
           b.state = 'ACTIVE' AND p.state = 'ACTIVE' AS active,
           ARRAY(SELECT row(hd.header, ARRAY(SELECT ho.operator_code FROM header_operator AS ho
                                              WHERE ho.header = hd.header))
                   FROM header AS hd WHERE hd.brand_code = b.brand_code) AS headers,
           ARRAY(SELECT row(g.integrator_code, g.call_right::text, g.sms_right::text,
                            g.email_right::text, g.reconciliation, g.via)
                   FROM brand_grant AS g WHERE g.brand_code = b.brand_code) AS grants,
           ARRAY(SELECT r.retailer_code FROM retailer AS r
                  WHERE r.brand_code = b.brand_code AND r.state = 'ACTIVE') AS retailers,
           sub.subscription_id, sub.package, sub.with_api, sub.state AS subscription_state,
           sub.starts_at, sub.ends_at, sub.consent_limit, sub.may_exceed
      FROM brand AS b
      JOIN provider AS p ON p.iys_code = b.iys_code
      LEFT JOIN subscription AS sub ON sub.iys_code = b.iys_code
      JOIN brand_head AS h ON h.brand_code = b.brand_code
     WHERE b.brand_code = $1
"""


async def read_brand(pool: ReaderPool, brand_code: int) -> BrandRow | None:
    """Return a brand and its rights in one snapshot, by primary keys and the by_brand indexes."""
    async with ledger_errors():
        row = await pool.fetchrow(BRAND, brand_code, timeout=READ_TIMEOUT_S)
    return None if row is None else _to_brand(row)


def _to_brand(row: asyncpg.Record) -> BrandRow:
    return BrandRow(
        brand_code=row["brand_code"],
        iys_code=row["iys_code"],
        name=row["name"],
        active=row["active"],
        exemption_basis=row["exemption_basis"],
        authority_version=row["authority_version"],
        headers={header: frozenset(operators) for header, operators in row["headers"]},
        grants={code: GrantRow(*rights) for code, *rights in row["grants"]},
        retailers=frozenset(row["retailers"]),
        subscription=to_subscription(row),
    )


PROVIDER_ACTIVE: LiteralString = "SELECT state = 'ACTIVE' FROM provider WHERE iys_code = $1"


async def provider_is_active(pool: ReaderPool, iys_code: int) -> bool | None:
    """Say whether the provider with this number is active; None where there is no such provider."""
    async with ledger_errors():
        active: bool | None = await pool.fetchval(PROVIDER_ACTIVE, iys_code, timeout=READ_TIMEOUT_S)
        return active


@dataclass(frozen=True, slots=True)
class BrandSummary:
    """A brand as its listing shows it. Approvals and rejections count keys in that state now."""

    brand_code: int
    name: str
    master: bool
    approvals: int
    rejections: int
    retailers: int


BRANDS_OF_PROVIDER: LiteralString = """
    SELECT b.brand_code, b.name, b.brand_code = b.iys_code AS master, h.approvals, h.rejections,
           (SELECT count(*) FROM retailer AS r
             WHERE r.brand_code = b.brand_code AND r.deleted_at IS NULL) AS retailers
      FROM brand AS b
      JOIN brand_head AS h ON h.brand_code = b.brand_code
     WHERE b.iys_code = $1
     ORDER BY b.brand_code
"""


async def brands_of_provider(pool: ReaderPool, iys_code: int) -> list[BrandSummary]:
    """Return a provider's brands with their counters, over brand_by_provider."""
    async with ledger_errors():
        rows = await pool.fetch(BRANDS_OF_PROVIDER, iys_code, timeout=READ_TIMEOUT_S)
    return [BrandSummary(*row) for row in rows]


BRANDS_BY_TAX_NUMBER: LiteralString = """
    SELECT b.brand_code, b.name
      FROM provider AS p
      JOIN brand AS b ON b.iys_code = p.iys_code
     WHERE p.tax_number = $1 AND p.state = 'ACTIVE' AND b.state = 'ACTIVE'
     ORDER BY b.brand_code
"""


async def brands_by_tax_number(pool: ReaderPool, tax_number: str) -> list[tuple[int, str]]:
    """Return the active brands of the providers with a tax number, over provider_by_tax_number."""
    async with ledger_errors():
        rows = await pool.fetch(BRANDS_BY_TAX_NUMBER, tax_number, timeout=READ_TIMEOUT_S)
    return [(row["brand_code"], row["name"]) for row in rows]

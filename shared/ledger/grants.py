"""What brands have granted a partner: the list that the partner itself may see (iys-api 10.2)."""

from dataclasses import dataclass
from typing import LiteralString

from shared.ledger.failures import ledger_errors
from shared.ledger.store import ReaderPool

READ_TIMEOUT_S = 5


@dataclass(frozen=True, slots=True)
class GrantedBrand:
    """A brand, its provider, and what it granted; rights are the wire's words none, read, write."""

    brand_code: int
    name: str
    iys_code: int
    title: str
    call_right: str
    sms_right: str
    email_right: str
    reconciliation: bool
    via: bool


# A grant that grants nothing is as good as none.
GRANTED: LiteralString = """
    WITH granted AS (
        SELECT g.brand_code, b.name, b.iys_code, p.title, g.call_right, g.sms_right, g.email_right,
               g.reconciliation, g.via
          FROM brand_grant AS g
          JOIN brand AS b ON b.brand_code = g.brand_code
          JOIN provider AS p ON p.iys_code = b.iys_code
         WHERE g.integrator_code = $1
           AND ($2::integer IS NULL OR b.iys_code = $2)
           AND (g.call_right <> 'none' OR g.sms_right <> 'none' OR g.email_right <> 'none'
                OR g.reconciliation OR g.via))
    SELECT (SELECT count(*) FROM granted) AS total,
           ARRAY(SELECT row(brand_code, name, iys_code, title, call_right::text, sms_right::text,
                            email_right::text, reconciliation, via)
                   FROM granted
                  ORDER BY brand_code
                  LIMIT $3 OFFSET $4) AS page
"""


async def granted_brands(
    pool: ReaderPool, integrator_code: int, *, iys_code: int | None, limit: int, offset: int = 0
) -> tuple[int, list[GrantedBrand]]:
    """Return how many brands granted a partner something, and a page of them by brandCode.

    `iys_code` narrows it to one provider's. Of one snapshot, over brand_grant_by_partner.
    """
    async with ledger_errors():
        row = await pool.fetchrow(
            GRANTED, integrator_code, iys_code, limit, offset, timeout=READ_TIMEOUT_S
        )
    assert row is not None, "a row without FROM is one row"  # noqa: S101  # plain SQL
    return row["total"], [GrantedBrand(*brand) for brand in row["page"]]


PARTNER_EXISTS: LiteralString = "SELECT EXISTS (SELECT FROM partner WHERE integrator_code = $1)"


async def partner_exists(pool: ReaderPool, integrator_code: int) -> bool:
    """Say whether somebody has this integratorCode."""
    async with ledger_errors():
        exists: bool = await pool.fetchval(PARTNER_EXISTS, integrator_code, timeout=READ_TIMEOUT_S)
        return exists

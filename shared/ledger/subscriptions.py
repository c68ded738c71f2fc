"""Who has subscribed to what, and how many addresses of a provider are on record.

A change moves the versions that running processes compare (triggers of 0007), so it holds for the next
request everywhere; the copies in `directory.py` carry the subscription itself.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

import asyncpg

from shared.domain.subscription import Subscription, SubscriptionState
from shared.ledger.account_change import account_change
from shared.ledger.failures import ledger_errors
from shared.ledger.store import ReaderPool, WriterPool

READ_TIMEOUT_S = 5


def to_subscription(row: asyncpg.Record) -> Subscription | None:
    """Return the subscription in a row that was joined with one; None where there was none."""
    if row["subscription_id"] is None:
        return None
    return Subscription(
        subscription_id=row["subscription_id"],
        package=row["package"],
        with_api=row["with_api"],
        state=SubscriptionState(row["subscription_state"]),
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        consent_limit=row["consent_limit"],
        may_exceed=row["may_exceed"],
    )


OF_PROVIDER: LiteralString = """
    SELECT sub.subscription_id, sub.package, sub.with_api, sub.state AS subscription_state,
           sub.starts_at, sub.ends_at, sub.consent_limit, sub.may_exceed
      FROM provider AS p
      LEFT JOIN subscription AS sub ON sub.iys_code = p.iys_code
     WHERE p.iys_code = $1
"""
OF_PARTNER: LiteralString = """
    SELECT sub.subscription_id, sub.package, sub.with_api, sub.state AS subscription_state,
           sub.starts_at, sub.ends_at, sub.consent_limit, sub.may_exceed
      FROM partner AS p
      LEFT JOIN subscription AS sub ON sub.integrator_code = p.integrator_code
     WHERE p.integrator_code = $1
"""


async def read_subscription(
    pool: ReaderPool, kind: str, code: int
) -> tuple[bool, Subscription | None]:
    """Say whether there is such a `provider` or `partner`, and return its subscription; by unique keys."""
    statement = OF_PROVIDER if kind == "provider" else OF_PARTNER
    async with ledger_errors():
        row = await pool.fetchrow(statement, code, timeout=READ_TIMEOUT_S)
    return row is not None, None if row is None else to_subscription(row)


PUT_OF_PROVIDER: LiteralString = """
    INSERT INTO subscription (iys_code, package, with_api, state, starts_at, ends_at, consent_limit,
                              may_exceed)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT ON CONSTRAINT subscription_of_provider_is_one DO UPDATE
       SET package = EXCLUDED.package,
           with_api = EXCLUDED.with_api,
           state = EXCLUDED.state,
           starts_at = EXCLUDED.starts_at,
           ends_at = EXCLUDED.ends_at,
           consent_limit = EXCLUDED.consent_limit,
           may_exceed = EXCLUDED.may_exceed
"""
PUT_OF_PARTNER: LiteralString = """
    INSERT INTO subscription (integrator_code, package, with_api, state, starts_at, ends_at,
                              consent_limit, may_exceed)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT ON CONSTRAINT subscription_of_partner_is_one DO UPDATE
       SET package = EXCLUDED.package,
           with_api = EXCLUDED.with_api,
           state = EXCLUDED.state,
           starts_at = EXCLUDED.starts_at,
           ends_at = EXCLUDED.ends_at,
           consent_limit = EXCLUDED.consent_limit,
           may_exceed = EXCLUDED.may_exceed
"""


@dataclass(frozen=True, slots=True)
class NewSubscription:
    """A subscription to be, or what one is to be from now on; the id is the ledger's to give."""

    package: str
    with_api: bool
    state: SubscriptionState
    starts_at: datetime
    ends_at: datetime
    consent_limit: int | None
    may_exceed: bool


async def put_subscription(
    pool: WriterPool, kind: str, code: int, new: NewSubscription, *, actor: int | None = None
) -> None:
    """Give a `provider` or `partner` a subscription, in place of the one that it had; it keeps its id.

    Raises UnknownReferenceError when nobody has this code, ConstraintBrokenError when it ends before it
    begins.
    """
    statement = PUT_OF_PROVIDER if kind == "provider" else PUT_OF_PARTNER
    async with account_change(pool, actor) as connection:
        await connection.execute(
            statement,
            code,
            new.package,
            new.with_api,
            new.state.value,
            new.starts_at,
            new.ends_at,
            new.consent_limit,
            new.may_exceed,
        )


DROP_OF_PROVIDER: LiteralString = "DELETE FROM subscription WHERE iys_code = $1"
DROP_OF_PARTNER: LiteralString = "DELETE FROM subscription WHERE integrator_code = $1"


async def remove_subscription(
    pool: WriterPool, kind: str, code: int, *, actor: int | None = None
) -> bool:
    """Take a subscription away; False when there was none."""
    statement = DROP_OF_PROVIDER if kind == "provider" else DROP_OF_PARTNER
    async with account_change(pool, actor) as connection:
        return await connection.execute(statement, code) == "DELETE 1"


ON_RECORD: LiteralString = """
    SELECT COALESCE(sum(h.approvals + h.rejections), 0)::bigint
      FROM brand AS b
      JOIN brand_head AS h ON h.brand_code = b.brand_code
     WHERE b.iys_code = $1
"""


async def count_on_record(pool: ReaderPool, iys_code: int) -> int:
    """Return how many keys of a provider's brands are on record now, over brand_by_provider."""
    async with ledger_errors():
        count: int = await pool.fetchval(ON_RECORD, iys_code, timeout=READ_TIMEOUT_S)
        return count

"""What becomes of an application: accounts, in the transaction that decides it; or nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from shared.ledger.account_change import account_change
from shared.ledger.accounts import (
    HeaderProof,
    NewProvider,
    NewUser,
    insert_brand,
    insert_header,
    insert_provider,
)
from shared.ledger.store import Connection, WriterPool


class NotOpenError(Exception):
    """The application was decided or withdrawn before."""


class HeaderTakenError(Exception):
    """Another brand has this header by now."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Which application is decided, when, and by which user of the staff."""

    application_id: int
    now: datetime
    actor: int


DECIDE: LiteralString = """
    UPDATE application
       SET state = $2, decided_at = $3, decided_by = $4, reason = $5
     WHERE application_id = $1 AND state = 'OPEN'
"""
BECAME: LiteralString = """
    UPDATE application SET iys_code = $2, user_id = $3 WHERE application_id = $1
"""


async def _decide(
    connection: Connection, decision: Decision, state: str, reason: str | None = None
) -> None:
    done = await connection.execute(
        DECIDE, decision.application_id, state, decision.now, decision.actor, reason
    )
    if done != "UPDATE 1":
        raise NotOpenError


async def approve_provider(
    pool: WriterPool,
    decision: Decision,
    provider: NewProvider,
    *,
    brands: Sequence[str],
    user: NewUser,
) -> tuple[int, list[int]]:
    """Make the provider, its master brand, further brands and its API user; return the numbers.

    The user's password is to be nobody's: it is made when it is handed out. Raises NotOpenError,
    AlreadyExistsError; then nothing is made.
    """
    async with account_change(pool, decision.actor) as connection:
        await _decide(connection, decision, "APPROVED")
        iys_code, user_id = await insert_provider(connection, provider, user)
        codes = [iys_code]
        for name in brands:
            code = await insert_brand(
                connection,
                iys_code=iys_code,
                name=name,
                application_id=decision.application_id,
            )
            codes.append(code)
        await connection.execute(BECAME, decision.application_id, iys_code, user_id)
        return iys_code, codes


async def approve_brand(pool: WriterPool, decision: Decision, *, iys_code: int, name: str) -> int:
    """Add the brand; return its brandCode. Raises NotOpenError."""
    async with account_change(pool, decision.actor) as connection:
        await _decide(connection, decision, "APPROVED")
        return await insert_brand(
            connection, iys_code=iys_code, name=name, application_id=decision.application_id
        )


async def approve_header(
    pool: WriterPool,
    decision: Decision,
    *,
    brand_code: int,
    header: str,
    operators: Sequence[int],
    proof: HeaderProof,
) -> None:
    """Bind the header; raises NotOpenError, HeaderTakenError, and as `bind_header` does."""
    async with account_change(pool, decision.actor) as connection:
        await _decide(connection, decision, "APPROVED")
        bound = await insert_header(
            connection, brand_code=brand_code, header=header, operators=operators, proof=proof
        )
        if not bound:
            raise HeaderTakenError


async def reject(pool: WriterPool, decision: Decision, *, reason: str) -> None:
    """Reject an application; raises NotOpenError."""
    async with account_change(pool, decision.actor) as connection:
        await _decide(connection, decision, "REJECTED", reason)


WITHDRAW: LiteralString = """
    UPDATE application SET state = 'WITHDRAWN', decided_at = $2
     WHERE application_id = $1 AND state = 'OPEN'
"""
DROP_DOCUMENTS: LiteralString = "DELETE FROM application_document WHERE application_id = $1"


async def withdraw(
    pool: WriterPool, application_id: int, *, now: datetime, actor: int | None = None
) -> None:
    """Withdraw an application and forget its papers; raises NotOpenError."""
    async with account_change(pool, actor) as connection:
        if await connection.execute(WITHDRAW, application_id, now) != "UPDATE 1":
            raise NotOpenError
        await connection.execute(DROP_DOCUMENTS, application_id)


HAND_OUT: LiteralString = """
    UPDATE application SET handed_out_at = $2
     WHERE application_id = $1 AND state = 'APPROVED' AND user_id IS NOT NULL AND handed_out_at IS NULL
    RETURNING user_id
"""
MAY_SIGN_IN: LiteralString = """
    UPDATE api_user SET secret_hash = $2 WHERE user_id = $1 RETURNING username
"""


async def hand_out(
    pool: WriterPool,
    application_id: int,
    secret_hash: str,
    *,
    now: datetime,
    actor: int | None = None,
) -> str | None:
    """Give the API user that an approval made its first password, once; return its name, or None."""
    async with account_change(pool, actor) as connection:
        user_id: int | None = await connection.fetchval(HAND_OUT, application_id, now)
        if user_id is None:
            return None
        username: str = await connection.fetchval(MAY_SIGN_IN, user_id, secret_hash)
        return username

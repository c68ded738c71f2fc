"""Refresh tokens that were handed out and not yet spent: each works once (iys-api 2.1)."""

from datetime import datetime
from typing import LiteralString
from uuid import UUID

from shared.ledger.failures import ledger_errors
from shared.ledger.store import WriterPool

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

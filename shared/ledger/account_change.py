"""Changing accounts: one transaction, and word of who acts for the trail that the triggers write."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import LiteralString

from shared.ledger.failures import ledger_errors
from shared.ledger.store import Connection, WriterPool

ACT_AS: LiteralString = "SELECT set_config('izin.actor', $1, true)"


@asynccontextmanager
async def account_change(pool: WriterPool, actor: int | None) -> AsyncGenerator[Connection]:
    """Open a transaction in which `actor`, a user, changes accounts (None: nobody whom we know).

    Raises as `ledger_errors` does, and then nothing is changed.
    """
    async with ledger_errors(), pool.acquire() as connection, connection.transaction():
        await connection.execute(ACT_AS, "" if actor is None else str(actor))
        yield connection

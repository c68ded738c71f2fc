"""Is this a ledger that we can work with? Asked at the start, and by `/readyz` ever after."""

from typing import LiteralString

from shared.ledger.failures import LedgerUnavailableError, ledger_errors
from shared.ledger.migrate import require_schema
from shared.ledger.store import Pool, ReaderPool

READ_TIMEOUT_S = 5

DIGEST_KEY: LiteralString = "SELECT digest_key_id FROM ledger_state"
IS_STANDBY: LiteralString = "SELECT pg_is_in_recovery()"


async def open_ledger(pool: ReaderPool) -> int:
    """Return the id of the digest key in use.

    Raises SchemaMismatchError when the schema is older than this code needs, LedgerUnavailableError.
    """
    async with ledger_errors(), pool.acquire() as connection:
        await require_schema(connection)
        key_id: int = await connection.fetchval(DIGEST_KEY, timeout=READ_TIMEOUT_S)
        return key_id


async def require_primary(pool: Pool) -> None:
    """Raise LedgerUnavailableError unless the ledger answers, as a primary."""
    async with ledger_errors():
        if await pool.fetchval(IS_STANDBY, timeout=READ_TIMEOUT_S):
            raise LedgerUnavailableError("not a primary")

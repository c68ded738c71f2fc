"""From which networks a user may act. A change moves the directory version: the next request knows it."""

from collections.abc import Sequence
from typing import LiteralString

from shared.domain.networks import Network
from shared.ledger.account_change import account_change
from shared.ledger.failures import ledger_errors
from shared.ledger.store import ReaderPool, WriterPool

READ_TIMEOUT_S = 5

NETWORKS_OF: LiteralString = "SELECT user_id, allowed_networks FROM api_user WHERE username = $1"


async def read_networks(pool: ReaderPool, username: str) -> tuple[Network, ...] | None:
    """Return the networks of a user, over api_user_name_is_unique; None: there is no such user."""
    async with ledger_errors():
        row = await pool.fetchrow(NETWORKS_OF, username, timeout=READ_TIMEOUT_S)
    return None if row is None else tuple(row["allowed_networks"] or ())


SET_NETWORKS: LiteralString = "UPDATE api_user SET allowed_networks = $2 WHERE username = $1"


async def set_networks(
    pool: WriterPool, username: str, networks: Sequence[Network], *, actor: int
) -> bool:
    """Let a user act from these networks alone, or (none) from anywhere; False: there is no such user."""
    async with account_change(pool, actor) as connection:
        return (
            await connection.execute(SET_NETWORKS, username, list(networks) or None) == "UPDATE 1"
        )

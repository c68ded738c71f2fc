"""The first users of a ledger, created as its owner: over HTTP only staff creates users."""

from collections.abc import Sequence
from typing import LiteralString

from shared.ledger.accounts import NewUser
from shared.ledger.failures import ledger_errors
from shared.ledger.store import connect

FIRST_USER: LiteralString = """
    INSERT INTO api_user (username, secret_hash, role)
    VALUES ($1, $2, $3)
        ON CONFLICT ON CONSTRAINT api_user_name_is_unique DO UPDATE
       SET secret_hash = EXCLUDED.secret_hash
"""


async def put_first_users(dsn: str, users: Sequence[NewUser]) -> None:
    """Create staff or ministry users; one that exists gets the new secret."""
    connection = await connect(dsn)
    try:
        async with ledger_errors(), connection.transaction():
            for user in users:
                await connection.execute(FIRST_USER, user.username, user.secret_hash, user.role)
    finally:
        await connection.close()

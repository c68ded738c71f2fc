"""Long-lived keys: several a user, each with an end of its own; stored as digests.

Operators, providers and partners may have them. A change moves the directory version, so it holds for
the next request on every process. A key that is met is looked up here once a day and process, and that day is
noted: so its last use is known to the day.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, LiteralString

from shared.ledger.account_change import account_change
from shared.ledger.failures import ledger_errors
from shared.ledger.store import Connection, Pool, ReaderPool, WriterPool

KEYS_MAX: Final = 10
READ_TIMEOUT_S: Final = 5


class TooManyKeysError(Exception):
    """The user has as many good keys as one may have."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key to be, given by its digest; `prefix` is what a person knows it by."""

    digest: bytes
    prefix: str = ""
    label: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A key as its list shows it. `last_used_on` is a day in UTC, None: never."""

    key_id: int
    prefix: str
    label: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_on: date | None


@dataclass(frozen=True, slots=True)
class MetKey:
    """Whose a key is, and until when."""

    user_id: int
    expires_at: datetime | None


NEW_KEY: LiteralString = """
    INSERT INTO api_key (user_id, digest, prefix, label, expires_at)
    VALUES ($1, $2, $3, $4, $5)
    RETURNING key_id
"""


async def insert_key(connection: Connection, user_id: int, key: NewKey) -> int:
    """Give a user one more key, within a change; return its number."""
    key_id: int = await connection.fetchval(
        NEW_KEY, user_id, key.digest, key.prefix, key.label, key.expires_at
    )
    return key_id


# Held to the end of the change: two that add a key at once must not both find room.
KEY_OWNER: LiteralString = """
    SELECT user_id FROM api_user
     WHERE username = $1 AND role IN ('operator', 'provider', 'partner')
       FOR UPDATE
"""
GOOD_KEYS: LiteralString = """
    SELECT count(*) FROM api_key
     WHERE user_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)
"""


async def add_key(
    pool: WriterPool, username: str, key: NewKey, *, now: datetime, actor: int | None = None
) -> int | None:
    """Give a user one more key; return its number, or None where no user that may have keys has this name.

    Raises TooManyKeysError.
    """
    async with account_change(pool, actor) as connection:
        user_id: int | None = await connection.fetchval(KEY_OWNER, username)
        if user_id is None:
            return None
        await _require_room(connection, user_id, now=now)
        return await insert_key(connection, user_id, key)


END_KEY: LiteralString = """
    UPDATE api_key
       SET expires_at = LEAST(expires_at, $3)
     WHERE key_id = $2 AND user_id = $1 AND revoked_at IS NULL
       AND (expires_at IS NULL OR expires_at > $4)
    RETURNING label
"""


async def rotate_key(  # noqa: PLR0913  # whose, which, what instead, until when; and as everywhere
    pool: WriterPool,
    username: str,
    key_id: int,
    key: NewKey,
    *,
    old_until: datetime,
    now: datetime,
    actor: int | None = None,
) -> tuple[int, str] | None:
    """Put a new key in place of one, which ends at `old_until`; return the new number and the label.

    The label is the old key's where the new one has none. None: no good key of this user has the number.
    Raises TooManyKeysError.
    """
    async with account_change(pool, actor) as connection:
        user_id: int | None = await connection.fetchval(KEY_OWNER, username)
        label: str | None = await connection.fetchval(END_KEY, user_id, key_id, old_until, now)
        if user_id is None or label is None:
            return None
        if old_until > now:
            await _require_room(connection, user_id, now=now)
        label = key.label or label
        new = NewKey(key.digest, key.prefix, label, key.expires_at)
        return await insert_key(connection, user_id, new), label


async def _require_room(connection: Connection, user_id: int, *, now: datetime) -> None:
    good: int = await connection.fetchval(GOOD_KEYS, user_id, now)
    if good >= KEYS_MAX:
        raise TooManyKeysError


REVOKE_KEY: LiteralString = """
    UPDATE api_key SET revoked_at = $3
     WHERE key_id = $2 AND revoked_at IS NULL
       AND user_id = (SELECT user_id FROM api_user WHERE username = $1)
"""


async def revoke_key(
    pool: WriterPool, username: str, key_id: int, *, now: datetime, actor: int | None = None
) -> bool:
    """End a key at once; False where this user has no such key, or it was revoked before."""
    async with account_change(pool, actor) as connection:
        return await connection.execute(REVOKE_KEY, username, key_id, now) == "UPDATE 1"


REVOKE_ALL: LiteralString = """
    UPDATE api_key SET revoked_at = $2 WHERE user_id = $1 AND revoked_at IS NULL
"""
END_TOKENS: LiteralString = "UPDATE api_user SET epoch = epoch + 1 WHERE user_id = $1"


async def replace_keys(
    pool: WriterPool, username: str, key: NewKey | None, *, now: datetime, actor: int | None = None
) -> bool:
    """End all keys of a user at once, and its tokens, and give it this one (None: none).

    False where no user that may have keys has this name.
    """
    async with account_change(pool, actor) as connection:
        user_id: int | None = await connection.fetchval(KEY_OWNER, username)
        if user_id is None:
            return False
        await connection.execute(REVOKE_ALL, user_id, now)
        await connection.execute(END_TOKENS, user_id)
        if key is not None:
            await insert_key(connection, user_id, key)
        return True


KEYS: LiteralString = """
    SELECT k.key_id, k.prefix, k.label, k.created_at, k.expires_at, k.revoked_at,
           (SELECT max(used.used_on) FROM api_key_use AS used WHERE used.key_id = k.key_id) AS last_used_on
      FROM api_key AS k
      JOIN api_user AS u ON u.user_id = k.user_id
     WHERE u.username = $1
     ORDER BY k.key_id DESC
     LIMIT 100
"""


async def list_keys(pool: ReaderPool, username: str) -> list[KeyInfo]:
    """Return a user's newest hundred keys, over api_key_by_user."""
    async with ledger_errors():
        rows = await pool.fetch(KEYS, username, timeout=READ_TIMEOUT_S)
    return [KeyInfo(*row) for row in rows]


MEET_KEY: LiteralString = """
    WITH met AS (
        SELECT key_id, user_id, expires_at FROM api_key
         WHERE digest = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)
    ), noted AS (
        INSERT INTO api_key_use (key_id, used_on)
        SELECT key_id, ($2 AT TIME ZONE 'UTC')::date FROM met
            ON CONFLICT DO NOTHING
    )
    SELECT user_id, expires_at FROM met
"""


async def meet_key(pool: Pool, digest: bytes, *, now: datetime) -> MetKey | None:
    """Find whose key this is, over api_key_is_unique, and note the day; None: nobody's, or it has ended."""
    async with ledger_errors():
        row = await pool.fetchrow(MEET_KEY, digest, now, timeout=READ_TIMEOUT_S)
    return None if row is None else MetKey(*row)

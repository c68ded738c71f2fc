"""Forward-only migrations: plain SQL files, in order, each once, under one lock.

`NNNN_expand_*.sql` may run before the new code, `NNNN_contract_*.sql` only after the old code is gone.
Roles and grants (`roles.sql`) are applied after every run.
"""

import hashlib
from pathlib import Path
from typing import LiteralString

import asyncpg

from shared.ledger.store import Connection, connect, role_password

HERE = Path(__file__).parent
SERVICE_ROLES = ("izin_registry", "izin_ingest", "izin_check", "izin_projector")
# Any number does, as long as nobody else uses it: held while migrating.
_LOCK = 5_063_001

_BOOTSTRAP: LiteralString = """
    CREATE TABLE IF NOT EXISTS schema_migration (
        name       text        NOT NULL CONSTRAINT schema_migration_pkey PRIMARY KEY,
        checksum   text        NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now());
    -- A new function is nobody's until roles.sql grants it, also where a later migration fails before that.
    ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC
"""
_APPLIED: LiteralString = "SELECT name, checksum FROM schema_migration ORDER BY name"
_RECORD: LiteralString = "INSERT INTO schema_migration (name, checksum) VALUES ($1, $2)"


class SchemaMismatchError(Exception):
    """The database's schema is not one that this code can work with; the message says what to do."""


def migration_files() -> list[Path]:
    """Return the migrations in the order in which they run."""
    return sorted((HERE / "migrations").glob("*.sql"))


async def migrate(dsn: str) -> list[str]:
    """Bring the database up to date as its owner; return the names of what was applied now.

    Raises SchemaMismatchError when a file that ran has changed since, LedgerUnavailableError.
    """
    connection = await connect(dsn)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        await connection.execute(_BOOTSTRAP)
        done = {row["name"]: row["checksum"] for row in await connection.fetch(_APPLIED)}
        applied = [path.stem for path in migration_files() if await _apply(connection, path, done)]
        await _apply_roles(connection, dsn)
    finally:
        await connection.close()
    return applied


async def _apply(connection: Connection, path: Path, done: dict[str, str]) -> bool:
    sql = path.read_text()  # noqa: ASYNC240  # a small file, before anything is served
    checksum = hashlib.sha256(sql.encode()).hexdigest()
    if path.stem in done:
        if done[path.stem] != checksum:
            raise SchemaMismatchError(
                f"migration {path.stem} was applied in another form than this"
            )
        return False
    async with connection.transaction():
        await connection.execute(sql)
        await connection.execute(_RECORD, path.stem, checksum)
    return True


async def _apply_roles(connection: Connection, dsn: str) -> None:
    async with connection.transaction():
        await connection.execute((HERE / "roles.sql").read_text())
        for role in SERVICE_ROLES:
            password = role_password(dsn, role)
            if password is not None:
                # A utility statement takes no parameters; both parts are ours, the password is hex.
                await connection.execute(f"ALTER ROLE {role} PASSWORD '{password}'")


async def require_schema(connection: Connection) -> None:
    """Refuse to start on a schema older than this code needs; a newer one is fine."""
    try:
        done = {row["name"] for row in await connection.fetch(_APPLIED)}
    except asyncpg.UndefinedTableError:  # nobody has migrated this database yet
        done = set[str]()
    missing = [path.stem for path in migration_files() if path.stem not in done]
    if missing:
        raise SchemaMismatchError(f"the database lacks {', '.join(missing)}: run `izin migrate`")

"""Databases for the tests: copies of one migrated template, emptied before each test."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from services.cli.embedded.binaries import find_postgres
from services.cli.embedded.child import run_once
from services.cli.embedded.data_dir import DataDir, open_data_dir
from services.cli.embedded.postgres import postgres_dsn, postgres_spec
from shared.ledger.migrate import migrate
from tests.support.servers import NOT_DURABLE, running

NOBODY = "template0"
WAIT_S = 5
_WHO_WAITS = """
    SELECT pid FROM pg_stat_activity
     WHERE datname = current_database() AND $1 IN (wait_event_type, wait_event)
     LIMIT 1
"""

# Under `replica` the append-only triggers sleep, which only a superuser can bring about. Only what holds
# something is emptied: a new file for every table and index costs more than to look.
_EMPTY = """
    DO $$
    DECLARE
        name text;
        filled text[] := '{}';
        has_rows boolean;
    BEGIN
        FOR name IN SELECT format('%I', tablename) FROM pg_tables
                     WHERE schemaname = 'public'
                       AND tablename NOT IN ('schema_migration', 'ledger_state') LOOP
            EXECUTE 'SELECT EXISTS (SELECT FROM ' || name || ')' INTO has_rows;
            IF has_rows THEN
                filled := filled || name;
            END IF;
        END LOOP;
        IF filled <> '{}' THEN
            EXECUTE 'TRUNCATE ' || array_to_string(filled, ', ') || ' CASCADE';
        END IF;
        FOR name IN SELECT format('%I', sequencename) FROM pg_sequences
                     WHERE schemaname = 'public' AND last_value IS NOT NULL LOOP
            EXECUTE 'ALTER SEQUENCE ' || name || ' RESTART';
        END LOOP;
        DELETE FROM ledger_state;
        INSERT INTO ledger_state DEFAULT VALUES;
    END $$
"""


def with_database(dsn: str, name: str) -> str:
    """Return the DSN of another database on the same server."""
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))


def database_name(dsn: str) -> str:
    """Return the database that a DSN names."""
    return urlsplit(dsn).path.removeprefix("/")


@asynccontextmanager
async def database(server_dsn: str, *, template: str = NOBODY) -> AsyncGenerator[str]:
    """Create a database as a copy of `template`, yield its owner's DSN, drop it."""
    name = f"izin_test_{secrets.token_hex(6)}"
    await _execute(server_dsn, f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield with_database(server_dsn, name)
    finally:
        await _execute(server_dsn, f"DROP DATABASE {name} WITH (FORCE)")


@asynccontextmanager
async def template_database(server_dsn: str) -> AsyncGenerator[str]:
    """Create a migrated database to copy from, and yield its name."""
    async with database(server_dsn) as dsn:
        await migrate(dsn)
        yield database_name(dsn)


@asynccontextmanager
async def owner_connection(dsn: str, **settings: str) -> AsyncGenerator[asyncpg.Connection]:
    """Open a connection of the owner, who is a superuser here."""
    connection = await asyncpg.connect(dsn, server_settings={"timezone": "UTC", **settings})
    try:
        yield connection
    finally:
        await connection.close()


def emptying_connection(dsn: str) -> AbstractAsyncContextManager[asyncpg.Connection]:
    """Open the connection that `empty` takes; no test may leave a lock that makes it wait."""
    return owner_connection(dsn, session_replication_role="replica", lock_timeout="5s")


async def empty(connection: asyncpg.Connection) -> None:
    """Bring a migrated database back to how the migrations left it."""
    await connection.execute(_EMPTY)


async def until_waiting(connection: asyncpg.Connection, *, event: str = "Lock") -> int:
    """Wait until a session of this database waits for somebody, and return its process id."""
    async with asyncio.timeout(WAIT_S):
        while (pid := await connection.fetchval(_WHO_WAITS, event)) is None:  # noqa: ASYNC110  # the server tells nobody
            await asyncio.sleep(0.005)
    return int(pid)


async def _execute(dsn: str, statement: str) -> None:
    async with owner_connection(dsn) as connection:
        await connection.execute(statement)


@contextmanager
def own_server(
    path: Path, *, options: dict[str, str] | None = None, hba: str | None = None
) -> Generator[tuple[str, DataDir]]:
    """Run a server for one test, with settings or an access list (pg_hba.conf) of its own."""
    with open_data_dir(path) as data_dir:
        spec = postgres_spec(find_postgres(), data_dir, options=NOT_DURABLE | (options or {}))
        if hba is not None:
            (data_dir.postgres / "cluster" / "pg_hba.conf").write_text(hba)
        with running(spec):
            yield postgres_dsn(data_dir), data_dir


@contextmanager
def standby_server(path: Path, primary: DataDir) -> Generator[str]:
    """Run a streaming standby of a server of ours."""
    with open_data_dir(path) as data_dir:
        data_dir.postgres.mkdir(mode=0o700)
        programs = find_postgres()
        done = run_once(
            (
                *(str(programs.postgres.with_name("pg_basebackup")), "-R", "-c", "fast"),
                *("-D", str(data_dir.postgres / "cluster"), "-h", str(primary.run)),
                *("-p", "5432", "-U", "izin_owner", "--no-sync"),
            )
        )
        assert done.returncode == 0, done.stdout
        with running(postgres_spec(programs, data_dir, options=NOT_DURABLE)):
            yield postgres_dsn(data_dir)

"""How the ledger is reached: connection pools by power, opened and closed by their composition root.

A role's power is granted in the database (`roles.sql`); the two types here only keep honest code
honest: what reads asks for a `ReaderPool`, what writes for a `WriterPool`.
"""

import hashlib
import hmac
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NewType, TypeAlias
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import asyncpg

from shared.ledger.failures import UNREACHABLE, LedgerUnavailableError

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

# A connection of one's own or one lent by a pool: what reads and writes does not mind which.
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
ReaderPool = NewType("ReaderPool", asyncpg.Pool)
WriterPool = NewType("WriterPool", asyncpg.Pool)

READ_TIMEOUT_S = 5
# The hot statements are all primary-key probes. Said here, so that no statistics of an almost empty
# table can talk the planner into reading it, or a brand, whole; they are planned once a connection.
_PROBES_ONLY = {
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_material": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",
}


def role_dsn(owner_dsn: str, role: str) -> str:
    """Derive a service's DSN from the owner's: same server and database, the service's own role.

    The password, where the owner has one, is an HMAC of it: `migrate` sets the same (ADR 0006). In
    production give each service a DSN of its own and the owner's to nobody.
    """
    parts = urlsplit(owner_dsn)
    host = parts.netloc.rpartition("@")[2]
    password = role_password(owner_dsn, role)
    user = role if password is None else f"{role}:{quote(password)}"
    return urlunsplit(parts._replace(netloc=f"{user}@{host}"))


def role_password(owner_dsn: str, role: str) -> str | None:
    """Return the derived password of a role, or None where the owner connects without one."""
    secret = urlsplit(owner_dsn).password
    if secret is None:
        return None
    return hmac.new(unquote(secret).encode(), role.encode(), hashlib.sha256).hexdigest()


async def _keep_session(_connection: Connection) -> None:
    """Do nothing when a connection comes back to the pool.

    The driver's default is a reset query, a second round trip for every statement. Our sessions run
    single statements and change no session state, so there is nothing to reset.
    """


@asynccontextmanager
async def _open_pool(
    dsn: str,
    *,
    size: int,
    settings: dict[str, str],
    on_connect: Sequence[Callable[[], None]],
    command_timeout_s: float | None = None,
) -> AsyncGenerator[Pool]:
    async def tell(_connection: Connection) -> None:
        for listener in on_connect:
            listener()

    try:
        pool = await asyncpg.create_pool(
            dsn,
            min_size=size,
            max_size=size,
            max_inactive_connection_lifetime=0,
            command_timeout=command_timeout_s,
            timeout=5,
            statement_cache_size=256,
            init=tell,
            reset=_keep_session,
            server_settings={"application_name": "izin", "timezone": "UTC", **settings},
        )
    except UNREACHABLE as error:
        raise LedgerUnavailableError(type(error).__name__) from error
    try:
        yield pool
    finally:
        pool.terminate()


@asynccontextmanager
async def open_reader(
    dsn: str, *, size: int, on_connect: Sequence[Callable[[], None]] = ()
) -> AsyncGenerator[ReaderPool]:
    """Open `size` connections for single SELECT statements.

    `on_connect` is called for every connection made, now and later: whoever keeps copies must not
    trust them then, for the server may have come back as an older one. The list may grow meanwhile.
    """
    settings = {**_PROBES_ONLY, "statement_timeout": "5s"}
    async with _open_pool(
        dsn,
        size=size,
        settings=settings,
        on_connect=on_connect,
        # Also bounds the driver's cancelling of a read, which would wait for a silent server for ever.
        command_timeout_s=READ_TIMEOUT_S,
    ) as pool:
        yield ReaderPool(pool)


@asynccontextmanager
async def open_writer(dsn: str, *, size: int) -> AsyncGenerator[WriterPool]:
    """Open `size` connections for writes. They never lower `synchronous_commit` (design 4)."""
    settings = {
        **_PROBES_ONLY,
        "transaction_timeout": "10s",
        "idle_in_transaction_session_timeout": "5s",
        "lock_timeout": "2s",
    }
    async with _open_pool(dsn, size=size, settings=settings, on_connect=()) as pool:
        yield WriterPool(pool)


async def connect_reader(dsn: str, *, timeout_s: float) -> "asyncpg.Connection[asyncpg.Record]":
    """Open one connection for single SELECT statements, for whoever makes its own anew.

    Its sessions are those of `open_reader`. No command has a time-out of the driver's: who calls has its own.
    Raises what the driver raises.
    """
    settings = {**_PROBES_ONLY, "statement_timeout": "5s"}
    return await asyncpg.connect(
        dsn,
        timeout=timeout_s,
        server_settings={"application_name": "izin", "timezone": "UTC", **settings},
    )


async def connect(dsn: str, **settings: str) -> Connection:
    """Open one connection, for maintenance and migrations; raises LedgerUnavailableError."""
    try:
        return await asyncpg.connect(
            dsn, timeout=10, server_settings={"timezone": "UTC", **settings}
        )
    except (*UNREACHABLE, asyncpg.PostgresError, ValueError) as error:
        raise LedgerUnavailableError(f"{type(error).__name__}: {error}") from error

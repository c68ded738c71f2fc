"""Servers, databases, keys and a small world. The bodies are in tests/support."""

import signal
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from shared.ledger.append import Appender
from shared.ledger.store import ReaderPool, WriterPool, open_reader, open_writer, role_dsn
from shared.sealing.addresses import Digester, Sealer
from shared.sealing.keyring import KeyRing, new_key_ring
from tests.support.builders import Scribe, World, make_world
from tests.support.ledger import (
    database,
    empty,
    emptying_connection,
    owner_connection,
    template_database,
)
from tests.support.servers import has_given_servers, postgres_server, valkey_server


def pytest_configure(config: pytest.Config) -> None:
    """Heed Ctrl-C, and have the programs under test heed it: who runs in the background ignores it."""
    if has_given_servers() and config.getoption("numprocesses", None):
        raise pytest.UsageError("servers that are given serve one process: make test AT_ONCE=0")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def server_dsn() -> Iterator[str]:
    """Return the owner's DSN of the run's PostgreSQL server."""
    with postgres_server() as dsn:
        yield dsn


@pytest.fixture(scope="session")
async def template(server_dsn: str) -> AsyncIterator[str]:
    """Return the name of a migrated database to copy from."""
    async with template_database(server_dsn) as name:
        yield name


@pytest.fixture(scope="session")
async def dsn(server_dsn: str, template: str) -> AsyncIterator[str]:
    """Return the owner's DSN of this worker's migrated database; `ledger` is the same, emptied."""
    async with database(server_dsn, template=template) as opened:
        yield opened


@pytest.fixture(scope="session")
async def emptier(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    async with emptying_connection(dsn) as connection:
        yield connection


@pytest.fixture
async def ledger(dsn: str, emptier: asyncpg.Connection) -> str:
    """Return the owner's DSN of a ledger as the migrations left it."""
    await empty(emptier)
    return dsn


@pytest.fixture
async def fresh_ledger(server_dsn: str, template: str) -> AsyncIterator[str]:
    """Return the owner's DSN of a migrated database of the test's own, to be damaged at will."""
    async with database(server_dsn, template=template) as opened:
        yield opened


@pytest.fixture
async def empty_database(server_dsn: str) -> AsyncIterator[str]:
    """Return the owner's DSN of a database that nobody has migrated."""
    async with database(server_dsn) as opened:
        yield opened


@pytest.fixture
async def owner(ledger: str) -> AsyncIterator[asyncpg.Connection]:
    """Return a connection of the owner, who is a superuser here."""
    async with owner_connection(ledger) as connection:
        yield connection


@pytest.fixture(scope="session")
async def reader_pool(dsn: str) -> AsyncIterator[ReaderPool]:
    async with open_reader(role_dsn(dsn, "izin_check"), size=4) as pool:
        yield pool


@pytest.fixture(scope="session")
async def writer_pool(dsn: str) -> AsyncIterator[WriterPool]:
    async with open_writer(role_dsn(dsn, "izin_registry"), size=8) as pool:
        yield pool


@pytest.fixture
def reader(reader_pool: ReaderPool, ledger: str) -> ReaderPool:
    """Return the check's pool, on an emptied ledger."""
    return reader_pool


@pytest.fixture
def writer(writer_pool: WriterPool, ledger: str) -> WriterPool:
    """Return the registry's pool, on an emptied ledger."""
    return writer_pool


@pytest.fixture(scope="session")
def key_ring() -> KeyRing:
    return new_key_ring()


@pytest.fixture(scope="session")
def digester(key_ring: KeyRing) -> Digester:
    return Digester(key_ring)


@pytest.fixture(scope="session")
def sealer(key_ring: KeyRing) -> Sealer:
    return Sealer(key_ring)


@pytest.fixture
def appender(writer: WriterPool) -> Appender:
    return Appender(writer, digest_key_id=1, sealing_key_id=1)


@pytest.fixture
def scribe(reader: ReaderPool, appender: Appender, digester: Digester, sealer: Sealer) -> Scribe:
    """Return somebody who reads, judges and writes single consents as the registry does."""
    return Scribe(reader, appender, digester, sealer)


@pytest.fixture
async def world(writer: WriterPool, reader: ReaderPool) -> World:
    """Return one of everybody, with known credentials."""
    return await make_world(writer, reader)


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    """Return the URL of the run's Valkey server; whoever uses it empties it first."""
    with valkey_server() as url:
        yield url

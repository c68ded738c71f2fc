from collections.abc import AsyncIterator, Iterator

import pytest

from shared.cache.reader import CacheReader
from shared.cache.servers import CacheServers, open_cache
from shared.cache.store import ProjectionStore, open_store
from tests.cache.valkey import OwnServer, own_server

TIMEOUT_S = 1.0


@pytest.fixture(scope="session")
def session_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnServer]:
    with own_server(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture
def server(session_server: OwnServer) -> OwnServer:
    """Return a server, emptied; for tests that do not harm it."""
    with session_server.admin as admin:
        admin.flushall()
    return session_server


@pytest.fixture
async def servers(server: OwnServer) -> AsyncIterator[CacheServers]:
    async with open_cache(server.url, timeout_s=TIMEOUT_S) as opened:
        yield opened


@pytest.fixture
def cache(servers: CacheServers) -> CacheReader:
    return CacheReader(servers)


@pytest.fixture
async def store(server: OwnServer) -> AsyncIterator[ProjectionStore]:
    async with open_store(server.url) as opened:
        yield opened

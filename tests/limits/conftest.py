from collections.abc import AsyncIterator, Iterator

import pytest

from tests.cache.valkey import OwnServer, own_server
from tests.registry.doors import Town, open_town
from tests.support.ledger import database


@pytest.fixture(scope="session")
def limit_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnServer]:
    with own_server(tmp_path_factory.mktemp("limits")) as server:
        yield server


@pytest.fixture
def server(limit_server: OwnServer) -> OwnServer:
    """Return a server, emptied; for tests that do not harm it."""
    with limit_server.admin as admin:
        admin.flushall()
    return limit_server


@pytest.fixture
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnServer]:
    """Return a server to be killed, paused and filled up."""
    with own_server(tmp_path_factory.mktemp("limits")) as server:
        yield server


@pytest.fixture(scope="module")
async def town(
    server_dsn: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Town]:
    """Return a world with the default limits, for the tests of one module to open other doors to."""
    async with (
        database(server_dsn, template=template) as dsn,
        open_town(dsn, tmp_path_factory.mktemp("town")) as opened,
    ):
        yield opened

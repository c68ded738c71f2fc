from collections.abc import AsyncIterator

import pytest

from tests.registry.doors import Town, open_town
from tests.support.ledger import database


@pytest.fixture(scope="module")
async def town(
    server_dsn: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Town]:
    """Return a world and the product in front of it, for the tests of one module."""
    async with (
        database(server_dsn, template=template) as dsn,
        open_town(dsn, tmp_path_factory.mktemp("ingest")) as opened,
    ):
        yield opened

from collections.abc import AsyncIterator

import pytest

from tests.registry.doors import Town, open_town
from tests.support.ledger import database


@pytest.fixture(scope="module")
async def town(
    server_dsn: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Town]:
    """Return a world whose feed keeps nothing back."""
    async with (
        database(server_dsn, template=template) as dsn,
        open_town(dsn, tmp_path_factory.mktemp("town"), feed_delay_s=0) as opened,
    ):
        yield opened

from collections.abc import AsyncIterator

import pytest

from tests.ingest.doors import Area, open_area
from tests.registry.doors import Town, open_town
from tests.support.ledger import database


@pytest.fixture(scope="package")
async def town(
    server_dsn: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Town]:
    """Return a world and the product in front of it, for all tests of files: they keep apart by jobs."""
    async with (
        database(server_dsn, template=template) as dsn,
        open_town(dsn, tmp_path_factory.mktemp("files"), ingest_jobs_open_max=10_000) as opened,
    ):
        yield opened


@pytest.fixture(scope="package")
async def shared_area(town: Town) -> AsyncIterator[Area]:
    async with open_area(town) as opened:
        yield opened


@pytest.fixture
async def area(shared_area: Area, town: Town) -> Area:
    """Return the use cases without HTTP, at the right time, with nothing else in the queue."""
    shared_area.clock.ahead *= 0
    shared_area.calls.made.clear()
    shared_area.calls.taken = True
    await town.owner.execute("TRUNCATE ingest_job CASCADE")
    return shared_area

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from services.registry import app as registry_app
from services.registry.parts import Parts
from services.registry.reconciliation.make_reports import ReportMaker
from tests.registry.doors import Town, open_town
from tests.registry.reconciliation.days import Reports, maker_of, parts_of, standing_clock
from tests.support.ledger import database


@pytest.fixture(scope="session")
async def town(
    server_dsn: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Town]:
    """Return one town for all tests of this folder; each has a brand of its own."""
    async with AsyncExitStack() as stack:
        dsn = await stack.enter_async_context(database(server_dsn, template=template))
        # Other folders open towns while this one still stands: theirs have the real clock.
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(registry_app, "utc_now", standing_clock)
            opened = open_town(dsn, tmp_path_factory.mktemp("town"))
            town = await stack.enter_async_context(opened)
        yield town


@pytest.fixture(autouse=True)
def the_clock_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what a test of this folder starts have the town's clock."""
    monkeypatch.setattr(registry_app, "utc_now", standing_clock)


@pytest.fixture(scope="session")
async def parts(town: Town) -> AsyncIterator[Parts]:
    """Return what a worker of the town has."""
    async with parts_of(town) as opened:
        yield opened


@pytest.fixture(scope="session")
def maker(town: Town, parts: Parts) -> ReportMaker:
    """Return a maker with the town's own authority."""
    return maker_of(parts, ring=town.ring)


@pytest.fixture
async def reports(town: Town) -> Reports:
    """Return the questions about a new brand."""
    return Reports(town, await town.new_brand())

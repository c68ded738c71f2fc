"""A receiver with a certificate of the test's own authority, and the town that trusts it."""

from collections.abc import AsyncIterator

import pytest

from services.registry.push import work
from tests.registry.doors import Town, open_town
from tests.registry.push.courier import Brand, Clock, Courier, new_brand, open_courier
from tests.registry.push.receiver import Authority, Receiver, make_authority, open_receiver
from tests.support.ledger import database


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
async def receiver(authority: Authority) -> AsyncIterator[Receiver]:
    async with open_receiver(authority.server) as opened:
        yield opened


@pytest.fixture(scope="module")
async def town(
    server_dsn: str,
    template: str,
    tmp_path_factory: pytest.TempPathFactory,
    authority: Authority,
) -> AsyncIterator[Town]:
    """Return a world whose registry calls receivers on this machine, and is impatient with them."""
    settings = {"push_ca_file": authority.ca_file, "push_admit_loopback": True}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(work, "ANSWER_WITHIN_S", 0.5)
        async with (
            database(server_dsn, template=template) as dsn,
            open_town(dsn, tmp_path_factory.mktemp("town"), **settings) as opened,
        ):
            yield opened


@pytest.fixture
async def brand(town: Town) -> AsyncIterator[Brand]:
    yield await new_brand(town)
    await town.owner.execute("TRUNCATE push_registration")


@pytest.fixture(scope="module")
async def courier(town: Town, authority: Authority) -> AsyncIterator[Courier]:
    async with open_courier(town, authority, push_batch_max=10) as opened:
        yield opened


@pytest.fixture
def clock(courier: Courier) -> Clock:
    courier.clock.ahead *= 0
    return courier.clock

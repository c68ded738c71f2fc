"""The race: a COMMIT that waits for a standby, and somebody who loses patience.

The server then answers with success and a warning, or not at all, while the movement is in the ledger
of this server alone. Acknowledged as new it could be lost with a fail-over (design 4).
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from shared.ledger.append import Appender
from shared.ledger.failures import CommitUnknownError
from shared.ledger.history import find_replayed
from shared.ledger.migrate import migrate
from shared.ledger.store import open_reader, open_writer, role_dsn
from shared.sealing.addresses import Digester, Sealer
from shared.sealing.keyring import KeyRing
from tests.support.builders import Scribe, World, consent, make_world
from tests.support.ledger import own_server, owner_connection, until_waiting


@dataclass
class Primary:
    """A server that waits for a standby which does not exist, and a world in it."""

    owner: asyncpg.Connection
    scribe: Scribe
    world: World


@pytest.fixture
async def primary(tmp_path: Path, key_ring: KeyRing) -> AsyncIterator[Primary]:
    with own_server(tmp_path / "server", options={"synchronous_commit": "on"}) as (dsn, _):
        await migrate(dsn)
        async with (
            open_reader(role_dsn(dsn, "izin_check"), size=1) as reader,
            open_writer(role_dsn(dsn, "izin_registry"), size=1) as writer,
            owner_connection(dsn) as owner,
        ):
            appender = Appender(writer, digest_key_id=1, sealing_key_id=1)
            scribe = Scribe(reader, appender, Digester(key_ring), Sealer(key_ring))
            world = await make_world(writer, reader)
            await owner.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
            await owner.execute("SELECT pg_reload_conf()")
            yield Primary(owner, scribe, world)


@pytest.mark.parametrize("end_it", ["pg_cancel_backend", "pg_terminate_backend"])
async def test_a_commit_without_its_standby_is_not_acknowledged_and_a_replay_finds_it(
    primary: Primary, end_it: str
) -> None:
    scribe, brand_code = primary.scribe, primary.world.brand_code
    writing = asyncio.create_task(scribe.write(brand_code, consent()))
    pid = await until_waiting(primary.owner, event="SyncRep")
    await primary.owner.execute(f"SELECT {end_it}({pid})")
    with pytest.raises(CommitUnknownError):
        await writing
    stored = await find_replayed(scribe.reader, scribe.key(brand_code, consent()), consent())
    assert stored is not None
    assert stored.position == 1

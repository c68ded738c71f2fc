"""The race: a fail-over. A standby answers, and what it answers is old (design 5, rule 5)."""

from pathlib import Path

import pytest

from shared.ledger.append import Appender
from shared.ledger.coalesce import StateReader
from shared.ledger.failures import LedgerUnavailableError
from shared.ledger.migrate import migrate
from shared.ledger.read_state import Key
from shared.ledger.store import open_reader, open_writer, role_dsn
from shared.sealing.addresses import Digester, Sealer
from shared.sealing.keyring import KeyRing
from tests.support.builders import Scribe, consent, make_world
from tests.support.ledger import own_server, owner_connection, standby_server


async def test_a_standby_is_believed_only_once_it_is_promoted(
    tmp_path: Path, key_ring: KeyRing
) -> None:
    with own_server(tmp_path / "primary") as (primary_dsn, primary):
        await migrate(primary_dsn)
        async with (
            open_writer(role_dsn(primary_dsn, "izin_registry"), size=1) as writer,
            open_reader(role_dsn(primary_dsn, "izin_check"), size=1) as reader,
        ):
            world = await make_world(writer, reader)
        with standby_server(tmp_path / "standby", primary) as dsn:
            async with (
                open_reader(role_dsn(dsn, "izin_check"), size=1) as reader,
                open_writer(role_dsn(dsn, "izin_registry"), size=1) as writer,
                owner_connection(dsn) as owner,
            ):
                heads = StateReader(reader, digest_key_id=1, lanes=1)
                appender = Appender(writer, digest_key_id=1, sealing_key_id=1)
                scribe = Scribe(reader, appender, Digester(key_ring), Sealer(key_ring))
                with pytest.raises(LedgerUnavailableError, match="not a primary"):
                    await heads.read([Key(world.brand_code)])
                movement = scribe.movement(world.brand_code, consent())
                with pytest.raises(LedgerUnavailableError):
                    await appender.append(world.brand_code, [movement], wait=True)
                assert await owner.fetchval("SELECT pg_promote()")
                assert await scribe.write(world.brand_code, consent())
                assert (await heads.read_head(world.brand_code)).position == 1

"""What the published examples of reconciliation take for granted: that something moved yesterday."""

from pathlib import Path

from shared.sealing.keyring import read_key_file
from tests.conformance.scene import BRAND_CODE, PATH
from tests.registry.reconciliation.days import Desk, make_day, moment, phones, put
from tests.support.ledger import owner_connection


async def record_day(dsn: str, keys_file: Path) -> None:
    """Let the examples' brand have moved yesterday, and make the report of it."""
    day = PATH["reportDate"]
    async with owner_connection(dsn) as owner:
        desk = Desk(dsn, keys_file, read_key_file(keys_file), owner)
        await put(desk, BRAND_CODE, moment(day, hours=9), phones(3))
        await make_day(desk, day)

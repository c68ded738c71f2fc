"""A day that was hashed before the digest key changed is written the same afterwards."""

from hashlib import sha384
from pathlib import Path

from services.registry.reconciliation.movement_file import DayReader, Span
from shared.domain.day_counts import DayCounts
from shared.ledger.rekey import rekey
from shared.ledger.store import open_reader, role_dsn
from shared.sealing.addresses import Sealer
from tests.registry.doors import open_town
from tests.registry.reconciliation.days import days_ago, file_of, make_day, moment, phones, put

YESTERDAY = days_ago(1)
REPORT = "SELECT after_position, until_position, file_hash FROM reconciliation_report"


async def test_a_rekey_changes_no_file(fresh_ledger: str, tmp_path: Path) -> None:
    async with open_town(fresh_ledger, tmp_path) as town:
        brand = town.world.brand_code
        written = await put(town, brand, moment(YESTERDAY, hours=9), phones(20))
        await make_day(town, YESTERDAY)
        report = await town.owner.fetchrow(REPORT)
    assert report is not None
    ring = town.ring.with_new_digest_key()
    await rekey(fresh_ledger, ring, new_key_id=2, progress=lambda _stage, _done, _total: None)
    async with open_reader(role_dsn(fresh_ledger, "izin_registry"), size=1) as pool:
        span = Span(brand, report["after_position"], report["until_position"])
        chunks = DayReader(pool, Sealer(ring)).chunks(span, DayCounts())
        content = b"".join([chunk async for chunk in chunks])
    assert content == file_of(written)
    assert sha384(content).digest() == report["file_hash"]

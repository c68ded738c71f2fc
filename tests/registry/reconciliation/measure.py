"""By hand: how long large files and many small ones take, and how much memory. Prints a table.

`python -m tests.registry.reconciliation.measure --movements 1000000` makes and fetches a brand's file whose
movements are spread over the day; with `--one-second`, one whose movements are all of one second.
`--brands 20000` makes that many files of three movements each.
"""

import argparse
import asyncio
import resource
import sys
import tempfile
import time
from pathlib import Path

from services.registry.parts import Parts
from services.registry.reconciliation.movement_file import DayReader, Span, proven
from shared.domain.day_counts import DayCounts
from shared.ledger.migrate import migrate
from shared.ledger.reports import read_report
from tests.registry.doors import Town, open_town
from tests.registry.reconciliation.crowds import put_crowd, put_small_brands
from tests.registry.reconciliation.days import days_ago, make, maker_of, moment, parts_of
from tests.support.ledger import database
from tests.support.servers import postgres_server

YESTERDAY = days_ago(1)
ROWS_A_GROUP = 20


def say(what: str, count: int, begin: float) -> None:
    took = time.perf_counter() - begin
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    each = f"{took:7.2f} s {count / took:10.0f} a second"
    sys.stdout.write(f"{what:<40} {each}   peak memory {peak_mb:.0f} MB\n")


async def one_large_brand(town: Town, movements: int, *, one_second: bool) -> None:
    brand = await town.new_brand()
    extents = 1 if one_second else movements // ROWS_A_GROUP
    await put_crowd(
        town,
        brand,
        moment(YESTERDAY, minutes=1),
        extents=extents,
        rows=movements // extents,
        over_s=0.5 if one_second else 86_000,
    )
    await town.owner.execute("VACUUM ANALYZE")
    async with parts_of(town) as parts:
        maker = maker_of(parts, ring=town.ring)
        begin = time.perf_counter()
        say("nothing yet", 1, begin)
        assert await make(town, maker) == 1
        say("movements hashed and stamped", movements, begin)
        begin = time.perf_counter()
        size = await fetched(parts, brand)
        say("movements written again", movements, begin)
        sys.stdout.write(f"the file has {size / 1e6:.0f} MB\n")


async def fetched(parts: Parts, brand_code: int) -> int:
    """Read the file as its route does, for a client that keeps nothing."""
    report = await read_report(parts.reader_pool, brand_code, YESTERDAY)
    assert report is not None
    assert report.size_bytes is not None
    assert report.file_hash is not None
    span = Span(brand_code, report.after_position, report.until_position)
    chunks = DayReader(parts.reader_pool, parts.sealer).chunks(span, DayCounts())
    whole = proven(chunks, size_bytes=report.size_bytes, file_hash=report.file_hash)
    return sum([len(chunk) async for chunk in whole])


async def many_small_brands(town: Town, brands: int) -> None:
    await put_small_brands(town, moment(YESTERDAY, hours=9), brands=brands)
    await town.owner.execute("VACUUM ANALYZE")
    async with parts_of(town) as parts:
        begin = time.perf_counter()
        assert await make(town, maker_of(parts, ring=town.ring)) == brands
        say("small files hashed and stamped", brands, begin)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--movements", type=int, default=0)
    parser.add_argument("--one-second", action="store_true")
    parser.add_argument("--brands", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, postgres_server() as server:
        async with database(server) as dsn:
            await migrate(dsn)
            async with open_town(dsn, Path(folder)) as town:
                if given.movements:
                    await one_large_brand(town, given.movements, one_second=given.one_second)
                if given.brands:
                    await many_small_brands(town, given.brands)


if __name__ == "__main__":
    asyncio.run(main())

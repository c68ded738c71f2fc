"""A large day needs no more memory than a small one, for the maker and for a client that fetches it."""

import asyncio
import os
from collections.abc import Coroutine
from hashlib import sha384
from pathlib import Path

import pytest

from services.registry.parts import Parts
from services.registry.reconciliation.make_reports import ReportMaker
from services.registry.reconciliation.movement_file import DayReader, Span, proven
from shared.domain.day_counts import DayCounts
from shared.ledger.reports import Report, read_report
from tests.registry.doors import Town
from tests.registry.reconciliation.crowds import put_crowd
from tests.registry.reconciliation.days import days_ago, make, moment

YESTERDAY = days_ago(1)
STATM = Path("/proc/self/statm")
HALF = 40_000
# The file alone is larger, and its movements are several times as large when they are objects.
MEMORY_BYTES_MAX = 10_000_000


async def memory_of(work: Coroutine[object, None, object]) -> int:
    """Return by how many bytes this process is larger while it works; the work lets others run often."""
    task = asyncio.create_task(work)
    before = peak = resident_bytes()
    while not task.done():
        await asyncio.sleep(0)
        peak = max(peak, resident_bytes())
    await task
    return peak - before


def resident_bytes() -> int:
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def fetch(parts: Parts, brand_code: int, report: Report) -> None:
    """Read the file as its route does, for a client that keeps nothing of it."""
    assert report.size_bytes is not None
    assert report.file_hash is not None
    span = Span(brand_code, report.after_position, report.until_position)
    chunks = DayReader(parts.reader_pool, parts.sealer).chunks(span, DayCounts())
    digest = sha384()
    async for chunk in proven(chunks, size_bytes=report.size_bytes, file_hash=report.file_hash):
        digest.update(chunk)
    assert digest.digest() == report.file_hash


@pytest.mark.skipif(not STATM.exists(), reason="this system does not say how much memory is in use")
async def test_a_large_day_is_made_and_fetched_in_bounded_memory(
    town: Town, parts: Parts, maker: ReportMaker
) -> None:
    """Half of the movements are spread over the day, the other half is one transaction's."""
    brand, begin = await town.new_brand(), moment(YESTERDAY, minutes=1)
    await put_crowd(town, brand, begin, extents=HALF // 5, rows=5, over_s=80_000)
    crowded = moment(YESTERDAY, hours=23.5)
    await put_crowd(town, brand, crowded, extents=1, rows=HALF, over_s=1)
    assert await memory_of(make(town, maker)) < MEMORY_BYTES_MAX
    report = await read_report(parts.reader_pool, brand, YESTERDAY)
    assert report is not None
    assert report.movements == 2 * HALF
    assert report.size_bytes is not None
    assert report.size_bytes > MEMORY_BYTES_MAX
    assert await memory_of(fetch(parts, brand, report)) < MEMORY_BYTES_MAX

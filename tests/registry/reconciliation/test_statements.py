"""Every statement probes an index, also where the planner thinks that the tables are empty."""

from typing import Any, LiteralString

import pytest

from services.registry.parts import Parts
from shared.ledger import report_queue, reports, span
from tests.registry.reconciliation.days import NOW, days_ago

DAY = days_ago(1)
NOBODY = 7
DUE = "reconciliation_report_to_do"
REPORT = "reconciliation_report_pkey"
DAYS = "reconciliation_day_pkey"
TIMES = "extent_by_time"
HASH, COUNTS = b"x" * 48, "{" + ",".join("0" * 36) + "}"
ONE_REPORT = ([NOBODY], [DAY], [1], [1], [HASH], [COUNTS], [None], [None])

READS: dict[str, tuple[LiteralString, tuple[Any, ...], set[str]]] = {
    "known days": (report_queue.KNOWN_DAYS, (DAY,), {DAYS}),
    "report": (reports.REPORT, (NOBODY, DAY), {REPORT}),
    "span": (reports.SPAN, (NOBODY, NOW, NOW), {TIMES}),
    "extents": (span.EXTENTS, (NOBODY, 1, 2, 3), {"extent_positions_do_not_overlap"}),
    "places": (span.AT_PLACES, (NOBODY, [1], [1]), {"movement_pkey"}),
}
WRITES: dict[str, tuple[LiteralString, tuple[Any, ...], set[str]]] = {
    "queue": (report_queue.QUEUE, (DAY, NOW, NOW, 500, NOW), {DAYS, TIMES, "brand_head_pkey"}),
    "claim": (report_queue.CLAIM, (NOW, NOW, 50), {DUE, REPORT}),
    "store": (report_queue.STORE, (NOW, *ONE_REPORT), {REPORT}),
    "stamp": (report_queue.STAMP, (NOBODY, DAY, NOW, b""), {REPORT}),
    "fail": (report_queue.FAIL, (NOBODY, DAY, NOW), {REPORT}),
    "agree": (reports.AGREE, (NOBODY, DAY, NOW, 1), {REPORT}),
}


@pytest.mark.parametrize("name", [*READS, *WRITES])
async def test_a_statement_probes_its_indexes(parts: Parts, name: str) -> None:
    statement, arguments, indexes = (READS | WRITES)[name]
    pool: Any = parts.reader_pool if name in READS else parts.writer_pool
    async with pool.acquire() as connection:
        explained = await connection.prepare("EXPLAIN " + statement)
        lines = [row[0] for row in await explained.fetch(*arguments)]
    assert not any("Seq Scan" in line for line in lines), "\n".join(lines)
    used = {
        word for line in lines if "using " in line for word in line.split("using ")[1].split()[:1]
    }
    assert used == indexes

"""A brand with a great many movements of its provider costs push next to nothing."""

import json
from collections import Counter
from typing import Any, LiteralString

import pytest

from shared.domain.consent import Source
from shared.ledger import push_queue
from tests.registry.doors import Town
from tests.registry.push.courier import Brand, Courier
from tests.registry.push.receiver import Receiver
from tests.support.builders import consent, phone
from tests.support.ledger import owner_connection

MOVEMENTS = 4_000
A_FEW = 20


@pytest.fixture
async def busy(brand: Brand, receiver: Receiver) -> Brand:
    """Return a brand with a connection, then thousands of its provider's movements, and then one of ours."""
    await brand.connect(receiver)
    for start in range(0, MOVEMENTS, 1_000):
        movements = [
            brand.scribe.movement(brand.code, consent(phone(5_000_000 + start + n)))
            for n in range(1_000)
        ]
        await brand.scribe.appender.append(brand.code, movements, wait=True)
    for _ in range(100):
        await brand.write(source=Source.WEB)
    await brand.write()
    await brand.town.owner.execute("ANALYZE")
    return brand


async def test_what_the_provider_wrote_is_jumped_over(
    busy: Brand, courier: Courier, receiver: Receiver
) -> None:
    town, code = busy.town, busy.code
    head = await town.head(code)
    statements: dict[LiteralString, str] = {
        push_queue.DUE: "now(), 0, 10",
        push_queue.DUE_AT: f"now(), '{{{code}}}'",
        push_queue.WALK: f"{code}, 0, 2000",
        push_queue.PAGE: f"{code}, 'MESAJ', 0, {head}, 10",
    }
    for statement, arguments in statements.items():
        read = await rows_read(town, statement, arguments)
        assert read["extent"] + read["movement"] <= A_FEW, (statement, read)
    await courier.run()
    assert receiver.recipients == busy.written
    assert (await busy.row())["position"] == head


async def rows_read(town: Town, statement: LiteralString, arguments: str) -> Counter[str]:
    """Run a statement as the pools plan it; return the rows read of each table."""
    settings = {
        "enable_seqscan": "off",
        "enable_bitmapscan": "off",
        "plan_cache_mode": "force_generic_plan",
    }
    async with owner_connection(town.dsn, **settings) as owner:
        await owner.execute(f"PREPARE page AS {statement}")
        plan = await owner.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE page({arguments})")
    read = Counter[str]()
    nodes: list[dict[str, Any]] = [json.loads(plan)[0]["Plan"]]
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", [])
        if "Relation Name" in node:
            rows = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
            read[node["Relation Name"]] += round(rows * node["Actual Loops"])
    return read

"""The failure table (design 6): fault × message class × surface, among real processes.

In every cell the answer is just what the table says, it comes in time, and once a write is acknowledged no
answer is older than it: while the fault lasts, and after it.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.check import failures
from tests.check.table import AFTER, BEFORE, CLASSES, SURFACES, Cell, People, Table, open_table

CELLS = [(message_class, surface) for message_class in CLASSES for surface in SURFACES]
EXEMPT, EXEMPT_UNVERIFIED, UNVERIFIED = (
    [reason] * 3 for reason in ("EXEMPT", "EXEMPT_UNVERIFIED", "UNVERIFIED")
)

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="servers are frozen with the help of /proc"
)


@pytest.fixture(scope="module")
async def table() -> AsyncIterator[Table]:
    async with open_table() as opened:
        yield opened
        sys.stderr.write(f"\n{opened.shown()}\n")


@pytest.mark.parametrize("surface", SURFACES)
async def test_a_check_that_believes_the_cache_would_be_noticed(table: Table, surface: str) -> None:
    """The negative control: the same table finds what is stale, once nobody compares with the head."""
    cell: Cell = "nobody compares", "commercial", surface
    async with table.credulous() as credulous:
        people = await credulous.new_people()
        await table.warm()  # the cache is at the head
        await credulous.expect(cell, people, BEFORE, position=await credulous.head())
        async with failures.projector_paused(table.system):
            await credulous.change(people)
            with pytest.raises(AssertionError, match=surface):
                await credulous.expect(cell, people, AFTER, position=await credulous.head())
            await credulous.expect(cell, people, BEFORE, position=await credulous.head())


@dataclass
class Held:
    """A fault that lasts, and the people of each cell; `later` are for when it is over."""

    name: str
    people: dict[tuple[str, str], People]
    later: People
    stack: AsyncExitStack
    changed: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])

    async def end(self) -> None:
        await self.stack.aclose()


@pytest.fixture(scope="module", params=[*failures.CACHE, *failures.LEDGER])
async def held(request: pytest.FixtureRequest, table: Table) -> AsyncIterator[Held]:
    name: str = request.param
    await table.warm()
    if name == "redis from an old copy":
        await failures.keep_old_copy(table.system)
    people = {cell: await table.new_people() for cell in CELLS}
    later = await table.new_people()
    if name == "ledger restored":
        await failures.back_up(table.system)
        await table.answering()
        for each in people.values():
            await table.change(each)
    await table.warm()
    fault = {**failures.CACHE, **failures.LEDGER}[name]
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(fault(table.system))
        if name == "ledger restored":
            await table.answering()
        yield Held(name, people, later, stack)


@pytest.mark.parametrize(("message_class", "surface"), CELLS)
async def test_a_cell(table: Table, held: Held, message_class: str, surface: str) -> None:
    cell: Cell = held.name, message_class, surface
    people = held.people[message_class, surface]
    if held.name in failures.LEDGER:
        expected = UNVERIFIED if message_class == "commercial" else EXEMPT_UNVERIFIED
        await table.expect(cell, people, expected, position=None)
        return
    before = BEFORE if message_class == "commercial" else EXEMPT
    await table.expect(cell, people, before, position=await table.head())
    await table.change(people)
    held.changed.add((message_class, surface))
    after = AFTER if message_class == "commercial" else EXEMPT
    await table.expect(cell, people, after, position=await table.head())


async def test_what_is_written_when_it_is_over_holds_at_once(table: Table, held: Held) -> None:
    if held.name == "ledger restored":
        await table.reach_the_cache()
        await ask_all(table, held, f"{held.name}, same place")
    await held.end()
    await table.answering()
    await table.change(held.later)
    for surface in SURFACES:
        cell = f"after {held.name}", "commercial", surface
        await table.expect(cell, held.later, AFTER, position=await table.head())
    await table.warm()
    await ask_all(table, held, f"after {held.name}")


async def ask_all(table: Table, held: Held, when: str) -> None:
    """Ask about everybody once more, whatever was written about them."""
    for of, people in held.people.items():
        for surface in SURFACES:
            cell = when, "commercial", surface
            reasons = AFTER if of in held.changed else BEFORE
            await table.expect(cell, people, reasons, position=await table.head())

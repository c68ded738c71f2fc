"""The race: a read that arrives while another is under way must not be answered by it.

Answers are shared to save statements. A read that joined a statement sent before its own arrival would
miss a write that was acknowledged in between: a stale allow (design 5, rule 1).
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.ledger import coalesce
from shared.ledger.coalesce import StateReader
from shared.ledger.failures import DigestKeyRetiredError, LedgerUnavailableError
from shared.ledger.read_state import Key, KeySnapshot
from shared.ledger.store import ReaderPool, open_reader, role_dsn
from shared.telemetry import metrics
from tests.support.builders import Scribe, World, consent, phone


@pytest.fixture
async def own_pool(ledger: str) -> AsyncIterator[ReaderPool]:
    """Return a pool that the test may ruin."""
    async with open_reader(role_dsn(ledger, "izin_check"), size=2) as pool:
        yield pool


class SlowReplies:
    """A pool whose statements run at once and whose replies arrive when they are let through."""

    def __init__(self, pool: ReaderPool) -> None:
        self._pool = pool
        self.sent = 0
        self.ran = asyncio.Event()
        self.let_through = asyncio.Event()

    async def fetch(self, *arguments: Any, **options: Any) -> Any:
        self.sent += 1
        rows = await self._pool.fetch(*arguments, **options)
        self.ran.set()
        await self.let_through.wait()
        return rows


def _sent() -> float:
    return metrics.REGISTRY.get_sample_value("izin_ledger_read_keys_count") or 0


async def test_everybody_who_asks_in_one_tick_shares_a_statement(
    reader: ReaderPool, scribe: Scribe, world: World
) -> None:
    for n in range(5):
        await scribe.write(world.brand_code, consent(phone(n)))
    states = StateReader(reader, digest_key_id=1, lanes=2)
    before = _sent()
    answers = await asyncio.gather(
        *(states.read([scribe.key(world.brand_code, consent(phone(n)))]) for n in range(100))
    )
    assert _sent() - before == 1
    assert [answer[0].latest is not None for answer in answers] == [n < 5 for n in range(100)]


async def test_answers_of_calls_of_any_size_go_to_whoever_asked(
    reader: ReaderPool, scribe: Scribe, world: World
) -> None:
    await scribe.write(world.brand_code, consent(phone(3)))
    states = StateReader(reader, digest_key_id=1, lanes=1)
    calls = [
        [scribe.key(world.brand_code, consent(phone(n))) for n in people]
        for people in ([0], [1, 2, 3], [3, 4], [3])
    ]
    answers = await asyncio.gather(*(states.read(keys) for keys in calls))
    known = [[snapshot.latest is not None for snapshot in answer] for answer in answers]
    assert known == [[False], [False, False, True], [True, False], [True]]


@pytest.mark.parametrize("lanes", [1, 2])
async def test_a_read_never_joins_a_statement_that_was_sent_before_it(
    reader: ReaderPool, scribe: Scribe, world: World, lanes: int
) -> None:
    """The first read's reply is held back; a write is acknowledged; the second read must see it."""
    slow = SlowReplies(reader)
    states = StateReader(slow, digest_key_id=1, lanes=lanes)  # type: ignore[arg-type]  # one method of it
    key = scribe.key(world.brand_code, consent())
    first = asyncio.create_task(states.read([key]))
    await slow.ran.wait()
    acknowledged = await scribe.write(world.brand_code, consent())
    second = asyncio.create_task(states.read([key]))
    await asyncio.sleep(0)
    slow.let_through.set()
    assert (await first)[0].position == 0
    snapshot = (await second)[0]
    assert acknowledged is not None
    assert (snapshot.position, snapshot.latest is not None) == (acknowledged.position, True)
    assert slow.sent == 2


async def test_who_waits_for_a_lane_shares_the_next_statement(
    reader: ReaderPool, world: World
) -> None:
    slow = SlowReplies(reader)
    states = StateReader(slow, digest_key_id=1, lanes=1)  # type: ignore[arg-type]  # one method of it
    reads = [asyncio.create_task(states.read_head(world.brand_code))]
    await slow.ran.wait()
    for _ in range(50):
        reads.append(asyncio.create_task(states.read_head(world.brand_code)))
        await asyncio.sleep(0)
    slow.let_through.set()
    await asyncio.gather(*reads)
    assert slow.sent == 2


async def test_a_failure_reaches_everybody_and_the_reader_recovers(
    own_pool: ReaderPool, world: World
) -> None:
    failures: list[None] = []
    states = StateReader(
        own_pool, digest_key_id=1, lanes=1, on_failure=lambda: failures.append(None)
    )
    async with own_pool.acquire() as one, own_pool.acquire() as other:
        for connection in (one, other):
            connection.terminate()
    own_pool.terminate()
    results = await _ask_three(states, world)
    assert [type(result) for result in results] == [LedgerUnavailableError] * 3
    assert failures == [None]


async def test_a_killed_session_is_replaced(
    own_pool: ReaderPool, world: World, ledger: str
) -> None:
    states = StateReader(own_pool, digest_key_id=1, lanes=1)
    for _ in range(2):
        async with own_pool.acquire() as connection:
            connection.terminate()
    assert (await states.read_head(world.brand_code)).position == 0


async def test_an_asker_who_gives_up_harms_nobody(reader: ReaderPool, world: World) -> None:
    slow = SlowReplies(reader)
    states = StateReader(slow, digest_key_id=1, lanes=1)  # type: ignore[arg-type]  # one method of it
    reads = [asyncio.create_task(states.read_head(world.brand_code)) for _ in range(3)]
    await slow.ran.wait()
    late = [asyncio.create_task(states.read_head(world.brand_code)) for _ in range(3)]
    await asyncio.sleep(0)
    reads[1].cancel()
    for read in late:
        read.cancel()
    slow.let_through.set()
    results = await asyncio.gather(*reads, *late, return_exceptions=True)
    assert [isinstance(result, KeySnapshot) for result in results] == [
        *(True, False, True),
        *(False, False, False),
    ]
    assert slow.sent == 1, "nobody is left to ask for"
    assert (await states.read_head(world.brand_code)).position == 0


async def test_a_brand_that_cannot_exist_spoils_nobody_elses_answer(
    reader: ReaderPool, world: World
) -> None:
    """A caller's number beyond the column's type must not fail the statement that others share."""
    states = StateReader(reader, digest_key_id=1, lanes=1)
    codes = (2**31, -(2**31) - 1, 2**64, 0, -1)
    *strange, head = await asyncio.gather(
        *(states.read_head(n) for n in (*codes, world.brand_code))
    )
    assert [snapshot.position for snapshot in strange] == [None] * len(codes)
    assert head.position == 0


async def test_too_many_waiting_keys_are_refused_at_once(
    reader: ReaderPool, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coalesce, "WAITING_KEYS_MAX", 5)
    states = StateReader(reader, digest_key_id=1, lanes=1)
    keys = [Key(world.brand_code)] * 3
    first = asyncio.create_task(states.read(keys))
    await asyncio.sleep(0)
    with pytest.raises(LedgerUnavailableError, match="too many"):
        await states.read(keys)
    assert len(await first) == 3
    assert len(await states.read(keys)) == 3


async def test_a_statement_holds_so_many_keys_and_no_more(
    reader: ReaderPool, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coalesce, "KEYS_A_STATEMENT_MAX", 10)
    states = StateReader(reader, digest_key_id=1, lanes=2)
    before = _sent()
    answers = await asyncio.gather(
        *(states.read([Key(world.brand_code)] * size) for size in (4, 4, 4, 30, 1))
    )
    assert [len(answer) for answer in answers] == [4, 4, 4, 30, 1]
    assert _sent() - before == 4


async def test_a_process_with_a_retired_key_gets_no_answer(
    reader: ReaderPool, world: World
) -> None:
    states = StateReader(reader, digest_key_id=2, lanes=1)
    with pytest.raises(DigestKeyRetiredError):
        await states.read_head(world.brand_code)


async def _ask_three(states: StateReader, world: World) -> list[KeySnapshot | BaseException]:
    return await asyncio.gather(
        *(states.read_head(world.brand_code) for _ in range(3)), return_exceptions=True
    )

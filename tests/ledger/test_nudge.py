"""Projectors hear of a write soon after its commit; no write hears of them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from time import monotonic

import asyncpg
import pytest

from shared.ledger import nudge
from shared.ledger.append import Appender
from shared.ledger.nudge import CHANNEL, Nudger, follow_nudges
from shared.ledger.store import ReaderPool, WriterPool, open_reader, role_dsn
from tests.support.builders import Scribe, World, consent, phone
from tests.support.ledger import owner_connection

BOUND_S = 5.0
FOLLOWERS = """
    SELECT pid FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = 'izin nudges'
"""


@dataclass
class Ear:
    """A projector's ear: which brands it heard of, and how often it had been deaf."""

    heard: list[int] = field(default_factory=list)
    missed: int = 0

    def miss(self) -> None:
        self.missed += 1


async def until(claim: Callable[[], object]) -> None:
    async with asyncio.timeout(BOUND_S):
        while not claim():  # noqa: ASYNC110  # what is polled tells nobody
            await asyncio.sleep(0.002)


@pytest.fixture
async def ear(ledger: str) -> AsyncIterator[Ear]:
    ear = Ear()
    following = asyncio.create_task(
        follow_nudges(role_dsn(ledger, "izin_projector"), heard=ear.heard.append, missed=ear.miss)
    )
    await until(lambda: ear.missed)
    yield ear
    following.cancel()
    await asyncio.wait([following])


@pytest.fixture
async def payloads(owner: asyncpg.Connection) -> AsyncIterator[list[str]]:
    """Return the payload of every notification so far."""
    told: list[str] = []

    def take(_connection: object, _pid: int, _channel: str, payload: object) -> None:
        told.append(str(payload))

    await owner.add_listener(CHANNEL, take)
    yield told
    await owner.remove_listener(CHANNEL, take)


async def test_who_appends_is_heard_of(
    writer: WriterPool, scribe: Scribe, world: World, ear: Ear
) -> None:
    nudger = Nudger(writer)
    appender = Appender(writer, digest_key_id=1, sealing_key_id=1, committed=nudger.nudge)
    movement = scribe.movement(world.brand_code, consent())
    stored, _ = await appender.append(world.brand_code, [movement], wait=True)
    assert stored
    await until(lambda: ear.heard == [world.brand_code])


async def test_what_was_left_out_is_not_told_of(
    writer: WriterPool, scribe: Scribe, world: World
) -> None:
    told: list[int] = []
    appender = Appender(writer, digest_key_id=1, sealing_key_id=1, committed=told.append)
    new = consent()
    await scribe.write(world.brand_code, new)
    snapshot = await scribe.read(world.brand_code, new)
    movement = scribe.movement(world.brand_code, new, after=snapshot)
    await appender.append(world.brand_code, [movement], wait=False)
    assert told == [world.brand_code]
    _, in_the_way = await appender.append(world.brand_code, [movement], wait=False)
    assert in_the_way
    assert told == [world.brand_code]


async def test_a_check_may_nudge(reader: ReaderPool, ear: Ear) -> None:
    Nudger(reader).nudge(600_001)
    await until(lambda: ear.heard == [600_001])


async def test_all_of_a_tick_share_one_statement(writer: WriterPool, payloads: list[str]) -> None:
    nudger = Nudger(writer)
    for brand_code in (3, 1, 2, 3):
        nudger.nudge(brand_code)
    await until(lambda: payloads)
    assert payloads == ["1,2,3"]


async def test_more_brands_than_a_payload_holds_go_in_several(
    writer: WriterPool, payloads: list[str]
) -> None:
    nudger = Nudger(writer)
    codes = range(2_000_000_000, 2_000_001_200)
    for brand_code in codes:
        nudger.nudge(brand_code)
    await nudger.aclose()
    await until(lambda: len(payloads) == 3)
    assert sorted(int(word) for told in payloads for word in told.split(",")) == list(codes)


async def test_a_busy_brand_is_told_of_now_and_then_and_at_the_end(
    writer: WriterPool, ear: Ear
) -> None:
    nudger = Nudger(writer, rest_s=0.05)
    began_at = monotonic()
    while monotonic() - began_at < 0.3:
        nudger.nudge(1)
        heard_before_last = len(ear.heard)
        await asyncio.sleep(0)
    await until(lambda: len(ear.heard) > heard_before_last)
    await nudger.aclose()
    assert len(ear.heard) <= 2 + (monotonic() - began_at) / 0.05


async def test_a_quiet_brand_does_not_wait_for_a_busy_one(writer: WriterPool, ear: Ear) -> None:
    nudger = Nudger(writer, rest_s=60)
    nudger.nudge(1)
    await until(lambda: ear.heard == [1])
    nudger.nudge(1)
    nudger.nudge(2)
    await until(lambda: ear.heard == [1, 2])
    await nudger.aclose()
    await until(lambda: ear.heard == [1, 2, 1])


async def test_a_write_does_not_wait_for_its_nudge(
    ledger: str, writer: WriterPool, scribe: Scribe, world: World, ear: Ear
) -> None:
    async with open_reader(role_dsn(ledger, "izin_check"), size=1) as narrow:
        nudger = Nudger(narrow)
        appender = Appender(writer, digest_key_id=1, sealing_key_id=1, committed=nudger.nudge)
        async with narrow.acquire():
            for n in range(3):
                movement = scribe.movement(world.brand_code, consent(phone(n)))
                assert (await appender.append(world.brand_code, [movement], wait=True))[0]
            assert ear.heard == []
        await until(lambda: ear.heard)
        await nudger.aclose()


async def test_a_ledger_that_is_away_is_nobody_s_trouble(
    ledger: str, monkeypatch: pytest.MonkeyPatch, ear: Ear
) -> None:
    monkeypatch.setattr(nudge, "SEND_TIMEOUT_S", 0.05)
    async with open_reader(role_dsn(ledger, "izin_check"), size=1) as pool:
        nudger = Nudger(pool, rest_s=0.01)
        async with pool.acquire():
            nudger.nudge(1)
            await until(lambda: nudger._under_way)
            await until(lambda: nudger._under_way is None)
        nudger.nudge(2)
        await until(lambda: ear.heard == [2])
    nudger.nudge(3)
    await nudger.aclose()
    assert ear.heard == [2]


async def test_a_dead_feed_is_made_anew_and_says_that_it_was_dead(
    writer: WriterPool, owner: asyncpg.Connection, ear: Ear
) -> None:
    [pid] = [row["pid"] for row in await owner.fetch(FOLLOWERS)]
    await owner.execute("SELECT pg_terminate_backend($1)", pid)
    await until(lambda: ear.missed == 2)
    Nudger(writer).nudge(7)
    await until(lambda: ear.heard == [7])


async def test_a_silent_feed_is_noticed(ledger: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No news and a dead feed look the same, so it is asked now and then whether it lives."""
    monkeypatch.setattr(nudge, "HEARTBEAT_INTERVAL_S", 0.02)
    monkeypatch.setattr(nudge, "HEARTBEAT_TIMEOUT_S", 0.0)
    ear = Ear()
    following = asyncio.create_task(
        follow_nudges(role_dsn(ledger, "izin_projector"), heard=ear.heard.append, missed=ear.miss)
    )
    await until(lambda: ear.missed >= 2)
    following.cancel()
    await asyncio.wait([following])


@pytest.mark.parametrize("payload", ["", "x", "1,,x,-2,0,2147483648,99999999999999999999,²,2"])
async def test_nonsense_is_not_heard(ledger: str, ear: Ear, payload: str) -> None:
    async with owner_connection(ledger) as anybody:
        for told in (payload, "9"):
            await anybody.execute("SELECT pg_notify($1, $2)", CHANNEL, told)
    await until(lambda: 9 in ear.heard)
    assert ear.heard == ([1, 2, 9] if "," in payload else [9])

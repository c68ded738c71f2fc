"""Counting with a server, and without one: the same numbers, small keys, and never an error."""

import asyncio
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from shared.cache import limits as counting
from shared.cache.limits import TAKE, TIMEOUT_S, LimitCounter, open_counter, place_of
from shared.cache.slots import SLOTS, slot_of
from shared.domain.limits import Counts, Limit, LimitGroup, Operation, Per, Standing, count
from tests.cache.cluster import NODES, own_cluster
from tests.cache.valkey import OwnServer, until

MICROSECONDS = 1_000_000
# The script reads its server's clock; here the test's.
BY_HAND = TAKE.text.replace(
    b"redis.call('TIME')", b"{math.floor(ARGV[#ARGV] / 1000000), ARGV[#ARGV] % 1000000}"
).replace(b"for at = 3, #ARGV, 3", b"for at = 3, #ARGV - 1, 3")


def limit(quota: int, window_s: int, name: str = "requests") -> Limit:
    return Limit(name, frozenset({Operation.OTHER}), Per.ADDRESS, quota, window_s, "H124")


def group(*limits: Limit) -> LimitGroup:
    return LimitGroup(Per.ADDRESS, limits, max(one.window_s for one in limits))


TWO_AN_HOUR = group(limit(2, 3600))


def caller(n: int) -> bytes:
    return blake2b(b"%d" % n, digest_size=12).digest()


async def used(counter: LimitCounter, n: int, times: int) -> list[bool]:
    return [(await counter.ask(caller(n), TWO_AN_HOUR)).allowed for _ in range(times)]


def as_told(standings: Sequence[Standing]) -> list[tuple[int, int]]:
    return [(one.remaining, round(one.reset_s * MICROSECONDS)) for one in standings]


@settings(deadline=None, max_examples=80, suppress_health_check=list(HealthCheck))
@given(
    moments=st.lists(st.tuples(st.integers(-8, 64 * 3), st.integers(0, 3)), max_size=40),
    quotas=st.tuples(st.integers(1, 5), st.integers(1, 8)),
)
def test_the_script_counts_as_the_rules_do(
    server: OwnServer, moments: list[tuple[int, int]], quotas: tuple[int, int]
) -> None:
    limits = [limit(quotas[0], 1, "second"), limit(quotas[1], 2, "two")]
    held: dict[str, Counts] = {}
    now_us = 1_700_000_000 * MICROSECONDS
    with server.admin as admin:
        admin.flushall()
        for step, wanted in moments:
            now_us += step * MICROSECONDS // 64
            words: list[Any] = [wanted, 60]
            for one in limits:
                words += [one.name, one.quota, one.window_s * MICROSECONDS // 16]
            granted, _known, *numbers = admin.eval(BY_HAND.decode(), 1, "k", *words, now_us)
            told = [
                (max(0, one.quota - numbers[2 * n]), numbers[2 * n + 1])
                for n, one in enumerate(limits)
            ]
            ruled, left = count(held, limits, now_us / MICROSECONDS, wanted)
            standings = as_told(left)
            assert (granted, [n for n, _ in told]) == (ruled, [n for n, _ in standings])
            for (_, told_us), (_, ruled_us) in zip(told, standings, strict=True):
                assert abs(told_us - ruled_us) <= 2, (
                    "floats know the time since 1970 to a microsecond"
                )


async def test_two_counters_count_together(server: OwnServer) -> None:
    async with open_counter(server.url) as one, open_counter(server.url) as other:
        assert await used(one, 1, 1) == [True]
        assert await used(other, 1, 2) == [True, False]
        assert await used(one, 1, 1) == [False]
        assert await used(one, 2, 3) == [True, True, False], "somebody else has a quota of its own"


async def test_a_burst_of_everybody_gets_the_quota_and_no_more(server: OwnServer) -> None:
    some = group(limit(25, 3600))
    async with open_counter(server.url) as one, open_counter(server.url) as other:
        asked = [counter.ask(caller(1), some) for _ in range(60) for counter in (one, other)]
        verdicts = await asyncio.gather(*asked)
    assert sum(one.allowed for one in verdicts) == 25


async def test_a_caller_is_a_small_hash_that_goes_by_itself(server: OwnServer) -> None:
    several = group(limit(10_000, 1, "second"), limit(1_000_000, 3600, "hour"))
    async with open_counter(server.url) as counter:
        for _ in range(500):
            await counter.ask(caller(1), several)
    with server.admin as admin:
        (key,) = admin.keys()
        assert key == b"{%d}l%b" % (place_of(caller(1)), caller(1).hex().encode())
        assert 3590 <= admin.ttl(key) <= 3600
        assert admin.memory_usage(key) <= 400
        assert set(admin.hgetall(key)) == {b"second", b"hour"}
        # The longest that it can become: a different number in each of sixteen ticks.
        assert len(b"27200000000" + b" 1000000" * 16) < 150


async def test_looking_makes_no_key(server: OwnServer) -> None:
    async with open_counter(server.url) as counter:
        verdict = await counter.look(caller(1), TWO_AN_HOUR)
    assert (verdict.allowed, as_told(verdict.standings)) == (True, [(2, 3600 * MICROSECONDS)])
    with server.admin as admin:
        assert admin.keys() == []


async def test_a_server_that_forgot_the_script_is_told_it_again(server: OwnServer) -> None:
    async with open_counter(server.url) as counter:
        assert await used(counter, 1, 1) == [True]
        with server.admin as admin:
            admin.script_flush()
        assert await used(counter, 1, 2) == [True, False]


async def test_without_a_server_each_process_counts_for_itself() -> None:
    counter = LimitCounter(None)
    assert await used(counter, 1, 3) == [True, True, False]
    assert await used(LimitCounter(None), 1, 1) == [True]


async def test_a_server_that_is_away_holds_nobody_up() -> None:
    async with open_counter("redis://127.0.0.1:1") as counter:
        assert await used(counter, 1, 3) == [True, True, False]


async def test_a_server_that_dies_is_told_of_once_and_counted_with_again(own: OwnServer) -> None:
    with capture_logs() as logs:
        async with open_counter(own.url) as counter:
            assert await used(counter, 1, 3) == [True, True, False]
            own.kill()
            assert await used(counter, 1, 3) == [True, True, False], "anew, in memory, but it bites"
            assert await used(counter, 2, 5) == [True, True, False, False, False]
            own.start()
            servers = counter._servers
            assert servers is not None
            await until(lambda: servers.is_up)
            assert await used(counter, 1, 1) == [True]
    events = [line["event"] for line in logs if line["event"].startswith("limits.")]
    assert events == ["limits.counted.alone", "limits.counted.together"]


async def test_a_server_that_stands_still_costs_a_moment(own: OwnServer) -> None:
    async with open_counter(own.url) as counter:
        assert await used(counter, 1, 1) == [True]
        own.pause()
        began = monotonic()
        assert await used(counter, 1, 40) == [True, True, *[False] * 38]
        assert monotonic() - began < 40 * TIMEOUT_S, "only the first ones wait at all"
        own.resume()


async def test_a_full_server_is_no_error(own: OwnServer) -> None:
    with own.admin as admin:
        admin.config_set("maxmemory", "1")
    async with open_counter(own.url) as counter:
        assert await used(counter, 1, 3) == [True, True, False]


async def test_strangers_cannot_fill_the_server(
    server: OwnServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "NEW_HASHES_AN_HOUR_MAX", 10)
    clock = [0.0]
    async with open_counter(server.url) as opened:
        counter = LimitCounter(opened._servers, clock=lambda: clock[0])
        with capture_logs() as logs:
            for n in range(30):
                # The tenth is begun together, and then counted anew by this process alone.
                assert await used(counter, n, 3) == [True, True, n == 9]
        assert [line["event"] for line in logs] == ["limits.callers.too_many"]
        with server.admin as admin:
            assert admin.dbsize() == 10
            clock[0] = counting.HOUR_S
            await used(counter, 99, 1)
            assert admin.dbsize() == 11


async def test_memory_is_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "CALLERS_IN_MEMORY_MAX", 10)
    counter = LimitCounter(None)
    for n in range(30):
        await used(counter, n, 1)
    assert len(counter._in_memory) == 10
    assert await used(counter, 29, 2) == [True, False]


async def test_in_a_cluster_a_caller_is_where_its_slot_is(tmp_path: Path) -> None:
    with own_cluster(tmp_path) as cluster:
        async with open_counter(cluster.nodes[0].url) as counter:
            for n in range(12):
                assert await used(counter, n, 3) == [True, True, False]
            for n in range(12):
                node = slot_of(place_of(caller(n))) * NODES // SLOTS
                with cluster.nodes[node].admin as admin:
                    key = b"{%d}l%b" % (place_of(caller(n)), caller(n).hex().encode())
                    assert admin.hkeys(key) == [b"requests"]

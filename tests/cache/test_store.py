"""What the projector may do to the cache. Each step compares first, so late or twice is harmless."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.cache import store as store_module
from shared.cache.layout import (
    Watermark,
    bucket_number,
    bucket_prefix,
    built_mark,
    field_of,
    garbage_key,
    generation_name,
    next_key,
    read_watermark,
    watermark_key,
)
from shared.cache.reader import CacheReader, Page
from shared.cache.servers import open_cache
from shared.cache.store import ProjectionStore, open_store
from tests.cache.asking import BRAND, OTHER_BRAND, W, at, digest, digests, put, read_twice
from tests.cache.valkey import OwnServer

Contents: TypeAlias = dict[bytes, object]
Step: TypeAlias = Callable[[], Awaitable[bool]]

NEXT = replace(W, generation=0x111111111111, bucket_bits=5, settled=False, filled_to=bytes(16))
RIVAL = replace(NEXT, generation=0x222222222222)
READY = replace(at(20, NEXT), settled=True, filled_to=None)


def contents(server: OwnServer) -> Contents:
    """Return everything that the server holds."""
    held: Contents = {}
    with server.admin as admin:
        for key in admin.scan_iter():
            kind = admin.type(key)
            if kind == b"hash":
                held[key] = admin.hgetall(key)
            elif kind == b"set":
                held[key] = admin.smembers(key)
            else:
                held[key] = admin.get(key)
    return held


def entries_in(
    held: Mapping[bytes, object], watermark: Watermark, addresses: list[bytes]
) -> list[object]:
    prefix = bucket_prefix(BRAND, watermark.generation)
    found: list[object] = []
    for address in addresses:
        bucket = held.get(prefix + b"%d" % bucket_number(address, watermark.bucket_bits), {})
        assert isinstance(bucket, dict)
        found.append(bucket.get(field_of(address)))
    return found


def named(server: OwnServer, generation: Watermark) -> int:
    """Return how many buckets a generation has."""
    prefix = bucket_prefix(BRAND, generation.generation)
    return sum(key.startswith(prefix) for key in contents(server))


async def repeated(server: OwnServer, step: Step) -> None:
    """A step that was carried out does nothing the second time."""
    before = contents(server)
    assert not await step()
    assert contents(server) == before


async def test_a_page_writes_entries_and_then_the_watermark(
    store: ProjectionStore, server: OwnServer
) -> None:
    addresses = digests(500)
    with server.admin as admin:
        put(admin, BRAND, W)
    entries = [(address, n % 729) for n, address in enumerate(addresses)]
    assert await store.write_page(BRAND, "w", W.encode(), entries, at(9))
    held = contents(server)
    assert held[watermark_key(BRAND)] == at(9).encode()
    wanted = [b"%d" % (n % 729) if n else None for n in range(500)]
    assert entries_in(held, W, addresses) == wanted
    await repeated(server, lambda: store.write_page(BRAND, "w", W.encode(), entries, at(9)))


async def test_a_page_overwrites_and_removes(store: ProjectionStore, server: OwnServer) -> None:
    kept, changed, removed, unknown = digests(4)
    with server.admin as admin:
        put(admin, BRAND, W, {kept: 1, changed: 2, removed: 3})
    entries = [(changed, 5), (removed, 0), (unknown, 0)]
    assert await store.write_page(BRAND, "w", W.encode(), entries, at(9))
    held = contents(server)
    assert entries_in(held, W, [kept, changed, removed, unknown]) == [b"1", b"5", None, None]


async def test_of_two_entries_for_one_address_the_later_one_counts(
    store: ProjectionStore, server: OwnServer
) -> None:
    one, other = digests(2)
    with server.admin as admin:
        put(admin, BRAND, W)
    entries = [(one, 0), (one, 4), (other, 4), (other, 0)]
    assert await store.write_page(BRAND, "w", W.encode(), entries, at(9))
    assert entries_in(contents(server), W, [one, other]) == [b"4", None]


async def test_a_page_without_entries_moves_the_watermark(
    store: ProjectionStore, server: OwnServer
) -> None:
    with server.admin as admin:
        put(admin, BRAND, W)
    assert await store.write_page(BRAND, "w", W.encode(), [], at(9))
    assert contents(server) == {watermark_key(BRAND): at(9).encode()}


async def test_a_page_that_comes_late_does_nothing(
    store: ProjectionStore, server: OwnServer
) -> None:
    one = digest()
    with server.admin as admin:
        for present in (at(8), replace(W, settled=False), replace(W, generation=5)):
            admin.flushall()
            put(admin, BRAND, present, {one: 1})
            await repeated(
                server, lambda: store.write_page(BRAND, "w", W.encode(), [(one, 2)], at(9))
            )
        admin.flushall()
    await repeated(server, lambda: store.write_page(BRAND, "w", W.encode(), [(one, 2)], at(9)))


async def test_a_page_goes_to_the_generation_that_it_was_read_for(store: ProjectionStore) -> None:
    with pytest.raises(ValueError, match="generation"):
        await store.write_page(BRAND, "w", W.encode(), [], NEXT)
    with pytest.raises(ValueError, match="generation"):
        await store.write_page(BRAND, "w", W.encode(), [], replace(W, bucket_bits=5))
    with pytest.raises(ValueError, match="too many"):
        await store.write_page(BRAND, "w", W.encode(), [(digest(), 1)] * 501, at(9))


async def test_a_generation_is_begun_filled_settled_and_promoted(
    store: ProjectionStore, cache: CacheReader, server: OwnServer
) -> None:
    one, other = digests(2)
    with server.admin as admin:
        put(admin, BRAND, W, {one: 1})
    assert await store.begin(BRAND, None, NEXT)
    assert await store.watermark(BRAND) == W.encode()
    assert await store.watermark(BRAND, "n") == NEXT.encode()
    filled = replace(NEXT, filled_to=None)
    assert await store.write_page(BRAND, "n", NEXT.encode(), [(one, 2), (other, 3)], filled)
    assert (await read_twice(cache, {BRAND: [one, other]}))[BRAND] == Page(W, [1, 0])
    assert await store.write_page(BRAND, "n", filled.encode(), [(one, 4)], READY)
    assert await store.promote(BRAND, READY.encode())
    assert await store.watermark(BRAND) == READY.encode()
    assert await store.watermark(BRAND, "n") == built_mark(READY)
    assert contents(server)[garbage_key(BRAND)] == {generation_name(W)}
    assert (await read_twice(cache, {BRAND: [one, other]}))[BRAND] == Page(READY, [4, 3])
    await repeated(server, lambda: store.promote(BRAND, READY.encode()))
    assert await store.clean(BRAND) == 1
    assert (await read_twice(cache, {BRAND: [one, other]}))[BRAND] == Page(READY, [4, 3])
    assert garbage_key(BRAND) not in contents(server)
    assert named(server, W) == 0


async def test_the_first_generation_of_a_brand_leaves_nothing_behind(
    store: ProjectionStore, server: OwnServer
) -> None:
    assert await store.begin(BRAND, None, NEXT)
    assert await store.write_page(BRAND, "n", NEXT.encode(), [], READY)
    assert await store.promote(BRAND, READY.encode())
    assert contents(server) == {
        watermark_key(BRAND): READY.encode(),
        next_key(BRAND): built_mark(READY),
    }


async def test_the_next_build_begins_from_the_name_of_the_last(
    store: ProjectionStore, server: OwnServer
) -> None:
    assert await store.begin(BRAND, None, NEXT)
    assert await store.write_page(BRAND, "n", NEXT.encode(), [], READY)
    assert await store.promote(BRAND, READY.encode())
    await repeated(server, lambda: store.begin(BRAND, None, RIVAL))
    assert await store.begin(BRAND, built_mark(READY), RIVAL)
    assert garbage_key(BRAND) not in contents(server)


async def test_of_two_that_begin_one_does(store: ProjectionStore, server: OwnServer) -> None:
    assert await store.begin(BRAND, None, NEXT)
    await repeated(server, lambda: store.begin(BRAND, None, RIVAL))
    await repeated(server, lambda: store.begin(BRAND, None, NEXT))
    assert await store.begin(BRAND, NEXT.encode(), RIVAL)
    held = contents(server)
    assert held[next_key(BRAND)] == RIVAL.encode()
    assert held[garbage_key(BRAND)] == {generation_name(NEXT)}
    await repeated(server, lambda: store.begin(BRAND, NEXT.encode(), RIVAL))


async def test_a_begin_that_comes_again_after_its_generation_is_read_does_nothing(
    store: ProjectionStore, server: OwnServer
) -> None:
    assert await store.begin(BRAND, None, NEXT)
    assert await store.write_page(BRAND, "n", NEXT.encode(), [(digest(), 1)], READY)
    assert await store.promote(BRAND, READY.encode())
    await repeated(server, lambda: store.begin(BRAND, None, NEXT))


async def test_a_generation_is_promoted_only_as_it_was_seen(
    store: ProjectionStore, server: OwnServer
) -> None:
    with server.admin as admin:
        put(admin, BRAND, W)
    await repeated(server, lambda: store.promote(BRAND, READY.encode()))
    assert await store.begin(BRAND, None, NEXT)
    await repeated(server, lambda: store.promote(BRAND, READY.encode()))


async def test_forgetting_drops_w_and_leaves_its_generation_to_be_removed(
    store: ProjectionStore, server: OwnServer
) -> None:
    with server.admin as admin:
        put(admin, BRAND, W, {digest(): 1})
    assert await store.forget(BRAND)
    assert await store.watermark(BRAND) is None
    await repeated(server, lambda: store.forget(BRAND))
    assert await store.clean(BRAND) == 1
    assert contents(server) == {}


async def test_a_w_that_nobody_can_read_is_forgotten_too(
    store: ProjectionStore, server: OwnServer
) -> None:
    with server.admin as admin:
        admin.set(watermark_key(BRAND), "nonsense")
        admin.set(next_key(BRAND), "other nonsense")
    assert await store.forget(BRAND)
    assert await store.begin(BRAND, b"other nonsense", NEXT)
    assert contents(server) == {next_key(BRAND): NEXT.encode()}


async def test_cleaning_goes_in_pages_and_takes_nothing_else(
    store: ProjectionStore, server: OwnServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "CLEANED_KEYS_MAX", 7)
    old, older, live, coming = (replace(W, generation=n, bucket_bits=n) for n in (3, 4, 5, 2))
    addresses = dict.fromkeys(digests(300), 1)
    with server.admin as admin:
        for generation in (old, older, coming, live):
            put(admin, BRAND, generation, addresses)
        put(admin, OTHER_BRAND, old, addresses)
        admin.set(next_key(BRAND), coming.encode())
        admin.sadd(garbage_key(BRAND), generation_name(old), generation_name(older))
    assert await store.clean(BRAND) == 8 + 16
    assert [named(server, one) for one in (old, older, live, coming)] == [0, 0, 32, 4]
    held = contents(server)
    assert garbage_key(BRAND) not in held
    assert sum(key.startswith(b"{%d}" % OTHER_BRAND) for key in held) == 8 + 1
    assert await store.clean(BRAND) == 0


async def test_what_is_in_use_is_never_removed_whatever_the_garbage_says(
    store: ProjectionStore, server: OwnServer
) -> None:
    addresses = dict.fromkeys(digests(300), 1)
    with server.admin as admin:
        put(admin, BRAND, NEXT, addresses)
        admin.rename(watermark_key(BRAND), next_key(BRAND))
        put(admin, BRAND, W, addresses)
        admin.sadd(garbage_key(BRAND), generation_name(W), generation_name(NEXT))
    before = contents(server)
    assert await store.clean(BRAND) == 0
    assert contents(server) == before


async def test_many_watermarks_are_read_at_once(
    store: ProjectionStore, server: OwnServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "WATERMARKS_AT_ONCE", 10)
    with server.admin as admin:
        for n in range(0, 55, 2):
            put(admin, BRAND + n, at(n))
    assert await store.watermarks(BRAND + n for n in range(55)) == {
        BRAND + n: at(n).encode() for n in range(0, 55, 2)
    }
    assert await store.watermarks([]) == {}


async def test_all_that_a_script_touches_is_declared(
    store: ProjectionStore, server: OwnServer
) -> None:
    """A cluster finds the node by the declared keys; one that is not declared would be another's."""
    with server.admin as admin:
        admin.execute_command("ACL", "SETUSER", "default", "resetkeys", "~{600001}*")
        try:
            assert await store.begin(BRAND, None, NEXT)
            assert await store.write_page(BRAND, "n", NEXT.encode(), [(digest(), 1)], READY)
            assert await store.promote(BRAND, READY.encode())
            assert await store.forget(BRAND)
            assert await store.clean(BRAND) == 1
        finally:
            admin.execute_command("ACL", "SETUSER", "default", "allkeys")


async def test_a_server_that_has_forgotten_the_scripts_is_told_them_again(
    store: ProjectionStore, server: OwnServer
) -> None:
    with server.admin as admin:
        for n in range(3):
            put(admin, BRAND, at(n))
            admin.script_flush()
            assert await store.write_page(BRAND, "w", at(n).encode(), [], at(n + 1))


@pytest.fixture
async def rivals(server: OwnServer) -> AsyncIterator[list[ProjectionStore]]:
    async with (
        open_store(server.url) as one,
        open_store(server.url) as two,
        open_store(server.socket_url, connections=1) as three,
    ):
        yield [one, two, three]


async def test_of_many_that_write_after_the_same_w_one_does(
    rivals: list[ProjectionStore], server: OwnServer
) -> None:
    one = digest()
    with server.admin as admin:
        put(admin, BRAND, at(0))
    for position in range(1, 30):
        before, after = at(position - 1).encode(), at(position)
        outcomes = await asyncio.gather(
            *(
                store.write_page(
                    BRAND, "w", before, [(one, n + 1)], replace(after, digest_key_id=n)
                )
                for n, store in enumerate(rivals * 3)
            )
        )
        assert sum(outcomes) == 1
        held = contents(server)
        winner = read_watermark(await rivals[0].watermark(BRAND) or b"")
        assert entries_in(held, W, [one]) == [b"%d" % (winner.digest_key_id + 1)]
        with server.admin as admin:
            put(admin, BRAND, after)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 728)), max_size=40), max_size=6),
    st.integers(0, 6),
)
def test_after_any_pages_the_cache_holds_what_they_said_last(
    session_server: OwnServer, pages: list[list[tuple[int, int]]], bits: int
) -> None:
    addresses = [bytes([4 * n]) * 16 for n in range(61)]
    first = replace(at(0), bucket_bits=bits)

    async def write_and_read() -> Page:
        async with open_store(session_server.url) as store:
            assert await store.begin(BRAND, None, first)
            for n, page in enumerate(pages):
                entries = [(addresses[which], value) for which, value in page]
                expected = at(n, first).encode()
                assert await store.write_page(BRAND, "n", expected, entries, at(n + 1, first))
            last = at(len(pages), first)
            assert await store.promote(BRAND, last.encode())
            async with open_cache(session_server.url, timeout_s=5) as servers:
                return (await read_twice(CacheReader(servers), {BRAND: addresses}))[BRAND]

    with session_server.admin as admin:
        admin.flushall()
    said = {which: value for page in pages for which, value in page}
    assert asyncio.run(write_and_read()).values == [said.get(n, 0) for n in range(61)]

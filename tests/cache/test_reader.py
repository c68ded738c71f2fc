"""What a check gets to know of the cache, and what it must not take for an answer."""

import asyncio
import secrets
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.cache import reader as reader_module
from shared.cache.layout import VALUES, Watermark, bucket_prefix, read_watermark, watermark_key
from shared.cache.reader import CacheReader, Page
from shared.cache.servers import CacheServers, open_cache
from tests.cache.asking import BRAND, OTHER_BRAND, W, at, digest, digests, put, read, read_twice
from tests.cache.valkey import OwnServer, own_server, until


async def test_a_brand_is_answered_from_the_second_question_on(
    cache: CacheReader, server: OwnServer
) -> None:
    one, other, nobody = digests(3)
    with server.admin as admin:
        put(admin, BRAND, W, {one: 1, other: 728})
    assert await read(cache, {BRAND: [one]}) == {}
    assert await read(cache, {BRAND: [other, nobody, one, one]}) == {BRAND: Page(W, [728, 0, 1, 1])}


async def test_every_value_comes_back(cache: CacheReader, server: OwnServer) -> None:
    addresses = digests(VALUES)
    with server.admin as admin:
        put(admin, BRAND, W, dict(zip(addresses, range(VALUES), strict=True)))
    pages = await read_twice(cache, {BRAND: addresses})
    assert pages[BRAND].values == list(range(VALUES))


async def test_many_addresses_are_asked_for_bucket_by_bucket(
    cache: CacheReader, server: OwnServer
) -> None:
    values = {address: n % VALUES for n, address in enumerate(digests(900))}
    asked = [*values, *digests(100), next(iter(values))]
    with server.admin as admin:
        put(admin, BRAND, W, values)
        await read(cache, {BRAND: []})
        before = admin.info("commandstats")
        page = (await read(cache, {BRAND: asked}))[BRAND]
        after = admin.info("commandstats")
    assert page.values == [values.get(address, 0) for address in asked]
    assert calls(after, "hmget") - calls(before, "hmget") == 1 << W.bucket_bits
    assert calls(after, "hget") == calls(before, "hget")


def calls(stats: dict[str, dict[str, int]], name: str) -> int:
    return stats.get(f"cmdstat_{name}", {}).get("calls", 0)


@settings(max_examples=32, deadline=None)
@given(st.integers(0, 31), st.integers(0, 2**48 - 1), st.integers(1, 10**12))
def test_entries_are_looked_for_where_the_layout_has_them(
    session_server: OwnServer, bits: int, generation: int, brand_code: int
) -> None:
    watermark = replace(W, bucket_bits=bits, generation=generation)
    values = {digest(): value for value in range(1, 20)}
    values[bytes(16)] = 20
    values[b"\xff" * 16] = 21

    async def ask() -> Page:
        async with open_cache(session_server.url, timeout_s=5) as servers:
            pages = await read_twice(CacheReader(servers), {brand_code: [*values]})
            return pages[brand_code]

    with session_server.admin as admin:
        admin.flushall()
        put(admin, brand_code, watermark, values)
    assert asyncio.run(ask()) == Page(watermark, [*values.values()])


async def test_w_alone_can_be_asked_for(cache: CacheReader, server: OwnServer) -> None:
    with server.admin as admin:
        put(admin, BRAND, W)
    assert await read(cache, {BRAND: []}) == {BRAND: Page(W, [])}
    assert await read(cache, {BRAND: []}) == {BRAND: Page(W, [])}
    assert await read(cache, {BRAND: [digest()]}) == {BRAND: Page(W, [0])}


async def test_a_brand_that_the_cache_has_not_is_missing_beside_one_that_it_has(
    cache: CacheReader, server: OwnServer
) -> None:
    with server.admin as admin:
        put(admin, BRAND, W)
    asked = {OTHER_BRAND: [digest()], BRAND: [digest()]}
    assert await read_twice(cache, asked) == {BRAND: Page(W, [0])}
    assert await read(cache, {}) == {}


async def test_w_and_entries_of_many_brands_come_in_one_question(
    cache: CacheReader, server: OwnServer
) -> None:
    brands = {600_100 + n: digests(n % 4) for n in range(40)}
    with server.admin as admin:
        for brand_code, addresses in brands.items():
            generation = secrets.randbits(48)
            w = replace(at(brand_code), generation=generation, bucket_bits=brand_code % 6)
            put(admin, brand_code, w, dict.fromkeys(addresses, brand_code % VALUES))
        asked = brands | {1: digests(2)}
        await read(cache, asked)
        before = admin.info("stats")["total_reads_processed"]
        pages = await read(cache, asked)
        assert admin.info("stats")["total_reads_processed"] - before <= 2  # one, and this question
    assert pages.keys() == brands.keys()
    for brand_code, page in pages.items():
        assert page.watermark.position == brand_code
        assert page.values == [brand_code % VALUES] * len(brands[brand_code])


async def test_another_generation_is_a_miss_once_and_then_known(
    cache: CacheReader, server: OwnServer
) -> None:
    one = digest()
    following = replace(at(9), generation=W.generation + 1, bucket_bits=7)
    with server.admin as admin:
        put(admin, BRAND, W, {one: 1})
        await read_twice(cache, {BRAND: [one]})
        put(admin, BRAND, following, {one: 2})
        assert await read(cache, {BRAND: [one]}) == {}
        assert await read(cache, {BRAND: [one]}) == {BRAND: Page(following, [2])}
        put(
            admin, BRAND, replace(following, bucket_bits=8), {one: 5}
        )  # the name alone is not enough
        assert await read(cache, {BRAND: [one]}) == {}


async def test_a_w_that_moves_on_within_its_generation_is_no_miss(
    cache: CacheReader, server: OwnServer
) -> None:
    one = digest()
    with server.admin as admin:
        put(admin, BRAND, W, {one: 1})
        await read_twice(cache, {BRAND: [one]})
        for position in range(10, 20):
            put(admin, BRAND, at(position), {one: position})
            assert await read(cache, {BRAND: [one]}) == {BRAND: Page(at(position), [position])}
        unsettled = replace(at(30), settled=False)
        put(admin, BRAND, unsettled)
        assert await read(cache, {BRAND: [one]}) == {BRAND: Page(unsettled, [19])}


async def test_the_same_w_is_decoded_once(
    cache: CacheReader, server: OwnServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[bytes] = []

    def count(raw: bytes) -> Watermark:
        decoded.append(raw)
        return read_watermark(raw)

    monkeypatch.setattr(reader_module, "read_watermark", count)
    with server.admin as admin:
        put(admin, BRAND, W)
    for _ in range(20):
        await read(cache, {BRAND: [digest()]})
    assert decoded == [W.encode()]


@pytest.mark.parametrize("raw", [b"", b"nonsense", b"9 " + W.encode()[2:]])
async def test_a_w_of_another_version_is_none(
    cache: CacheReader, server: OwnServer, raw: bytes
) -> None:
    one = digest()
    with server.admin as admin:
        put(admin, BRAND, W, {one: 1})
        await read_twice(cache, {BRAND: [one]})
        admin.set(watermark_key(BRAND), raw)
        assert await read_twice(cache, {BRAND: [one]}) == {}
        admin.delete(watermark_key(BRAND))
        assert await read_twice(cache, {BRAND: [one]}) == {}
        put(admin, BRAND, W)
        assert await read_twice(cache, {BRAND: [one]}) == {BRAND: Page(W, [1])}


async def test_what_is_no_value_of_ours_makes_the_brand_missing(
    cache: CacheReader, server: OwnServer
) -> None:
    one = digest()
    with server.admin as admin:
        put(admin, OTHER_BRAND, W, {one: 3})
        for value in (b"729", b"-1", b"01", b"x", b""):
            put(admin, BRAND, W, {one: 1})
            admin.hset(bucket(one), one[4:12], value)
            pages = await read_twice(cache, {BRAND: [one], OTHER_BRAND: [one]})
            assert pages == {OTHER_BRAND: Page(W, [3])}


@pytest.mark.parametrize("others", [1, 400])
async def test_an_error_among_the_replies_makes_just_that_brand_missing(
    cache: CacheReader, server: OwnServer, others: int
) -> None:
    one = digest()
    with server.admin as admin:
        put(admin, OTHER_BRAND, W, {one: 3})
        put(admin, BRAND, W)
        admin.set(bucket(one), "no hash")
        asked = {BRAND: [*digests(others), one], OTHER_BRAND: [one]}
        assert await read_twice(cache, asked) == {OTHER_BRAND: Page(W, [3])}
        admin.delete(watermark_key(BRAND))
        admin.rpush(watermark_key(BRAND), "no text")
        assert await read_twice(cache, asked) == {OTHER_BRAND: Page(W, [3])}


def bucket(address: bytes) -> bytes:
    number = address[0] >> (8 - W.bucket_bits)
    return bucket_prefix(BRAND, W.generation) + b"%d" % number


async def test_a_transaction_that_is_refused_is_a_miss_for_all(tmp_path: Path) -> None:
    with own_server(tmp_path) as server, server.admin as admin:
        put(admin, BRAND, W)
        async with open_cache(server.url, timeout_s=1) as servers:
            cache = CacheReader(servers)
            assert BRAND in await read_twice(cache, {BRAND: [digest()]})
            admin.execute_command("ACL", "SETUSER", "default", "-hget")
            assert await read(cache, {BRAND: [digest()]}) == {}  # EXECABORT
            admin.execute_command("ACL", "SETUSER", "default", "-multi")
            assert await read(cache, {BRAND: [digest()]}) == {}  # EXEC without MULTI
            admin.execute_command("ACL", "SETUSER", "default", "+@all")
            assert BRAND in await read(cache, {BRAND: [digest()]})


async def test_a_server_that_is_loading_answers_nothing(tmp_path: Path) -> None:
    save = ("--key-load-delay", "5000", "--loading-process-events-interval-bytes", "1024")
    with own_server(tmp_path, "--dbfilename", "all.rdb") as server, server.admin as admin:
        put(admin, BRAND, W, {digest(): 1})
        with admin.pipeline(transaction=False) as pipeline:
            for n in range(2000):
                pipeline.set(f"filling{n}", "x" * 10)
            pipeline.execute()
        admin.save()
        server.kill()
        server._options += save
        server.start(wait=False)
        async with open_cache(server.url, timeout_s=1) as servers:
            cache = CacheReader(servers)
            await until(lambda: servers.is_up)
            assert admin.info("persistence")["loading"] == 1
            assert await read_twice(cache, {BRAND: [digest()]}) == {}
            admin.config_set("key-load-delay", 0)
            await until(lambda: admin.info("persistence")["loading"] == 0)
            assert await read_twice(cache, {BRAND: [digest()]}) == {BRAND: Page(W, [0])}


async def test_nobody_waits_longer_than_the_time_out(tmp_path: Path) -> None:
    with own_server(tmp_path) as server, server.admin as admin:
        put(admin, BRAND, W)
        async with open_cache(server.url, timeout_s=0.1) as servers:
            cache = CacheReader(servers)
            assert BRAND in await read_twice(cache, {BRAND: [digest()]})
            server.pause()
            loop = asyncio.get_running_loop()
            for _ in range(20):
                began = loop.time()
                assert await read(cache, {BRAND: [digest()], OTHER_BRAND: []}) == {}
                assert loop.time() - began < 0.9
            server.kill()
            assert await read(cache, {BRAND: [digest()]}) == {}
            server.start()
            await until(lambda: servers.is_up)
            assert await read(cache, {BRAND: [digest()]}) == {}  # it came back empty


async def test_w_and_entries_are_of_one_moment(cache: CacheReader, server: OwnServer) -> None:
    """The one thing that a settled W promises: each entry is the one at its position."""
    addresses = digests(50)
    with server.admin as admin:
        put(admin, BRAND, at(0), dict.fromkeys(addresses, 0))
        admin.config_set("lua-time-limit", 0)
        script = admin.register_script(
            "for n = 2, #KEYS do redis.call('HSET', KEYS[n], ARGV[n], ARGV[1]) end"
            " redis.call('SET', KEYS[1], ARGV[#ARGV])"
        )
        await read(cache, {BRAND: addresses})
        prefix = bucket_prefix(BRAND, W.generation)
        keys = [prefix + b"%d" % (address[0] >> 4) for address in addresses]

        def write() -> None:
            for value in range(1, 400):
                arguments = [value, *(address[4:12] for address in addresses)]
                w = at(value).encode()
                script(keys=[watermark_key(BRAND), *keys], args=[*arguments, w])

        writing = asyncio.create_task(asyncio.to_thread(write))
        seen: set[int] = set()
        while not writing.done():
            page = (await read(cache, {BRAND: addresses}))[BRAND]
            assert set(page.values) == {page.watermark.position}
            seen.add(page.watermark.position)
        await writing
    assert len(seen) > 5


async def test_an_asker_that_raises_is_nobody_elses_trouble(
    cache: CacheReader, server: OwnServer
) -> None:
    def raises(_pages: object) -> None:
        raise RuntimeError("a slip")

    with server.admin as admin:
        put(admin, BRAND, W)
    await read(cache, {BRAND: []})
    cache.read({BRAND: [digest()]}, raises)
    assert await read(cache, {BRAND: [digest()]}) == {BRAND: Page(W, [0])}


async def test_before_the_cache_was_ever_there_everything_is_a_miss(
    servers: CacheServers, tmp_path: Path
) -> None:
    async with open_cache(f"unix://{tmp_path}/nothing.sock", timeout_s=0.1) as nothing:
        assert await read(CacheReader(nothing), {BRAND: [digest()]}) == {}
        assert nothing.only is None
        assert nothing.link_of(BRAND) is None
    assert servers.only is servers.link_of(BRAND)

"""A cache that is full, gone, slow or somebody else's: nothing is half done, and nothing is sent twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from redis import Redis

from shared.cache.address import read_address
from shared.cache.client import CacheFullError, CacheUnavailableError, StoreClient
from shared.cache.layout import watermark_key
from shared.cache.store import ProjectionStore, open_store
from tests.cache.asking import BRAND, OTHER_BRAND, W, at, digest, digests, put
from tests.cache.valkey import OwnServer, own_server, proxy, until
from tests.support.servers import free_port

NEXT = replace(W, generation=0x111111111111, settled=False, filled_to=bytes(16))
READY = replace(at(20, NEXT), settled=True, filled_to=None)


def blocked(admin: Redis) -> int:
    return int(admin.info("clients")["blocked_clients"])


def fill_up(admin: Redis) -> None:
    """Leave no room for another write."""
    admin.config_set("maxmemory", admin.info("memory")["used_memory"] - 1)


async def test_a_full_cache_leaves_w_where_it_was(
    store: ProjectionStore, server: OwnServer
) -> None:
    entries = [(address, 1) for address in digests(500)]
    with server.admin as admin:
        put(admin, BRAND, W)
        fill_up(admin)
        try:
            with pytest.raises(CacheFullError):
                await store.write_page(BRAND, "w", W.encode(), entries, at(9))
            with pytest.raises(CacheFullError):
                await store.begin(BRAND, None, NEXT)
            assert admin.keys() == [watermark_key(BRAND)]
            assert await store.watermark(BRAND) == W.encode()
        finally:
            admin.config_set("maxmemory", 0)
        assert await store.write_page(BRAND, "w", W.encode(), entries, at(9))


async def test_a_full_cache_can_be_emptied_by_its_own_means(
    store: ProjectionStore, server: OwnServer
) -> None:
    with server.admin as admin:
        put(admin, OTHER_BRAND, W, dict.fromkeys(digests(300), 1))
        put(admin, BRAND, W, dict.fromkeys(digests(300), 1))
        assert await store.begin(BRAND, None, NEXT)
        assert await store.write_page(BRAND, "n", NEXT.encode(), [(digest(), 1)], READY)
        fill_up(admin)
        try:
            assert await store.promote(BRAND, READY.encode())
            assert await store.forget(OTHER_BRAND)
            assert await store.clean(BRAND) == 16
            assert await store.clean(OTHER_BRAND) == 16
        finally:
            admin.config_set("maxmemory", 0)
        assert await store.watermark(BRAND) == READY.encode()


@asynccontextmanager
async def opened(
    port: int, *, timeout_s: float = 5, connections: int = 2
) -> AsyncIterator[StoreClient]:
    address = read_address(f"redis://127.0.0.1:{port}")
    client = StoreClient(address, timeout_s=timeout_s, connections=connections)
    try:
        yield client
    finally:
        await client.close()


async def test_a_command_whose_connection_is_cut_is_not_sent_twice(server: OwnServer) -> None:
    async with proxy(server.port) as between, opened(between.port) as client:
        with server.admin as admin:
            waiting = asyncio.create_task(client.run("BLPOP", "nothing", 0))
            await until(lambda: blocked(admin) == 1)
            between.cut()
            with pytest.raises(CacheUnavailableError):
                await waiting
        assert await client.run("GET", "some") is None
        assert between.heard.count(b"BLPOP") == 1


async def test_a_command_that_is_too_slow_is_not_sent_twice(server: OwnServer) -> None:
    async with proxy(server.port) as between, opened(between.port, timeout_s=0.2) as client:
        with pytest.raises(CacheUnavailableError):
            await client.run("BLPOP", "nothing", 0)
        assert await client.run("GET", "some") is None
        assert between.heard.count(b"BLPOP") == 1


async def test_a_command_whose_client_is_killed_is_not_sent_twice(server: OwnServer) -> None:
    async with proxy(server.port) as between, opened(between.port) as client:
        with server.admin as admin:
            waiting = asyncio.create_task(client.run("BLPOP", "nothing", 0))
            await until(lambda: blocked(admin) == 1)
            admin.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            with pytest.raises(CacheUnavailableError):
                await waiting
        assert between.heard.count(b"BLPOP") == 1


async def test_a_page_whose_reply_is_lost_was_written_once_and_is_not_repeated(
    server: OwnServer,
) -> None:
    one = digest()
    with server.admin as admin:
        put(admin, BRAND, W)
        async with (
            proxy(server.port) as between,
            open_store(f"redis://127.0.0.1:{between.port}") as store,
        ):
            await store.write_page(
                BRAND, "w", W.encode(), [], W
            )  # the script is known from here on
            between.heard.clear()
            between.lose_replies = True
            with pytest.raises(CacheUnavailableError):
                await store.write_page(BRAND, "w", W.encode(), [(one, 1)], at(9))
            between.lose_replies = False
            assert between.heard.count(b"EVALSHA") == 1
            assert await store.watermark(BRAND) == at(9).encode()
            assert not await store.write_page(BRAND, "w", W.encode(), [(one, 1)], at(9))


async def test_an_asker_who_gives_up_leaves_no_reply_to_the_next(server: OwnServer) -> None:
    async with opened(server.port, connections=1) as client:
        with server.admin as admin:
            waiting = asyncio.create_task(client.run("BLPOP", "list", 0))
            await until(lambda: blocked(admin) == 1)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            admin.rpush("list", "a late reply")
            admin.set("some", "mine")
        assert await client.run("GET", "some") == b"mine"


async def test_a_store_may_be_opened_before_the_cache_is_there(tmp_path: Path) -> None:
    async with open_store(f"redis://127.0.0.1:{free_port()}") as store:
        with pytest.raises(CacheUnavailableError):
            await store.watermark(BRAND)
    with own_server(tmp_path) as server:
        server.kill()
        async with open_store(server.url) as store:
            for _ in range(2):
                with pytest.raises(CacheUnavailableError):
                    await store.watermarks([BRAND])
                server.start()
                assert await store.watermarks([BRAND]) == {}
                server.kill()
                with pytest.raises(CacheUnavailableError):
                    await store.watermark(BRAND)


async def test_a_server_that_stands_still_holds_nobody_for_long(tmp_path: Path) -> None:
    with own_server(tmp_path) as server:
        async with open_store(server.url, timeout_s=0.2) as store:
            assert await store.watermark(BRAND) is None
            server.pause()
            async with asyncio.timeout(5):
                for _ in range(2):
                    with pytest.raises(CacheUnavailableError):
                        await store.watermark(BRAND)
            server.resume()
            assert await store.watermark(BRAND) is None


async def test_an_evicting_server_is_not_written(tmp_path: Path) -> None:
    with own_server(tmp_path, "--maxmemory-policy", "allkeys-random") as server:
        async with open_store(server.url) as store:
            with pytest.raises(CacheUnavailableError, match="noeviction"):
                await store.begin(BRAND, None, NEXT)


async def test_a_replica_is_not_written(tmp_path: Path, server: OwnServer) -> None:
    with own_server(tmp_path) as replica, replica.admin as admin, server.admin as primary:
        primary.config_set("repl-diskless-sync-delay", 0)
        admin.execute_command("REPLICAOF", "127.0.0.1", str(server.port))
        await until(lambda: admin.info("replication")["master_link_status"] == "up")
        async with open_store(replica.url) as store:
            with pytest.raises(CacheUnavailableError):
                await store.begin(BRAND, None, NEXT)


async def test_a_wrong_password_is_no_answer(tmp_path: Path) -> None:
    with own_server(tmp_path, password="word") as server:
        async with open_store(server.url.replace("word", "no")) as store:
            with pytest.raises(CacheUnavailableError, match="WRONGPASS"):
                await store.watermark(BRAND)
        async with open_store(server.url) as store:
            assert await store.begin(BRAND, None, NEXT)


async def test_no_more_commands_are_under_way_than_connections(server: OwnServer) -> None:
    async with opened(server.port, connections=3) as client:
        with server.admin as admin:
            waiting = [asyncio.create_task(client.run("BLPOP", "list", 0)) for _ in range(9)]
            await until(lambda: blocked(admin) == 3)
            admin.rpush("list", *range(9))
            assert len(await asyncio.gather(*waiting)) == 9
            names = [one["name"] for one in admin.client_list()]
            assert names.count("izin-projector") == 3

"""On a cluster of three nodes all is the same. A slot that moves costs misses and never a wrong answer."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from time import monotonic

import pytest

from shared.cache.client import CacheUnavailableError
from shared.cache.layout import Watermark, next_key
from shared.cache.reader import CacheReader, Page
from shared.cache.server_info import CacheUnfitError
from shared.cache.servers import open_cache, refuse_evicting
from shared.cache.slots import slot_of
from shared.cache.store import ProjectionStore, open_store
from tests.cache.asking import at, digests, read, read_twice
from tests.cache.cluster import NODES, Cluster, own_cluster
from tests.cache.valkey import until

FIRST = replace(at(0), generation=0x111111111111, settled=False)
Values = Mapping[bytes, int]


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with own_cluster(tmp_path_factory.mktemp("cluster")) as opened:
        yield opened


async def build(store: ProjectionStore, brand_code: int, values: Values) -> Watermark:
    """Fill a brand as the projector does; return its W."""
    settled = replace(at(5, FIRST), settled=True)
    assert await store.begin(brand_code, None, FIRST)
    assert await store.write_page(brand_code, "n", FIRST.encode(), [*values.items()], settled)
    assert await store.promote(brand_code, settled.encode())
    return settled


async def until_read(cache: CacheReader, brand_code: int, values: Values) -> Page:
    """Ask until the brand is answered; what is answered on the way must be right, too."""
    deadline = monotonic() + 30
    while (page := (await read(cache, {brand_code: [*values]})).get(brand_code)) is None:
        assert monotonic() < deadline
        await asyncio.sleep(0.02)
    assert page.values == [*values.values()]
    return page


async def until_written(store: ProjectionStore, brand_code: int) -> None:
    """Try until the store reaches a brand's node."""
    deadline = monotonic() + 30
    while True:
        try:
            await store.watermark(brand_code)
        except CacheUnavailableError:
            assert monotonic() < deadline
            await asyncio.sleep(0.02)
        else:
            return


async def test_brands_of_all_nodes_are_written_and_read(cluster: Cluster) -> None:
    brands = [code for node in range(NODES) for code in cluster.brands_of(node, 3)]
    values = {code: dict.fromkeys(digests(20), code % 700 + 1) for code in brands}
    async with (
        open_store(cluster.nodes[0].url) as store,
        open_cache(cluster.nodes[1].url, timeout_s=1) as servers,
    ):
        assert servers.is_up
        assert servers.only is None
        links = {servers.link_of(code) for code in brands}
        assert len(links) == NODES
        assert None not in links
        cache = CacheReader(servers)
        ws = {code: await build(store, code, values[code]) for code in brands}
        assert set(await store.watermarks([*brands, 599_999])) == set(brands)
        pages = await read_twice(cache, {code: [*values[code]] for code in brands} | {599_999: []})
        assert pages == {code: Page(ws[code], [*values[code].values()]) for code in brands}
        assert await store.forget(brands[0])
        assert await store.clean(brands[0]) > 0
        assert brands[0] not in await read(cache, {code: [] for code in brands})
        assert await read(cache, {}) == {}


async def test_all_keys_of_a_brand_lie_in_its_slot(cluster: Cluster) -> None:
    code = cluster.brands_of(1, 1)[0]
    async with open_store(cluster.nodes[0].url) as store:
        await build(store, code, dict.fromkeys(digests(300), 1))
        await store.begin(code, None, replace(FIRST, generation=5))
        await store.begin(code, replace(FIRST, generation=5).encode(), replace(FIRST, generation=6))
    with cluster.nodes[1].admin as admin:
        everything = admin.keys()
        assert len(everything) > 10
        assert next_key(code) in everything
        in_slot = admin.execute_command("CLUSTER GETKEYSINSLOT", slot_of(code), 1000)
        assert set(in_slot) == {key.decode() for key in everything}


async def test_a_slot_that_moves_is_a_miss_and_then_right_again(cluster: Cluster) -> None:
    code, neighbour = cluster.brands_of(0, 2)
    slot = slot_of(code)
    values = {address: n % 3 for n, address in enumerate(digests(400))}
    async with (
        open_store(cluster.nodes[1].url) as store,
        open_cache(cluster.nodes[0].url, timeout_s=1) as servers,
    ):
        cache = CacheReader(servers)
        w = await build(store, code, values)
        await build(store, neighbour, values)
        before = await until_read(cache, code, values)
        await until_read(cache, neighbour, values)
        cluster.begin_to_move(slot, 0, 2)
        while cluster.move_some(slot, 0, 2, 3):  # W may be here and entries there
            page = (await read(cache, {code: [*values]})).get(code)
            assert page is None or page == before
            assert neighbour in await read(cache, {neighbour: [*values]})
        cluster.finish_to_move(slot, 0, 2)
        assert await until_read(cache, code, values) == before
        assert servers.link_of(code) is not servers.link_of(neighbour)
        assert await store.write_page(code, "w", w.encode(), [], at(6, w))
        assert (await until_read(cache, code, values)).watermark == at(6, w)


async def test_a_node_that_dies_is_a_miss_for_its_brands_alone(cluster: Cluster) -> None:
    codes = [cluster.brands_of(node, 1)[0] for node in range(NODES)]
    values = dict.fromkeys(digests(5), 2)
    with_gaps = ("CONFIG SET", "cluster-require-full-coverage", "no")
    for node in range(NODES):
        cluster.say(node, *with_gaps)
    async with (
        open_store(cluster.nodes[0].url) as store,
        open_cache(cluster.nodes[0].url, timeout_s=0.5) as servers,
    ):
        cache = CacheReader(servers)
        for code in codes:
            await build(store, code, values)
            await until_read(cache, code, values)
        cluster.nodes[2].kill()
        await until(lambda: not servers.is_up)
        pages = await read(cache, {code: [*values] for code in codes})
        assert pages.keys() == set(codes[:2])
        with pytest.raises(CacheUnavailableError):
            await store.watermark(codes[2])
        cluster.nodes[2].start()  # it comes back empty, with its slots
        await until(lambda: servers.is_up)
        assert codes[2] not in await read(cache, {code: [*values] for code in codes})
        await until_written(store, codes[2])
        await build(store, codes[2], values)
        await until_read(cache, codes[2], values)


async def test_the_node_of_the_url_may_die(cluster: Cluster) -> None:
    code = cluster.brands_of(1, 1)[0]
    values = dict.fromkeys(digests(5), 2)
    async with (
        open_store(cluster.nodes[1].url) as store,
        open_cache(cluster.nodes[0].url, timeout_s=0.5) as servers,
    ):
        cache = CacheReader(servers)
        for node in range(NODES):
            cluster.say(node, "CONFIG SET", "cluster-require-full-coverage", "no")
        w = await build(store, code, values)
        await until_read(cache, code, values)
        cluster.nodes[0].kill()
        await until(lambda: not servers.is_up)
        assert (await until_read(cache, code, values)).watermark == w
        cluster.begin_to_move(slot_of(code), 1, 2)
        cluster.finish_to_move(slot_of(code), 1, 2)
        assert (await until_read(cache, code, values)).watermark == w


async def test_a_node_that_evicts_is_refused_and_the_others_are_not(cluster: Cluster) -> None:
    codes = [cluster.brands_of(node, 1)[0] for node in range(NODES)]
    values = dict.fromkeys(digests(5), 2)
    async with open_store(cluster.nodes[0].url) as store:
        for code in codes:
            await build(store, code, values)
    await refuse_evicting(cluster.nodes[0].url)
    cluster.say(1, "CONFIG SET", "maxmemory-policy", "allkeys-lfu")
    with pytest.raises(CacheUnfitError, match=str(cluster.nodes[1].port)):
        await refuse_evicting(cluster.nodes[0].url)
    async with open_cache(cluster.nodes[0].url, timeout_s=0.5) as servers:
        cache = CacheReader(servers)
        await until_read(cache, codes[0], values)
        await until_read(cache, codes[2], values)
        assert not servers.is_up
        assert codes[1] not in await read_twice(cache, {code: [*values] for code in codes})


async def test_a_node_without_slots_is_left(cluster: Cluster) -> None:
    code = cluster.brands_of(2, 1)[0]
    values = dict.fromkeys(digests(5), 2)
    async with (
        open_store(cluster.nodes[0].url) as store,
        open_cache(cluster.nodes[0].url, timeout_s=0.5) as servers,
    ):
        left = servers.link_of(code)
        assert left is not None
        cluster.give_away(2, 1)
        await until_written(store, code)
        await build(store, code, values)
        await until_read(CacheReader(servers), code, values)
        assert servers.link_of(code) is servers.link_of(cluster.brands_of(1, 1)[0])
        await until(lambda: not left.is_up)
        assert servers.is_up

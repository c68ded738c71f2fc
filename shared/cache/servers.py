"""The cache as a whole: one server, or the nodes of a cluster.

Which of the two it is, and which node has which brand, the servers say themselves. Where that has changed,
questions are misses until the new map is here.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Final

import structlog

from shared.cache.address import ServerAddress, read_address
from shared.cache.link import CacheRefusedError, Link, come_in, refuse_unfit
from shared.cache.resp import command
from shared.cache.slots import SlotMap, read_slots

# At a start: how long to wait for the cache, so that the first checks are not all misses.
FIRST_ENTRY_S_MAX: Final = 1.0
# At least so long between two looks at the map of slots; the longer one while something is missing.
MAP_PAUSE_S: Final = 0.1
MAP_RETRY_S: Final = 1.0

_CLUSTER_SLOTS: Final = command(b"CLUSTER", b"SLOTS")

_log: Final[structlog.typing.FilteringBoundLogger] = structlog.get_logger()


class CacheServers:
    """Links to all servers of the cache, and which of them has a brand."""

    def __init__(
        self, seed: ServerAddress, *, timeout_s: float, on_change: Callable[[], None]
    ) -> None:
        """Start connecting; needs a running loop. `on_change` is called when `is_up` may have changed."""
        self.only: Link | None = None
        self._timeout_s = timeout_s
        self._changed = on_change
        self._map = SlotMap(())
        self._seed = Link(seed, timeout_s=timeout_s, on_change=self._on_change)
        self._links = {seed: self._seed}
        self._asked_last = 0
        self._map_is_wanted = asyncio.Event()
        self._first_answer = asyncio.Event()
        self._mapper = asyncio.get_running_loop().create_task(self._keep_map())

    def link_of(self, brand_code: int) -> Link | None:
        """Return the link to the server that has a brand; None while nobody knows one."""
        if self.only is not None:
            return self.only
        node = self._map.node_of(brand_code)
        return None if node is None else self._links.get(node)

    @property
    def is_up(self) -> bool:
        """Whether every server that is needed is connected and fit."""
        if self.only is not None:
            return self.only.is_up
        return self._map.is_whole and all(self._links[node].is_up for node in self._map.nodes)

    def note_moved(self) -> None:
        """Have the map of slots asked for anew, because a server said that a brand is elsewhere."""
        self._map_is_wanted.set()

    async def wait_for_first(self, *, seconds_max: float = FIRST_ENTRY_S_MAX) -> bool:
        """Wait until the cache can be asked, but not for long; return whether it can."""
        try:
            async with asyncio.timeout(seconds_max):
                await self._first_answer.wait()
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        """Leave all servers."""
        self._mapper.cancel()
        await asyncio.wait([self._mapper])
        for link in [self._seed, *self._links.values()]:
            await link.close()
        self._tell()

    def _on_change(self, link: Link) -> None:
        if link is self._seed and link.info is not None and link.is_up:
            self.only = None if link.info.is_cluster else link
        if self.only is None:
            self._map_is_wanted.set()
        self._tell()

    def _tell(self) -> None:
        if self.is_up:
            self._first_answer.set()
        self._changed()

    async def _keep_map(self) -> None:
        while True:
            await self._map_is_wanted.wait()
            self._map_is_wanted.clear()
            if self._seed.info is not None and not await self._renew_map():
                self._map_is_wanted.set()
                await asyncio.sleep(MAP_RETRY_S)
            await asyncio.sleep(MAP_PAUSE_S)

    async def _renew_map(self) -> bool:
        """Ask a node for the map, another one each time; return whether the whole cache is there."""
        nodes = [link for link in self._links.values() if link.is_up]
        if not nodes:
            return self.only is not None
        self._asked_last += 1
        node = nodes[self._asked_last % len(nodes)]
        replies = await node.ask(_CLUSTER_SLOTS, replies=1)
        if replies is None:
            return False
        await self._use(read_slots(replies[0], node.address))
        return self.is_up

    async def _use(self, slot_map: SlotMap) -> None:
        """Make links to new nodes, and leave those that have nothing any more."""
        if slot_map.nodes != self._map.nodes:
            _log.info("cache.cluster.changed", nodes=sorted(str(node) for node in slot_map.nodes))
        for node in slot_map.nodes - self._links.keys():
            self._links[node] = Link(node, timeout_s=self._timeout_s, on_change=self._on_change)
        self._map = slot_map
        for node in self._links.keys() - slot_map.nodes - {self._seed.address}:
            await self._links.pop(node).close()
        self._tell()


@asynccontextmanager
async def open_cache(
    url: str, *, timeout_s: float, on_change: Callable[[], None] = lambda: None
) -> AsyncGenerator[CacheServers]:
    """Open the cache for reading; a cache that is not there now is found when it comes.

    `timeout_s` bounds every question. `on_change` is called whenever a server came or went.
    Raises CacheAddressError if the URL makes no sense.
    """
    servers = CacheServers(read_address(url), timeout_s=timeout_s, on_change=on_change)
    try:
        await servers.wait_for_first()
        yield servers
    finally:
        await servers.close()


async def refuse_evicting(url: str) -> None:
    """Look at the cache once, at a start; a server that cannot be reached passes, for now.

    Raises CacheUnfitError, whose text says what to do, if a server may evict or has done so.
    """
    seed = read_address(url)
    nodes = {seed}
    seen: set[ServerAddress] = set()
    while nodes:
        address = nodes.pop()
        seen.add(address)
        nodes |= await _look_at(address) - seen


async def _look_at(address: ServerAddress) -> frozenset[ServerAddress]:
    """Refuse a server that is unfit; return the nodes of its cluster."""
    try:
        entry = await come_in(address, timeout_s=FIRST_ENTRY_S_MAX)
    except (OSError, TimeoutError, ValueError, CacheRefusedError):
        return frozenset()
    try:
        refuse_unfit(address, entry.info)
        if not entry.info.is_cluster:
            return frozenset()
        replies = await entry.wire.ask(_CLUSTER_SLOTS, replies=1)
        return read_slots(replies[0], address).nodes if replies else frozenset()
    finally:
        entry.wire.drop()

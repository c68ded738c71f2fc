"""How the projector reaches the cache: redis-py, on one server or a cluster, and no second attempts.

A command whose reply was lost may have been carried out. The client must not send it again by itself: who
sent it looks at the watermark and decides anew.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final, Protocol, TypeAlias, cast

import hiredis
from redis import exceptions as failures
from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from shared.cache.address import ServerAddress
from shared.cache.link import ENTRY_TIMEOUT_S, CacheRefusedError, come_in, refuse_unfit
from shared.cache.scripts import Script
from shared.cache.server_info import CacheUnfitError

Word: TypeAlias = bytes | str | int
# Its type says that a command has one word.
_pack: Final = cast("Callable[[tuple[Word, ...]], bytes]", hiredis.pack_command)
# After these nothing is known of the server any more: it is looked at anew before it is used again.
_LOST: Final = (
    OSError,
    TimeoutError,
    failures.ConnectionError,
    failures.TimeoutError,
    failures.MovedError,
    failures.ClusterDownError,
    failures.RedisClusterException,
    KeyError,  # the client's table has no owner of the slot, while slots move
)


class _Pipeline(Protocol):
    def execute_command(self, *words: Word) -> object: ...

    async def execute(self) -> list[object]: ...


class _Client(Protocol):
    """What redis-py's clients for one server and for a cluster have in common, with types."""

    async def execute_command(self, *words: Word) -> object: ...

    def pipeline(self, *, transaction: bool) -> _Pipeline: ...

    async def aclose(self) -> None: ...


class _Packing:
    """A connection that encodes commands in C: a page of the projector has thousands of words."""

    def pack_command(self, *words: Word) -> list[bytes]:
        return [_pack(words)]


class CacheUnavailableError(Exception):
    """The cache did not do it, or did not say so: it may have been done."""


class CacheFullError(CacheUnavailableError):
    """The cache has no memory left (maxmemory); nothing was done."""


class StoreClient:
    """Sends commands, a few at a time; the first one finds out what is there."""

    def __init__(self, address: ServerAddress, *, timeout_s: float, connections: int) -> None:
        self._address = address
        self._timeout_s = timeout_s
        self._client: _Client | None = None
        self._finding = asyncio.Lock()
        self._closing = asyncio.Event()
        self._free = asyncio.Semaphore(connections)
        self._retired: set[asyncio.Task[None]] = set()

    async def run(self, *words: Word) -> object:
        """Send one command and return its reply; raises CacheUnavailableError."""
        async with self._using() as client:
            return await client.execute_command(*words)

    async def run_script(
        self, script: Script, keys: Sequence[bytes], arguments: Sequence[Word]
    ) -> int:
        """Run a script and return its number; raises CacheUnavailableError, CacheFullError."""
        words: list[Word] = [len(keys), *keys, *arguments]
        async with self._using() as client:
            try:
                reply = await client.execute_command("EVALSHA", script.sha, *words)
            except (
                failures.NoScriptError
            ):  # it was not carried out, because the server does not know it (any more)
                reply = await client.execute_command("EVAL", script.text, *words)
        if not isinstance(reply, int):
            raise CacheUnavailableError("a script has answered with something else than a number")
        return reply

    async def run_all(self, commands: Sequence[Sequence[Word]]) -> list[object]:
        """Send commands together and return their replies in order; raises CacheUnavailableError."""
        async with self._using() as client:
            pipeline = client.pipeline(transaction=False)
            for words in commands:
                pipeline.execute_command(*words)
            return await pipeline.execute()

    async def close(self) -> None:
        """Close all connections."""
        self._retire(self._client)
        self._closing.set()
        if self._retired:
            await asyncio.wait(self._retired)

    @asynccontextmanager
    async def _using(self) -> AsyncGenerator[_Client]:
        async with self._free:
            client = None
            try:
                client = self._client or await self._find()
                yield client
            except failures.OutOfMemoryError as error:
                raise CacheFullError(str(error)) from error
            except (*_LOST, CacheUnfitError, CacheRefusedError) as error:
                self._retire(client)
                raise CacheUnavailableError(f"{type(error).__name__}: {error}") from error
            except failures.RedisError as error:
                raise CacheUnavailableError(f"{type(error).__name__}: {error}") from error

    async def _find(self) -> _Client:
        """Ask what is there: whether it is a cluster, and whether it is fit (CacheUnfitError)."""
        async with self._finding:
            if self._client is None:
                entry = await come_in(self._address, timeout_s=self._timeout_s)
                entry.wire.drop()
                refuse_unfit(self._address, entry.info)
                make = _cluster if entry.info.is_cluster else _single
                self._client = make(self._address, timeout_s=self._timeout_s)
            return self._client

    def _retire(self, client: _Client | None) -> None:
        """Have the next command look anew; others may still be waiting on this client."""
        if client is None or client is not self._client:
            return
        self._client = None
        task = asyncio.get_running_loop().create_task(self._close_later(client))
        self._retired.add(task)
        task.add_done_callback(self._retired.discard)

    async def _close_later(self, client: _Client) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(2 * self._timeout_s):
                await self._closing.wait()
        await client.aclose()
        if isinstance(client, RedisCluster):
            # After an error the cluster client believes that it has nothing to close.
            await client.nodes_manager.aclose()
            await client.nodes_manager.aclose("startup_nodes")


def _no_retry() -> Retry:
    """Return what makes redis-py try once: no attempt after the first, for no error."""
    return Retry(NoBackoff(), 0)


def _single(address: ServerAddress, *, timeout_s: float) -> _Client:
    client = Redis(
        host=address.host,
        port=address.port,
        unix_socket_path=address.path,
        username=address.username,
        password=address.password,
        db=address.database,
        ssl=address.tls,
        ssl_ca_certs=address.ca_file,
        socket_timeout=timeout_s,
        socket_connect_timeout=ENTRY_TIMEOUT_S,
        retry=_no_retry(),
        retry_on_error=[],
        protocol=2,
        client_name="izin-projector",
    )
    pool = client.connection_pool
    pool.connection_class = type("PackingConnection", (_Packing, pool.connection_class), {})
    return cast("_Client", client)


def _cluster(address: ServerAddress, *, timeout_s: float) -> _Client:
    # Each node's connections get a retry of no attempts from the cluster client itself. What it does follow
    # is MOVED and ASK: there the command was not carried out.
    client = RedisCluster(
        host=address.host,
        port=address.port,
        username=address.username,
        password=address.password,
        ssl=address.tls,
        ssl_ca_certs=address.ca_file,
        socket_timeout=timeout_s,
        socket_connect_timeout=ENTRY_TIMEOUT_S,
        require_full_coverage=False,
        retry=_no_retry(),
        protocol=2,
        client_name="izin-projector",
    )
    return cast("_Client", client)

"""A cache server as the check sees it: always there to be asked, and mostly connected.

The connection is made in the background, and made anew when it is lost. Whoever asks meanwhile is told at
once that there is no answer.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog
from hiredis import ReplyError

from shared.cache.address import ServerAddress
from shared.cache.resp import command
from shared.cache.server_info import (
    CacheUnfitError,
    ServerInfo,
    limits_too_low,
    read_info,
)
from shared.cache.wire import Done, Replies, Wire, tell

# Nobody waits for these: they bound one attempt to come in, and the pauses between attempts.
ENTRY_TIMEOUT_S: Final = 2.0
PAUSE_S_MIN: Final = 0.05
PAUSE_S_MAX: Final = 1.0
REFUSED_PAUSE_S: Final = 5.0
# How often a connected server is asked whether it is still there and still fit.
PROBE_S: Final = 5.0

_INFO: Final = command(b"INFO")
_LIMITS: Final = command(b"CONFIG", b"GET", b"hash-max-listpack-*")
_NAME: Final = command(b"CLIENT", b"SETNAME", b"izin")

_log: Final[structlog.typing.FilteringBoundLogger] = structlog.get_logger()


class CacheRefusedError(Exception):
    """The server does not let us in, or does not say what it is; the text is its own."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A connection that was let in, and what is behind it."""

    wire: Wire
    info: ServerInfo
    limits_too_low: dict[str, int]


class Link:
    """One server, and the one connection that this process has to it."""

    def __init__(
        self,
        address: ServerAddress,
        *,
        timeout_s: float,
        on_change: Callable[["Link"], None] = lambda _link: None,
    ) -> None:
        """`on_change` is called when the connection came up and when it went."""
        self.address = address
        self.info: ServerInfo | None = None
        self._timeout_s = timeout_s
        self._on_change = on_change
        self._wire: Wire | None = None
        self._loop = asyncio.get_running_loop()
        self._last_said = ""
        self._keeper = self._loop.create_task(self._keep())

    @property
    def is_up(self) -> bool:
        """Whether there is a connection to a fit server."""
        return self._wire is not None

    def send(self, commands: bytes, *, replies: int, done: Done) -> None:
        """Write commands now, and have `done` called with their replies, in order.

        `done` is called exactly once, on the loop, never before this returns. It gets None if there is no
        connection, it was lost, the server is behind, or the time-out passed: then the commands may have
        been carried out or not. An error of the server stands in the list as hiredis.ReplyError.
        """
        wire = self._wire
        if wire is None:
            self._loop.call_soon(tell, done, None)
        else:
            wire.send(commands, replies=replies, done=done)

    async def ask(self, commands: bytes, *, replies: int) -> Replies | None:
        """Send and wait; for what is not in a hurry."""
        wire = self._wire
        return None if wire is None else await wire.ask(commands, replies=replies)

    async def close(self) -> None:
        """Leave the server for good."""
        self._keeper.cancel()
        await asyncio.wait([self._keeper])

    async def _keep(self) -> None:
        pause_s = PAUSE_S_MIN
        while True:
            try:
                entry = await come_in(self.address, timeout_s=self._timeout_s)
                pause_s = PAUSE_S_MIN
                await self._stay(entry)
            except (CacheUnfitError, CacheRefusedError) as error:
                self._say_once("cache.server.refused", str(error))
                pause_s = REFUSED_PAUSE_S
            except Exception as error:  # noqa: BLE001  # whatever it was, the next attempt may succeed
                self._say_once("cache.server.unreachable", type(error).__name__)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, PAUSE_S_MAX)

    async def _stay(self, entry: Entry) -> None:
        """Use a connection until it is lost, or the server is no longer fit (CacheUnfitError)."""
        wire = entry.wire
        try:
            refuse_unfit(self.address, entry.info)
            self._greet(entry)
            self.info, self._wire = entry.info, wire
            self._on_change(self)
            while not wire.lost.done():
                await asyncio.wait([wire.lost], timeout=PROBE_S)
                await self._probe(wire)
        finally:
            wire.drop()
            if self._wire is not None:
                self._wire = None
                self._on_change(self)
        self._say_once("cache.server.lost", "")

    async def _probe(self, wire: Wire) -> None:
        replies = await wire.ask(_INFO, replies=1)
        if replies is not None and isinstance(replies[0], bytes):
            refuse_unfit(self.address, read_info(replies[0]))

    def _greet(self, entry: Entry) -> None:
        self._last_said = ""
        server = str(self.address)
        _log.info(
            "cache.server.connected",
            server=server,
            version=entry.info.version,
            replica=entry.info.is_replica,
        )
        if entry.limits_too_low:
            _log.warning("cache.server.unpacked", server=server, limits=entry.limits_too_low)

    def _say_once(self, event: str, why: str) -> None:
        """Log a change of state, and not each attempt."""
        if self._last_said == event + why:
            return
        self._last_said = event + why
        _log.warning(event, server=str(self.address), why=why)


def refuse_unfit(address: ServerAddress, info: ServerInfo) -> None:
    """Raise CacheUnfitError if the server must not be used as the cache."""
    if (why := info.unfit()) is not None:
        raise CacheUnfitError(f"the cache server {address} is refused: {why}")


async def come_in(address: ServerAddress, *, timeout_s: float) -> Entry:
    """Connect and introduce ourselves; `timeout_s` is for the questions that follow.

    Raises CacheRefusedError, OSError or TimeoutError. Whether the server is fit is the caller's to ask.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(ENTRY_TIMEOUT_S):
        wire = await _connect(loop, address, timeout_s)
        try:
            return await _introduce(wire, address)
        except BaseException:
            wire.drop()
            raise


async def _connect(
    loop: asyncio.AbstractEventLoop, address: ServerAddress, timeout_s: float
) -> Wire:
    def make() -> Wire:
        return Wire(loop, timeout_s=timeout_s)

    if address.path is not None:
        _transport, wire = await loop.create_unix_connection(make, address.path)
    else:
        _transport, wire = await loop.create_connection(
            make, address.host, address.port, ssl=address.ssl_context()
        )
    return wire


async def _introduce(wire: Wire, address: ServerAddress) -> Entry:
    steps = [_NAME, _LIMITS, _INFO]
    if address.database:
        steps.insert(0, command(b"SELECT", b"%d" % address.database))
    if address.password is not None:
        user = [] if address.username is None else [address.username.encode()]
        steps.insert(0, command(b"AUTH", *user, address.password.encode()))
    replies = await wire.ask(b"".join(steps), replies=len(steps), timeout_s=ENTRY_TIMEOUT_S)
    if replies is None:
        raise ConnectionError("no answer")
    *entered, _named, limits, info = replies
    for reply in (*entered, info):
        if isinstance(reply, ReplyError):
            raise CacheRefusedError(str(reply))
    if not isinstance(info, bytes):
        raise CacheRefusedError("INFO is no text")
    return Entry(wire, read_info(info), limits_too_low(limits))

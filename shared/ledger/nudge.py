"""Telling projectors that a brand has moved. A nudge may be lost: the ledger's tail is the truth.

It is sent after the commit, in a transaction of its own. A NOTIFY within the writing transaction would
take one lock of the whole server until that has committed, so all writers would commit one after the
other (ADR 0013).
"""

import asyncio
from collections.abc import Callable
from typing import Final, LiteralString

import structlog

from shared.ledger.deadline import heed_cancellation, within
from shared.ledger.failures import LedgerUnavailableError, ledger_errors
from shared.ledger.store import Connection, Pool, connect

CHANNEL: Final = "izin_projection"
SEND_TIMEOUT_S: Final = 2.0
# What one process tells of one brand in a second is bounded by this, however much is written. While a nudge
# waits, checks of the brand go to the ledger: at twenty writes a second, half of them with 50 ms.
REST_S: Final = 0.01
# A payload holds less than 8,000 bytes, a code and its comma eleven at most.
BRANDS_A_NUDGE_MAX: Final = 500
CODE_MAX: Final = 2**31 - 1  # what the column can hold
RECONNECT_FIRST_S: Final = 0.1
RECONNECT_MAX_S: Final = 5.0
HEARTBEAT_INTERVAL_S: Final = 5.0
HEARTBEAT_TIMEOUT_S: Final = 5.0
_log: Final[structlog.typing.FilteringBoundLogger] = structlog.get_logger()

NOTIFY: LiteralString = "SELECT pg_notify($1, $2)"
HEARTBEAT: LiteralString = "SELECT 1"


class Nudger:
    """Sends nudges, all of a tick in one statement, one statement at a time.

    A brand that was just told of rests for a moment; what moves meanwhile is told at the end of it.
    """

    def __init__(self, pool: Pool, *, rest_s: float = REST_S) -> None:
        self._pool = pool
        self._rest_s = rest_s
        self._due: set[int] = set()
        self._resting: set[int] = set()
        self._again: set[int] = set()
        self._send_is_due = False
        self._under_way: asyncio.Task[None] | None = None
        self._is_open = True

    def nudge(self, brand_code: int) -> None:
        """Tell projectors soon that the brand has moved; returns at once and never fails."""
        if brand_code in self._resting:
            self._again.add(brand_code)
        else:
            self._due.add(brand_code)
            self._send_soon()

    async def aclose(self) -> None:
        """Send what waits, within moments; called while the pool is still open."""
        self._is_open = False
        self._due |= self._again
        while self._under_way is not None or self._due:
            if self._under_way is None:
                self._begin()
            else:
                await asyncio.wait({self._under_way})

    def _send_soon(self) -> None:
        if self._is_open and self._under_way is None and not self._send_is_due:
            # Not now but at the end of this tick: everybody who commits in it shares the statement.
            self._send_is_due = True
            asyncio.get_running_loop().call_soon(self._begin)

    def _begin(self) -> None:
        self._send_is_due = False
        if self._under_way is not None or not self._due:
            return
        brands = set(sorted(self._due)[:BRANDS_A_NUDGE_MAX])
        self._due -= brands
        self._resting |= brands
        loop = asyncio.get_running_loop()
        loop.call_later(self._rest_s, self._wake, brands)
        self._under_way = loop.create_task(self._send(brands))

    def _wake(self, brands: set[int]) -> None:
        self._resting -= brands
        self._due |= self._again & brands
        self._again -= brands
        if self._due:
            self._send_soon()

    async def _send(self, brands: set[int]) -> None:
        try:
            await within(SEND_TIMEOUT_S, self._notify(",".join(map(str, sorted(brands)))))
        except (LedgerUnavailableError, TimeoutError):
            pass  # projectors look at all brands every second
        except Exception as error:  # noqa: BLE001  # whatever it is, no write and no check may feel it
            _log.error("ledger.nudge.failed", exc_info=error)
        finally:
            self._under_way = None
            if self._due:
                self._send_soon()

    async def _notify(self, payload: str) -> None:
        async with ledger_errors():
            await self._pool.execute(NOTIFY, CHANNEL, payload)


async def follow_nudges(
    dsn: str, *, heard: Callable[[int], None], missed: Callable[[], None]
) -> None:
    """Call `heard` with every brand that is told of, for ever, on a connection of its own.

    A connection that is lost is made anew, and asked now and then whether it lives. `missed` is called
    whenever it stands anew: nudges may have been lost until then.
    """
    pause_s = RECONNECT_FIRST_S
    while True:
        try:
            connection = await connect(dsn, application_name="izin nudges")
            try:
                await listen(connection, heard)
                missed()
                pause_s = RECONNECT_FIRST_S
                await _until_lost(connection)
            finally:
                connection.terminate()
        except LedgerUnavailableError:
            pass  # whoever reads the ledger says so; without nudges there is the look at all brands
        heed_cancellation()
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, RECONNECT_MAX_S)


async def listen(connection: Connection, heard: Callable[[int], None]) -> None:
    """Have `heard` called with every brand that is told of; raises LedgerUnavailableError."""

    def take(_connection: object, _pid: int, _channel: str, payload: object) -> None:
        for word in str(payload).split(","):
            # Anybody who may connect may send anything.
            if word.isascii() and word.isdecimal() and 0 < int(word) <= CODE_MAX:
                heard(int(word))

    async with ledger_errors():
        await connection.add_listener(CHANNEL, take)


async def _until_lost(connection: Connection) -> None:
    lost = asyncio.Event()
    connection.add_termination_listener(lambda _connection: lost.set())
    while not (lost.is_set() or connection.is_closed()):
        heed_cancellation()
        try:
            await asyncio.wait_for(lost.wait(), HEARTBEAT_INTERVAL_S)
        except TimeoutError:
            async with ledger_errors():
                await within(HEARTBEAT_TIMEOUT_S, connection.fetchval(HEARTBEAT))

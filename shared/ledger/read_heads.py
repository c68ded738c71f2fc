"""Where do these brands' heads stand? The tiny question that every cached answer hangs on.

It is asked thousands of times a second, so it has a connection and a prepared statement of its own, without
the pool's way of lending, and one timer for all its time-outs. One read is under way at a time: whoever
asks for many gathers them first (`services/check/rounds.py`).
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from struct import Struct
from typing import TYPE_CHECKING, Final, LiteralString, NamedTuple, TypeAlias

import structlog

from shared.ledger.begin import begin
from shared.ledger.deadline import within
from shared.ledger.store import connect_reader
from shared.telemetry import metrics

if TYPE_CHECKING:
    import asyncpg
    from asyncpg.prepared_stmt import PreparedStatement

    _Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]
    _Statement: TypeAlias = PreparedStatement[asyncpg.Record]

CONNECT_TIMEOUT_S: Final = 5.0
BACK_OFF_MIN_S: Final = 0.05
BACK_OFF_MAX_S: Final = 1.0
_CODE_MAX: Final = 2**31 - 1  # what the column can hold; no other number is anybody's
_log: Final[structlog.typing.FilteringBoundLogger] = structlog.get_logger()


class Head(NamedTuple):
    """Where a brand's movements end: which movement is there, and how often its rights have changed.

    `movement` is extent, nonce and offset, all zero where the brand has none.
    """

    position: int
    movement: tuple[int, int, int]
    authority_version: int


@dataclass(slots=True)
class Heads:
    """Heads of one moment, and what else a decision of that moment hangs on. Unknown brands are missing."""

    directory_version: int
    digest_key_id: int
    by_brand: dict[int, Head]


Done = Callable[[Heads | None], None]

# All heads in one column: a row for each would cost both sides more than looking them up does.
HEADS: LiteralString = """
    SELECT s.directory_version,
           s.digest_key_id,
           pg_is_in_recovery() AS in_recovery,
           (SELECT string_agg(int4send(h.brand_code)
                              || int8send(h.position)
                              || int8send(COALESCE(h.extent_id, 0))
                              || int8send(COALESCE(h.extent_nonce, 0))
                              || int4send(COALESCE(h.extent_offset, 0))
                              || int8send(h.authority_version), ''::bytea)
              FROM brand_head AS h
             WHERE h.brand_code = ANY ($1::integer[])) AS heads
      FROM ledger_state AS s
"""
_PACKED: Final = Struct(">i36s")  # a brand, and its head as it is packed
_HEAD: Final = Struct(">qqqiq")
# So many heads are remembered as they were packed, a few hundred bytes each; then it is begun anew.
HEADS_KNOWN_MAX: Final = 20_000


class _Unpacked(dict[bytes, Head]):
    """Heads by their packed form, unpacked when they are first seen: most have not moved since."""

    def __missing__(self, packed: bytes) -> Head:
        if len(self) >= HEADS_KNOWN_MAX:
            self.clear()
        position, extent_id, nonce, offset, authority_version = _HEAD.unpack(packed)
        head = self[packed] = Head(position, (extent_id, nonce, offset), authority_version)
        return head


class _StandbyError(Exception):
    """What answered is no primary: nothing follows from it (design 5, rule 5)."""


@dataclass(slots=True)
class _Reading:
    """The read that is under way, and until when, in the loop's time."""

    done: Done
    expires_at: float


class HeadReader:
    """Reads heads over a connection of its own, which is made anew in the background when it is lost."""

    def __init__(
        self,
        dsn: str,
        *,
        timeout_s: float,
        on_connect: Sequence[Callable[[], None]] = (),
        on_failure: Callable[[], None] = lambda: None,
    ) -> None:
        self._dsn = dsn
        self._timeout_s = timeout_s
        self._on_connect = on_connect
        self._on_failure = on_failure
        self._loop = asyncio.get_running_loop()
        self._connection: _Connection | None = None
        self._statement: _Statement | None = None
        self._reading: _Reading | None = None
        self._unpacked = _Unpacked()
        self._watch: asyncio.TimerHandle | None = None
        self._lost = asyncio.Event()
        self._answered_since_connected = False

    @property
    def is_connected(self) -> bool:
        """Say whether a read would be sent."""
        return self._statement is not None

    def read(self, brand_codes: Sequence[int], done: Done) -> None:
        """Ask for the heads of some brands; sent at once, joined by nobody.

        `done` is called exactly once, on the loop, never from within this call: with None when there is no
        connection, when what answers is no primary, on an error, past the time-out, and when another read
        is under way.
        """
        statement = self._statement
        if statement is None or self._reading is not None:
            self._loop.call_soon(done, None)
            return
        self._reading = _Reading(done, self._loop.time() + self._timeout_s)
        if self._watch is None:
            self._watch = self._loop.call_later(self._timeout_s, self._look)
        codes = [code for code in brand_codes if 0 < code <= _CODE_MAX]
        begin(_fetch(statement, codes), partial(self._take, self._reading))

    def _take(
        self, reading: _Reading, rows: "Sequence[asyncpg.Record] | None", error: Exception | None
    ) -> None:
        """Take what the ledger said. Whatever went wrong: no heads, and no trust in this connection."""
        heads = None
        if error is None:
            try:
                heads = self._decode(rows or ())
            except Exception as fault:  # noqa: BLE001  # see above
                error = fault
        if error is not None:
            self._fail(reading, error)
            return
        self._answered_since_connected = True
        self._finish(reading, heads)

    def _decode(self, rows: "Sequence[asyncpg.Record]") -> Heads:
        """Return what the only row says. Raises _StandbyError."""
        ((directory_version, digest_key_id, in_recovery, packed),) = rows
        if in_recovery:
            raise _StandbyError
        unpacked = self._unpacked
        each: Iterator[tuple[int, bytes]] = _PACKED.iter_unpack(packed or b"")
        return Heads(
            directory_version, digest_key_id, {code: unpacked[head] for code, head in each}
        )

    def _finish(self, reading: _Reading, heads: Heads | None) -> None:
        if self._reading is reading:  # else it was given up before, and its asker told
            self._reading = None
            reading.done(heads)

    def _fail(self, reading: _Reading, error: Exception) -> None:
        if self._reading is not reading:
            return
        kind = "timeout" if isinstance(error, TimeoutError) else "unavailable"
        metrics.LEDGER_ERRORS_TOTAL.add(kind)
        self._drop()
        self._on_failure()
        self._finish(reading, None)

    def _look(self) -> None:
        """Give up a read that is overdue. The timer runs on from read to read, and is seldom set."""
        self._watch = None
        reading = self._reading
        if reading is None:
            return
        left_s = reading.expires_at - self._loop.time()
        if left_s > 0:
            self._watch = self._loop.call_later(left_s, self._look)
        else:
            self._fail(reading, TimeoutError())

    def _drop(self) -> None:
        """Trust this connection no more; another one is made."""
        connection, self._connection, self._statement = self._connection, None, None
        if connection is not None:
            connection.terminate()
        self._lost.set()

    async def keep_connected(self) -> None:
        """Make a connection, and another one whenever it is lost; ends when it is cancelled."""
        back_off_s = BACK_OFF_MIN_S
        try:
            while True:
                self._lost.clear()
                self._answered_since_connected = False
                await self._connect()
                if self._answered_since_connected:
                    back_off_s = BACK_OFF_MIN_S
                await asyncio.sleep(back_off_s)
                back_off_s = min(2 * back_off_s, BACK_OFF_MAX_S)
        finally:
            self._drop()

    async def _connect(self) -> None:
        """Connect, and return when that has failed or the connection is lost."""
        try:
            connection = await connect_reader(self._dsn, timeout_s=CONNECT_TIMEOUT_S)
        except Exception as error:  # noqa: BLE001  # the next attempt comes, whatever it was
            _log.warning("ledger.heads.unreachable", error=type(error).__name__)
            return
        self._connection = connection
        connection.add_termination_listener(self._was_ended)
        try:
            statement = await within(CONNECT_TIMEOUT_S, connection.prepare(HEADS))
            await within(
                CONNECT_TIMEOUT_S, statement.fetch([])
            )  # plan it before anybody waits for it
        except Exception as error:  # noqa: BLE001  # likewise
            _log.warning("ledger.heads.unreachable", error=type(error).__name__)
            self._drop()
            return
        if self._connection is not connection:
            return  # it has ended meanwhile
        for listener in self._on_connect:
            listener()
        self._statement = statement
        await self._lost.wait()

    def _was_ended(self, connection: object) -> None:
        """Note that the server, the network or we have ended a connection."""
        if connection is self._connection:
            self._drop()


@asynccontextmanager
async def open_heads(
    dsn: str,
    *,
    timeout_s: float,
    on_connect: Sequence[Callable[[], None]] = (),
    on_failure: Callable[[], None] = lambda: None,
) -> AsyncGenerator[HeadReader]:
    """Open a reader; it connects in the background, and until it has, every read ends with None.

    Past `timeout_s` a read is given up and its connection with it. `on_connect` is called for every
    connection made (the server may have come back as an older one), `on_failure` for every read that
    failed: whoever keeps copies must not trust them then. The list of listeners may grow meanwhile.
    """
    reader = HeadReader(dsn, timeout_s=timeout_s, on_connect=on_connect, on_failure=on_failure)
    keeping = asyncio.get_running_loop().create_task(reader.keep_connected())
    try:
        yield reader
    finally:
        keeping.cancel()
        await asyncio.wait({keeping})


async def _fetch(statement: "_Statement", codes: list[int]) -> "Sequence[asyncpg.Record]":
    """Ask; where the connection has just ended the driver refuses at once, and that is an answer, too."""
    return await statement.fetch(codes)

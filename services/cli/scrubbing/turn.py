"""One turn of a scrub: every row of a source is asked, and written to where its answer says."""

import asyncio
from collections import deque
from collections.abc import Coroutine, Mapping
from typing import Final, Protocol

from services.cli.errors import CliError
from services.cli.scrubbing.exchange import BrokenOffError, Exchange, Reply, Server, open_exchange
from services.cli.scrubbing.results import ALLOWED, DENIED, UNVERIFIED, Results
from services.cli.scrubbing.rows import REASON_COLUMN, Row, denied_row, whole_row
from services.cli.scrubbing.source import RowFeed

# What is sent and not answered yet stays in memory.
ROWS_AHEAD_MAX: Final = 20_000
BYTES_AHEAD_MAX: Final = 8_388_608
# A pipe that is silent for so long ends the list that is under way, before the server does; what it says
# later begins another.
REST_S: Final = 10.0
SAVE_EVERY_S: Final = 2.0
_NOT_VERIFIED: Final = "UNVERIFIED"


class Watch(Protocol):
    """Somebody who looks at the progress."""

    def moved(self, *, offset: int, rows: int) -> None:
        """Take note: so many bytes and rows of the turn's source have been answered."""
        ...


class Turn:
    """Asks the rows of one source. In the last turn, what cannot be verified is denied."""

    def __init__(self, results: Results, feed: RowFeed, *, is_last: bool, watch: Watch) -> None:
        self._results = results
        self._state = results.state
        self._feed = feed
        self._is_last = is_last
        self._watch = watch
        self._ahead: deque[Row] = deque()
        self._bytes_ahead = 0
        self._asked_ahead = 0
        self._room = asyncio.Event()
        self._saved_at = asyncio.get_running_loop().time()

    async def run(self, server: Server, question: Mapping[str, str]) -> None:
        """Ask everything; raises BrokenOffError and CliError, and whatever was answered stays saved."""
        try:
            while rows := await self._feed.rows():
                async with open_exchange(server, question) as exchange:
                    await _both(self._send(exchange, rows), self._receive(exchange))
        except OSError:
            raise  # of the parts themselves: what was saved last is what counts
        except BaseException:
            self._results.save()
            raise
        self._results.save()

    async def _send(self, exchange: Exchange, rows: list[Row]) -> None:
        try:
            while rows:
                await exchange.send(self._taken(rows))
                while not self._has_room():
                    self._room.clear()
                    await self._room.wait()
                rows = await self._feed.rows(timeout_s=REST_S)
        except ConnectionError:
            return  # whoever receives will find out why
        except TimeoutError:
            pass
        await exchange.finish()

    def _taken(self, rows: list[Row]) -> bytes:
        """Remember the rows; return the lines that ask about them."""
        self._ahead.extend(rows)
        self._bytes_ahead += sum(len(row.raw) for row in rows)
        addresses = [row.address for row in rows if row.address is not None]
        self._asked_ahead += len(addresses)
        return b"".join([address + b"\n" for address in addresses])

    def _has_room(self) -> bool:
        return len(self._ahead) < ROWS_AHEAD_MAX and self._bytes_ahead < BYTES_AHEAD_MAX

    async def _receive(self, exchange: Exchange) -> None:
        line = 0
        while True:
            try:
                replies = await exchange.receive()
            except TimeoutError:
                if self._asked_ahead:
                    raise BrokenOffError("the server does not answer in time") from None
                continue
            if [reply.line for reply in replies.lines] != list(
                range(line + 1, line + 1 + len(replies.lines))
            ) or len(replies.lines) > self._asked_ahead:
                raise CliError(
                    "the server's answers do not follow the list; nothing of them is used"
                )
            line += len(replies.lines)
            self._settle(replies.lines)
            if replies.end is not None:
                if self._asked_ahead:
                    raise BrokenOffError("the server ended the list too soon")
                self._settle_rest()
                self._state.position = replies.end.position
                return

    def _settle(self, replies: list[Reply]) -> None:
        """Write the rows that are answered, and count them, all at once: nothing may come between."""
        consumed: list[bytes] = []
        for reply in replies:
            while (row := self._ahead.popleft()).address is None:
                consumed.append(self._passed(row))
            consumed.append(row.raw)
            self._decide(row, reply)
        self._asked_ahead -= len(replies)
        self._count(consumed)

    def _settle_rest(self) -> None:
        """Pass what stands behind the last row that was asked."""
        rest, self._ahead = self._ahead, deque()
        self._count([self._passed(row) for row in rest])

    def _count(self, consumed: list[bytes]) -> None:
        content = b"".join(consumed)
        self._results.consumed(content)
        self._bytes_ahead -= len(content)
        self._room.set()
        self._watch.moved(offset=self._state.offset, rows=self._state.turn_rows)
        now = asyncio.get_running_loop().time()
        if now - self._saved_at > SAVE_EVERY_S:
            self._results.save()
            self._saved_at = now

    def _passed(self, row: Row) -> bytes:
        """Write the names of the columns to both results; a blank row is left out."""
        if row.raw.strip(b"\r\n"):
            layout = self._state.layout
            self._state.is_past_names = True
            self._results.write(ALLOWED, whole_row(row, layout))
            self._results.write(DENIED, denied_row(row, REASON_COLUMN, layout))
        return row.raw

    def _decide(self, row: Row, reply: Reply) -> None:
        layout, state = self._state.layout, self._state
        state.turn_rows += 1
        if reply.reason == _NOT_VERIFIED and not self._is_last:
            self._results.write(UNVERIFIED, whole_row(row, layout))
            return
        state.rows += 1
        state.counts[reply.reason] = state.counts.get(reply.reason, 0) + 1
        if reply.allowed:
            self._results.write(ALLOWED, whole_row(row, layout))
            state.allowed += 1
        else:
            self._results.write(DENIED, denied_row(row, reply.reason.encode(), layout))


async def _both(send: Coroutine[None, None, None], receive: Coroutine[None, None, None]) -> None:
    """Run both to their end; the first that fails ends the other, and is raised."""
    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(receive), loop.create_task(send)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        failed = [task for task in tasks if _has_failed(task)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in failed or tasks:
        task.result()


def _has_failed(task: asyncio.Task[None]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is not None

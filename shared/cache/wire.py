"""One connection to a cache server, shared by everybody in the process.

Commands are written at once and replies come in their order, so all that a connection remembers is a queue
of who asked. Nobody waits longer than the time-out: one timer looks at the oldest question. What was given
up keeps its place in the queue, so that its late reply is not taken for somebody else's.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from math import inf
from typing import Final, TypeAlias, cast

import structlog
from hiredis import HiredisError, Reader
from typing_extensions import override

Replies: TypeAlias = list[object]
Done: TypeAlias = Callable[[Replies | None], None]

# A server that answers nothing for so long after the first time-out is taken for lost.
STALLED_S_MAX: Final = 1.0
# What a stalled server has not read yet; beyond it nothing more is written.
UNREAD_BYTES_MAX: Final = 4 * 1024 * 1024
_NO_MORE: Final = object()

_log: Final[structlog.typing.FilteringBoundLogger] = structlog.get_logger()


class _Question:
    """Somebody who waits for a number of replies; `done` is None once they were told."""

    __slots__ = ("deadline", "done", "replies", "replies_wanted")

    def __init__(self, done: Done, replies_wanted: int, deadline: float) -> None:
        self.done: Done | None = done
        self.replies: Replies = []
        self.replies_wanted = replies_wanted
        self.deadline = deadline


class Wire(asyncio.Protocol):
    """A connection from made to lost; it is never made again (`Link` makes another)."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, timeout_s: float) -> None:
        self.lost: Final[asyncio.Future[None]] = loop.create_future()
        self._loop = loop
        self._timeout_s = timeout_s
        self._reader = Reader(notEnoughData=_NO_MORE)
        self._questions: deque[_Question] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._next_look = inf
        self._transport: asyncio.Transport | None = None
        self._stalled = False
        self._paused = False

    def send(
        self, commands: bytes, *, replies: int, done: Done, timeout_s: float | None = None
    ) -> None:
        """Write commands; `done` gets their replies, or None. See `Link.send`.

        A `timeout_s` of one's own is for the first question of a connection, before there are others: the
        queue is in order of deadlines.
        """
        transport = self._transport
        if transport is None or self._stalled or self._paused:
            self._loop.call_soon(tell, done, None)
            return
        deadline = self._loop.time() + (timeout_s or self._timeout_s)
        self._questions.append(_Question(done, replies, deadline))
        if deadline < self._next_look:
            self._look_again(deadline)
        try:
            transport.write(commands)
        except Exception as error:  # noqa: BLE001  # loops differ in what a broken transport raises
            # Not now: whoever sends is never called back from within.
            self._loop.call_soon(self.drop, type(error).__name__)

    async def ask(
        self, commands: bytes, *, replies: int, timeout_s: float | None = None
    ) -> Replies | None:
        """Send and wait; None is what `done` would have got."""
        answer: asyncio.Future[Replies | None] = self._loop.create_future()

        def settle(result: Replies | None) -> None:
            if not answer.done():
                answer.set_result(result)

        self.send(commands, replies=replies, done=settle, timeout_s=timeout_s)
        return await answer

    def drop(self, fault: str = "") -> None:
        """Give the connection up at once: nothing that was sent is answered any more."""
        if self._transport is None:
            return
        if fault:
            _log.warning("cache.connection.dropped", why=fault)
        transport, self._transport = self._transport, None
        transport.abort()
        self._end()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=UNREAD_BYTES_MAX)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._end()

    @override
    def pause_writing(self) -> None:
        self._paused = True

    @override
    def resume_writing(self) -> None:
        self._paused = False

    @override
    def data_received(self, data: bytes) -> None:
        try:
            self._reader.feed(data)
            replies: Replies = list(iter(self._reader.gets, _NO_MORE))
        except HiredisError as error:
            self.drop(type(error).__name__)
            return
        self._hand_out(replies)
        if self._stalled and (not self._questions or self._questions[0].done is not None):
            self._stalled = False

    def _hand_out(self, replies: Replies) -> None:
        """Give each question its replies, in order; the last one may get only a part of them yet."""
        at = 0
        while at < len(replies) and self._transport is not None:
            if not self._questions:
                self.drop("more replies than questions")
                return
            question = self._questions[0]
            missing = question.replies_wanted - len(question.replies)
            question.replies += replies[at : at + missing]
            at += missing
            if len(question.replies) == question.replies_wanted:
                self._questions.popleft()
                if question.done is not None:
                    tell(question.done, question.replies)

    def _look_at_the_clock(self) -> None:
        """Give up what is overdue; the connection, too, when that lasts."""
        self._next_look = inf
        if not self._questions:
            return
        now = self._loop.time()
        oldest = self._questions[0].deadline
        if now - oldest >= STALLED_S_MAX:
            self.drop("stalled")
            return
        self._stalled = oldest <= now
        overdue: list[Done] = []
        next_look = oldest + STALLED_S_MAX
        for question in self._questions:
            if question.deadline > now:
                next_look = min(next_look, question.deadline)
                break
            if question.done is not None:
                overdue.append(question.done)
                question.done = None
        self._look_again(next_look)
        for done in overdue:
            tell(done, None)

    def _look_again(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._next_look = when
        self._timer = self._loop.call_at(when, self._look_at_the_clock)

    def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        questions, self._questions = self._questions, deque()
        for question in questions:
            if question.done is not None:
                tell(question.done, None)
        if not self.lost.done():
            self.lost.set_result(None)


def tell(done: Done, replies: Replies | None) -> None:
    """Call back. A fault in there is its owner's: the connection is everybody's, and must not end."""
    try:
        done(replies)
    except Exception:  # noqa: BLE001  # see above; it is logged with its traceback
        _log.error("cache.callback.failed", exc_info=True)

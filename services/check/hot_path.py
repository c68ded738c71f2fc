"""The shell of the hot path: a plain `POST /check` is answered where its bytes arrive.

It needs no task, no scope and no middleware: where nothing else is under way on a connection, and what was
read from it is exactly one plain request, `PlainChecks` is asked, and its answer is written when it comes.
Every other byte goes to the server's own protocol just as it was read, and so through the ASGI app, which
gives the same answers more slowly. That they are the same is what `tests/hostile/test_hot_path_fuzz.py`
compares, byte for byte.

There is no second HTTP parser here: a client that keeps its connection repeats the head of its request, so
the server's parser is asked once what a head means, and what it said is remembered.

One question is under way on a connection at a time, so answers are in order. What the client sends
meanwhile is held back. A known head that comes alone is, too, for a moment: many a client sends the body in
a packet of its own.
"""

import asyncio
from dataclasses import dataclass, field
from typing import ClassVar, Final, cast

import structlog
from typing_extensions import override

from services.check.hot_door import ASKED_AT, CACHE_MISSED, HotDoor
from services.check.plain_check import PlainChecks
from shared.auth.gate import Ticket
from shared.telemetry import metrics
from shared.web.answer_head import CLOSING_HEAD_END, HEAD_END, AnswerHeads, draw_ids
from shared.web.bounded_http import BoundedHttp
from shared.web.plain_request import authorization_of_plain

PATH: Final = b"/check"
HEAD_BYTES_MAX: Final = 4096
# No limit of bodies is smaller (settings.py), and no plain question is larger.
BODY_BYTES_MAX: Final = 1024
HEADS_MAX: Final = 10_000
HELD_BYTES_MAX: Final = 65_536
BODY_WAIT_S: Final = 0.005
COUNTED_EVERY_S: Final = 0.25

_REQUEST_LINE: Final = b"POST /check HTTP/1.1\r\n"
_log: Final[structlog.typing.FilteringBoundLogger] = structlog.get_logger()


def hot_path(door: HotDoor) -> type["HotPath"]:
    """Return the protocol class for a server in front of the service behind this door."""

    class Protocol(HotPath):
        _shared = _Shared(door)

    return Protocol


@dataclass(frozen=True, slots=True)
class _Head:
    """The head of a plain request as it stands, and what it means."""

    block: bytes = field(repr=False)  # it has a credential in it
    request_bytes: int  # of the head, and of the body that it announces
    ticket: Ticket | None


_NOT_PLAIN: Final = _Head(b"", 0, None)


class HotPath(BoundedHttp):
    """One connection. `_shared` is what it has in common with the others of its process."""

    _shared: ClassVar["_Shared"]

    _head = _NOT_PLAIN  # of the last request; the next one's is mostly the same
    _asked: bytes | None = None  # the request that is under way here
    _asked_at = 0.0
    _answered_at = 0.0
    _held = b""  # what was read meanwhile
    _begun = b""  # a head whose body may come at once
    _patience: asyncio.TimerHandle | None = None
    _long_way = 0  # requests that the parent is reading, and those that it is answering
    _handing_over = False
    _leaving = False  # the server stops, and waits for this answer

    @override
    def data_received(self, data: bytes) -> None:
        if self._asked is not None:
            self._hold(data)
            return
        if self._begun:
            data = self._take_up() + data
        plain = self._shared.door.plain
        if plain is None or self._long_way or self.flow.write_paused:
            super().data_received(data)
            return
        try:
            is_taken = self._take(plain, data)
        except Exception:  # noqa: BLE001  # a slip of ours ends this connection and no other
            self._fail()
        else:
            if not is_taken:
                super().data_received(data)

    def _take(self, plain: PlainChecks, data: bytes) -> bool:
        """Ask, if this is one plain request; say whether it was. Nothing else is under way here."""
        head = self._head
        if len(data) != head.request_bytes or not data.startswith(head.block):
            self._head = head = self._shared.head_of(data, plain)
        if head.ticket is None:
            return False
        if len(data) < head.request_bytes:
            self._wait_for_body(data)
            return True
        self._asked, self._asked_at = data, self.loop.time()
        body = data[len(head.block) :]
        if not plain.ask(head.ticket, body, self._answer, asked_at=self._asked_at):
            self._asked = None
            return False
        if self._head_deadline is not None:
            self._head_is_here()
        return True

    def _answer(self, body: bytes | None) -> None:
        """Write an answer, or hand the request over; called back once, maybe when the client is gone."""
        request, self._asked = self._asked, None
        if request is None or self.transport.is_closing():
            return
        try:
            if body is None:
                self._hand_over(request)
            else:
                self._write(body)
            if self._held:
                self._go_on()
        except Exception:  # noqa: BLE001  # whoever calls back does so for many connections
            self._fail()

    def _write(self, body: bytes) -> None:
        shared, of_server = self._shared, self.server_state.default_headers
        if shared.answer_heads.of_server is not of_server:
            shared.answer_heads = AnswerHeads(of_server)
        if not shared.ids:
            shared.ids = draw_ids()
        end = CLOSING_HEAD_END if self._leaving else HEAD_END
        self.transport.write(
            b"".join((shared.answer_heads[len(body)], shared.ids.pop(), end, body))
        )
        if not shared.answered:
            self.loop.call_later(COUNTED_EVERY_S, self._count)
        shared.answered += 1
        self._answered_at = self.loop.time()
        if self._leaving:
            self.transport.close()
        elif self.timeout_keep_alive_task is None:
            self._look_again(self.timeout_keep_alive)

    def _count(self) -> None:
        """Count what all connections have answered: one by one it would cost as much as the answer."""
        shared = self._shared
        answered, shared.answered = shared.answered, 0
        self.server_state.total_requests += answered
        metrics.count_requests("check", "/check", "POST", status=200, amount=answered)
        metrics.HOT_PATH.add("answered", amount=answered)

    def _hand_over(self, request: bytes) -> None:
        """Let the app answer. If the ticket is worth nothing any more, the next request gets a new one."""
        metrics.HOT_PATH.add("handed_over")
        self._shared.request_heads.pop(self._head.block, None)
        self._head = _NOT_PLAIN
        self._handing_over = True
        super().data_received(request)
        self._handing_over = False
        if self._leaving:
            super().shutdown()

    def _wait_for_body(self, head: bytes) -> None:
        self._begun = head
        self._patience = self.loop.call_later(BODY_WAIT_S, self._wait_no_longer)

    def _wait_no_longer(self) -> None:
        if self._begun:
            super().data_received(self._take_up())

    def _take_up(self) -> bytes:
        head, self._begun = self._begun, b""
        if self._patience is not None:
            self._patience.cancel()
        return head

    def _hold(self, data: bytes) -> None:
        self._held += data
        if len(self._held) > HELD_BYTES_MAX:
            self.flow.pause_reading()

    def _go_on(self) -> None:
        data, self._held = self._held, b""
        if not self.transport.is_closing():
            self.flow.resume_reading()
            self.data_received(data)

    def _fail(self) -> None:
        _log.error("check.hot_path.failed", exc_info=True)
        self._asked = None
        self.transport.close()

    # What the parent has under way. Each request is counted twice, until it is read and until answered.

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._long_way += 2
        if self._handing_over:
            scope = cast("dict[str, object]", self.scope)
            scope[ASKED_AT], scope[CACHE_MISSED] = self._asked_at, True

    @override
    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._long_way -= 1

    @override
    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._long_way -= 1

    # How a connection ends.

    @override
    def shutdown(self) -> None:
        self._leaving = True
        self._wait_no_longer()
        if self._asked is None:
            super().shutdown()

    @override
    def timeout_keep_alive_handler(self) -> None:
        """Close, unless somebody was answered meanwhile: requests here set and cancel no timers."""
        self.timeout_keep_alive_task = None
        if self._asked is not None or self._begun:
            return  # the answer sets the next one
        idle_s = self.loop.time() - self._answered_at
        if idle_s < self.timeout_keep_alive:
            self._look_again(self.timeout_keep_alive - idle_s)
        else:
            super().timeout_keep_alive_handler()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._take_up()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()  # the parent keeps it where the client was not polite

    def _look_again(self, after_s: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(
            after_s, self.timeout_keep_alive_handler
        )


@dataclass(slots=True)
class _Shared:
    """What the connections of a process share."""

    door: HotDoor
    request_heads: dict[bytes, _Head] = field(default_factory=dict[bytes, _Head])
    answer_heads: AnswerHeads = field(default_factory=lambda: AnswerHeads(()))
    ids: list[bytes] = field(default_factory=list[bytes])
    answered: int = 0

    def head_of(self, data: bytes, plain: PlainChecks) -> _Head:
        """Return the head of one plain request of somebody who is known, else `_NOT_PLAIN`.

        The request is whole, or it is a head that was seen before, and nothing else.
        """
        end = data.find(HEAD_END, 0, HEAD_BYTES_MAX) + len(HEAD_END)
        is_small = len(_REQUEST_LINE) < end <= len(data) <= end + BODY_BYTES_MAX
        if not is_small or not data.startswith(_REQUEST_LINE):
            return _NOT_PLAIN
        head = self.request_heads.get(data[:end]) or self._learned(data[:end], data[end:], plain)
        return head if len(data) in {end, head.request_bytes} else _NOT_PLAIN

    def _learned(self, block: bytes, body: bytes, plain: PlainChecks) -> _Head:
        authorization = authorization_of_plain(block, body, path=PATH)
        ticket = None if authorization is None else plain.ticket_of(authorization)
        if ticket is None:
            return _NOT_PLAIN  # and not remembered: strangers must not fill the memory
        if len(self.request_heads) >= HEADS_MAX:
            del self.request_heads[next(iter(self.request_heads))]
        head = self.request_heads[block] = _Head(block, len(block) + len(body), ticket)
        return head

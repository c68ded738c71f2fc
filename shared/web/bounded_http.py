"""The server's HTTP protocol, with bounds that it lacks.

How large the head of a request may be, and how long it may take to arrive. Bodies have theirs in
`body_limit` and `json_body`.

How long a connection may idle after an answer. The server stops counting at any byte, also one that begins
no request: an empty line, or more of a body that was answered before it was read.

And the answer that is being made is told when nobody is there to read it, also where further requests have
come in behind it: the server tells the last one alone, and the others fail at the closed connection.
"""

import asyncio
from typing import Final

from typing_extensions import override
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

HEAD_BYTES_MAX: Final = 65_536
HEAD_SECONDS_MAX: Final = 15.0


class BoundedHttp(HttpToolsProtocol):
    """Closes a connection whose request line and headers are too large or too slow."""

    _running: RequestResponseCycle | None = None

    _head_bytes = 0
    _in_head = False
    _head_is_new = False
    _head_deadline: asyncio.TimerHandle | None = None
    _answered_at = 0.0  # on the loop's clock, in seconds

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_head()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_here()
        super().connection_lost(exc)
        self._nobody_reads()

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes, self._in_head, self._head_is_new = 0, True, True
        if self._head_deadline is None:
            self._expect_head()

    @override
    def on_headers_complete(self) -> None:
        self._head_is_here()
        super().on_headers_complete()

    @override
    def data_received(self, data: bytes) -> None:
        self._head_is_new = False
        super().data_received(data)
        # Counted after the parser has seen it: what belongs to a body is none of ours. And from the second
        # piece of a head on: the first may hold a thousand whole requests before it.
        if self._in_head and not self._head_is_new:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX:
                self.transport.close()
                self._nobody_reads()
        self._keep_counting()

    @override
    def on_response_complete(self) -> None:
        self._answered_at = self.loop.time()
        super().on_response_complete()

    @override
    def send_400_response(self, msg: str) -> None:
        super().send_400_response(msg)
        self._nobody_reads()

    @override
    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _keep_counting(self) -> None:
        """Set the timer of an idle connection again, from its last answer on: bytes buy no time.

        A head that is awaited or under way has its deadline, and a request that is not answered is not idle.
        """
        is_answering = self._running is not None and not self._running.response_complete
        is_handed_on = self.transport.get_protocol() is not self  # to a WebSocket
        if self._head_deadline is not None or is_answering or is_handed_on:
            return
        if self.transport.is_closing() or self.timeout_keep_alive_task is not None:
            return
        left_s = self._answered_at + self.timeout_keep_alive - self.loop.time()
        self.timeout_keep_alive_task = self.loop.call_later(
            max(left_s, 0), self.timeout_keep_alive_handler
        )

    def _expect_head(self) -> None:
        self._head_deadline = self.loop.call_later(HEAD_SECONDS_MAX, self._give_up)

    def _head_is_here(self) -> None:
        self._in_head = False
        if self._head_deadline is not None:
            self._head_deadline.cancel()
            self._head_deadline = None

    def _give_up(self) -> None:
        self._head_deadline = None
        self.transport.close()
        self._nobody_reads()

    def _nobody_reads(self) -> None:
        if self._running is not None:
            self._running.disconnected = True
            self._running.message_event.set()

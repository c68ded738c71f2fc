"""One HTTP request to a receiver: to a vetted address, once, within five seconds, and no further.

Redirects are not followed, no proxy is asked, and of the answer only the status counts: the rest is read
up to a bound, so that the connection can be used again, or is cut off. TLS is verified against the name.
"""

import asyncio
import ssl
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import Final

import h11

from shared.domain.webhook_url import WebhookUrl
from shared.webhooks.vet_address import (
    AddressRefusedError,
    LookUp,
    system_look_up,
    vetted_addresses,
)

ANSWER_WITHIN_S: Final = 5.0
CONNECT_WITHIN_S: Final = 1.5  # while there is another address to try
REST_WITHIN_S: Final = 0.5
PARTING_WITHIN_S: Final = 1.0
ANSWER_BYTES_MAX: Final = 65_536
HEAD_BYTES_MAX: Final = 32_768
RETRY_AFTER_MAX_S: Final = 3600
LOOK_UPS_AT_ONCE: Final = 64
_READ_BYTES: Final = 16_384
_GONE: Final = 410


class Outcome(Enum):
    """How a call ended; the words are those of the metric and of the list of connections."""

    DELIVERED = "delivered"
    TIMED_OUT = "timed_out"
    UNREACHABLE = "unreachable"  # no such name, or nobody listens
    ADDRESS_REFUSED = "address_refused"  # not a machine of the public internet
    TLS_FAILED = "tls_failed"
    CUT_OFF = "cut_off"  # the connection broke, or what came was no HTTP
    REDIRECTED = "redirected"
    REFUSED = "refused"  # any other status than 2xx
    GONE = "gone"  # 410: the receiver wants nothing more


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a call; `status` and `retry_after_s` where the receiver said so."""

    outcome: Outcome
    status: int | None = None
    retry_after_s: int = 0


class Receivers:
    """What all calls of a process share: trust, the resolver, and who may be called."""

    def __init__(
        self,
        *,
        ca_file: Path | None,
        admit_loopback: bool,
        answer_within_s: float,
        look_up: LookUp | None = None,
    ) -> None:
        self._ca_file = ca_file
        if ca_file is not None:
            _ = self.tls  # a file that is none must end the start, not a delivery
        self.admit_loopback = admit_loopback
        self.answer_within_s = answer_within_s
        self._threads = ThreadPoolExecutor(LOOK_UPS_AT_ONCE, thread_name_prefix="push look-up")
        self.look_up = look_up or system_look_up(self._threads)

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """Return what certificates are verified with; the system's take a while to read."""
        context = ssl.create_default_context()
        if self._ca_file is not None:
            context.load_verify_locations(self._ca_file)
        context.set_alpn_protocols(["http/1.1"])
        return context

    def line(self, url: WebhookUrl) -> "Line":
        """Return a line to a receiver; it connects with the first call, and is closed by who took it."""
        return Line(self, url)

    def close(self) -> None:
        """Let go of the threads; a look-up that hangs is left to itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class Line:
    """A connection to one receiver, for calls one after the other."""

    def __init__(self, receivers: Receivers, url: WebhookUrl) -> None:
        self._receivers = receivers
        self._url = url
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._http = h11.Connection(h11.CLIENT)

    async def post(self, content: bytes, headers: Mapping[str, str]) -> Reply:
        """Send a body and return what came of it; nothing that the receiver does raises."""
        reply = Reply(Outcome.CUT_OFF)
        try:
            async with asyncio.timeout(self._receivers.answer_within_s):
                reply = await self._ask(content, headers)
        except TimeoutError:
            reply = Reply(Outcome.TIMED_OUT)
        except AddressRefusedError:
            reply = Reply(Outcome.ADDRESS_REFUSED)
        except ssl.SSLError:
            reply = Reply(Outcome.TLS_FAILED)
        except (OSError, UnicodeError):  # the latter from a name that no resolver takes
            reply = Reply(Outcome.UNREACHABLE if self._streams is None else Outcome.CUT_OFF)
        except (h11.RemoteProtocolError, EOFError):
            reply = Reply(Outcome.CUT_OFF)
        finally:
            if reply.outcome is Outcome.DELIVERED:
                await self._read_the_rest()
            else:
                self._cut()
        return reply

    def close(self) -> None:
        """Hang up as one should; what TLS says at parting is not waited for."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    def _cut(self) -> None:
        """Hang up at once, whatever may still be under way."""
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None

    async def _ask(self, content: bytes, headers: Mapping[str, str]) -> Reply:
        if self._streams is not None and not self._streams[0].at_eof():
            try:
                return await self._exchange(content, headers)
            except (OSError, EOFError):
                pass  # the receiver hung up between two calls, as it may: once more, on a new connection
        self._cut()
        await self._connect()
        return await self._exchange(content, headers)

    async def _connect(self) -> None:
        addresses = await vetted_addresses(
            self._url, self._receivers.look_up, admit_loopback=self._receivers.admit_loopback
        )
        for address in addresses[:-1]:
            try:
                async with asyncio.timeout(CONNECT_WITHIN_S):
                    return await self._connect_to(address)
            except (OSError, TimeoutError):
                continue
        return await self._connect_to(addresses[-1])

    async def _connect_to(self, address: str) -> None:
        is_tls = self._url.scheme == "https"
        self._streams = await asyncio.open_connection(
            address,
            self._url.port,
            limit=_READ_BYTES,
            ssl=self._receivers.tls if is_tls else None,
            server_hostname=self._url.host if is_tls else None,
            ssl_shutdown_timeout=PARTING_WITHIN_S if is_tls else None,
        )
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_BYTES_MAX)

    async def _exchange(self, content: bytes, headers: Mapping[str, str]) -> Reply:
        assert self._streams is not None  # noqa: S101  # connected by whoever calls
        lines = {
            "Host": self._url.authority,
            "User-Agent": "izin-push/1",
            "Accept": "*/*",
            "Content-Type": "application/json",
            "Content-Length": str(len(content)),
            **headers,
        }
        request = h11.Request(method="POST", target=self._url.target, headers=list(lines.items()))
        parts = (request, h11.Data(data=content), h11.EndOfMessage())
        self._streams[1].write(b"".join(self._http.send(part) or b"" for part in parts))
        await self._streams[1].drain()
        while not isinstance(event := await self._event(), h11.Response):
            pass  # an informational answer before the real one
        return _reply(event)

    async def _event(self) -> object:
        assert self._streams is not None  # noqa: S101  # as above
        while (event := self._http.next_event()) is h11.NEED_DATA:
            received = await self._streams[0].read(_READ_BYTES)
            if not received and self._http.their_state is h11.SEND_RESPONSE:
                raise EOFError
            self._http.receive_data(received)
        return event

    async def _read_the_rest(self) -> None:
        """Make the connection ready for the next call, or hang up; the answer has been given."""
        unread = ANSWER_BYTES_MAX
        try:
            async with asyncio.timeout(REST_WITHIN_S):
                while isinstance(event := await self._event(), h11.Data) and unread > 0:
                    unread -= len(event.data)
            if isinstance(event, h11.EndOfMessage):
                self._http.start_next_cycle()
                return
        except (OSError, TimeoutError, EOFError, h11.ProtocolError):
            pass
        self._cut()


def _reply(response: h11.Response) -> Reply:
    status = response.status_code
    if status // 100 == 2:  # noqa: PLR2004  # 2xx
        return Reply(Outcome.DELIVERED, status)
    if status // 100 == 3:  # noqa: PLR2004  # 3xx
        return Reply(Outcome.REDIRECTED, status)
    if status == _GONE:
        return Reply(Outcome.GONE, status)
    return Reply(Outcome.REFUSED, status, _retry_after_s(response))


def _retry_after_s(response: h11.Response) -> int:
    """Read a Retry-After in seconds, bounded; as a date it says nothing to us."""
    for name, value in response.headers:
        if name == b"retry-after" and value.isdigit() and len(value) <= 10:  # noqa: PLR2004
            return min(int(value), RETRY_AFTER_MAX_S)
    return 0

"""A list on its way to `POST /check/stream` and its answers on their way back, both at the same time.

The server answers while it reads and reads no more than it has answered, so whoever sends without reading
stands still sooner or later. Hence a connection of our own: the HTTP client of the other commands sends a
request to its end before it looks for an answer.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final, NamedTuple, NoReturn
from urllib.parse import urlencode

import h11
import httpx
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from services.cli.client import refusal
from services.cli.errors import CliError

PATH: Final = "/check/stream"
# A server that knows nothing of invitations is not waited for any longer.
INVITATION_S: Final = 1.0
_READ_BYTES: Final = 262_144
_PROBLEM_BYTES_MAX: Final = 65_536
_OK: Final = 200
_SERVER_ERRORS: Final = 500


class BrokenOffError(Exception):
    """The answer ended too soon; the text says how, in the middle of a sentence."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where to ask, and as whom. No answer for `timeout_s` seconds counts as none."""

    base_url: str
    authorization: str
    timeout_s: float


class Reply(BaseModel):
    """The answer to one line."""

    model_config = ConfigDict(frozen=True, strict=True)

    line: int
    allowed: bool
    reason: str


class End(BaseModel):
    """The last line: everything was answered."""

    model_config = ConfigDict(frozen=True, strict=True)

    end: bool
    position: int | None


class Replies(NamedTuple):
    """What came at once. `end` is the last line of all, when it is there."""

    lines: list[Reply]
    end: End | None


_REPLIES: Final[TypeAdapter[list[Reply]]] = TypeAdapter(list[Reply])
_END: Final = b'{"end"'


class Exchange:
    """One list. Sending and receiving may go on at the same time, in two tasks."""

    def __init__(
        self, server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT)
        self._torn = b""
        self._is_answering = False

    def begin(self, host: str, target: str) -> None:
        """Send the head of the request."""
        headers = [
            ("Host", host),
            ("Authorization", self._server.authorization),
            ("Content-Type", "text/plain"),
            ("Accept", "application/x-ndjson"),
            ("Transfer-Encoding", "chunked"),
            ("Expect", "100-continue"),
        ]
        self._send(h11.Request(method="POST", target=target, headers=headers))

    async def invited(self) -> None:
        """Wait until the server wants the list; raises what `receive` does.

        One that refuses says so before anything is sent. One that says nothing gets it all the same.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(INVITATION_S):
                await self._note(await self._event())

    async def send(self, lines: bytes) -> None:
        """Send lines, as fast as they are taken; raises ConnectionError."""
        self._send(h11.Data(data=lines))
        await self._writer.drain()

    async def finish(self) -> None:
        """Say that the list ends here."""
        self._send(h11.EndOfMessage())
        await self._writer.drain()

    async def receive(self) -> Replies:
        """Return the next answers; raises CliError when refused, BrokenOffError when there are no more.

        TimeoutError when nothing came in time; then it may be called again.
        """
        while True:
            event = await self._event()
            if isinstance(event, h11.Data):
                *lines, self._torn = (self._torn + bytes(event.data)).split(b"\n")
                return _read(lines)
            await self._note(event)

    async def _note(self, event: object) -> None:
        """Take note of what is no answer to a line."""
        if isinstance(event, h11.Response):
            if event.status_code != _OK:
                await self._refuse(event.status_code)
            self._is_answering = True
        elif not isinstance(event, h11.InformationalResponse):
            raise BrokenOffError("the server ended its answer too soon")

    async def _refuse(self, status: int) -> NoReturn:
        """Raise what the server said; its own trouble passes, a refusal does not."""
        error = refusal(status, await self._problem())
        raise BrokenOffError(str(error)) if status >= _SERVER_ERRORS else error

    async def _problem(self) -> bytes:
        content = b""
        with suppress(BrokenOffError, TimeoutError):
            while isinstance(event := await self._event(), h11.Data):
                content += bytes(event.data)
                if len(content) > _PROBLEM_BYTES_MAX:
                    break
        return content

    async def _event(self) -> object:
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                async with asyncio.timeout(self._server.timeout_s):
                    data = await self._reader.read(_READ_BYTES)
                self._http.receive_data(data)
        except h11.RemoteProtocolError:
            where = "before its end" if self._is_answering else "without an answer"
            raise BrokenOffError(f"the server closed the connection {where}") from None
        except TimeoutError:
            raise
        except OSError as error:
            raise BrokenOffError(f"the connection was lost ({error.strerror})") from None
        return event

    def _send(self, event: h11.Event) -> None:
        self._writer.write(self._http.send(event) or b"")


@asynccontextmanager
async def open_exchange(server: Server, question: Mapping[str, str]) -> AsyncGenerator[Exchange]:
    """Connect and begin a list; BrokenOffError when the server cannot be reached."""
    url = httpx.URL(server.base_url)
    try:
        async with asyncio.timeout(server.timeout_s):
            reader, writer = await asyncio.open_connection(
                url.host, url.port or (443 if url.scheme == "https" else 80), ssl=_tls(url)
            )
    except (OSError, ssl.SSLError, TimeoutError) as error:
        raise BrokenOffError(f"{server.base_url} cannot be reached ({error})") from None
    exchange = Exchange(server, reader, writer)
    try:
        exchange.begin(
            url.netloc.decode("ascii"), f"{url.path.rstrip('/')}{PATH}?{urlencode(question)}"
        )
        await exchange.invited()
        yield exchange
    finally:
        writer.transport.abort()


def _tls(url: httpx.URL) -> ssl.SSLContext | None:
    """Trust whom the other commands trust."""
    return httpx.create_ssl_context(trust_env=False) if url.scheme == "https" else None


def _read(lines: list[bytes]) -> Replies:
    try:
        last = lines.pop() if lines and lines[-1].startswith(_END) else None
        end = None if last is None else End.model_validate_json(last)
        return Replies(_REPLIES.validate_json(b"[%s]" % b",".join(lines)), end)
    except ValidationError:
        raise CliError(
            "the server's answer is no line of a list; is it an izin of this version?"
        ) from None

"""Somebody who sends a list and reads its answers at the same time, over ASGI or with nothing between."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlencode

from pydantic import SecretStr

from services.check.app import create_app
from services.check.routes import CheckSurface
from services.check.settings import CheckSettings
from services.check.stream import BrokenOffError, Incoming, ListCheck, open_list
from tests.registry.doors import Answer, Town
from tests.support.builders import Login

WAIT_S = 10


@asynccontextmanager
async def open_surface(town: Town, **settings: Any) -> AsyncGenerator[CheckSurface]:
    """Open the check as one more process does, and yield what its routes call."""
    common: dict[str, Any] = {
        "postgres_dsn": SecretStr(town.dsn),
        "keys_file": town.keys_file,
        "data_dir": town.data_dir,
        "admit_test_range": True,
        "check_read_connections": 2,
        "check_deadline_s": 5,
    }
    app = create_app(CheckSettings(**common | settings))
    async with app.router.lifespan_context(app) as state:
        assert state is not None
        yield state["check"]


class Conversation:
    """One list in the hands of a test: it says what arrives when, and sees each answer as it is written."""

    def __init__(self, surface: CheckSurface) -> None:
        self._surface = surface
        self._sent: asyncio.Queue[bytes | BrokenOffError | None] = asyncio.Queue()
        self._written: asyncio.Queue[bytes] = asyncio.Queue()
        self.taking = asyncio.Event()
        self.taking.set()

    @asynccontextmanager
    async def about(
        self, parameters: dict[str, Any], who: str, **patience: float
    ) -> AsyncGenerator["Conversation"]:
        """Begin a list; whatever still runs at the end is cancelled."""
        ticket = await self._surface.checker.identify(who)
        question = open_list([(name, str(value)) for name, value in parameters.items()])
        self.check = ListCheck(self._surface.checker, ticket, question, True, **patience)  # noqa: FBT003  # the test range
        incoming = Incoming(self._read)
        self.running = asyncio.create_task(self.check.run(incoming, self._write))
        try:
            yield self
        finally:
            self.running.cancel()
            with suppress(asyncio.CancelledError, BrokenOffError):
                await self.running
            incoming.close()

    def send(self, data: str | bytes) -> None:
        self._sent.put_nowait(data.encode() if isinstance(data, str) else data)

    def end(self) -> None:
        self._sent.put_nowait(None)

    def leave(self) -> None:
        self._sent.put_nowait(BrokenOffError("client left"))

    async def answers(self) -> list[dict[str, Any]]:
        """Return the next lines that are written together."""
        async with asyncio.timeout(WAIT_S):
            return parsed(await self._written.get())

    async def reasons(self) -> list[str]:
        return [answer["reason"] for answer in await self.answers()]

    async def broken_off(self) -> str:
        """Wait until it is, and return why; there must be nothing more to read."""
        async with asyncio.timeout(WAIT_S):
            try:
                await self.running
            except BrokenOffError as error:
                return error.why
        raise AssertionError("it was answered to its end")

    @property
    def unread(self) -> int:
        """How many pieces of the list wait outside."""
        return self._sent.qsize()

    @property
    def nothing_written(self) -> bool:
        return self._written.empty()

    async def _read(self) -> bytes | None:
        piece = await self._sent.get()
        if isinstance(piece, BrokenOffError):
            raise piece
        return piece

    async def _write(self, lines: bytes) -> None:
        await self.taking.wait()
        self._written.put_nowait(lines)


def parsed(text: bytes) -> list[dict[str, Any]]:
    """Return the objects of the lines."""
    assert text.endswith(b"\n")
    return [json.loads(line) for line in text.splitlines()]


async def ask_list(
    town: Town,
    body: bytes | str | list[str] | AsyncIterable[bytes],
    *,
    who: Login | str | None = "operator",
    **query: Any,
) -> Answer:
    """Send a whole list, about MESAJ of the first brand unless the query says otherwise."""
    if isinstance(body, list):
        body = "".join(f"{line}\n" for line in body)
    named = {"type": "MESAJ", **query}
    if not {"brandCode", "header"} & set(named):
        named["brandCode"] = town.world.brand_code
    return await town.client.post(
        f"/check/stream?{urlencode({k: v for k, v in named.items() if v is not None})}",
        content=body,
        headers={**await town.authorization(who), "Content-Type": "text/plain"},
    )

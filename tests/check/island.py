"""A town with a ledger of its own, which a test may stop or freeze without harming anybody else's."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from time import monotonic
from typing import Literal, Self

from services.cli.embedded.binaries import find_postgres
from services.cli.embedded.child import ChildSpec
from services.cli.embedded.data_dir import open_data_dir
from services.cli.embedded.postgres import postgres_dsn, postgres_spec
from shared.ledger.migrate import migrate
from tests.registry.doors import Town, open_town
from tests.support.ledger import owner_connection
from tests.support.servers import NOT_DURABLE, start, stop

Fault = Literal["stopped", "frozen"]
FAULTS: tuple[Fault, ...] = ("stopped", "frozen")


@dataclass
class Island:
    """The town, and the server under it."""

    town: Town
    spec: ChildSpec
    server: Popen[bytes]

    @asynccontextmanager
    async def silent(self, fault: Fault) -> AsyncGenerator[None]:
        """Take the ledger away: gone without a word, or there and not answering; bring it back after."""
        with self._stopped() if fault == "stopped" else self._frozen():
            yield
        await self.recovered()

    async def recovered(self) -> None:
        """Wait until the door itself says that it is ready."""
        async with asyncio.timeout(20):
            while (await self.town.client.get("/readyz")).status_code != 200:  # noqa: ASYNC110  # it is polled
                await asyncio.sleep(0.05)

    async def rows(self, select: str, *values: object) -> list[object]:
        """Ask the ledger as its owner, over a new connection: the old one may be gone."""
        async with owner_connection(self.town.dsn) as owner:
            return list(await owner.fetch(select, *values))

    @contextmanager
    def _stopped(self) -> Generator[None]:
        stop(self.spec, self.server)
        try:
            yield
        finally:
            self.server = start(self.spec)

    @contextmanager
    def _frozen(self) -> Generator[None]:
        """Freeze the server and every process that it has made, for half a minute at most.

        A frozen server outlives us, whatever signal it gets when we die; so somebody else thaws it, too.
        """
        pid = self.server.pid
        pids = [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
        thaw = f"sleep 30; kill -CONT {' '.join(map(str, pids))}"
        watchdog = Popen(["/bin/sh", "-c", thaw], start_new_session=True)
        try:
            _send(signal.SIGSTOP, pids)
            yield
        finally:
            _send(signal.SIGCONT, pids)
            os.killpg(watchdog.pid, signal.SIGKILL)
            watchdog.wait()


def _send(number: signal.Signals, pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):  # a session that ended meanwhile
            os.kill(pid, number)


@asynccontextmanager
async def open_island(path: Path) -> AsyncGenerator[Island]:
    """Start a server, migrate it and open a town over it, with the deadline that checks have by default."""
    with open_data_dir(path) as data_dir:
        spec = postgres_spec(find_postgres(), data_dir, options=NOT_DURABLE)
        server = start(spec)
        island = None
        try:
            dsn = postgres_dsn(data_dir)
            await migrate(dsn)
            async with open_town(dsn, path, check_deadline_s=0.25, registry_deadline_s=1) as town:
                island = Island(town, spec, server)
                yield island
        finally:
            stop(spec, server if island is None else island.server)


class Stopwatch:
    """How long a block took."""

    def __enter__(self) -> Self:
        self._started_at = monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = monotonic() - self._started_at

"""Valkey servers of a test's own, to be killed, stopped, filled up and joined to a cluster."""

import asyncio
import itertools
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from time import monotonic, sleep

from redis import Redis
from redis.exceptions import RedisError

from services.cli.embedded.binaries import find_valkey
from services.cli.embedded.child import AS_WE_ARE, launched
from tests.support.servers import free_port

WAIT_S = 20.0
POLL_S = 0.01
_serial = itertools.count()


class OwnServer:
    """One server on a port of its own."""

    def __init__(self, directory: Path, *options: str, password: str | None = None) -> None:
        self.port = free_port()
        self.password = password
        self._directory = directory / f"valkey{next(_serial)}"
        self._directory.mkdir()
        self._options = (*options, *(("--requirepass", password) if password else ()))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        word = f":{self.password}@" if self.password else ""
        return f"redis://{word}127.0.0.1:{self.port}"

    @property
    def socket_url(self) -> str:
        word = f":{self.password}@" if self.password else ""
        return f"unix://{word}{self._directory}/valkey.sock"

    @property
    def admin(self) -> "Redis":
        """Return a client that a test may do anything with; it keeps no connection."""
        return Redis(host="127.0.0.1", port=self.port, password=self.password, socket_timeout=10)

    def start(self, *, wait: bool = True) -> None:
        self._process = subprocess.Popen(
            launched(
                (
                    *(str(find_valkey()), "--port", str(self.port), "--bind", "127.0.0.1"),
                    *("--unixsocket", f"{self._directory}/valkey.sock"),
                    *("--dir", str(self._directory), "--save", "", "--appendonly", "no"),
                    *("--logfile", f"{self._directory}/log", "--enable-debug-command", "yes"),
                    *self._options,
                ),
                identity=AS_WE_ARE,
                reach=(),
            ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        if wait:
            self.wait_until_it_answers()

    def wait_until_it_answers(self) -> None:
        deadline = monotonic() + WAIT_S
        while True:
            try:
                with self.admin as admin:
                    admin.ping()
                    return
            except RedisError:
                assert monotonic() < deadline
                sleep(POLL_S)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)
        assert self._process is not None
        self._process.wait()
        self._process = None

    def pause(self) -> None:
        """Stop the process: the kernel goes on to take connections and bytes for it."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def end(self) -> None:
        if self._process is not None:
            self.resume()
            self.kill()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)


@contextmanager
def own_server(directory: Path, *options: str, password: str | None = None) -> Generator[OwnServer]:
    """Run a server that belongs to the test alone."""
    server = OwnServer(directory, *options, password=password)
    try:
        server.start()
        yield server
    finally:
        server.end()


async def until(holds: Callable[[], bool], *, within_s: float = WAIT_S) -> None:
    """Look again and again until something holds; it must not take for ever."""
    deadline = monotonic() + within_s
    while not holds():
        assert monotonic() < deadline, "it did not come about"
        await asyncio.sleep(POLL_S)


class Proxy:
    """Stands between a client and a server, counts, and can lose things."""

    def __init__(self, port: int) -> None:
        self._to_port = port
        self.port = 0
        self.connections = 0
        self.lose_replies = False
        self.heard = bytearray()  # what clients have sent
        self._clients: list[asyncio.StreamWriter] = []

    def say(self, what: bytes) -> None:
        """Put bytes into the mouth of the server, on the newest connection."""
        self._clients[-1].write(what)

    def cut(self) -> None:
        """Break all connections."""
        for client in self._clients:
            client.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._clients.append(writer)
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._to_port)
        try:
            await asyncio.gather(
                self._copy(reader, up_writer, loses=False),
                self._copy(up_reader, writer, loses=True),
            )
        except OSError:
            pass
        finally:
            writer.close()
            up_writer.close()

    async def _copy(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, loses: bool
    ) -> None:
        while data := await source.read(65536):
            if loses and self.lose_replies:
                target.transport.abort()
                return
            if not loses:
                self.heard += data
            target.write(data)
            await target.drain()
        target.close()


@asynccontextmanager
async def proxy(port: int, **tls: object) -> AsyncIterator[Proxy]:
    """Run a proxy in front of a port."""
    between = Proxy(port)
    server = await asyncio.start_server(between.serve, "127.0.0.1", 0, **tls)  # type: ignore[arg-type]
    between.port = server.sockets[0].getsockname()[1]
    try:
        yield between
    finally:
        server.close()

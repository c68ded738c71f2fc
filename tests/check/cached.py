"""A town with a cache: a projector that keeps up, and a check that believes the cache where it may.

The town's own client asks a check without a cache, so what the ledger says stands beside what the cache
says. All of it is in one process, and only the check with the cache can count an answer from it.
"""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from asgi_lifespan import LifespanManager
from pydantic import SecretStr
from redis.asyncio import Redis
from starlette.types import ASGIApp, Receive, Scope, Send

from services.check.app import create_app, create_edge
from services.check.hot_door import HotDoor
from services.check.plain_check import PlainChecks
from services.check.settings import CheckSettings
from shared.telemetry import metrics
from tests.registry.doors import BASE_URL, Answer, Town, as_json, open_town
from tests.support.measured import coverage_variables

SWEEP_S = 0.2


def counted(name: str, **labels: str) -> float:
    """Return what was counted so far."""
    return metrics.REGISTRY.get_sample_value(name, labels) or 0.0


def from_cache() -> float:
    return counted("izin_check_answers_total", source="cache")


@dataclass
class CachedCheck:
    """A check with a cache, as a client and as the hot path see it."""

    town: Town
    client: httpx.AsyncClient
    door: HotDoor
    redis_url: str
    # Put into the scope of each request, as the hot path does with what it hands over.
    scope: dict[str, object]
    projector: subprocess.Popen[bytes] | None

    @contextmanager
    def projector_paused(self) -> Generator[None]:
        """Let the cache fall behind."""
        assert self.projector is not None
        self.projector.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.projector.send_signal(signal.SIGCONT)

    @property
    def plain(self) -> PlainChecks:
        assert self.door.plain is not None
        return self.door.plain

    async def ask(self, body: object, *, who: Any = "operator", path: str = "/check") -> Answer:
        """Ask this check."""
        return await self.town.post(path, body, who=who, at=self.client)

    async def both(
        self, body: object, *, who: Any = "operator", path: str = "/check"
    ) -> tuple[Answer, Answer]:
        """Ask this check, and one without a cache."""
        return await self.ask(body, who=who, path=path), await self.town.post(path, body, who=who)

    async def plainly(self, body: object, *, who: Any = "operator") -> bytes | bool | None:
        """Ask as the hot path does: False if that is no plain question, None if it is handed over."""
        headers = await self.town.authorization(who)
        ticket = self.plain.ticket_of(headers["Authorization"])
        if ticket is None:
            return None
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[bytes | None] = loop.create_future()
        taken = self.plain.ask(ticket, as_json(body), answer.set_result, asked_at=loop.time())
        assert not answer.done(), "never called back from within"
        async with asyncio.timeout(10):
            return (await answer) if taken else False

    async def caught_up(self, brand_code: int | None = None) -> None:
        """Wait until this brand is answered from the cache, by the app and by the hot path."""
        code = self.town.world.brand_code if brand_code is None else brand_code
        body = {"brandCode": code, "type": "MESAJ", "recipient": "+905999999999"}
        async with asyncio.timeout(20):
            while True:
                before = from_cache()
                await self.ask(body)
                if from_cache() > before and await self.plainly(body):
                    self.plain.close()  # its counts are in, and do not come in between
                    return
                await asyncio.sleep(0.01)


@contextmanager
def projecting(dsn: str, redis_url: str) -> Generator[subprocess.Popen[bytes]]:
    """Run a projector, and stop it."""
    variables = {
        "IZIN_POSTGRES_DSN": dsn,
        "IZIN_REDIS_URL": redis_url,
        "IZIN_PROJECTOR_BRANDS": "2",
        "IZIN_PROJECTOR_SWEEP_INTERVAL_S": str(SWEEP_S),
    }
    with subprocess.Popen(
        [sys.executable, "-m", "services.check.projector"],
        env=variables | coverage_variables(),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGCONT)
            process.terminate()


@asynccontextmanager
async def open_check(
    town: Town, redis_url: str, *, projector: subprocess.Popen[bytes] | None = None, **settings: Any
) -> AsyncGenerator[CachedCheck]:
    """Open one more check over a town's ledger, with a cache."""
    chosen = CheckSettings(
        postgres_dsn=SecretStr(town.dsn),
        redis_url=SecretStr(redis_url),
        keys_file=town.keys_file,
        data_dir=town.data_dir,
        admit_test_range=True,
        **{"check_read_connections": 3, "check_deadline_s": 5, "check_cache_timeout_s": 1}
        | settings,
    )
    door, scope_more = HotDoor(), dict[str, object]()
    app = create_app(chosen, door=door)
    edge = create_edge(app, chosen)
    async with LifespanManager(edge, startup_timeout=20, shutdown_timeout=20) as manager:
        served = _with_scope(manager.app, scope_more)
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(served), base_url=BASE_URL, timeout=30
        ) as client:
            yield CachedCheck(town, client, door, redis_url, scope_more, projector)


def _with_scope(app: ASGIApp, more: dict[str, object]) -> ASGIApp:
    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, **more}, receive, send)

    return serve


@asynccontextmanager
async def open_cached_town(
    dsn: str, redis_url: str, path: Path, **settings: Any
) -> AsyncGenerator[CachedCheck]:
    """Open a town, an empty cache, a projector, and a check with that cache."""
    async with Redis.from_url(redis_url) as redis:
        await redis.flushall()
    async with AsyncExitStack() as stack:
        town = await stack.enter_async_context(open_town(dsn, path))
        projector = stack.enter_context(projecting(dsn, redis_url))
        yield await stack.enter_async_context(
            open_check(town, redis_url, projector=projector, **settings)
        )

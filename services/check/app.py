"""The check service, put together: what is opened, built, yielded to the routes, and closed."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, TypedDict

import structlog
from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.types import ASGIApp

from services.check import operator_routes, routes, stream_routes
from services.check.answer import Checker
from services.check.evidence import EvidenceLog
from services.check.hot_door import HotDoor
from services.check.plain_check import PlainChecks
from services.check.plain_question import PlainQuestions
from services.check.read_cache import CachedStates
from services.check.rounds import Rounds
from services.check.routes import CheckSurface
from services.check.settings import CheckSettings
from shared.auth.directory import Directory
from shared.auth.gate import Gate
from shared.auth.origin import AddressNotAllowedError, came_from
from shared.auth.tokens import TokenIssuer
from shared.cache.reader import CacheReader
from shared.cache.server_info import CacheUnfitError
from shared.cache.servers import CacheServers, open_cache, refuse_evicting
from shared.clock import utc_now
from shared.ledger.coalesce import StateReader
from shared.ledger.failures import LedgerUnavailableError
from shared.ledger.nudge import Nudger
from shared.ledger.read_heads import open_heads
from shared.ledger.readiness import open_ledger, require_fit
from shared.ledger.store import ReaderPool, open_reader
from shared.sealing.addresses import Digester
from shared.sealing.keyring import read_key_file
from shared.telemetry import metrics
from shared.web.body_limit import BodyLimits
from shared.web.client_address import ClientAddress
from shared.web.direct import DirectRoutes
from shared.web.errors import ErrorRenderer, install_error_handlers
from shared.web.health import Check, health_routes
from shared.web.stack import wrap

READ_LANES = 2
RENDERER = ErrorRenderer(
    outages={LedgerUnavailableError: "LEDGER_UNAVAILABLE"},
    refusals={AddressNotAllowedError: "ADDRESS_NOT_ALLOWED"},
)
_log: Final[structlog.typing.FilteringBoundLogger] = structlog.get_logger()


class State(TypedDict):
    """What the routes find in `request.state`."""

    check: CheckSurface


class CacheAwayError(Exception):
    """The cache cannot be asked now; the ledger answers everything meanwhile."""


@dataclass(slots=True)
class _Opened:
    """What stands behind the routes while the service runs."""

    settings: CheckSettings
    pool: ReaderPool
    digester: Digester
    evidence: EvidenceLog
    directory: Directory
    gate: Gate
    caches: list[CacheServers] = field(default_factory=list[CacheServers])  # one a lane

    @property
    def cache_is_up(self) -> bool:
        """Whether every lane can ask the cache."""
        return bool(self.caches) and all(cache.is_up for cache in self.caches)

    def show_cache(self) -> None:
        """Show it to who looks at the metrics."""
        metrics.CACHE_UP.set(self.cache_is_up)


def create_app(settings: CheckSettings, *, door: HotDoor | None = None) -> FastAPI:
    """Return the service; everything that costs something is opened in its lifespan.

    `door` is for the server's protocol class: through it plain checks are answered while the service runs.
    """
    opened: list[_Opened] = []

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[State]:
        async with AsyncExitStack() as stack:
            services = await _open(settings, stack)
            cached = await _open_rounds(services, stack)
            opened.append(services)
            _open_door(services, cached, door or HotDoor(), stack)
            yield {"check": _surface(services, cached)}
            opened.clear()

    app: FastAPI = FastAPIOffline(
        title="izin check",
        version="1",
        description="May this message go out?",
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.include_router(routes.router)
    app.include_router(stream_routes.router)
    app.include_router(operator_routes.router)
    app.router.routes.extend(health_routes(_parts(settings, opened), optional={"cache"}))
    install_error_handlers(app, RENDERER)
    return app


def create_edge(app: FastAPI, settings: CheckSettings) -> ASGIApp:
    """Return the app inside its middleware: what a server serves."""
    limits = BodyLimits(settings.check_body_bytes_max, {stream_routes.PATH: None})
    routed = DirectRoutes(app, routes.DIRECT, renderer=RENDERER)
    edge = ClientAddress(routed, trusted=settings.trusted_proxies or (), tell=came_from)
    return wrap(edge, service="check", limits=limits, renderer=RENDERER)


def _parts(settings: CheckSettings, opened: list[_Opened]) -> dict[str, Check]:
    """Return what `/readyz` shows."""

    async def ledger_answers() -> None:
        await require_fit(opened[0].pool, opened[0].digester)

    async def cache_answers() -> None:
        if not opened[0].cache_is_up:
            raise CacheAwayError

    parts: dict[str, Check] = {"ledger": ledger_answers}
    if settings.redis_url is not None:
        parts["cache"] = cache_answers
    return parts


async def _open(settings: CheckSettings, stack: AsyncExitStack) -> _Opened:
    """Open the ledger, and what hangs on it alone."""
    ring = read_key_file(settings.keys_file)
    on_connect: list[Callable[[], None]] = []
    pool = await stack.enter_async_context(
        open_reader(settings.dsn, size=settings.check_read_connections, on_connect=on_connect)
    )
    digester = await open_ledger(pool, ring)
    evidence = EvidenceLog(pool, settings.data_dir / "spool")
    evidence.start()
    stack.push_async_callback(evidence.aclose)
    directory = Directory(pool)
    on_connect.append(directory.forget_all)
    gate = Gate(pool=pool, directory=directory, tokens=TokenIssuer(ring), now=utc_now)
    return _Opened(settings, pool, digester, evidence, directory, gate)


async def _open_rounds(services: _Opened, stack: AsyncExitStack) -> CachedStates | None:
    """Open the cache and a connection for heads for each lane; None where no cache is set."""
    settings = services.settings
    if settings.redis_url is None:
        return None
    url = settings.redis_url.get_secret_value()
    try:
        await refuse_evicting(url)
    except CacheUnfitError as error:
        _log.error("check.cache.refused", why=str(error))
        raise
    nudger = Nudger(services.pool)
    stack.push_async_callback(nudger.aclose)

    async def lane() -> Rounds:
        cache = await stack.enter_async_context(
            open_cache(url, timeout_s=settings.check_cache_timeout_s, on_change=services.show_cache)
        )
        services.caches.append(cache)
        services.show_cache()
        heads = await stack.enter_async_context(
            open_heads(
                settings.dsn,
                timeout_s=settings.check_deadline_s,
                on_connect=[services.directory.forget_all],
                on_failure=services.directory.forget_all,
            )
        )

        def nudge(brand_code: int) -> None:
            if cache.is_up:  # else a projector could do nothing about it
                nudger.nudge(brand_code)

        key_id = services.digester.key_id
        return Rounds(heads, CacheReader(cache), digest_key_id=key_id, nudge=nudge)

    return CachedStates(small=await lane(), large=await lane())


def _open_door(
    services: _Opened, cached: CachedStates | None, door: HotDoor, stack: AsyncExitStack
) -> None:
    """Let the protocol class ask, until everything is closed again."""
    if cached is None:
        return
    settings = services.settings
    plain = PlainChecks(
        cached.small,
        gate=services.gate,
        directory=services.directory,
        questions=PlainQuestions(services.digester, admit_test_range=settings.admit_test_range),
        deadline_s=settings.check_deadline_s,
        now=utc_now,
    )
    stack.callback(plain.close)
    stack.callback(setattr, door, "plain", None)
    door.plain = plain


def _surface(services: _Opened, cached: CachedStates | None) -> CheckSurface:
    settings = services.settings
    reader = StateReader(
        services.pool,
        digest_key_id=services.digester.key_id,
        lanes=READ_LANES,
        on_failure=services.directory.forget_all,
    )
    checker = Checker(
        gate=services.gate,
        directory=services.directory,
        reader=reader,
        digester=services.digester,
        evidence=services.evidence,
        deadline_s=settings.check_deadline_s,
        now=utc_now,
        cached=cached,
    )
    return CheckSurface(
        checker=checker,
        gate=services.gate,
        pool=services.pool,
        admit_test_range=settings.admit_test_range,
        batch_max=settings.check_batch_max,
    )

"""The check service, put together: what is opened, built, yielded to the routes, and closed."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TypedDict

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.types import ASGIApp

from services.check import operator_routes, routes
from services.check.answer import Checker
from services.check.evidence import EvidenceLog
from services.check.routes import CheckSurface
from services.check.settings import CheckSettings
from shared.auth.directory import Directory
from shared.auth.gate import Gate
from shared.auth.tokens import TokenIssuer
from shared.clock import utc_now
from shared.ledger.coalesce import StateReader
from shared.ledger.failures import LedgerUnavailableError
from shared.ledger.readiness import open_ledger, require_fit
from shared.ledger.store import ReaderPool, open_reader
from shared.sealing.addresses import Digester
from shared.sealing.keyring import KeyRing, read_key_file
from shared.web.body_limit import BodyLimits
from shared.web.direct import DirectRoutes
from shared.web.errors import ErrorRenderer, install_error_handlers
from shared.web.health import health_routes
from shared.web.stack import wrap

READ_LANES = 2
RENDERER = ErrorRenderer(outages={LedgerUnavailableError: "LEDGER_UNAVAILABLE"})


class State(TypedDict):
    """What the routes find in `request.state`."""

    check: CheckSurface


def create_app(settings: CheckSettings) -> FastAPI:
    """Return the service; everything that costs something is opened in its lifespan."""
    opened: list[tuple[ReaderPool, Digester]] = []

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[State]:
        ring = read_key_file(settings.keys_file)
        on_connect: list[Callable[[], None]] = []
        async with open_reader(
            settings.dsn, size=settings.check_read_connections, on_connect=on_connect
        ) as pool:
            digester = await open_ledger(pool, ring)
            opened.append((pool, digester))
            evidence = EvidenceLog(pool, settings.data_dir / "spool")
            evidence.start()
            directory = Directory(pool)
            on_connect.append(directory.forget_all)
            yield {"check": _build(settings, ring, directory, pool, digester, evidence)}
            opened.clear()
            await evidence.aclose()

    async def ledger_answers() -> None:
        await require_fit(*opened[0])

    app: FastAPI = FastAPIOffline(
        title="izin check",
        version="1",
        description="May this message go out?",
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.include_router(routes.router)
    app.include_router(operator_routes.router)
    app.router.routes.extend(health_routes({"ledger": ledger_answers}))
    install_error_handlers(app, RENDERER)
    return app


def create_edge(app: FastAPI, settings: CheckSettings) -> ASGIApp:
    """Return the app inside its middleware: what a server serves."""
    limits = BodyLimits(settings.check_body_bytes_max, {})
    edge = DirectRoutes(app, routes.DIRECT, renderer=RENDERER)
    return wrap(edge, service="check", limits=limits, renderer=RENDERER)


def _build(
    settings: CheckSettings,
    ring: KeyRing,
    directory: Directory,
    pool: ReaderPool,
    digester: Digester,
    evidence: EvidenceLog,
) -> CheckSurface:
    reader = StateReader(
        pool,
        digest_key_id=digester.key_id,
        lanes=READ_LANES,
        on_failure=directory.forget_all,
    )
    gate = Gate(pool=pool, directory=directory, tokens=TokenIssuer(ring), now=utc_now)
    checker = Checker(
        gate=gate,
        directory=directory,
        reader=reader,
        digester=digester,
        evidence=evidence,
        deadline_s=settings.check_deadline_s,
        now=utc_now,
    )
    return CheckSurface(
        checker=checker,
        gate=gate,
        pool=pool,
        admit_test_range=settings.admit_test_range,
        batch_max=settings.check_batch_max,
    )

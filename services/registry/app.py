"""The registry service, put together: what is opened, built, yielded to the routes, and closed."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TypedDict

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.types import ASGIApp

from services.registry import routes_accounts, routes_wire
from services.registry.issue_token import IssueToken
from services.registry.list_brands import ListBrands
from services.registry.manage_accounts import ManageAccounts
from services.registry.parts import Parts, open_parts
from services.registry.read_consents import ReadConsents
from services.registry.record_consent import RecordConsent
from services.registry.routes_wire import Wire
from services.registry.settings import RegistrySettings
from services.registry.wire_request import WireEdge
from shared.clock import utc_now
from shared.ledger.failures import LedgerUnavailableError
from shared.ledger.readiness import require_fit
from shared.web.body_limit import BodyLimits
from shared.web.direct import DirectRoutes
from shared.web.errors import ErrorRenderer, install_error_handlers
from shared.web.health import health_routes
from shared.web.stack import wrap

RENDERER = ErrorRenderer(outages={LedgerUnavailableError: "LEDGER_UNAVAILABLE"})


class State(TypedDict):
    """What the routes find in `request.state`: one object for each module of routes."""

    edge: WireEdge
    wire: Wire
    accounts: ManageAccounts


def create_app(settings: RegistrySettings) -> FastAPI:
    """Return the service; everything that costs something is opened in its lifespan."""
    opened: list[Parts] = []

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[State]:
        async with open_parts(settings, now=utc_now) as parts:
            opened.append(parts)
            yield _build(parts)
            opened.clear()

    async def ledger_answers() -> None:
        await require_fit(opened[0].reader_pool, opened[0].digester)

    app: FastAPI = FastAPIOffline(
        title="izin registry",
        version=routes_wire.VERSION,
        description="The İYS wire for consents, and the accounts behind it.",
        lifespan=lifespan,
        redirect_slashes=False,
    )
    for module in (routes_wire, routes_accounts):
        app.include_router(module.router)
    app.router.routes.extend(health_routes({"ledger": ledger_answers}))
    install_error_handlers(app, RENDERER)
    return app


def create_edge(app: FastAPI, settings: RegistrySettings) -> ASGIApp:
    """Return the app inside its middleware: what a server serves."""
    limits = BodyLimits(settings.registry_body_bytes_max, {})
    edge = DirectRoutes(app, routes_wire.DIRECT, renderer=RENDERER)
    return wrap(edge, service="registry", limits=limits, renderer=RENDERER)


def _build(parts: Parts) -> State:
    return {
        "edge": WireEdge(parts.wire_gate, deadline_s=parts.settings.registry_deadline_s),
        "wire": _build_wire(parts),
        "accounts": _build_accounts(parts),
    }


def _build_accounts(parts: Parts) -> ManageAccounts:
    return ManageAccounts(
        parts.gate, parts.directory, parts.reader, parts.reader_pool, parts.writer_pool
    )


def _build_wire(parts: Parts) -> Wire:
    settings = parts.settings
    return Wire(
        issue_token=IssueToken(
            parts.gate, parts.tokens, parts.reader_pool, parts.writer_pool, parts.now
        ),
        record_consent=RecordConsent(
            gate=parts.wire_gate,
            reader=parts.reader,
            pool=parts.reader_pool,
            writer=parts.commits,
            digester=parts.digester,
            sealer=parts.sealer,
            policy=settings.write_policy,
            now=parts.now,
        ),
        read_consents=ReadConsents(
            gate=parts.wire_gate,
            reader=parts.reader,
            pool=parts.reader_pool,
            digester=parts.digester,
            admit_test_range=settings.admit_test_range,
            bulk_max=settings.bulk_status_max,
            now=parts.now,
        ),
        list_brands=ListBrands(
            parts.wire_gate, parts.reader, parts.directory, parts.reader_pool, parts.now
        ),
        unknown_consent_status=settings.unknown_consent_status,
    )

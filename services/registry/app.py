"""The registry service, put together: what is opened, built, yielded to the routes, and closed."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TypedDict

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.types import ASGIApp

from services.registry import routes_wire
from services.registry.administration import area as administration_area
from services.registry.administration import routes as administration_routes
from services.registry.feeds import area as feeds_area
from services.registry.feeds import routes as feeds_routes
from services.registry.feeds import routes_reports
from services.registry.issue_token import IssueToken
from services.registry.limits import area as limits_area
from services.registry.limits import routes as limits_routes
from services.registry.limits.show_limits import ShowLimits
from services.registry.list_brands import ListBrands
from services.registry.networks import area as networks_area
from services.registry.networks import routes as networks_routes
from services.registry.networks.manage_networks import ManageNetworks
from services.registry.partners import area as partners_area
from services.registry.partners import routes as partners_routes
from services.registry.partners import routes_subscriptions
from services.registry.partners.quota import Quota
from services.registry.parts import Parts, open_parts
from services.registry.push import area as push_area
from services.registry.push import routes as push_routes
from services.registry.read_consents import ReadConsents
from services.registry.reconciliation import area as reconciliation_area
from services.registry.reconciliation import routes as reconciliation_routes
from services.registry.record_consent import RecordConsent
from services.registry.reference import area as reference_area
from services.registry.reference import routes as reference_routes
from services.registry.reference.look_up_places import LookUpPlaces
from services.registry.retailers import area as retailers_area
from services.registry.retailers import routes as retailers_routes
from services.registry.retailers import routes_access
from services.registry.routes_wire import Wire
from services.registry.settings import RegistrySettings
from services.registry.system import area as system_area
from services.registry.system import routes as system_routes
from shared.auth.origin import AddressNotAllowedError, came_from
from shared.clock import utc_now
from shared.ledger.failures import LedgerUnavailableError
from shared.ledger.readiness import require_fit
from shared.web.body_limit import BodyLimits
from shared.web.client_address import ClientAddress
from shared.web.direct import DirectRoutes
from shared.web.errors import ErrorRenderer, install_error_handlers
from shared.web.health import health_routes
from shared.web.json_body import BODY_SECONDS_MAX
from shared.web.limit_fields import LimitFields
from shared.web.stack import wrap
from shared.wire.count_requests import Limits
from shared.wire.request import CountRequests, WireEdge

RENDERER = ErrorRenderer(
    outages={LedgerUnavailableError: "LEDGER_UNAVAILABLE"},
    refusals={AddressNotAllowedError: "ADDRESS_NOT_ALLOWED"},
)


class State(TypedDict):
    """What the routes find in `request.state`: one object for each module of routes."""

    edge: WireEdge
    wire: Wire
    administration: administration_area.Administration
    feeds: feeds_area.Feeds
    limits: ShowLimits
    networks: ManageNetworks
    partners: partners_area.Partners
    push: push_area.Push
    reconciliation: reconciliation_area.Reconciliation
    reference: LookUpPlaces
    retailers: retailers_area.Retailers
    system: system_area.SystemArea


def create_app(settings: RegistrySettings) -> FastAPI:
    """Return the service; everything that costs something is opened in its lifespan."""
    opened: list[Parts] = []

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[State]:
        async with (
            open_parts(settings, now=utc_now) as parts,
            limits_area.open_limits(parts) as limits,
        ):
            opened.append(parts)
            yield _build(parts, limits)
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
    for module in (
        routes_wire,
        administration_routes,
        feeds_routes,
        routes_reports,
        limits_routes,
        networks_routes,
        partners_routes,
        routes_subscriptions,
        push_routes,
        reconciliation_routes,
        reference_routes,
        retailers_routes,
        routes_access,
        system_routes,
    ):
        app.include_router(module.router)
    app.router.routes.extend(health_routes({"ledger": ledger_answers}))
    install_error_handlers(app, RENDERER)
    return app


def create_edge(app: FastAPI, settings: RegistrySettings) -> ASGIApp:
    """Return the app inside its middleware: what a server serves."""
    limits = BodyLimits(
        settings.registry_body_bytes_max,
        {administration_area.PAPERS: settings.document_bytes_max},
        seconds_max=BODY_SECONDS_MAX,
    )
    routed = DirectRoutes(app, routes_wire.DIRECT, renderer=RENDERER)
    counted = LimitFields(CountRequests(routed, renderer=RENDERER))
    edge = ClientAddress(counted, trusted=settings.trusted_proxies or (), tell=came_from)
    return wrap(edge, service="registry", limits=limits, renderer=RENDERER)


def _build(parts: Parts, limits: Limits) -> State:
    return {
        "edge": WireEdge(parts.wire_gate, limits, deadline_s=parts.settings.registry_deadline_s),
        "wire": _build_wire(parts),
        "administration": administration_area.build(parts),
        "feeds": feeds_area.build(parts),
        "limits": limits_area.build(parts, limits),
        "networks": networks_area.build(parts),
        "partners": partners_area.build(parts),
        "push": push_area.build(parts),
        "reconciliation": reconciliation_area.build(parts),
        "reference": reference_area.build(parts),
        "retailers": retailers_area.build(parts),
        "system": system_area.build(parts),
    }


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
            quota=Quota(parts.reader_pool, default=settings.consent_limit or None),
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

"""The ingest service, put together: what is opened, built, yielded to the routes, and closed."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TypedDict

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.types import ASGIApp

from services.ingest.batches import routes_batches
from services.ingest.batches.accept_batch import AcceptBatch
from services.ingest.batches.read_result import ReadResult
from services.ingest.batches.routes_batches import Batches, error_of_item
from services.ingest.jobs import routes_jobs
from services.ingest.jobs.area import UPLOADS, Files, build_files
from services.ingest.lanes.watch_queue import WatchQueue
from services.ingest.parts import Parts, open_parts
from services.ingest.settings import IngestSettings
from services.ingest.uploads import routes_uploads
from shared.auth.origin import AddressNotAllowedError, came_from
from shared.cache.limits import open_counter
from shared.clock import utc_now
from shared.ledger.failures import LedgerUnavailableError
from shared.ledger.readiness import require_fit
from shared.sealing.callers import CallerDigester
from shared.web.body_limit import BodyLimits
from shared.web.client_address import ClientAddress
from shared.web.errors import ErrorRenderer, install_error_handlers
from shared.web.health import health_routes
from shared.web.limit_fields import LimitFields
from shared.web.stack import wrap
from shared.wire.count_requests import Limits
from shared.wire.request import CountRequests, WireEdge

VERSION = "3.2.0"
RENDERER = ErrorRenderer(
    outages={LedgerUnavailableError: "LEDGER_UNAVAILABLE"},
    refusals={AddressNotAllowedError: "ADDRESS_NOT_ALLOWED"},
)


class State(TypedDict):
    """What the routes find in `request.state`."""

    edge: WireEdge
    batches: Batches
    files: Files


def create_app(settings: IngestSettings) -> FastAPI:
    """Return the service; everything that costs something is opened in its lifespan."""
    opened: list[Parts] = []

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[State]:
        url = settings.redis_url
        async with (
            open_parts(settings, now=utc_now) as parts,
            open_counter(None if url is None else url.get_secret_value()) as counter,
        ):
            opened.append(parts)
            limits = Limits(settings.limit_table, counter, CallerDigester(parts.ring))
            watching = asyncio.create_task(WatchQueue(parts.reader_pool, parts.now).run())
            yield _build(parts, limits)
            watching.cancel()
            opened.clear()

    async def ledger_answers() -> None:
        await require_fit(opened[0].reader_pool, opened[0].digester)

    app: FastAPI = FastAPIOffline(
        title="izin ingest",
        version=VERSION,
        description="Many consents at once: batches of the İYS wire, and files.",
        lifespan=lifespan,
        redirect_slashes=False,
    )
    for module in (routes_batches, routes_jobs, routes_uploads):
        app.include_router(module.router)
    app.router.routes.extend(health_routes({"ledger": ledger_answers}))
    install_error_handlers(app, RENDERER)
    return app


def create_edge(app: FastAPI, settings: IngestSettings) -> ASGIApp:
    """Return the app inside its middleware: what a server serves."""
    limits = BodyLimits(settings.ingest_body_bytes_max, UPLOADS)
    counted = LimitFields(CountRequests(app, renderer=RENDERER))
    edge = ClientAddress(counted, trusted=settings.trusted_proxies or (), tell=came_from)
    return wrap(edge, service="ingest", limits=limits, renderer=RENDERER)


def _build(parts: Parts, limits: Limits) -> State:
    settings = parts.settings
    accept = AcceptBatch(
        gate=parts.wire_gate,
        reader=parts.reader,
        pool=parts.reader_pool,
        writer=parts.writer_pool,
        appender=parts.appender,
        keys=parts.job_keys,
        digester=parts.digester,
        sealer=parts.sealer,
        policy=settings.write_policy,
        count_max=settings.ingest_batch_max,
        now=parts.now,
    )
    read_result = ReadResult(
        gate=parts.wire_gate,
        reader=parts.reader,
        pool=parts.reader_pool,
        days=settings.ingest_result_days,
        error_entry=error_of_item,
        now=parts.now,
    )
    return {
        "edge": WireEdge(parts.wire_gate, limits, deadline_s=settings.ingest_deadline_s),
        "batches": Batches(accept, read_result),
        "files": build_files(parts),
    }

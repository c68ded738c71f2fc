"""The registry service, put together: what is opened, built, yielded to the routes, and closed."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TypedDict

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.types import ASGIApp

from services.registry import routes_accounts, routes_wire
from services.registry.caller import WireGate
from services.registry.issue_token import IssueToken
from services.registry.list_brands import ListBrands
from services.registry.manage_accounts import ManageAccounts
from services.registry.read_consents import ReadConsents
from services.registry.record_consent import RecordConsent
from services.registry.routes_wire import Wire
from services.registry.settings import RegistrySettings
from shared.auth.directory import Directory
from shared.auth.gate import Gate
from shared.auth.tokens import TokenIssuer
from shared.clock import utc_now
from shared.ledger.append import Appender
from shared.ledger.coalesce import StateReader
from shared.ledger.failures import LedgerUnavailableError
from shared.ledger.group_commit import GroupCommit
from shared.ledger.nudge import Nudger
from shared.ledger.readiness import claim_ledger, open_ledger, require_fit
from shared.ledger.store import ReaderPool, WriterPool, open_reader, open_writer
from shared.sealing.addresses import Digester, Sealer
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

    wire: Wire
    accounts: ManageAccounts


def create_app(settings: RegistrySettings) -> FastAPI:
    """Return the service; everything that costs something is opened in its lifespan."""
    opened: list[tuple[ReaderPool, Digester]] = []

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[State]:
        ring = read_key_file(settings.keys_file)
        on_connect: list[Callable[[], None]] = []
        async with (
            open_reader(
                settings.dsn, size=settings.registry_read_connections, on_connect=on_connect
            ) as reader,
            open_writer(settings.dsn, size=settings.registry_write_connections) as writer,
        ):
            digester = await open_ledger(reader, ring)
            await claim_ledger(writer, digester)
            opened.append((reader, digester))
            nudger = Nudger(writer)
            appender = Appender(
                writer,
                digest_key_id=digester.key_id,
                sealing_key_id=ring.sealing_key_id,
                committed=nudger.nudge,
            )
            commits = GroupCommit(appender)
            directory = Directory(reader)
            on_connect.append(directory.forget_all)
            yield _build(settings, ring, (reader, writer), directory, digester, commits)
            opened.clear()
            await commits.drain()
            await nudger.aclose()

    async def ledger_answers() -> None:
        await require_fit(*opened[0])

    app: FastAPI = FastAPIOffline(
        title="izin registry",
        version=routes_wire.VERSION,
        description="The İYS wire for consents, and the accounts behind it.",
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.include_router(routes_wire.router)
    app.include_router(routes_accounts.router)
    app.router.routes.extend(health_routes({"ledger": ledger_answers}))
    install_error_handlers(app, RENDERER)
    return app


def create_edge(app: FastAPI, settings: RegistrySettings) -> ASGIApp:
    """Return the app inside its middleware: what a server serves."""
    limits = BodyLimits(settings.registry_body_bytes_max, {})
    edge = DirectRoutes(app, routes_wire.DIRECT, renderer=RENDERER)
    return wrap(edge, service="registry", limits=limits, renderer=RENDERER)


def _build(
    settings: RegistrySettings,
    ring: KeyRing,
    pools: tuple[ReaderPool, WriterPool],
    directory: Directory,
    digester: Digester,
    commits: GroupCommit,
) -> State:
    reader_pool, writer_pool = pools
    reader = StateReader(
        reader_pool,
        digest_key_id=digester.key_id,
        lanes=READ_LANES,
        on_failure=directory.forget_all,
    )
    tokens = TokenIssuer(ring)
    gate = Gate(pool=reader_pool, directory=directory, tokens=tokens, now=utc_now)
    wire_gate = WireGate(gate, directory)
    wire = Wire(
        gate=wire_gate,
        issue_token=IssueToken(gate, tokens, reader_pool, writer_pool, utc_now),
        record_consent=RecordConsent(
            gate=wire_gate,
            reader=reader,
            pool=reader_pool,
            writer=commits,
            digester=digester,
            sealer=Sealer(ring),
            policy=settings.write_policy,
            now=utc_now,
        ),
        read_consents=ReadConsents(
            gate=wire_gate,
            reader=reader,
            pool=reader_pool,
            digester=digester,
            admit_test_range=settings.admit_test_range,
            bulk_max=settings.bulk_status_max,
            now=utc_now,
        ),
        list_brands=ListBrands(wire_gate, reader, directory, reader_pool, utc_now),
        unknown_consent_status=settings.unknown_consent_status,
        deadline_s=settings.registry_deadline_s,
    )
    accounts = ManageAccounts(gate, directory, reader, reader_pool, writer_pool)
    return {"wire": wire, "accounts": accounts}

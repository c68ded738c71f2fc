import io
from collections.abc import AsyncIterator, Callable, Iterator

import httpx
import orjson
import pytest
from fastapi import APIRouter, FastAPI, Request
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, Response

from shared.domain.faults import DateNotLater, RuleBrokenError, TokenLimitReached
from shared.telemetry.logs import configure_logging
from shared.web.body_limit import BodyLimits
from shared.web.errors import ErrorRenderer, install_error_handlers
from shared.web.json_body import parse_json, read_body
from shared.web.oauth_errors import OAuthRefusedError
from shared.web.problems import FieldError, ProblemError
from shared.web.stack import wrap

PHONE = "+905990000001"
BRAND = "/sps/1/brands/2"


class LedgerDownError(Exception):
    pass


router = APIRouter(prefix="/sps/{iys_code}/brands/{brand_code}")


@router.post("/consents")
async def add(iys_code: int, brand_code: int, request: Request) -> Response:
    body = parse_json(await read_body(request))
    return Response(orjson.dumps({"codes": [iys_code, brand_code], "body": body}))


@router.get("/consents/changes")
async def changes(limit: int) -> dict[str, int]:
    return {"limit": limit}


ERRORS: dict[str, Callable[[], Exception]] = {
    "rule": lambda: RuleBrokenError(DateNotLater(("consentDate",), "2026-03-02 14:05:09")),
    "limit": lambda: RuleBrokenError(TokenLimitReached(retry_after_s=90)),
    "oauth": lambda: OAuthRefusedError("CREDENTIALS_WRONG"),
    "problem": lambda: ProblemError(
        "INVALID_FIELD", "Look.", errors=[FieldError("/header", "is too long")]
    ),
    "login": lambda: ProblemError("NOT_AUTHENTICATED"),
    "ledger": LedgerDownError,
    "left": ClientDisconnect,
    "unknown": lambda: RuntimeError(f"secret text about {PHONE}"),
}


async def fail(kind: str) -> None:
    error = ERRORS[kind]()
    raise error


async def stored(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def typed(count: int, request: Request) -> dict[str, object]:
    return {"count": count, "path": request.url.path, "query": request.url.query}


def create_app() -> FastAPI:
    app = FastAPI(redirect_slashes=False, openapi_url=None)
    app.include_router(router)
    app.include_router(router, prefix="/v2")
    for prefix in ("/sps", "/oauth2", "/accounts"):
        app.add_api_route(prefix + "/fail/{kind}", fail, methods=["POST"])
    app.add_route("/accounts/stored", stored, methods=["POST"])
    app.add_api_route("/check/typed/{count}", typed, methods=["GET"])
    return app


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app, renderer = create_app(), ErrorRenderer(outages={LedgerDownError: "LEDGER_UNAVAILABLE"})
    install_error_handlers(app, renderer)
    limits = BodyLimits(1_000, {"/accounts": 10, "/sps": 20_000_000})
    wrapped = wrap(app, service="registry", limits=limits, renderer=renderer)
    transport = httpx.ASGITransport(wrapped)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as opened:
        yield opened


@pytest.fixture
def log_output() -> Iterator[io.BytesIO]:
    stream = io.BytesIO()
    configure_logging("registry", stream=stream)
    yield stream
    configure_logging("registry")

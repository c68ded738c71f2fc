"""The pages that belong to no service: health and metrics of all, documentation of all, 404."""

from collections.abc import Awaitable, Callable, Mapping
from importlib.metadata import PackageNotFoundError, version

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.types import ASGIApp

from services.cli.openapi_document import Document, merge
from shared.web.body_limit import BodyLimits
from shared.web.errors import ErrorRenderer, install_error_handlers
from shared.web.health import health_routes
from shared.web.stack import wrap

TITLE = "izin"
BODY_BYTES_MAX = 1_000  # nothing here takes a body
DESCRIPTION = """A consent registry for commercial messages, compatible with the published İYS API.

Sign in at `POST /oauth2/token`, or send an operator's long-lived key as a bearer token.
"""


def make_front(
    *,
    documents: Mapping[str, Callable[[], Document]],
    ready: Mapping[str, Callable[[], Awaitable[None]]],
    service_of: Callable[[str], str],
) -> ASGIApp:
    """Return the app of those pages. The merged document is made on the first request for it."""
    front: FastAPI = FastAPIOffline(title=TITLE, version=_version(), description=DESCRIPTION)
    front.router.routes.extend(health_routes(dict(ready)))
    renderer = ErrorRenderer()
    install_error_handlers(front, renderer)

    def document() -> Document:
        if front.openapi_schema is None:
            parts = {name: make() for name, make in documents.items()}
            info: Document = {
                "title": TITLE,
                "version": front.version,
                "description": DESCRIPTION,
            }
            front.openapi_schema = merge(parts, info=info, service_of=service_of)
        return front.openapi_schema

    front.openapi = document  # type: ignore[method-assign]  # FastAPI's documented way to extend it
    return wrap(front, service="front", limits=BodyLimits(BODY_BYTES_MAX), renderer=renderer)


def _version() -> str:
    try:
        return version("izin")
    except PackageNotFoundError:  # run from a checkout
        return "0"

"""Which service answers a path, and in which dialect its errors are written: data, in one place.

The embedded server dispatches by it, the production proxy's locations are rendered from it, and the
error renderers ask it for their surface. The first row that matches wins, here as in nginx.
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from shared.web.tidy_path import tidied


class Surface(Enum):
    """The dialect of errors."""

    IYS = "iys"  # the `errors` list of the published wire
    TOKEN = "token"  # noqa: S105  # the OAuth pair of the token endpoint
    OWN = "own"  # problem documents


@dataclass(frozen=True, slots=True)
class Row:
    """Everything at or below these paths; `pattern` is a regular expression without its end."""

    pattern: str
    service: str
    surface: Surface
    streams: bool = False

    @property
    def regex(self) -> str:
        """Return the whole expression, in the syntax that Python and nginx share."""
        return f"^{self.pattern}(/|$)"


FRONT: Final = "front"

ROUTES: Final = (
    Row("/oauth2", "registry", Surface.TOKEN),
    Row("(/v2)?/sps/[^/]+/brands/[^/]+/consents/request", "ingest", Surface.IYS),
    Row("(/v2)?/sps", "registry", Surface.IYS),
    Row("/(version|integrator|info)", "registry", Surface.IYS),
    Row("/accounts", "registry", Surface.OWN),
    Row("/limits", "registry", Surface.OWN),
    Row("/(system|operators)", "registry", Surface.OWN),
    Row("/check/stream", "check", Surface.OWN, streams=True),
    Row("/check", "check", Surface.OWN),
    Row("/brands", "check", Surface.IYS),
    Row("/ingest", "ingest", Surface.OWN, streams=True),
    Row("/(docs|redoc|openapi[.]json|static-offline-docs)", FRONT, Surface.OWN),
    Row("/(healthz|readyz|metrics)", FRONT, Surface.OWN),
)
SERVICES: Final = ("registry", "check", "ingest", FRONT)

_COMPILED: Final = tuple((re.compile(row.regex), row) for row in ROUTES)
_ELSEWHERE: Final = Row("", FRONT, Surface.OWN)


def service_of(path: str) -> str:
    """Return the service that answers this path; the front answers what nobody else does."""
    return _row_of(path).service


def surface_of(path: str) -> Surface:
    """Return the dialect of errors below this path."""
    return _row_of(path).surface


def nginx_locations() -> str:
    """Render the locations of the production proxy; each service is an upstream of its name."""
    return "\n".join(_location(row) for row in (*ROUTES, _ELSEWHERE))


def _row_of(path: str) -> Row:
    path = tidied(path)
    for regex, row in _COMPILED:
        if regex.match(path):
            return row
    return _ELSEWHERE


def _location(row: Row) -> str:
    match = f"~ {row.regex}" if row.pattern else "/"
    lines = [f"proxy_pass http://{row.service};"]
    if row.streams:
        lines += ["proxy_buffering off;", "proxy_request_buffering off;", "client_max_body_size 0;"]
    body = "".join(f"    {line}\n" for line in lines)
    return f"location {match} {{\n{body}}}"

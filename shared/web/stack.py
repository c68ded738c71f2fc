"""The order of the middleware: the same parts in the same order around every service's app.

From the outside in: the id comes first, so that everything below has it; the address is tidied
before anything looks at it; the log line sees the final answer, also one that the limits gave.
"""

from starlette.types import ASGIApp

from shared.web.access_log import AccessLog
from shared.web.body_limit import BodyLimit, BodyLimits
from shared.web.errors import ErrorRenderer
from shared.web.last_resort import LastResort
from shared.web.request_id import RequestId
from shared.web.security_headers import SecurityHeaders
from shared.web.tidy_path import TidyPath


def wrap(app: ASGIApp, *, service: str, limits: BodyLimits, renderer: ErrorRenderer) -> ASGIApp:
    """Return the app inside its middleware; create it with `redirect_slashes=False`."""
    app = BodyLimit(app, limits=limits, surface=renderer.surface)
    app = LastResort(app, renderer=renderer)
    app = SecurityHeaders(app)
    app = AccessLog(app, service=service)
    app = TidyPath(app)
    return RequestId(app)

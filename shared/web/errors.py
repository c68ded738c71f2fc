"""Every exception that leaves a handler becomes an answer here, in the dialect of its path.

Nothing of an unknown exception reaches the caller but the request id; its traceback is logged.
"""

from collections.abc import Callable, Mapping
from typing import Final

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException  # noqa: TID251  # to render what Starlette raises
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from shared.domain.faults import RuleBrokenError
from shared.domain.limit_faults import LimitFault
from shared.web.iys_envelope import render_faults, render_oauth_error
from shared.web.iys_messages import text_of
from shared.web.json_body import NotJsonError
from shared.web.oauth_errors import OAuthRefusedError
from shared.web.problems import FieldError, ProblemError, pointer
from shared.web.request_id import request_id_of
from shared.web.route_table import Surface, surface_of
from shared.web.surfaces import render_on
from shared.web.validation import render_validation

_PROBLEM_BY_STATUS: Final[Mapping[int, str]] = {
    401: "NOT_AUTHENTICATED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    413: "BODY_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    429: "TOO_MANY_REQUESTS",
    500: "INTERNAL",
    503: "OVERLOADED",
}
_log: Final[structlog.typing.FilteringBoundLogger] = structlog.get_logger()


class ErrorRenderer:
    """Knows the surface of a path, and which exceptions of the stores mean an outage.

    `outages` maps an exception type to a problem code (`LEDGER_UNAVAILABLE`), so that this module
    need not know the stores; `refusals` does so for what is no fault of ours.
    """

    def __init__(
        self,
        *,
        surface: Callable[[str], Surface] = surface_of,
        outages: Mapping[type[Exception], str] | None = None,
        refusals: Mapping[type[Exception], str] | None = None,
    ) -> None:
        self.surface = surface
        self.outages: Mapping[type[Exception], str] = dict(outages or {})
        self.refusals: Mapping[type[Exception], str] = {
            NotJsonError: "NOT_JSON",
            ClientDisconnect: "CLIENT_LEFT",
            **(refusals or {}),
        }

    def render(self, path: str, error: Exception, *, request_id: str = "") -> Response:
        """Return the answer for an exception; whatever is not expected is logged, and a 500."""
        surface = self.surface(path)
        if isinstance(error, RuleBrokenError):
            if surface is not Surface.OWN:
                return render_faults(error.faults)
            return render_on(surface, _rule_broken(error), request_id=request_id)
        if isinstance(error, OAuthRefusedError):
            return render_oauth_error(error.error, error.description, error.status)
        if isinstance(error, RequestValidationError):
            return render_validation(surface, error, request_id=request_id)
        return render_on(surface, self._problem(error), request_id=request_id)

    def _problem(self, error: Exception) -> ProblemError:
        if isinstance(error, ProblemError):
            return error
        if isinstance(error, HTTPException):
            code = _PROBLEM_BY_STATUS.get(error.status_code, "BAD_REQUEST")
            return ProblemError(code, headers=error.headers)
        for refusal, code in self.refusals.items():
            if isinstance(error, refusal):
                return ProblemError(code)
        for outage, code in self.outages.items():
            if isinstance(error, outage):
                _log.warning("http.outage.answered", problem=code, exc_info=error)
                return ProblemError(code, retry_after_s=1)
        _log.error("http.request.failed", exc_info=error)
        return ProblemError("INTERNAL")


def install_error_handlers(app: FastAPI, renderer: ErrorRenderer) -> None:
    """Make the app answer every exception through the renderer."""

    async def handle(request: Request, error: Exception) -> Response:
        request_id = request_id_of(request.scope)
        return renderer.render(request.scope["path"], error, request_id=request_id)

    known = (
        *(RuleBrokenError, ProblemError, OAuthRefusedError),
        *(RequestValidationError, HTTPException),
    )
    for exception in (*known, *renderer.outages, *renderer.refusals, Exception):
        app.add_exception_handler(exception, handle)


def _rule_broken(error: RuleBrokenError) -> ProblemError:
    first = error.faults[0]
    if isinstance(first, LimitFault):
        return ProblemError(
            "TOO_MANY_REQUESTS",
            "GET /limits shows what holds and what is left",
            retry_after_s=first.retry_after_s,
        )
    errors = [
        FieldError(pointer(fault.location), text_of(fault, fault.code), fault.code)
        for fault in error.faults
    ]
    return ProblemError("RULE_BROKEN", errors=errors)

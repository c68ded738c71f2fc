"""One refusal of ours, written in the dialect of the path that it happened on.

What stops a request before a rule is asked (a lost route, a body that is too large, a broken
server) has a problem code; on the published wire the nearest published code carries it, with the
HTTP status that says what happened. No code is published for an address that does not exist: H355
stands in, the only code with status 404 that names no particular thing.
"""

from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from shared.web.iys_envelope import EnvelopeError, render_faults, render_oauth_error
from shared.web.iys_messages import text_of
from shared.web.problems import ProblemError, render_problem
from shared.web.route_table import Surface

SERVER_FAULT: Final = 500

IYS_CODES: Final[Mapping[str, str]] = {
    "NOT_JSON": "H014",
    "UNSUPPORTED_MEDIA_TYPE": "H014",
    "NOT_AUTHENTICATED": "H351",
    "FORBIDDEN": "H353",
    "ADDRESS_NOT_ALLOWED": "H353",
    "NOT_FOUND": "H355",
    "UNKNOWN_BRAND": "H018",
    "UNKNOWN_PROVIDER": "H001",
    "UNKNOWN_CONSENT": "H401",
    "METHOD_NOT_ALLOWED": "H363",
    "REQUEST_TIMEOUT": "H192",
    "TOO_MANY_RECIPIENTS": "H091",
    "TOO_MANY_REQUESTS": "H124",
    "LEDGER_UNAVAILABLE": "H192",
    "OVERLOADED": "H123",
    "INTERNAL": "H015",
}
_UNUSABLE: Final = "H085"
# What the text of a code names, where that is nothing of the request's own.
_NAMES: Final[Mapping[str, str]] = {"ADDRESS_NOT_ALLOWED": "IP adresi"}
_OAUTH_ERRORS: Final[Mapping[int, str]] = {429: "temporarily_unavailable"}


def render_on(surface: Surface, error: ProblemError, *, request_id: str = "") -> Response:
    """Return the answer for a problem on this surface."""
    if surface is Surface.OWN:
        return render_problem(error, request_id=request_id)
    status, code = error.problem.status, IYS_CODES.get(error.code, _UNUSABLE)
    if surface is Surface.TOKEN and status < SERVER_FAULT:
        word = _OAUTH_ERRORS.get(status, "invalid_request")
        response = render_oauth_error(word, text_of(None, code), status)
    else:
        named = EnvelopeError(code, name=_NAMES.get(error.code, ""))
        response = render_faults([named], status=status)
    response.headers.update(error.headers)
    return response

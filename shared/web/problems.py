"""Our own errors, outside the published wire: RFC 9457 problem documents, catalogued here.

`PROBLEMS` is the whole list of public codes; docs/problems.md is written from it.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from starlette.responses import Response

from shared.web.wire_json import echo, json_response

MEDIA_TYPE: Final = "application/problem+json"


class Problem(NamedTuple):
    """What every occurrence of a code has in common."""

    status: int
    title: str


PROBLEMS: Final[Mapping[str, Problem]] = {
    "BAD_REQUEST": Problem(400, "The request cannot be understood"),
    "NOT_JSON": Problem(400, "The body is not valid JSON"),
    "BAD_CONTENT_LENGTH": Problem(400, "Content-Length is not a number of bytes"),
    "NOT_AUTHENTICATED": Problem(401, "Credentials are missing, wrong or expired"),
    "FORBIDDEN": Problem(403, "These credentials do not allow it"),
    "ADDRESS_NOT_ALLOWED": Problem(403, "This account may not act from this network address"),
    "NOT_FOUND": Problem(404, "There is nothing at this address"),
    "UNKNOWN_ACCOUNT": Problem(404, "No such account"),
    "UNKNOWN_APPLICATION": Problem(404, "No such application"),
    "UNKNOWN_BRAND": Problem(404, "No such brand"),
    "UNKNOWN_CONNECTION": Problem(404, "No such push connection"),
    "UNKNOWN_COMPLAINT": Problem(404, "No such complaint"),
    "UNKNOWN_CONSENT": Problem(404, "No such consent"),
    "UNKNOWN_DOCUMENT": Problem(404, "No such document"),
    "UNKNOWN_HEADER": Problem(404, "No such message header"),
    "UNKNOWN_JOB": Problem(404, "No such job"),
    "UNKNOWN_KEY": Problem(404, "No such API key"),
    "UNKNOWN_PARTNER": Problem(404, "No such partner"),
    "UNKNOWN_PROVIDER": Problem(404, "No such provider"),
    "UNKNOWN_SUBSCRIPTION": Problem(404, "No such subscription"),
    "UNKNOWN_REPORT": Problem(404, "No such report"),
    "UNKNOWN_UPLOAD": Problem(404, "No such upload"),
    "METHOD_NOT_ALLOWED": Problem(405, "This address does not take this method"),
    "REQUEST_TIMEOUT": Problem(408, "The body did not arrive in time"),
    "ALREADY_EXISTS": Problem(409, "It exists already"),
    "CONFLICT": Problem(409, "The current state does not allow it"),
    "WRONG_OFFSET": Problem(409, "The upload does not go on at this offset"),
    "TUS_VERSION": Problem(412, "This version of tus is not spoken here"),
    "BODY_TOO_LARGE": Problem(413, "The body is larger than this address takes"),
    "TOO_MANY_RECIPIENTS": Problem(413, "More recipients than one request may hold"),
    "UNSUPPORTED_MEDIA_TYPE": Problem(415, "This address does not take this media type"),
    "INVALID_FIELD": Problem(422, "A field is missing or wrong"),
    "INVALID_QUESTION": Problem(422, "The question is not well formed"),
    "INVALID_RECIPIENT": Problem(422, "The recipient is not a valid address for this channel"),
    "RULE_BROKEN": Problem(422, "The consent breaks a rule"),
    "LOCKED": Problem(423, "Somebody else is sending this file just now"),
    "TOO_MANY_REQUESTS": Problem(429, "Too many requests"),
    "CLIENT_LEFT": Problem(499, "The client closed the connection"),
    "INTERNAL": Problem(500, "Something broke on our side"),
    "LEDGER_UNAVAILABLE": Problem(503, "The ledger does not answer"),
    "OVERLOADED": Problem(503, "The service is busy"),
    "NO_SPACE": Problem(507, "There is no room for the file now"),
}


class FieldError(NamedTuple):
    """One wrong field: where it is (a JSON pointer, `/header` or `/recipients/3`) and why."""

    pointer: str
    detail: str
    code: str = "INVALID_FIELD"


def pointer(parts: Sequence[str | int]) -> str:
    """Write a location as a JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


class ProblemError(Exception):
    """Raised by anything of ours that speaks HTTP; the edge renders it."""

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})
        if retry_after_s is not None:
            self.headers["Retry-After"] = str(max(1, retry_after_s))

    @property
    def problem(self) -> Problem:
        """Return the catalogue's entry."""
        return PROBLEMS[self.code]


def render_problem(error: ProblemError, *, request_id: str = "") -> Response:
    """Write the problem document; members without content are left out."""
    status, title = error.problem
    body: dict[str, object] = {
        "type": f"urn:izin:problem:{error.code}",
        "title": title,
        "status": status,
        "code": error.code,
    }
    if error.detail:
        body["detail"] = echo(error.detail)
    if error.errors:
        body["errors"] = [
            {"pointer": echo(e.pointer), "code": e.code, "detail": echo(e.detail)}
            for e in error.errors
        ]
    if request_id:
        body["request_id"] = request_id
    headers = dict(error.headers)
    if error.code == "NOT_AUTHENTICATED":
        headers.setdefault("WWW-Authenticate", "Bearer")
    return json_response(body, status=status, headers=headers, media_type=MEDIA_TYPE)

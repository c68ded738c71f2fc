"""The two error shapes of the published wire (iys-api 1.1): the `errors` list, the OAuth pair."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from shared.domain.faults import ABSENT, Fault
from shared.domain.limit_faults import LimitFault
from shared.telemetry.metrics import count_refusal
from shared.web.iys_messages import MESSAGES, text_of
from shared.web.wire_json import echo, json_response

TOKEN_LIMIT_CODE: Final = "H084"  # noqa: S105  # a public code
NOT_AUTHENTICATED_CODE: Final = "H351"
# A body may hold a hundred thousand mistakes of eight bytes; each costs two hundred to name.
FAULTS_SHOWN_MAX: Final = 1_000
ITEM_FAULTS_SHOWN_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class EnvelopeError:
    """One entry of the list, for what is no fault of a consent: a lost route, a broken server."""

    code: str
    location: tuple[str | int, ...] = ()
    value: object = ABSENT
    name: str = ""


def render_faults(
    faults: Sequence[Fault | EnvelopeError],
    *,
    status: int | None = None,
    index: int | None = None,
) -> Response:
    """Answer with the faults of one request; the status is that of the first unless it is given.

    `index` is the position of the item when the body was a list.
    """
    return _render([(index, fault) for fault in faults[:FAULTS_SHOWN_MAX]], status=status)


def render_item_faults(
    item_faults: Sequence[tuple[int, Fault]], *, status: int | None = None
) -> Response:
    """Answer for a list body that is refused as a whole: every fault with its item's position."""
    return _render(item_faults[:ITEM_FAULTS_SHOWN_MAX], status=status)


def render_oauth_error(error: str, description: str, status: int = 400) -> Response:
    """Answer as the token endpoint does."""
    body = {"error": error, "error_description": description}
    return json_response(body, status=status, headers={"Cache-Control": "no-store"})


def error_entry(fault: Fault | EnvelopeError, *, index: int | None = None) -> dict[str, object]:
    """Return one entry of the `errors` list; also the `error` of an asynchronous result."""
    message = echo(text_of(fault, fault.code))
    entry: dict[str, object] = {"code": fault.code, "message": message}
    if fault.location:
        entry["location"] = [echo(part) for part in fault.location]
    if fault.value is not ABSENT:
        entry["value"] = echo(fault.value)
    if index is not None:
        entry["index"] = index
    count_refusal(fault.code)
    return entry


def _render(
    faults: Sequence[tuple[int | None, Fault | EnvelopeError]], *, status: int | None
) -> Response:
    first = faults[0][1]
    body: dict[str, object] = {"errors": [error_entry(f, index=index) for index, f in faults]}
    if first.code == TOKEN_LIMIT_CODE:
        # Its shape is not published; clients read the list, the pair at the top, or the OAuth pair.
        text = text_of(first, first.code)
        body |= {"code": first.code, "message": text}
        body |= {"error": "temporarily_unavailable", "error_description": text}
    headers = _headers_for(first)
    return json_response(body, status=status or MESSAGES[first.code].status, headers=headers)


def _headers_for(fault: Fault | EnvelopeError) -> dict[str, str]:
    headers: dict[str, str] = {}
    if fault.code == NOT_AUTHENTICATED_CODE:
        headers["WWW-Authenticate"] = "Bearer"
    if fault.code == TOKEN_LIMIT_CODE:
        headers["Cache-Control"] = "no-store"
    if isinstance(fault, LimitFault):
        headers["Retry-After"] = str(max(1, fault.retry_after_s))
    return headers

"""What FastAPI's own validation found, in the dialect of the path."""

from collections.abc import Mapping, Sequence
from typing import Final, TypedDict, cast

from fastapi.exceptions import RequestValidationError
from starlette.responses import Response

from shared.domain.faults import ABSENT
from shared.web.iys_envelope import EnvelopeError, render_faults
from shared.web.problems import FieldError, ProblemError, pointer
from shared.web.route_table import Surface
from shared.web.surfaces import render_on

NOT_JSON: Final = "json_invalid"
_MISSING: Final = "missing"
_UNUSABLE: Final = "H085"
_CODES: Final[Mapping[str, str]] = {
    "iysCode": "H190",
    "iys_code": "H190",
    "brandCode": "H191",
    "brand_code": "H191",
    "offset": "H182",
    "limit": "H183",
    "all": "H184",
    "short": "H185",
}


class _Detail(TypedDict):
    type: str
    loc: tuple[str | int, ...]
    msg: str
    input: object


def render_validation(
    surface: Surface, error: RequestValidationError, *, request_id: str
) -> Response:
    """Answer for parameters or a body that do not fit the declared types."""
    details = cast("Sequence[_Detail]", error.errors())
    if any(detail["type"] == NOT_JSON for detail in details):
        return render_on(surface, ProblemError("NOT_JSON"), request_id=request_id)
    if surface is Surface.IYS:
        return render_faults([_envelope_error(detail) for detail in details])
    return render_on(surface, _problem(details), request_id=request_id)


def _envelope_error(detail: _Detail) -> EnvelopeError:
    location = detail["loc"][1:]  # the first part says path, query or body
    code = _CODES.get(str(location[0]), _UNUSABLE) if location else _UNUSABLE
    value = ABSENT if detail["type"] == _MISSING else detail["input"]
    return EnvelopeError(code, location, value)


def _problem(details: Sequence[_Detail]) -> ProblemError:
    errors = [FieldError(pointer(detail["loc"][1:]), detail["msg"]) for detail in details]
    return ProblemError("INVALID_FIELD", errors=errors)

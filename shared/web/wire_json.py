"""JSON answers that cannot fail: a caller's own value is echoed, cut and cleaned if it must be."""

from collections.abc import Mapping, Sequence
from typing import Final

import orjson
from starlette.responses import Response

ECHO_CHARS_MAX: Final = 2_000
_ECHO_BYTES_MAX: Final = 4 * ECHO_CHARS_MAX  # four bytes is the longest UTF-8 character


def json_response(
    body: Mapping[str, object] | Sequence[Mapping[str, object]],
    *,
    status: int,
    headers: Mapping[str, str] | None = None,
    media_type: str = "application/json",
) -> Response:
    """Encode a body whose foreign parts went through `echo`."""
    return Response(orjson.dumps(body), status, headers, media_type)


def echo(value: object) -> object:
    """Return the value as it may stand in an answer.

    What the encoder refuses (integers beyond 64 bits, lone surrogates, too deep a nest) and what is
    longer than `ECHO_CHARS_MAX` comes back as text, cut; nobody gets ten megabytes back.
    """
    if isinstance(value, str):
        return _cut(value)
    try:
        encoded = orjson.dumps(value)
    except (TypeError, RecursionError):  # orjson.JSONEncodeError is a TypeError
        return _cut(_text_of(value))
    if len(encoded) <= _ECHO_BYTES_MAX:
        return orjson.Fragment(encoded)
    return _cut(encoded[:_ECHO_BYTES_MAX].decode("utf-8", "ignore"))


def _cut(text: str) -> str:
    if len(text) > ECHO_CHARS_MAX:
        text = text[:ECHO_CHARS_MAX] + "…"
    return text.encode("utf-8", "replace").decode("utf-8")


def _text_of(value: object) -> str:
    try:
        return str(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits, or a nest of lists
        return "…"

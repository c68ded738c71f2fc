"""Reading a JSON body: tolerant about how it is labelled, strict about what it is.

No Content-Type is asked for (several clients send none) and a byte order mark is skipped. Where a
key stands twice the last one wins, as in every JSON reader. Refused are bytes that are not UTF-8,
lone surrogates, numbers beyond a double, and nesting beyond the parser's limit of 1024, which it
notices within the first bytes: ten megabytes of brackets cost nothing.
"""

import asyncio
from typing import Final, cast

import orjson
from starlette.requests import Request

from shared.web.problems import ProblemError

BODY_SECONDS_MAX: Final = 30.0
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class NotJsonError(Exception):
    """The body is not JSON; each surface has its own words for that."""


async def read_body(request: Request, *, seconds_max: float = BODY_SECONDS_MAX) -> bytes:
    """Return the whole body; its size is bounded by `shared.web.body_limit`, its time here."""
    try:
        async with asyncio.timeout(seconds_max):
            return await request.body()
    except TimeoutError as error:
        raise ProblemError("REQUEST_TIMEOUT") from error


def parse_json(raw: bytes) -> object:
    """Return what the bytes say, or raise `NotJsonError`."""
    try:
        return cast("object", orjson.loads(raw.removeprefix(_BYTE_ORDER_MARK)))
    except orjson.JSONDecodeError:
        raise NotJsonError from None  # the parser's error holds the whole document

"""Pure ASGI middleware that forgives how clients glue addresses together.

A base URL with a trailing slash gives `//sps/…`; some clients end every address with `/`, `?` or
`&`. No route of ours ends with a slash, so all of that means the plain address. A redirect would
not do: many clients do not follow one on POST.
"""

import re
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

_SLASHES: Final = re.compile(r"/{2,}")


def tidied(path: str) -> str:
    """Return the path with single slashes and none at the end."""
    if "//" in path:
        path = _SLASHES.sub("/", path)
    if len(path) > 1 and path.endswith("/"):
        return path[:-1]
    return path


class TidyPath:
    """Hands a copy of the scope with the tidied address on; a clean one passes untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app at the tidied address."""
        if scope["type"] == "http":
            path: str = scope["path"]
            query: bytes = scope.get("query_string", b"")
            clean, clean_query = tidied(path), query.rstrip(b"?&")
            if clean != path or clean_query != query:
                raw: bytes = scope.get("raw_path") or clean.encode("utf-8", "surrogateescape")
                tidy_raw = tidied(raw.decode("latin-1")).encode("latin-1")
                scope = {**scope, "path": clean, "raw_path": tidy_raw, "query_string": clean_query}
        await self._app(scope, receive, send)

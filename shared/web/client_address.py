"""Pure ASGI middleware: where a request comes from, also behind proxies.

What a proxy says of it (`X-Forwarded-For`, else `X-Real-IP`) is believed if the connection comes from a
network of trusted proxies, and of no one else. Each proxy adds the address that it has seen at the end, so
the one that counts is the last that is not a proxy of ours: what a client has written before it is skipped.

Found out when somebody asks, because most requests need it not.
"""

from collections.abc import Callable, Sequence
from typing import Final, cast

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.domain.networks import Address, Network, is_within, read_address

SCOPE_KEY: Final = "izin.origin"


class Origin:
    """Where one request comes from."""

    __slots__ = ("_known", "_scope", "_trusted")

    def __init__(self, scope: Scope, trusted: Sequence[Network]) -> None:
        self._scope = scope
        self._trusted = trusted
        self._known: list[Address | None] = []

    def __call__(self) -> Address | None:
        """Return the address; None where nobody can tell."""
        if not self._known:
            self._known.append(self._found())
        return self._known[0]

    def _found(self) -> Address | None:
        client = self._scope.get("client")
        peer = read_address(client[0]) if client else None
        if not is_within(peer, self._trusted):
            return peer
        headers = Headers(scope=self._scope)
        forwarded = ",".join(headers.getlist("x-forwarded-for")) or headers.get("x-real-ip", "")
        if not forwarded:
            return peer
        address = peer
        for text in reversed(forwarded.split(",")):
            address = read_address(text)
            if not is_within(address, self._trusted):
                break
        return address


class ClientAddress:
    """Gives each request its origin: in its scope, and to `tell`, for whoever knows no request."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        trusted: Sequence[Network],
        tell: Callable[[Callable[[], Address | None]], object],
    ) -> None:
        self._app = app
        self._trusted = trusted
        self._tell = tell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app with a request that knows where it comes from."""
        if scope["type"] == "http":
            origin = Origin(scope, self._trusted)
            scope[SCOPE_KEY] = origin
            self._tell(origin)
        await self._app(scope, receive, send)


def origin_of(scope: Scope) -> Address | None:
    """Return where a request comes from; None where nobody can tell."""
    origin = cast("Origin | None", scope.get(SCOPE_KEY))
    return None if origin is None else origin()

"""Pure ASGI middleware: what is left of the limits that a request has counted for, in its answer's head.

`RateLimit-Policy` says what holds and `RateLimit` what is left, as the IETF's draft has them
(draft-ietf-httpapi-ratelimit-headers-11): `q` requests in `w` seconds; `r` are left for the next `t` seconds.
"""

from collections.abc import Sequence
from math import ceil
from typing import Final, cast

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.domain.limits import Standing

POLICY_FIELD: Final = b"ratelimit-policy"
FIELD: Final = b"ratelimit"
SCOPE_KEY: Final = "izin.standings"


class LimitFields:
    """Writes the fields, where a request has counted for a limit."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app; whoever counts meanwhile leaves what is left with `note_standings`."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        noted: list[Standing] = []
        scope[SCOPE_KEY] = noted

        async def send_with_fields(message: Message) -> None:
            if noted and message["type"] == "http.response.start":
                policy, left = policy_of(noted), what_is_left(noted)
                fields = ((POLICY_FIELD, policy.encode()), (FIELD, left.encode()))
                message["headers"] = [*message.get("headers", ()), *fields]
            await send(message)

        await self._app(scope, receive, send_with_fields)


def note_standings(scope: Scope, standings: Sequence[Standing]) -> None:
    """Have these told in the head of the answer."""
    cast("list[Standing]", scope.setdefault(SCOPE_KEY, [])).extend(standings)


def policy_of(standings: Sequence[Standing]) -> str:
    """Return the value of RateLimit-Policy."""
    limits = [one.limit for one in standings]
    return ", ".join(f'"{one.name}";q={one.quota};w={one.window_s}' for one in limits)


def what_is_left(standings: Sequence[Standing]) -> str:
    """Return the value of RateLimit."""
    return ", ".join(
        f'"{one.limit.name}";r={one.remaining};t={max(1, ceil(one.reset_s))}' for one in standings
    )

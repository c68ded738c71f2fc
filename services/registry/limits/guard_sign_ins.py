"""Signing in with a password, limited: by the address that asks, and by the name that is guessed at.

Every request for a token with a password counts for its address. A wrong password counts for the name, too,
whoever sent it. When a name has had too many, it may still sign in from where it has lately done so: nobody
can lock out a provider by guessing. A token that is refreshed counts for nothing.
"""

from shared.domain.limits import LimitGroup, Operation, Verdict
from shared.domain.limits_table import SIGNED_IN
from shared.wire.count_requests import RequestLimits


class SignInGuard:
    """Guards one request for a token."""

    def __init__(self, limits: RequestLimits) -> None:
        self._limits = limits

    async def admit(self, username: str) -> None:
        """Count the request for its address; raise RuleBrokenError (H084) if it may not be tried."""
        tries = self._limits.group(Operation.TRY)
        if tries is not None:
            await self._require_tries(tries, username)
        permit = self._limits.ask(Operation.TOKEN, user_id=None)
        if permit is not None:
            await permit()

    async def failed(self, username: str) -> None:
        """Count a wrong password for the name."""
        tries = self._limits.group(Operation.TRY)
        if tries is not None:
            await self._limits.note(tries, username)

    async def succeeded(self, username: str) -> None:
        """Remember that this name has signed in from this address."""
        await self._limits.note(SIGNED_IN, self._from_here(username))

    async def _require_tries(self, tries: LimitGroup, username: str) -> None:
        verdict = await self._limits.look(tries, username)
        if verdict.standings[0].remaining:
            return
        seen = await self._limits.look(SIGNED_IN, self._from_here(username))
        if seen.standings[0].remaining == SIGNED_IN.limits[0].quota:
            self._limits.require(Verdict(allowed=False, standings=verdict.standings))

    def _from_here(self, username: str) -> str:
        return f"{self._limits.customer} {username}"

"""What holds for a caller, and what is left of it: `GET /limits` and `izin limits`. Looking costs nothing."""

from dataclasses import dataclass

from services.registry.limits.sizes import Size
from shared.auth.gate import Gate, NotAuthenticatedError
from shared.domain.limits import Limit, Per, Standing
from shared.domain.networks import customer_of
from shared.ledger.coalesce import StateReader
from shared.web.problems import ProblemError
from shared.wire.count_requests import Limits, Origin


@dataclass(frozen=True, slots=True)
class Holding:
    """A limit, and what the caller has left of it; None where it is not counted by this caller."""

    limit: Limit
    standing: Standing | None


@dataclass(frozen=True, slots=True)
class ShowLimits:
    """The use case with what it needs."""

    limits: Limits
    gate: Gate
    reader: StateReader
    sizes: tuple[Size, ...]

    async def __call__(self, authorization: str | None, origin: Origin) -> list[Holding]:
        """Return every limit; with credentials also what is left to their account.

        Raises ProblemError NOT_AUTHENTICATED for credentials that are no good, LedgerUnavailableError.
        """
        names = {Per.ADDRESS: customer_of(origin())}
        if authorization is not None:
            names[Per.ACCOUNT] = str(await self._user_id(authorization))
        standings: dict[str, Standing] = {}
        for per, name in names.items():
            group = self.limits.table.by(per)
            if group is not None:
                verdict = await self.limits.look(group, name)
                standings |= {standing.limit.name: standing for standing in verdict.standings}
        return [Holding(limit, standings.get(limit.name)) for limit in self.limits.table.limits]

    async def _user_id(self, authorization: str) -> int:
        try:
            ticket = await self.gate.identify(authorization)
            versions = await self.reader.read_head(0)
            return (await self.gate.admit(ticket, versions.directory_version)).user_id
        except NotAuthenticatedError:
            raise ProblemError("NOT_AUTHENTICATED") from None

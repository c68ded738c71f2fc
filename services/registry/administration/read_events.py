"""The trail of changes: staff reads all of it, a provider what concerns its own."""

from dataclasses import dataclass

from services.registry.administration.doorkeeper import STAFF, Doorkeeper
from shared.ledger import account_events
from shared.ledger.account_events import NEWEST, EventRow
from shared.ledger.store import ReaderPool
from shared.web.problems import ProblemError


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which changes are wanted; None: all."""

    iys_code: int | None = None
    kind: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class ReadEvents:
    """The use case with what it needs. Call it as a function."""

    door: Doorkeeper
    pool: ReaderPool

    async def __call__(
        self, authorization: str | None, wanted: EventFilter, *, before: int | None, limit: int
    ) -> list[EventRow]:
        """Return a page of changes, the newest first. Raises ProblemError as the doorkeeper does."""
        user = await self.door.user(authorization)
        iys_code = wanted.iys_code
        if user.role == "provider":
            iys_code = user.iys_code
        elif user.role != STAFF:
            raise ProblemError("FORBIDDEN", "only staff and providers may do this")
        return await account_events.list_events(
            self.pool,
            iys_code=iys_code,
            kind=wanted.kind,
            name=wanted.name,
            before=NEWEST if before is None else before,
            limit=limit,
        )

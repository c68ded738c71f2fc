"""Subscriptions of providers and partners, as staff looks after them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from shared.auth.gate import Gate, NotAuthenticatedError
from shared.domain.subscription import Subscription
from shared.ledger.coalesce import StateReader
from shared.ledger.directory import UserRow
from shared.ledger.failures import ConstraintBrokenError, UnknownReferenceError
from shared.ledger.store import ReaderPool, WriterPool
from shared.ledger.subscriptions import (
    NewSubscription,
    count_on_record,
    put_subscription,
    read_subscription,
    remove_subscription,
)
from shared.web.problems import ProblemError


@dataclass(frozen=True, slots=True)
class ManageSubscriptions:
    """The use cases with what they need; a subscriber is a `provider` or a `partner`, and its number.

    Every method takes the caller's Authorization header first. Raises ProblemError: NOT_AUTHENTICATED,
    FORBIDDEN for everybody but staff, UNKNOWN_ACCOUNT, UNKNOWN_SUBSCRIPTION, INVALID_FIELD;
    LedgerUnavailableError.
    """

    gate: Gate
    reader: StateReader
    pool: ReaderPool
    writer: WriterPool
    now: Callable[[], datetime]

    async def show(
        self, authorization: str | None, kind: str, code: int
    ) -> tuple[Subscription, int]:
        """Return a subscription, and how many addresses of a provider are on record."""
        await self._require_staff(authorization)
        exists, subscription = await read_subscription(self.pool, kind, code)
        if not exists:
            raise ProblemError("UNKNOWN_ACCOUNT")
        if subscription is None:
            raise ProblemError("UNKNOWN_SUBSCRIPTION")
        return subscription, await count_on_record(self.pool, code) if kind == "provider" else 0

    async def put(
        self, authorization: str | None, kind: str, code: int, new: NewSubscription
    ) -> None:
        """Say what a subscription is to be from now on; it holds for the next request everywhere."""
        staff = await self._require_staff(authorization)
        if kind == "partner" and new.consent_limit is not None:
            raise ProblemError("INVALID_FIELD", "consentLimit: a partner has no quota of its own")
        try:
            await put_subscription(self.writer, kind, code, new, actor=staff.user_id)
        except UnknownReferenceError:
            raise ProblemError("UNKNOWN_ACCOUNT") from None
        except ConstraintBrokenError:
            detail = "expirationDate: a subscription cannot end before it begins"
            raise ProblemError("INVALID_FIELD", detail) from None

    async def remove(self, authorization: str | None, kind: str, code: int) -> None:
        """Take a subscription away: the wire is shut to its subscriber (H524) until there is one again."""
        staff = await self._require_staff(authorization)
        if not await remove_subscription(self.writer, kind, code, actor=staff.user_id):
            raise ProblemError("UNKNOWN_SUBSCRIPTION")

    async def _require_staff(self, authorization: str | None) -> UserRow:
        try:
            ticket = await self.gate.identify(authorization)
            versions = await self.reader.read_head(0)
            user = await self.gate.admit(ticket, versions.directory_version)
        except NotAuthenticatedError:
            raise ProblemError("NOT_AUTHENTICATED") from None
        if user.role != "admin":
            raise ProblemError("FORBIDDEN", "only staff may do this")
        return user

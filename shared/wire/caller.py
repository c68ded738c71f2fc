"""Who calls the wire, and at which brand: identified before the ledger is read, admitted after.

The read in between is the caller's own (a consent, or just the brand's head), so rights cost no round
trip. Codes: H351 no good credential, H363 an account of a kind that has no business here, H353 not in
this user's rights, then what subscriptions say. A brand that does not exist answers like somebody else's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from shared.auth.directory import Directory
from shared.auth.gate import Gate, NotAuthenticatedError, Ticket
from shared.auth.rights import grant_of, may_read, may_write
from shared.domain.consent import Channel
from shared.domain.faults import (
    CallerOfWrongKind,
    OutsideRights,
    RightMissing,
    RuleBrokenError,
    TokenUnusable,
)
from shared.domain.subscription import Subscription, closed_by
from shared.domain.wire_time import turkish_day
from shared.ledger.directory import BrandRow, UserRow
from shared.ledger.read_state import KeySnapshot
from shared.wire.path_codes import BrandPath

WIRE_ROLES = frozenset({"provider", "partner"})


@dataclass(frozen=True, slots=True)
class Caller:
    """An admitted user at a brand, both as of the snapshot that the request has read."""

    user: UserRow
    brand: BrandRow

    def require_write(self, channel: Channel | None, *, today: date, refusal: bool) -> None:
        """Raise H353 unless the user may record on this channel (on any, when it is not known).

        A suspended brand records nothing more, but a refusal it does: no state of an account may hold
        up a person's RET (promise 3).
        """
        channels = list(Channel) if channel is None else [channel]
        granted = any(may_write(self.user, self.brand, c, today=today) for c in channels)
        if not granted or not (self.brand.active or refusal):
            raise RuleBrokenError(OutsideRights(name="brandCode"))

    def require_read(self, channel: Channel | None, *, today: date) -> None:
        """Raise H353 unless the user may see consents of this channel (of any, when it is not known)."""
        channels = list(Channel) if channel is None else [channel]
        if not any(may_read(self.user, self.brand, c, today=today) for c in channels):
            raise RuleBrokenError(OutsideRights(name="brandCode"))

    def require_reconciliation(self, *, today: date) -> None:
        """Raise unless the user may reconcile (mutabakat) at the brand: its provider, or a partner.

        H353 for a partner that the brand has granted nothing or whose licence has ended, H355 where the
        brand granted rights, but not this one (regulation J5).
        """
        if self.user.role == "provider":
            return
        grant = grant_of(self.user, self.brand, today=today)
        if grant is None:
            raise RuleBrokenError(OutsideRights(name="brandCode"))
        if not grant.reconciliation:
            raise RuleBrokenError(RightMissing(right="mutabakat"))


class WireGate:
    """Admits callers of the İYS wire."""

    def __init__(self, gate: Gate, directory: Directory, *, now: Callable[[], datetime]) -> None:
        self._gate = gate
        self._directory = directory
        self._now = now

    async def identify(self, authorization: str | None) -> Ticket:
        """Return whom the credential stands for, or raise H351."""
        try:
            return await self._gate.identify(authorization)
        except NotAuthenticatedError:
            raise RuleBrokenError(TokenUnusable()) from None

    async def admit(self, ticket: Ticket, directory_version: int) -> UserRow:
        """Return the user of the wire as of this version, or raise H351 or H363."""
        try:
            user = await self._gate.admit(ticket, directory_version)
        except NotAuthenticatedError:
            raise RuleBrokenError(TokenUnusable()) from None
        if user.role not in WIRE_ROLES:
            raise RuleBrokenError(CallerOfWrongKind())
        return user

    async def admit_at(
        self, ticket: Ticket, path: BrandPath, snapshot: KeySnapshot, *, refusal: bool = False
    ) -> Caller:
        """Return the caller at the brand of the path as of this snapshot.

        Raises H351, H363, H353, and H520, H521, H524 or H586 when a subscription does not open the wire.
        A `refusal` is not asked for its subscription: no state of one may hold up a person's RET.
        """
        user = await self.admit(ticket, snapshot.directory_version)
        if user.iys_code is not None and user.iys_code != path.iys_code:
            raise RuleBrokenError(OutsideRights(name="iysCode"))
        brand = await self._directory.brand(path.brand_code, snapshot.authority_version)
        if brand is None or brand.iys_code != path.iys_code:
            raise RuleBrokenError(OutsideRights(name="brandCode"))
        now = self._now()
        # Before its subscription is spoken of: a stranger learns nothing of a brand.
        if user.iys_code is None and grant_of(user, brand, today=turkish_day(now)) is None:
            raise RuleBrokenError(OutsideRights(name="brandCode"))
        if not refusal:
            _require_subscriptions(user, brand.subscription, iys_code=brand.iys_code, now=now)
        return Caller(user, brand)

    async def require_subscriptions(
        self, user: UserRow, iys_code: int, master: KeySnapshot
    ) -> None:
        """Raise H520, H521, H524 or H586 unless the provider's subscription opens the wire.

        For methods that name no brand: `master` is the snapshot of the provider's master brand, which has
        its number.
        """
        brand = await self._directory.brand(iys_code, master.authority_version)
        subscription = None if brand is None else brand.subscription
        _require_subscriptions(user, subscription, iys_code=iys_code, now=self._now())


def _require_subscriptions(
    user: UserRow, of_provider: Subscription | None, *, iys_code: int, now: datetime
) -> None:
    """Raise unless the provider's subscription opens the wire now, and a partner's own does."""
    fault = closed_by(of_provider, subscriber=iys_code, now=now)
    if fault is None and user.integrator_code is not None:
        fault = closed_by(user.subscription, subscriber=user.integrator_code, now=now)
    if fault is not None:
        raise RuleBrokenError(fault)

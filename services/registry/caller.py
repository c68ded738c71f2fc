"""Who calls the wire, and at which brand: identified before the ledger is read, admitted after.

The read in between is the caller's own (a consent, or just the brand's head), so rights cost no round
trip. Codes: H351 no good credential, H363 an account of a kind that has no business here, H353 not in
this user's rights. A brand that does not exist answers like somebody else's.
"""

from dataclasses import dataclass
from datetime import date

from services.registry.path_codes import BrandPath
from shared.auth.directory import Directory
from shared.auth.gate import Gate, NotAuthenticatedError, Ticket
from shared.auth.rights import may_read, may_write
from shared.domain.consent import Channel
from shared.domain.faults import CallerOfWrongKind, OutsideRights, RuleBrokenError, TokenUnusable
from shared.ledger.directory import BrandRow, UserRow
from shared.ledger.read_state import KeySnapshot

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


class WireGate:
    """Admits callers of the İYS wire."""

    def __init__(self, gate: Gate, directory: Directory) -> None:
        self._gate = gate
        self._directory = directory

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

    async def admit_at(self, ticket: Ticket, path: BrandPath, snapshot: KeySnapshot) -> Caller:
        """Return the caller at the brand of the path as of this snapshot, or raise H351, H363, H353."""
        user = await self.admit(ticket, snapshot.directory_version)
        if user.iys_code is not None and user.iys_code != path.iys_code:
            raise RuleBrokenError(OutsideRights(name="iysCode"))
        brand = await self._directory.brand(path.brand_code, snapshot.authority_version)
        if brand is None or brand.iys_code != path.iys_code:
            raise RuleBrokenError(OutsideRights(name="brandCode"))
        return Caller(user, brand)

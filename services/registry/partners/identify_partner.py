"""Who asks below `/integrator/{integratorCode}`: the partner itself, while its licence lasts (J6)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from shared.auth.gate import Ticket
from shared.auth.rights import licence_is_valid
from shared.domain.faults import Fault, OutsideRights, RuleBrokenError
from shared.domain.partner_faults import IntegratorUnknown
from shared.domain.wire_time import turkish_day
from shared.ledger.coalesce import StateReader
from shared.ledger.directory import UserRow
from shared.ledger.grants import partner_exists
from shared.ledger.store import ReaderPool
from shared.wire.caller import WireGate

# No brand has it: what is read is the directory's version alone.
_NO_BRAND = 0


@dataclass(frozen=True, slots=True)
class IdentifyPartner:
    """The use case with what it needs. Call it as a function."""

    gate: WireGate
    reader: StateReader
    pool: ReaderPool
    now: Callable[[], datetime]

    async def __call__(self, ticket: Ticket, integrator_code: int, *, wrong_kind: Fault) -> UserRow:
        """Return the partner whose number this is, as the ledger knows it now.

        Raises RuleBrokenError: H351, H363, `wrong_kind` for a provider, H129 nobody has the number, H353
        somebody else has it, or the licence has ended. A subscription is not looked at.
        """
        versions = await self.reader.read_head(_NO_BRAND)
        user = await self.gate.admit(ticket, versions.directory_version)
        if user.role != "partner":
            raise RuleBrokenError(wrong_kind)
        own = user.integrator_code == integrator_code
        if not own and not await partner_exists(self.pool, integrator_code):
            raise RuleBrokenError(IntegratorUnknown())
        if not own or not licence_is_valid(user, today=turkish_day(self.now())):
            raise RuleBrokenError(OutsideRights(name="integratorCode"))
        return user

"""Who calls at a brand, where the published method tells a brand that does not exist from somebody else's."""

from shared.auth.gate import Ticket
from shared.domain.faults import BrandUnknown, OutsideRights, ProviderUnknown, RuleBrokenError
from shared.ledger.directory import provider_is_active
from shared.ledger.read_state import KeySnapshot
from shared.ledger.store import ReaderPool
from shared.wire.caller import Caller, WireGate
from shared.wire.path_codes import BrandPath


async def admit_named(
    gate: WireGate, pool: ReaderPool, ticket: Ticket, path: BrandPath, snapshot: KeySnapshot
) -> Caller:
    """Return the caller as `WireGate.admit_at` does; raises H001 or H018 in place of H353 where they fit."""
    try:
        return await gate.admit_at(ticket, path, snapshot)
    except RuleBrokenError as refused:
        if not isinstance(refused.faults[0], OutsideRights):
            raise
        if await provider_is_active(pool, path.iys_code) is None:
            raise RuleBrokenError(ProviderUnknown()) from None
        if refused.faults[0].name == "brandCode" and snapshot.position is None:
            raise RuleBrokenError(BrandUnknown()) from None
        raise

"""A provider's brands with their counters (iys-api 10.1)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from shared.auth.directory import Directory
from shared.auth.gate import Ticket
from shared.auth.rights import may_read
from shared.domain.consent import Channel
from shared.domain.faults import OutsideRights, ProviderUnknown, RuleBrokenError
from shared.domain.wire_time import turkish_day
from shared.ledger.coalesce import StateReader
from shared.ledger.directory import BrandSummary, UserRow, brands_of_provider, provider_is_active
from shared.ledger.read_state import Key
from shared.ledger.store import ReaderPool
from shared.wire.caller import WireGate


@dataclass(frozen=True, slots=True)
class ListBrands:
    """The use case with what it needs. Call it as a function."""

    gate: WireGate
    reader: StateReader
    directory: Directory
    pool: ReaderPool
    now: Callable[[], datetime]

    async def __call__(self, ticket: Ticket, iys_code: int) -> list[dict[str, object]]:
        """Return the brands that the caller may see.

        Raises RuleBrokenError: H001 no such provider, H353 not the caller's, and what subscriptions say.
        """
        versions = await self.reader.read_head(iys_code)
        user = await self.gate.admit(ticket, versions.directory_version)
        if user.iys_code != iys_code and await provider_is_active(self.pool, iys_code) is None:
            raise RuleBrokenError(ProviderUnknown())
        if user.iys_code is not None and user.iys_code != iys_code:
            raise RuleBrokenError(OutsideRights(name="iysCode"))
        brands = await brands_of_provider(self.pool, iys_code)
        if user.role == "partner":
            brands = await self._granted(user, brands)
        await self.gate.require_subscriptions(user, iys_code, versions)
        return [_shown(brand) for brand in brands]

    async def _granted(self, user: UserRow, brands: list[BrandSummary]) -> list[BrandSummary]:
        """Keep the brands at which a partner may read some channel."""
        today = turkish_day(self.now())
        snapshots = await self.reader.read([Key(brand.brand_code) for brand in brands])
        seen: list[BrandSummary] = []
        for summary, snapshot in zip(brands, snapshots, strict=True):
            brand = await self.directory.brand(summary.brand_code, snapshot.authority_version)
            if brand and any(may_read(user, brand, channel, today=today) for channel in Channel):
                seen.append(summary)
        if not seen:
            raise RuleBrokenError(OutsideRights(name="iysCode"))
        return seen


def _shown(brand: BrandSummary) -> dict[str, object]:
    return {
        "brandCode": brand.brand_code,
        "name": brand.name,
        "master": brand.master,
        "stats": {
            "consents": {
                "approval": brand.approvals,
                "rejection": brand.rejections,
                "total": brand.approvals + brand.rejections,
            },
            "retailers": {"total": brand.retailers},
        },
    }

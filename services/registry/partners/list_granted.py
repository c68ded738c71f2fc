"""The brands that granted a partner rights, and which (iys-api 10.2)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from services.registry.partners.identify_partner import IdentifyPartner
from shared.auth.gate import Ticket
from shared.domain.faults import CallerOfWrongKind, OutsideRights, RuleBrokenError
from shared.domain.paging import Page, read_page
from shared.domain.subscription import closed_by
from shared.ledger.grants import GrantedBrand, granted_brands
from shared.ledger.store import ReaderPool


@dataclass(frozen=True, slots=True)
class ListGranted:
    """The use case with what it needs. Call it as a function."""

    identify_partner: IdentifyPartner
    pool: ReaderPool
    now: Callable[[], datetime]

    async def __call__(
        self,
        ticket: Ticket,
        integrator_code: int,
        paging: tuple[str | None, str | None],
        *,
        iys_code: int | None = None,
    ) -> dict[str, object]:
        """Return a page of the partner's brands, of all providers or of one; `paging` is offset and limit.

        Raises RuleBrokenError: what `IdentifyPartner` raises, H353 this provider granted nothing, what the
        partner's own subscription says, H182, H183, H186, H187.
        """
        user = await self.identify_partner(ticket, integrator_code, wrong_kind=CallerOfWrongKind())
        fault = closed_by(user.subscription, subscriber=integrator_code, now=self.now())
        if fault is not None:
            raise RuleBrokenError(fault)
        page = read_page(*paging, swapped=True)
        if not isinstance(page, Page):
            raise RuleBrokenError(*page)
        total, brands = await granted_brands(
            self.pool, integrator_code, iys_code=iys_code, limit=page.limit, offset=page.offset
        )
        if iys_code is not None and not total:
            raise RuleBrokenError(OutsideRights(name="iysCode"))
        return {
            "pagination": {"offset": page.offset, "pageSize": len(brands), "totalCount": total},
            "list": [_shown(brand) for brand in brands],
        }


def _shown(brand: GrantedBrand) -> dict[str, object]:
    return {
        "brandCode": brand.brand_code,
        "name": brand.name,
        "master": brand.brand_code == brand.iys_code,
        "title": brand.title,
        "iysCode": brand.iys_code,
        "agreementControl": brand.reconciliation,
        "MESAJ": brand.sms_right,
        "ARAMA": brand.call_right,
        "EPOSTA": brand.email_right,
        "viaControl": brand.via,
    }

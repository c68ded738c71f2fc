"""What a provider or a partner has subscribed to, as the wire shows it (iys-api 10.3).

The one question that is answered in every state of a subscription.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.registry.partners.identify_partner import IdentifyPartner
from shared.auth.gate import Ticket
from shared.auth.rights import licence_is_valid
from shared.domain.faults import OutsideRights, PackageWithoutApi, RuleBrokenError
from shared.domain.partner_faults import PartnersOnly, SubscriptionUnknown
from shared.domain.subscription import Subscription
from shared.domain.wire_time import consent_date_to_wire, turkish_day
from shared.ledger.coalesce import StateReader
from shared.ledger.directory import UserRow
from shared.ledger.grants import granted_brands
from shared.ledger.store import ReaderPool
from shared.ledger.subscriptions import count_on_record, read_subscription
from shared.wire.caller import WireGate

# The publication writes "no limit" so, where it counts credits.
_NO_LIMIT: Final = -1


@dataclass(frozen=True, slots=True)
class ShowSubscription:
    """The two questions with what they need; `consent_limit` is the installation's own, if it has one."""

    gate: WireGate
    identify_partner: IdentifyPartner
    reader: StateReader
    pool: ReaderPool
    consent_limit: int | None
    now: Callable[[], datetime]

    async def of_provider(self, ticket: Ticket, iys_code: int) -> dict[str, object]:
        """Return a provider's subscription, to itself or, without the quota, to a partner of its brands.

        Raises RuleBrokenError: H351, H363, H353 neither of them, H437 no subscription, H586 one without API.
        """
        versions = await self.reader.read_head(iys_code)
        user = await self.gate.admit(ticket, versions.directory_version)
        if not await self._may_see(user, iys_code):
            raise RuleBrokenError(OutsideRights(name="iysCode"))
        _exists, subscription = await read_subscription(self.pool, "provider", iys_code)
        if subscription is None:
            raise RuleBrokenError(SubscriptionUnknown())
        if not subscription.with_api:
            raise RuleBrokenError(PackageWithoutApi())
        shown = _shown(subscription, now=self.now())
        return (
            shown if user.role == "partner" else shown | await self._quota(subscription, iys_code)
        )

    async def of_partner(self, ticket: Ticket, integrator_code: int) -> dict[str, object]:
        """Return a partner's own subscription.

        Raises RuleBrokenError: what `IdentifyPartner` raises, H522 for a provider, H437 no subscription.
        """
        user = await self.identify_partner(ticket, integrator_code, wrong_kind=PartnersOnly())
        if user.subscription is None:
            raise RuleBrokenError(SubscriptionUnknown())
        return _shown(user.subscription, now=self.now()) | {"iysCode": integrator_code}

    async def _may_see(self, user: UserRow, iys_code: int) -> bool:
        if user.integrator_code is None:
            return user.iys_code == iys_code
        if not licence_is_valid(user, today=turkish_day(self.now())):
            return False
        total, _brands = await granted_brands(
            self.pool, user.integrator_code, iys_code=iys_code, limit=0
        )
        return total > 0

    async def _quota(self, subscription: Subscription, iys_code: int) -> dict[str, object]:
        limit = subscription.consent_limit
        limit = self.consent_limit if limit is None else limit
        return {
            "consentLimit": _NO_LIMIT if limit is None else limit,
            "consentLimitExceed": subscription.may_exceed or limit is None,
            "usedConsentLimit": await count_on_record(self.pool, iys_code),
        }


def _shown(subscription: Subscription, *, now: datetime) -> dict[str, object]:
    """Show what both kinds have. The id goes by both names that the published examples give it."""
    number = str(subscription.subscription_id)
    return {
        "subscriptionId": number,
        "subscipritionId": number,
        "startDate": consent_date_to_wire(subscription.starts_at),
        "expirationDate": consent_date_to_wire(subscription.ends_at),
        "subscriptionPackageName": subscription.package,
        "status": subscription.state_at(now).value,
    }

"""What the routes about partners and subscriptions call, put together."""

from dataclasses import dataclass

from services.registry.partners.identify_partner import IdentifyPartner
from services.registry.partners.list_granted import ListGranted
from services.registry.partners.manage_subscriptions import ManageSubscriptions
from services.registry.partners.show_subscription import ShowSubscription
from services.registry.parts import Parts


@dataclass(frozen=True, slots=True)
class Partners:
    """What the composition root yields as `request.state.partners`."""

    list_granted: ListGranted
    show_subscription: ShowSubscription
    manage_subscriptions: ManageSubscriptions


def build(parts: Parts) -> Partners:
    """Return the area, built of what everybody shares."""
    identify = IdentifyPartner(parts.wire_gate, parts.reader, parts.reader_pool, parts.now)
    return Partners(
        list_granted=ListGranted(identify, parts.reader_pool, parts.now),
        show_subscription=ShowSubscription(
            gate=parts.wire_gate,
            identify_partner=identify,
            reader=parts.reader,
            pool=parts.reader_pool,
            consent_limit=parts.settings.consent_limit or None,
            now=parts.now,
        ),
        manage_subscriptions=ManageSubscriptions(
            parts.gate, parts.reader, parts.reader_pool, parts.writer_pool, parts.now
        ),
    )

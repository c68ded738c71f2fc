"""What can be wrong with a partner's request, and with one for a subscription (iys-api 10.2, 10.3)."""

from shared.domain.faults import Fault


class IntegratorUnknown(Fault, code="H129"):
    """No partner has this `integratorCode`."""


class SubscriptionUnknown(Fault, code="H437"):
    """Whose subscription was asked for has none."""


class PartnersOnly(Fault, code="H522"):
    """A partner's subscription is for the partner's own account to see."""

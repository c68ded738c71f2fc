"""The error answers of the operations about partners and subscriptions."""

from typing import Final

from shared.web.openapi import error_answers
from shared.wire.openapi import ANYWHERE, SUBSCRIBED

GRANTED_ERRORS: Final = error_answers(
    (*ANYWHERE, *SUBSCRIBED, "H129", "H182", "H183", "H186", "H187")
)
PROVIDER_SUBSCRIPTION_ERRORS: Final = error_answers((*ANYWHERE, "H251", "H437", "H586"))
PARTNER_SUBSCRIPTION_ERRORS: Final = error_answers((*ANYWHERE, "H129", "H251", "H437", "H522"))

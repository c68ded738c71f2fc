"""One signed call of a webhook, to an address that was looked at right before."""

from dataclasses import dataclass
from typing import Final

from shared.domain.webhook_url import WebhookUrl
from shared.webhooks.call_receiver import Outcome, Receivers
from shared.webhooks.sign_message import signed

_JSON: Final = {"content-type": "application/json"}


@dataclass(frozen=True, slots=True)
class WebhookCourier:
    """Delivers messages (`Courier`). Call it as a function."""

    receivers: Receivers

    async def __call__(
        self, url: WebhookUrl, content: bytes, *, message_id: str, timestamp: int, secret: str
    ) -> bool:
        """Say whether the receiver has taken it (2xx); nothing that the receiver does raises."""
        headers = signed(content, message_id=message_id, timestamp=timestamp, with_secrets=[secret])
        line = self.receivers.line(url)
        try:
            reply = await line.post(content, _JSON | headers)
        finally:
            line.close()
        return reply.outcome is Outcome.DELIVERED

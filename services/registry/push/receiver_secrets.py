"""What is kept of a receiver, sealed: its address, the pair for HTTP Basic, the signing secrets."""

import base64
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final, cast

import orjson

from shared.domain.read_push import PushConnection
from shared.domain.webhook_url import WebhookUrl, read_webhook_url
from shared.ledger.push_queue import Lease
from shared.ledger.push_registrations import Registration
from shared.sealing.addresses import SealBrokenError
from shared.sealing.secret_texts import SecretSealer
from shared.webhooks.sign_message import new_secret

PURPOSE: Final = "push receiver"
OLD_SECRET_LIFE: Final = timedelta(days=1)
"""How long an old signing secret signs beside the new one."""

LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Receiver:
    """A receiver in clear; never logged. `old_until` is the end of `old_secret`."""

    text: str
    username: str
    password: str = field(repr=False)
    secret: str = field(repr=False)
    old_secret: str = field(default="", repr=False)
    old_until: datetime = LONG_AGO

    @property
    def url(self) -> WebhookUrl:
        """Return the address taken apart."""
        url = read_webhook_url(self.text)
        if url is None:
            raise SealBrokenError("not an address any more")
        return url

    @property
    def basic(self) -> dict[str, str]:
        """Return the header of HTTP Basic."""
        pair = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}

    def secrets_at(self, now: datetime) -> list[str]:
        """Return the secrets to sign with, the newest first."""
        return [self.secret, self.old_secret] if now < self.old_until else [self.secret]

    def with_new_secret(self, now: datetime) -> "Receiver":
        """Return the same receiver with another secret; the one before goes on for a day."""
        return replace(
            self, secret=new_secret(), old_secret=self.secret, old_until=now + OLD_SECRET_LIFE
        )


def receiver_of(
    connection: PushConnection, known: tuple[Registration, Receiver] | None
) -> Receiver:
    """Return the receiver that a request describes; who is known already keeps the secret."""
    if known is None:
        return Receiver(
            connection.text, connection.username, connection.password, secret=new_secret()
        )
    return replace(known[1], username=connection.username, password=connection.password)


def seal_receiver(sealer: SecretSealer, receiver: Receiver, *, brand_code: int) -> bytes:
    """Return the sealed bytes of a receiver of this brand."""
    document = {
        "url": receiver.text,
        "username": receiver.username,
        "password": receiver.password,
        "secret": receiver.secret,
        "old_secret": receiver.old_secret,
        "old_until": receiver.old_until.isoformat(),
    }
    return sealer.seal(orjson.dumps(document), place=_place(brand_code))


def open_receiver(sealer: SecretSealer, row: Registration | Lease) -> Receiver:
    """Return the receiver of a connection; raises SealBrokenError."""
    raw = sealer.open(row.sealed, place=_place(row.brand_code), key_id=row.sealing_key_id)
    document = cast("dict[str, str]", orjson.loads(raw))
    return Receiver(
        document["url"],
        document["username"],
        document["password"],
        secret=document["secret"],
        old_secret=document["old_secret"],
        old_until=datetime.fromisoformat(document["old_until"]),
    )


def _place(brand_code: int) -> bytes:
    return b"push of brand %d" % brand_code

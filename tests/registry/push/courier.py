"""A worker's part that delivers, in process, with a clock that the test turns; and movements for it."""

import base64
import hashlib
import hmac
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from pydantic import SecretStr

from services.registry.parts import Parts, open_parts
from services.registry.push.schedule_turns import Schedule
from services.registry.push.work import deliver_of
from services.registry.settings import RegistrySettings
from shared.clock import utc_now
from shared.domain.consent import Channel, RecipientType, Source, Status
from shared.ledger.append import Appender, Stored
from shared.sealing.addresses import Digester, Sealer
from shared.webhooks.call_receiver import Receivers
from tests.registry.doors import Town, new_phone
from tests.registry.push.receiver import Authority, Received, Receiver
from tests.registry.push.registering import connection, register
from tests.support.builders import Scribe, consent

_seconds = count(1)


@dataclass
class Clock:
    """The time as the test has it."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead

    def turn(self, **how_far: float) -> None:
        self.ahead += timedelta(**how_far)


@dataclass
class Courier:
    """One worker."""

    parts: Parts
    schedule: Schedule
    clock: Clock

    async def run(self) -> None:
        """Deliver everything that is due now."""
        await self.schedule.look_at_all()
        await self.schedule.settle()


def worker_settings(town: Town, authority: Authority, **settings: Any) -> RegistrySettings:
    return RegistrySettings(
        postgres_dsn=SecretStr(town.dsn),
        keys_file=settings.pop("keys_file", town.keys_file),
        registry_read_connections=2,
        registry_write_connections=2,
        push_ca_file=authority.ca_file,
        push_admit_loopback=True,
        **settings,
    )


@asynccontextmanager
async def open_courier(
    town: Town,
    authority: Authority,
    *,
    clock: Clock | None = None,
    answer_within_s: float = 0.5,
    **settings: Any,
) -> AsyncGenerator[Courier]:
    """Open a worker's parts on the town's ledger."""
    chosen, clock = worker_settings(town, authority, **settings), clock or Clock()
    async with open_parts(chosen, now=clock) as parts:
        receivers = Receivers(
            ca_file=authority.ca_file, admit_loopback=True, answer_within_s=answer_within_s
        )
        schedule = Schedule(
            parts.reader_pool,
            deliver_of(parts, receivers),
            places=chosen.push_deliveries_at_once,
            now=clock,
        )
        yield Courier(parts, schedule, clock)
        receivers.close()


@dataclass
class Brand:
    """A brand of the town's provider, and who writes to it."""

    town: Town
    code: int
    scribe: Scribe
    written: list[str] = field(default_factory=list)

    @property
    def path(self) -> str:
        return self.town.brand_path(self.code)

    async def connect(self, receiver: Receiver, *, who: str = "provider", **changes: Any) -> None:
        """Register a receiver for MESAJ."""
        answer = await register(
            self.town, connection(receiver, **changes), brand=self.path, who=who
        )
        assert answer.status_code == 200, answer.text

    async def write(
        self,
        recipient: str | None = None,
        *,
        status: Status = Status.GRANTED,
        source: Source | None = Source.REGISTRY_MOBILE,
        channel: Channel = Channel.SMS,
        **changes: Any,
    ) -> Stored:
        """Record a decision; what the registry's own for MESAJ are is noted in `written`."""
        changes.setdefault("consent_date", utc_now() - timedelta(hours=1) + next_second())
        changes.setdefault("recipient_type", RecipientType.INDIVIDUAL)
        new = consent(
            recipient or new_phone(), status=status, source=source, channel=channel, **changes
        )
        stored = await self.scribe.write(self.code, new)
        assert stored is not None
        if channel is Channel.SMS and source and not source.from_provider:
            self.written.append(new.recipient)
        return stored

    async def write_many(self, number: int, *, source: Source = Source.REGISTRY_MOBILE) -> None:
        """Record so many grants in one transaction."""
        numbers = [new_phone() for _ in range(number)]
        movements = [
            self.scribe.movement(self.code, consent(one, source=source)) for one in numbers
        ]
        stored, _ = await self.scribe.appender.append(self.code, movements, wait=True)
        assert len(stored) == number
        if not source.from_provider:
            self.written += numbers

    async def secret(self, *, who: str = "provider") -> str:
        """Return the signing secret of the brand's only connection."""
        answer = await self.town.get(f"{await self.own_path()}/secret", who=who)
        return str(answer.json()["secret"])

    async def own_path(self) -> str:
        """Return the address of the brand's only connection on our own surface."""
        number = (await self.row())["registration_id"]
        return f"/accounts/brands/{self.code}/push/registrations/{number}"

    async def row(self) -> dict[str, Any]:
        """Return what is kept of the brand's only connection."""
        [row] = await self.town.owner.fetch(
            "SELECT * FROM push_registration WHERE brand_code = $1", self.code
        )
        return dict(row)


async def new_brand(town: Town) -> Brand:
    appender = Appender(town.writer, digest_key_id=1, sealing_key_id=1)
    scribe = Scribe(town.reader, appender, Digester(town.ring), Sealer(town.ring))
    return Brand(town, await town.new_brand(), scribe)


def next_second() -> timedelta:
    """Return a time that is later each time: decisions about one address need one."""
    return timedelta(seconds=next(_seconds))


def verifies(one: Received, secret: str) -> bool:
    """Verify a delivery as a receiver would, by the text of the specification."""
    content = f"{one.headers['webhook-id']}.{one.headers['webhook-timestamp']}.".encode() + one.raw
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
    return f"v1,{expected}" in one.headers["webhook-signature"].split(" ")


def first_times(recipients: Sequence[str]) -> list[str]:
    """Leave out what came again."""
    return list(dict.fromkeys(recipients))

"""One turn of one connection: what is new for it is delivered, in order, one request after the other.

The place is moved on only after the receiver said 2xx, so a worker that dies in between leaves a delivery
that is made again: at least once. While one request is out no other is, so what one person decided first
arrives first.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from services.registry.push.plan_retry import RetryPlan
from services.registry.push.receiver_secrets import Receiver, open_receiver
from services.registry.push.write_delivery import delivery_body, message_id
from shared.auth.directory import Directory
from shared.auth.rights import may_read
from shared.domain.consent import Channel
from shared.domain.subscription import closed_by
from shared.domain.wire_time import turkish_day
from shared.ledger import push_queue
from shared.ledger.directory import BrandRow, UserRow
from shared.ledger.push_queue import PAGE_MAX, Lease, PushedMovement
from shared.ledger.store import ReaderPool, WriterPool
from shared.sealing.addresses import SealBrokenError, Sealer
from shared.sealing.secret_texts import SecretSealer
from shared.telemetry import metrics
from shared.webhooks.call_receiver import Line, Outcome, Receivers, Reply
from shared.webhooks.sign_message import signed

LEASE_S: Final = 30.0
DELIVERIES_A_TURN_MAX: Final = 20
"""After so many others get a turn; the connection is due again at once."""
HOLD_FOR: Final = timedelta(minutes=1)
_log: Final[structlog.typing.FilteringBoundLogger] = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Deliver:
    """A turn with what it needs. Call it as a function; any number may run, also of one connection."""

    reader: ReaderPool
    writer: WriterPool
    directory: Directory
    sealer: Sealer
    secrets: SecretSealer
    receivers: Receivers
    plan: RetryPlan
    batch_max: int
    now: Callable[[], datetime]

    async def __call__(self, registration_id: int) -> bool:
        """Deliver what there is, if nobody else does; True: there may be more.

        Raises LedgerUnavailableError.
        """
        taken_at = _clock()
        lease = await push_queue.claim(
            self.writer, registration_id, now=self.now(), seconds=LEASE_S
        )
        if lease is None:
            return False
        if not await self._is_entitled(lease):
            return False
        try:
            receiver = open_receiver(self.secrets, lease)
        except SealBrokenError:
            await self._fail_unreadable(lease, None)
            return False
        line = self.receivers.line(receiver.url)
        try:
            return await self._deliver_all(lease, receiver, line, lost_at=taken_at + LEASE_S)
        finally:
            line.close()

    async def _is_entitled(self, lease: Lease) -> bool:
        """Say whether who registered the connection may still read this channel, or hold it."""
        await self.directory.catch_up(lease.directory_version)
        user = await self.directory.user(lease.user_id)
        brand = await self.directory.brand(lease.brand_code, lease.authority_version)
        now = self.now()
        if user and brand and may_receive(user, brand, Channel(lease.channel), now=now):
            return True
        metrics.PUSH_DELIVERIES.add("not_entitled")
        await push_queue.hold(self.writer, lease, until=now + HOLD_FOR)
        return False

    async def _deliver_all(
        self, lease: Lease, receiver: Receiver, line: Line, *, lost_at: float
    ) -> bool:
        after, frozen = lease.position, lease.batch_until
        for _ in range(DELIVERIES_A_TURN_MAX):
            limit = self.batch_max if frozen is None else PAGE_MAX
            page = await push_queue.read_page(
                self.reader, lease, after=after, until=frozen, limit=limit
            )
            if not page.movements:
                await push_queue.release(self.writer, lease, until=page.until)
                return False
            # Whoever was held up until the lease was nearly over leaves the rest to others: two at the
            # same time would mix the order.
            if _clock() + self.receivers.answer_within_s >= lost_at:
                return False
            until = page.movements[-1].position
            reply = await self._send(lease, receiver, line, (after, page.movements))
            if reply is None:
                await self._fail_unreadable(lease, until)
                return False
            if reply.outcome is not Outcome.DELIVERED:
                await self._fail(lease, reply, until)
                return False
            lost_at = _clock() + LEASE_S
            kept = await self._note_delivery(lease, page.until, page.movements)
            # What was taken away while the receiver was at it holds from the next delivery on.
            if kept is None or not await self._is_entitled(kept):
                return False
            after, frozen = page.until, None
        await push_queue.release(self.writer, lease, until=after)
        return True

    async def _send(
        self,
        lease: Lease,
        receiver: Receiver,
        line: Line,
        batch: tuple[int, list[PushedMovement]],
    ) -> Reply | None:
        """Send a batch, which begins after a position; None if an address in it does not open."""
        (after, movements), now = batch, self.now()
        try:
            body = delivery_body(self.sealer, lease, movements)
        except SealBrokenError:
            return None
        headers = signed(
            body,
            message_id=message_id(lease, after=after, until=movements[-1].position),
            timestamp=int(now.timestamp()),
            with_secrets=receiver.secrets_at(now),
        )
        reply = await line.post(body, {**receiver.basic, **headers})
        metrics.PUSH_DELIVERIES.add(reply.outcome.value)
        return reply

    async def _note_delivery(
        self, lease: Lease, until: int, movements: list[PushedMovement]
    ) -> Lease | None:
        now = self.now()
        kept = await push_queue.delivered(self.writer, lease, until=until, now=now, seconds=LEASE_S)
        if kept is not None:
            metrics.PUSH_MOVEMENTS.inc(len(movements))
            lag_s = (now - movements[0].created_at).total_seconds()
            metrics.PUSH_LAG_SECONDS.observe(max(lag_s, 0))
        return kept

    async def _fail(self, lease: Lease, reply: Reply, until: int) -> None:
        now = self.now()
        failure = self.plan.after(lease, reply, until=until, now=now)
        if not await push_queue.failed(self.writer, lease, failure, now=now):
            return
        facts = {
            "registration": lease.registration_id,
            "brand": lease.brand_code,
            "channel": lease.channel,
            "outcome": reply.outcome.value,
            "status": reply.status,
        }
        if failure.suspends:
            metrics.PUSH_SUSPENSIONS.inc()
            _log.warning("push.registration.suspended", **facts)
        elif not lease.attempts:
            _log.warning("push.delivery.failed", **facts)

    async def _fail_unreadable(self, lease: Lease, until: int | None) -> None:
        """Something of ours does not open: not the receiver's fault, so it is never suspended for it."""
        now = self.now()
        metrics.PUSH_DELIVERIES.add("unreadable")
        _log.error(
            "push.delivery.unreadable",
            registration=lease.registration_id,
            brand=lease.brand_code,
        )
        failure = push_queue.Failure("unreadable", until, now + HOLD_FOR, suspends=False)
        await push_queue.failed(self.writer, lease, failure, now=now)


def may_receive(user: UserRow, brand: BrandRow, channel: Channel, *, now: datetime) -> bool:
    """Say whether movements may go out to what this user has registered: whoever may read them."""
    if not user.active or not brand.active:
        return False
    if not may_read(user, brand, channel, today=turkish_day(now)):
        return False
    if closed_by(brand.subscription, subscriber=brand.iys_code, now=now) is not None:
        return False
    if user.integrator_code is None:
        return True
    return closed_by(user.subscription, subscriber=user.integrator_code, now=now) is None


def _clock() -> float:
    return asyncio.get_running_loop().time()

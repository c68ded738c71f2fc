"""The job of the worker that delivers: put together from the shared parts."""

import asyncio
from datetime import timedelta
from secrets import SystemRandom

from services.registry.parts import Parts
from services.registry.push.deliver import Deliver
from services.registry.push.plan_retry import RetryPlan
from services.registry.push.receiver_secrets import PURPOSE
from services.registry.push.schedule_turns import Schedule, end_soon
from shared.ledger.nudge import follow_nudges
from shared.sealing.secret_texts import SecretSealer
from shared.webhooks.call_receiver import ANSWER_WITHIN_S, Receivers


async def deliver_pushes(parts: Parts) -> None:
    """Deliver movements to receivers until cancelled; raises LedgerUnavailableError."""
    receivers = receivers_of(parts)
    schedule = Schedule(
        parts.reader_pool,
        deliver_of(parts, receivers),
        places=parts.settings.push_deliveries_at_once,
        now=parts.now,
    )
    following = asyncio.create_task(
        follow_nudges(parts.settings.dsn, heard=schedule.hear, missed=schedule.miss)
    )
    try:
        await schedule.run()
    finally:
        await end_soon([following])
        receivers.close()


def receivers_of(parts: Parts) -> Receivers:
    """Return what all calls of receivers share in this process."""
    settings = parts.settings
    return Receivers(
        ca_file=settings.push_ca_file,
        admit_loopback=settings.push_admit_loopback,
        answer_within_s=ANSWER_WITHIN_S,
    )


def deliver_of(parts: Parts, receivers: Receivers) -> Deliver:
    """Return the turns of this process."""
    return Deliver(
        reader=parts.reader_pool,
        writer=parts.writer_pool,
        directory=parts.directory,
        sealer=parts.sealer,
        secrets=SecretSealer(parts.ring, purpose=PURPOSE),
        receivers=receivers,
        plan=RetryPlan(
            give_up_after=timedelta(days=parts.settings.push_retry_days),
            chance=SystemRandom().random,
        ),
        batch_max=parts.settings.push_batch_max,
        now=parts.now,
    )

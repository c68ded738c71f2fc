"""Before a connection is registered its receiver is called: it must ask who we are, and then say yes."""

import asyncio
from datetime import datetime
from typing import Final

from services.registry.push.receiver_secrets import Receiver
from services.registry.push.write_delivery import TEST_BODY, TEST_RECORD
from shared.domain.faults import Fault
from shared.domain.push_faults import ConnectionFailed, ReceiverTimedOut
from shared.webhooks.call_receiver import Outcome, Receivers, Reply
from shared.webhooks.sign_message import signed

_NOBODY: Final = b'{"list":[]}'
_ASKED_WHO: Final = frozenset({401, 403})


async def prove(receivers: Receivers, receiver: Receiver, *, now: datetime) -> Fault | None:
    """Call a receiver twice within five seconds: without the pair, and with it and the test record.

    Returns what is wrong: H191 it took too long, H530 anything else.
    """
    line = receivers.line(receiver.url)
    try:
        async with asyncio.timeout(receivers.answer_within_s):
            reply = await line.post(_NOBODY, {})
            if reply.status not in _ASKED_WHO:
                return _fault(reply) or ConnectionFailed()
            headers = signed(
                TEST_BODY,
                message_id=f"msg_{TEST_RECORD['transactionId']}",
                timestamp=int(now.timestamp()),
                with_secrets=receiver.secrets_at(now),
            )
            return _fault(await line.post(TEST_BODY, {**receiver.basic, **headers}))
    except TimeoutError:
        return ReceiverTimedOut()
    finally:
        line.close()


def _fault(reply: Reply) -> Fault | None:
    match reply.outcome:
        case Outcome.DELIVERED:
            return None
        case Outcome.TIMED_OUT:
            return ReceiverTimedOut()
        case _:
            return ConnectionFailed()

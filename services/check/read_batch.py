"""Reading a batch without holding up the single checks beside it.

A thousand Turkish mobiles are read at a glance. Ten thousand foreign numbers take the fifth part of a second,
and one event loop serves everybody: so they are read a hundred at a time, and others get their turn in
between (promise 3).
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, cast

from services.check.question import Question, open_batch
from shared.domain.consent import Channel
from shared.domain.recipient import are_mobiles, read_addresses

ADDRESSES_A_GLANCE: Final = 1000
ADDRESSES_A_SLICE: Final = 100


async def read_batch(body: object, *, count_max: int, admit_test_range: bool) -> Question:
    """Read a question about many addresses; raises InvalidQuestionError, TooManyRecipientsError."""
    question, raw = open_batch(body, count_max=count_max)
    recipients = await read_list(raw, question.channel, admit_test_range=admit_test_range)
    return replace(question, recipients=tuple(recipients))


async def read_list(
    raw: Sequence[object], channel: Channel, *, admit_test_range: bool
) -> list[str | None]:
    """Return the addresses of a list as they are kept, in order; None stands for what is none."""
    recipients: list[str | None] = []
    for at in range(0, len(raw), ADDRESSES_A_GLANCE):
        if at:
            await asyncio.sleep(0)
        some = raw[at : at + ADDRESSES_A_GLANCE]
        if channel is not Channel.EMAIL and are_mobiles(some, admit_test_range=admit_test_range):
            recipients += cast("Sequence[str]", some)
            continue
        for start in range(0, len(some), ADDRESSES_A_SLICE):
            if start:
                await asyncio.sleep(0)
            slice_ = some[start : start + ADDRESSES_A_SLICE]
            recipients += read_addresses(slice_, channel, admit_test_range=admit_test_range)
    return recipients

"""Reading a batch without holding up the single checks beside it.

Ten thousand foreign numbers take the fifth part of a second, and one event loop serves everybody: so they
are read a hundred at a time, and others get their turn in between (promise 3).
"""

import asyncio
from dataclasses import replace

from services.check.question import Question, open_batch, read_addresses

ADDRESSES_A_SLICE = 100


async def read_batch(body: object, *, count_max: int, admit_test_range: bool) -> Question:
    """Read a question about many addresses; raises InvalidQuestionError, TooManyRecipientsError."""
    question, raw = open_batch(body, count_max=count_max)
    recipients: list[str | None] = []
    for at in range(0, len(raw), ADDRESSES_A_SLICE):
        some = raw[at : at + ADDRESSES_A_SLICE]
        recipients += read_addresses(some, question.channel, admit_test_range=admit_test_range)
        await asyncio.sleep(0)
    return replace(question, recipients=tuple(recipients))

"""Deleting the names of citizens that have expired: a job of the worker."""

import asyncio
from typing import Final

from services.registry.parts import Parts
from shared.ledger.citizen_names import DELETED_AT_ONCE, delete_expired_names
from shared.ledger.deadline import heed_cancellation

PAUSE_S: Final = 60.0
"""Between two looks. Nobody is shown a name that has expired meanwhile."""


async def forget_names(parts: Parts) -> None:
    """Delete what has expired, for ever; raises LedgerUnavailableError."""
    while True:
        heed_cancellation()
        if await delete_expired_names(parts.writer_pool, now=parts.now()) < DELETED_AT_ONCE:
            await asyncio.sleep(PAUSE_S)

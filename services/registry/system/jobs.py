"""The area's work that nobody waits for, for `services.registry.worker`."""

import asyncio
from typing import Final

from services.registry.parts import Parts
from services.registry.system.close_lines import CloseLines
from shared.ledger.deadline import heed_cancellation

LOOK_EVERY_S: Final = 1.0


async def close_lines(parts: Parts) -> None:
    """Close the lines that operators report, for ever. Any number of processes may."""
    work = CloseLines(
        parts.reader_pool, parts.writer_pool, parts.commits, parts.digester, parts.sealer
    )
    while True:
        heed_cancellation()
        if not await work():
            await asyncio.sleep(LOOK_EVERY_S)

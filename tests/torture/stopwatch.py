"""How long after an acknowledgement the cache serves the new state. A figure for the report, no demand."""

import asyncio
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

import redis.asyncio as redis

from shared.cache.layout import ForeignWatermarkError, read_watermark, watermark_key
from tests.torture.history import History

GIVE_UP_S: Final = 1.0
POLL_S: Final = 0.001


@dataclass
class Stopwatch:
    """Watches watermarks; `served` holds when it began to look, and after how many seconds it was there."""

    history: History
    client: redis.Redis
    served: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])

    async def measure(self, brand_code: int) -> None:
        """Wait until the cache has reached all that is acknowledged for a brand; give up after a second."""
        began = monotonic()
        movements = self.history.brands[brand_code].movements
        position = sum(movement.write.done is not None for movement in movements)
        try:
            async with asyncio.timeout(GIVE_UP_S):
                while not await self._is_at(brand_code, position):  # noqa: ASYNC110  # it is polled
                    await asyncio.sleep(POLL_S)
        except (TimeoutError, redis.RedisError, OSError):
            return
        self.served.append((began, monotonic() - began))

    async def _is_at(self, brand_code: int, position: int) -> bool:
        raw = await self.client.get(watermark_key(brand_code))
        if not isinstance(raw, bytes):
            return False
        try:
            watermark = read_watermark(raw)
        except ForeignWatermarkError:
            return False
        return watermark.settled and watermark.position >= position


def percentiles(seconds: list[float]) -> str:
    """Return median and 99th percentile in milliseconds."""
    if not seconds:
        return "not measured"
    ordered = sorted(seconds)
    places = (len(ordered) // 2, min(len(ordered) * 99 // 100, len(ordered) - 1))
    p50, p99 = (ordered[place] * 1000 for place in places)
    return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms of {len(ordered)}"

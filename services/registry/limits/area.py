"""Opening the limits, for as long as the service runs."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from services.registry.limits.show_limits import ShowLimits
from services.registry.limits.sizes import sizes_of
from services.registry.parts import Parts
from shared.cache.limits import open_counter
from shared.sealing.callers import CallerDigester
from shared.wire.count_requests import Limits


@asynccontextmanager
async def open_limits(parts: Parts) -> AsyncGenerator[Limits]:
    """Open the limits that the settings choose.

    Raises CacheAddressError if the URL of the cache makes no sense; that nobody answers there is no error.
    """
    url = parts.settings.redis_url
    async with open_counter(None if url is None else url.get_secret_value()) as counter:
        yield Limits(parts.settings.limit_table, counter, CallerDigester(parts.ring))


def build(parts: Parts, limits: Limits) -> ShowLimits:
    """Return what the route calls; the composition root yields it as `request.state.limits`."""
    return ShowLimits(limits, parts.gate, parts.reader, tuple(sizes_of(parts.settings)))

"""Looks at the checks' metrics again and again: from where were addresses answered?"""

import asyncio
import re
from collections.abc import Sequence
from time import monotonic
from typing import Final

from tests.torture.system import Child
from tests.torture.verdict import SOURCES, Sample
from tests.torture.wire import Door, LostError, NotSentError

_LINE: Final = re.compile(r'^izin_check_answers_total\{source="(\w+)"\} (\S+)$', re.MULTILINE)
WARM_SHARE: Final = 0.9


class Sampler:
    """Keeps what each check process has counted between two looks."""

    def __init__(self, checks: Sequence[Child], *, pause_s: float = 0.5) -> None:
        self.samples: list[Sample] = []
        self.pause_s = pause_s
        self._checks = checks
        self._last: dict[str, tuple[int, float, dict[str, float]]] = {}
        self._newest: dict[str, Sample] = {}

    async def sample_all_the_time(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(self.pause_s)

    async def look(self) -> None:
        """Look at all once."""
        await asyncio.gather(*(self._look(check) for check in self._checks))

    async def until_warm(self, *, timeout_s: float) -> None:
        """Wait until the cache answers everywhere; forget what was counted until then.

        When it does not come to that, the verdict will say so.
        """
        deadline = monotonic() + timeout_s
        while monotonic() < deadline and not self._is_warm():  # noqa: ASYNC110  # it is polled
            await asyncio.sleep(self.pause_s)
        self.samples.clear()

    def _is_warm(self) -> bool:
        newest = [self._newest.get(check.name) for check in self._checks]
        return all(
            sample is not None
            and sample.by_source["cache"] > WARM_SHARE * sum(sample.by_source.values())
            for sample in newest
        )

    async def _look(self, check: Child) -> None:
        """Compare with the last look, if it was at the same process."""
        began, pid, door = monotonic(), check.pid, Door(check.port)
        try:
            reply = await door.ask("GET", "/metrics")
        except (LostError, NotSentError):
            self._last.pop(check.name, None)
            return
        finally:
            await door.close()
        counts = dict.fromkeys(SOURCES, 0.0)
        counts.update({name: float(count) for name, count in _LINE.findall(reply.body.decode())})
        last_pid, last_began, last = self._last.get(check.name, (0, 0.0, counts))
        self._last[check.name] = (pid, began, counts)
        if last_pid == pid == check.pid:
            grown = {name: counts[name] - last[name] for name in SOURCES}
            sample = Sample(check.name, last_began, monotonic(), grown)
            self.samples.append(sample)
            self._newest[check.name] = sample

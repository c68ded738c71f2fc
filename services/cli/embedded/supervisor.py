"""Start children in order, keep them running, stop them in reverse order.

A child that dies unexpectedly is started again after a small pause; one that dies RESTARTS_MAX
times within RESTART_WINDOW_S takes everything down, because something is wrong that restarting does
not mend.
"""

import asyncio
import os
import signal
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from types import TracebackType
from typing import Self

from services.cli.embedded.child import ChildSpec, last_lines, open_log
from services.cli.errors import CliError

RESTARTS_MAX = 5
RESTART_WINDOW_S = 60.0
PAUSE_FIRST_S = 0.2
PAUSE_MAX_S = 3.0
POLL_S = 0.02


def say(message: str) -> None:
    """Tell the person at the terminal."""
    with suppress(OSError):  # the terminal may be gone; that must not disturb the stopping
        print(f"izin: {message}", file=sys.stderr, flush=True)


class Child:
    """One spec and the process that runs it now."""

    def __init__(self, spec: ChildSpec) -> None:
        self.spec = spec
        self.stopping = False
        self._process: asyncio.subprocess.Process | None = None

    @property
    def process(self) -> asyncio.subprocess.Process:
        """The running (or last) process; there is one from the first `launch` on."""
        if self._process is None:
            raise AssertionError("launch first")
        return self._process

    async def launch(self) -> None:
        """Start the process and wait until it is ready."""
        log = open_log(self.spec.log_file)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self.spec.launch_command(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.spec.launch_environment(),
                start_new_session=True,  # Ctrl-C reaches us alone, so that we choose the order
            )
        finally:
            os.close(log)
        await self._become_ready(self._process)

    async def _become_ready(self, process: asyncio.subprocess.Process) -> None:
        deadline = monotonic() + self.spec.ready_timeout_s
        while not await asyncio.to_thread(self.spec.is_ready, process.pid):
            if process.returncode is not None:
                raise CliError(self._failure(f"stopped with code {process.returncode}"))
            if monotonic() > deadline:
                raise CliError(self._failure(f"not ready after {self.spec.ready_timeout_s:.0f} s"))
            await asyncio.sleep(POLL_S)

    def _failure(self, what: str) -> str:
        said = last_lines(self.spec.log_file)
        log = self.spec.log_file
        return f"{self.spec.name} did not start: {what}; its log {log} ends with: {said}"

    async def stop(self) -> None:
        """Ask the process to stop, wait as long as its spec allows, then insist."""
        self.stopping = True
        if self._process is None or self._process.returncode is not None:
            return
        self.signal(self.spec.stop_signal)
        try:
            async with asyncio.timeout(self.spec.stop_timeout_s):
                await self._process.wait()
        except TimeoutError:
            say(f"{self.spec.name} takes too long to stop; it is cut short")
            self.signal(self.spec.hasten_signal)
            await self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal if the process is still there."""
        with suppress(ProcessLookupError):
            self.process.send_signal(number)


class Supervisor:
    """The children of one `izin up`. Use as an async context manager: leaving it stops them all."""

    def __init__(self, report: Callable[[str], None] = say) -> None:
        self._report = report
        self._children: list[Child] = []
        self._watchers: list[asyncio.Task[None]] = []
        self._gave_up = asyncio.Event()
        self._why = ""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Stop all children, the last started first. Calling it again does nothing."""
        for child in self._children:
            child.stopping = True
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        for child in reversed(self._children):
            await child.stop()

    async def start(self, spec: ChildSpec) -> None:
        """Start one child and wait until it is ready; from then on it is watched."""
        child = Child(spec)
        self._children.append(child)
        await child.launch()
        self._watchers.append(asyncio.create_task(self._watch(child), name=f"watch {spec.name}"))

    async def wait(self) -> None:
        """Wait until a child cannot be kept running; raises then."""
        await self._gave_up.wait()
        raise CliError(self._why)

    def hasten(self) -> None:
        """Cut the stopping short: nobody drains any more."""
        for child in self._children:
            if child.stopping:
                child.signal(child.spec.hasten_signal)

    async def _watch(self, child: Child) -> None:
        died_at: deque[float] = deque()
        while True:
            code = await child.process.wait()
            now = monotonic()
            died_at.append(now)
            while died_at[0] < now - RESTART_WINDOW_S:
                died_at.popleft()
            if len(died_at) > RESTARTS_MAX:
                self._give_up(child)
                return
            pause_s = min(PAUSE_FIRST_S * 2 ** (len(died_at) - 1), PAUSE_MAX_S)
            self._report(f"{child.spec.name} stopped unexpectedly (code {code}); starting it again")
            await asyncio.sleep(pause_s)
            try:
                await child.launch()
            except (CliError, OSError) as error:
                self._report(str(error))
                child.signal(child.spec.hasten_signal)

    def _give_up(self, child: Child) -> None:
        self._why = (
            f"{child.spec.name} died more than {RESTARTS_MAX} times in {RESTART_WINDOW_S:.0f} s; "
            f"everything is stopped; see {child.spec.log_file}"
        )
        self._gave_up.set()

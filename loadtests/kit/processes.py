"""The processes below one of ours, from /proc: who they are, where they run, how much memory they hold."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

FORGET_PEAK: Final = "5"


def below(pid: int) -> list[int]:
    """Return a process and all that it has started, and they have."""
    found = [pid]
    for one in found:
        with suppress(OSError):
            for task in Path(f"/proc/{one}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
    return found


def named(pids: list[int], text: str) -> list[int]:
    """Return those whose command line has a text in it."""
    return [pid for pid in pids if text in _command(pid)]


def cpu_seconds(pids: list[int]) -> float:
    """Return the CPU time of processes so far, and of their children that have ended."""
    return sum(_ticks(pid) for pid in pids) / os.sysconf("SC_CLK_TCK")


def place(pid: int, core: int, *, niceness: int = 0) -> None:
    """Keep a process, all its threads, on one core; make it nicer."""
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):
                os.sched_setaffinity(int(task.name), {core % (os.cpu_count() or 1)})
                if niceness:
                    os.setpriority(os.PRIO_PROCESS, int(task.name), niceness)


@dataclass(slots=True)
class Memory:
    """The most that a worker, one child of it, and all of them together held, in MB of resident memory."""

    worker_mb: float = 0.0
    child_mb: float = 0.0
    together_mb: float = 0.0
    children: int = 0
    _seen: set[int] = field(default_factory=set[int])

    def look(self, worker: int) -> None:
        """Look once."""
        together = _memory_mb(worker, "VmRSS")
        self.worker_mb = max(self.worker_mb, _memory_mb(worker, "VmHWM"))
        for child in below(worker)[1:]:
            self._seen.add(child)
            self.child_mb = max(self.child_mb, _memory_mb(child, "VmHWM"))
            together += _memory_mb(child, "VmRSS")
        self.together_mb = max(self.together_mb, together)
        self.children = len(self._seen)


@contextmanager
def memory_of(worker: int, *, every_s: float = 0.05) -> Iterator[Memory]:
    """Watch a worker's memory while the block runs; the peak so far is forgotten first."""
    with suppress(OSError):
        Path(f"/proc/{worker}/clear_refs").write_text(FORGET_PEAK)
    memory, over = Memory(), threading.Event()

    def watch() -> None:
        while not over.wait(every_s):
            memory.look(worker)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield memory
    finally:
        over.set()
        thread.join()
        memory.look(worker)


def _ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return sum(map(int, fields[11:15]))


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def _memory_mb(pid: int, name: str) -> float:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) / 1024
    return 0.0

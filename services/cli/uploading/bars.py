"""What is seen of an upload while it goes on: a bar for the bytes, then one for the rows."""

import sys
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from services.cli.uploading.job import Job

_MINUTE_S: Final = 60
_HOUR_S: Final = 3600


class Bars:
    """Progress bars on standard error, where that is a terminal; else nothing."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<9}"),
            BarColumn(),
            TextColumn("{task.fields[told]}"),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
        )
        self._sending: TaskID | None = None
        self._working: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def begin(self, size: int) -> None:
        """Show that a file of so many bytes is sent."""
        self._sending = self._progress.add_task("uploading", total=size, told="")

    def sent(self, size: int) -> None:
        """Move the bar of the bytes."""
        if self._sending is None:
            return
        self._progress.update(self._sending, completed=size)
        task = self._progress.tasks[self._sending]
        rate = "" if not task.speed else f"{decimal(int(task.speed))}/s"
        left = "" if task.finished else _left(task.time_remaining)
        told = _joined(decimal(size), rate, left)
        self._progress.update(self._sending, told=told)

    def worked(self, job: Job) -> None:
        """Move the bar of the rows; while the file is read for the first time nobody knows how many."""
        if self._working is None:
            self._working = self._progress.add_task("working", total=None, told="")
        rate = "" if job.rowsPerSecond is None else f"{job.rowsPerSecond:,.0f}/s"
        told = _joined(f"{job.rowsDone:,} rows", rate, _left(job.secondsLeft))
        if job.rowsSeen is None:
            told = "reading the file" if not job.is_over else ""
        # A file without rows is done all the same.
        total, done = (job.rowsSeen or 1, job.rowsDone) if job.rowsSeen is not None else (None, 0)
        if job.is_over:
            total, done = 1, 1
        self._progress.update(self._working, total=total, completed=done, told=told)


def duration(seconds: float) -> str:
    """Return a time that people can read: 42 s, 3 min 05 s, 2 h 07 min."""
    whole = round(seconds)
    if whole < _MINUTE_S:
        return f"{whole} s"
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S} min {whole % _MINUTE_S:02} s"
    return f"{whole // _HOUR_S} h {whole % _HOUR_S // _MINUTE_S:02} min"


def _left(seconds: float | None) -> str:
    return "" if seconds is None else f"{duration(seconds)} left"


def _joined(*parts: str) -> str:
    return "  ".join(part for part in parts if part)

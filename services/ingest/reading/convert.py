"""Having a child process turn a workbook or a Parquet file into a table, which is kept sealed.

The child may die of the file, of its bounds, or by somebody's hand; the first two are the file's fault.
"""

import signal
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO, Final, cast

import orjson

from services.ingest.lanes.rows import FileRefusedError, ReadingStoppedError
from services.ingest.reading.limits import ReadLimits
from services.ingest.reading.pipe import Kind, PipeBrokenError, answer_wanted, receive, send
from services.ingest.reading.plan import Format
from services.ingest.reading.refusals import FileCode, refusal
from services.ingest.reading.sealing import SealedOutput
from shared.sealing.sealed_file import SealedFile

_CHECKOUT: Final = Path(__file__).parents[3]
_COMMAND: Final = (sys.executable, "-P", "-m", "services.ingest.reading.child")
# Nothing of ours: the environment of a worker has passwords.
_ENVIRONMENT: Final = {
    "PYTHONPATH": str(_CHECKOUT),
    "ARROW_DEFAULT_MEMORY_POOL": "system",  # the others reserve more address space than they use
    "MALLOC_ARENA_MAX": "1",
    "RAYON_NUM_THREADS": "1",
}
_DIED_OF_MEMORY: Final = {-signal.SIGABRT, -signal.SIGSEGV, -signal.SIGBUS}
_ENDED_BY_SOMEBODY: Final = {-signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP}
_BROKEN: Final = {"xlsx": FileCode.WORKBOOK_BROKEN, "parquet": FileCode.PARQUET_BROKEN}


def convert(
    content: SealedFile, format_: Format, *, into: SealedFile, rows: int, limits: ReadLimits
) -> None:
    """Write the table of the content, in pieces of `rows` rows.

    Raises FileRefusedError, ReadingStoppedError, OSError, SealBrokenError.
    """
    into.remove()
    task: dict[str, object] = {"format": format_, "size": content.size, "rows": rows}
    task["limits"] = asdict(limits)
    output = SealedOutput(into, limits, packed=content.size)
    with _child() as process:
        is_late = threading.Event()
        clock = threading.Timer(limits.child_s, _end, (process, is_late))
        clock.start()
        try:
            _converse(process, task, content, output)
        except (PipeBrokenError, BrokenPipeError):
            raise _death(process, format_, is_late=is_late.is_set()) from None
        finally:
            clock.cancel()


@contextmanager
def _child() -> Generator["subprocess.Popen[bytes]"]:
    """Start a child; it does not outlive the block."""
    process = subprocess.Popen(  # noqa: S603  # our own module, no shell, no argument of anybody's
        _COMMAND,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_ENVIRONMENT,
        start_new_session=True,  # Ctrl-C is for the worker, which ends the child itself
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):  # what was not sent to it any more
                cast("BinaryIO", pipe).close()


def _converse(
    process: "subprocess.Popen[bytes]",
    task: dict[str, object],
    content: SealedFile,
    output: SealedOutput,
) -> None:
    """Give the child its task and what it asks for, and keep what it has read."""
    to_child, of_child = cast("BinaryIO", process.stdin), cast("BinaryIO", process.stdout)
    send(to_child, Kind.TASK, orjson.dumps(task))
    with content.open() as file:
        while True:
            kind, payload = receive(of_child)
            if kind is Kind.WANTED:
                answer_wanted(to_child, payload, file)
            elif kind is Kind.ROWS:
                output.write(payload)
            elif kind is Kind.REFUSED:
                raise _refusal(payload)
            elif kind is Kind.DONE:
                output.close()
                return
            else:
                raise PipeBrokenError("a message that a child does not send")


def _refusal(payload: bytes) -> FileRefusedError:
    try:
        return refusal(FileCode(payload.decode()))
    except ValueError:
        raise PipeBrokenError("a refusal that there is not") from None


def _end(process: "subprocess.Popen[bytes]", is_late: threading.Event) -> None:
    is_late.set()
    process.kill()


def _death(
    process: "subprocess.Popen[bytes]", format_: Format, *, is_late: bool
) -> FileRefusedError | ReadingStoppedError:
    """Say what a child died of."""
    status = process.wait()
    if is_late or status == -signal.SIGXCPU:
        return refusal(FileCode.TIME_EXCEEDED)
    if status in _DIED_OF_MEMORY:
        return refusal(FileCode.MEMORY_EXCEEDED)
    if status in _ENDED_BY_SOMEBODY:
        return ReadingStoppedError(f"the reading process ended by signal {-status}")
    return refusal(_BROKEN[format_])

"""The process that parses workbooks and Parquet: `python -m services.ingest.reading.child`.

A hostile file can make a parser ask for any amount of memory, and an allocation that fails ends the process.
So it is a process of its own, with a bound on its address space and its time, and it has nothing to lose: no
key, no connection, no environment. What it says and is told is in `pipe.py`.
"""

import io
import os
import resource
import sys
from typing import BinaryIO, Final, cast

import orjson

from services.ingest.lanes.rows import FileRefusedError
from services.ingest.reading.limits import ReadLimits
from services.ingest.reading.pipe import Kind, RowsOutput, WantedFile, receive, send
from services.ingest.reading.refusals import FileCode

OUT_BYTES: Final = 1_048_576
OPEN_FILES_MAX: Final = 64


def main() -> None:
    """Do the one task that comes over standard input."""
    answers, pipe = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a parser prints is no message
    _kind, task = receive(answers)
    asked = orjson.loads(task)
    limits = ReadLimits(**asked["limits"])
    restrain(limits)
    work(answers, pipe, asked, limits)


def restrain(limits: ReadLimits) -> None:
    """Bound what this process may use, for good."""
    bounds = [
        (resource.RLIMIT_CPU, limits.child_s),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, OPEN_FILES_MAX),
    ]
    if sys.platform == "linux":  # elsewhere the kernel knows no such bound
        bounds.append((resource.RLIMIT_AS, limits.child_memory_bytes))
    for name, most in bounds:
        resource.setrlimit(name, (most, most))


def work(answers: BinaryIO, pipe: BinaryIO, asked: dict[str, object], limits: ReadLimits) -> None:
    """Write the table, and say that it is whole; or say why there is none."""
    size = int(str(asked["size"]))
    file = io.BufferedReader(WantedFile(pipe, answers, size=size), OUT_BYTES)
    output = io.BufferedWriter(RowsOutput(pipe), OUT_BYTES)
    try:
        _write(cast("BinaryIO", file), output, asked, limits)
        output.flush()
    except FileRefusedError as error:
        send(pipe, Kind.REFUSED, error.code.encode())
    except MemoryError:
        send(pipe, Kind.REFUSED, FileCode.MEMORY_EXCEEDED.value.encode())
    else:
        send(pipe, Kind.DONE)


def _write(file: BinaryIO, output: BinaryIO, asked: dict[str, object], limits: ReadLimits) -> None:
    # Imported here, so that the parsers, too, are loaded within the bounds.
    from services.ingest.reading.table import TableWriter  # noqa: PLC0415

    table = TableWriter(output, rows=int(str(asked["rows"])))
    if asked["format"] == "parquet":
        from services.ingest.reading.parquet_table import write_parquet  # noqa: PLC0415

        write_parquet(file, table)
    else:
        from services.ingest.reading.workbook_table import write_workbook  # noqa: PLC0415

        write_workbook(file, table, size=int(str(asked["size"])), limits=limits)
    table.close()


if __name__ == "__main__":
    main()

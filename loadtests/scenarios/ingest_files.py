"""How much of the database's own speed is left for files, from the first byte sent to the last row served?

Ours: a CSV file of one brand goes up over HTTP; it is over when the job is done and the cache is at the head
of the brand again. The floor (`kit/sql_floor.py`): the same rows by COPY, append and upsert, in chunks of
50,000, on the same server, durable as the product runs it, taking turns with ours. A plain file has first
approvals only, as a program writes them; in a mixed one 2 % are turned away, 2 % are about a person of
another row, and 5 % are written in unusual ways. The outcomes are known before, and a turn counts only if all
are right.

An XLSX file is compared with calamine reading its cells as a Python program gets them (python-calamine) and
doing nothing with them. Beside it stands the same library by fastexcel, which leaves them outside of Python
(Arrow): three times as fast as the SQL floor stores rows, so there is no goal for it.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Final

import fastexcel
import python_calamine

from loadtests.kit.digests import Keys
from loadtests.kit.ingest_stage import MIXED, PLAIN, File, Stage, ingest_stage
from loadtests.kit.load import Measured, busy_cores
from loadtests.kit.processes import Memory, memory_of
from loadtests.kit.report import Goal, Report
from loadtests.kit.run import Bench
from loadtests.kit.seed import consents_in
from loadtests.kit.sql_floor import CHUNK_ROWS, Floor

OURS: Final = "CSV, plain"
OURS_MIXED: Final = "CSV, mixed"
FLOOR: Final = "SQL floor"
XLSX: Final = "XLSX"
CALAMINE: Final = "calamine, reading into Python"
ARROW: Final = "calamine, reading into Arrow"
CSV_GOAL: Final = Goal(0.4, 0.7)
XLSX_GOAL: Final = Goal(0.3, 0.6)
WORKER_GOAL: Final = Goal(400, 200, " MB", smaller_is_better=True)
CHILD_GOAL: Final = Goal(1.0, 0.2, " GB", smaller_is_better=True)


def run(bench: Bench) -> None:
    """Measure at the usual fill, and add the rows."""
    size = bench.size.ingest
    with ingest_stage(size.world) as stage:
        _csv(bench, stage, size.rows, [OURS, OURS_MIXED])
        _xlsx(bench, stage, size.xlsx_rows)


def run_large(bench: Bench) -> None:
    """Measure CSV at the large fill; seeds it the first time."""
    size = bench.size.ingest
    with ingest_stage(size.large) as stage:
        _csv(bench, stage, size.rows, [OURS])


def _csv(bench: Bench, stage: Stage, rows: int, names: list[str]) -> None:
    stored = consents_in(stage.product.directory)
    floor = Floor(stage.product.dsn, Keys(stage.product.keys_file))
    bench.say(f"filling the floor's tables with {stored:,} consents")
    floor.fill()
    turns: dict[str, Callable[[], Measured]] = {
        name: partial(_send_new, bench, stage, rows, name) for name in names
    }
    turns[FLOOR] = partial(_floor_turn, stage, floor, rows)
    with memory_of(stage.worker()) as memory:
        taken = bench.alternate(turns)
    for name in names:
        bench.report.ratio(
            f"{name}, {rows:,} rows at {stored:,} stored, until served from the cache again; beside: "
            f"{FLOOR}, chunks of {CHUNK_ROWS:,}",
            *(taken[name], taken[FLOOR], CSV_GOAL),
        )
    _memory_rows(bench.report, memory, "CSV", child=None)


def _send_new(bench: Bench, stage: Stage, rows: int, name: str) -> Measured:
    bench.say(f"making a file of {rows:,} rows")
    file = stage.make(rows, MIXED if name == OURS_MIXED else PLAIN)
    measured = stage.send(file)
    _forget(file)
    return measured


def _floor_turn(stage: Stage, floor: Floor, rows: int) -> Measured:
    file = stage.make(rows, PLAIN)
    chunks = floor.prepare(file.readable(), file.brand_code, stage.folder)
    measured = floor.turn(chunks, file.brand_code, rows)
    for path in chunks:
        path.unlink()
    _forget(file)
    return measured


def _xlsx(bench: Bench, stage: Stage, rows: int) -> None:
    bench.say(f"making an XLSX file of {rows:,} rows")
    file = stage.make(rows, PLAIN, "xlsx")
    with memory_of(stage.worker()) as memory:
        taken = bench.alternate(
            {
                XLSX: partial(_send_again, bench, stage, file, rows),
                CALAMINE: partial(read_with_calamine, file.path, rows),
                ARROW: partial(read_into_arrow, file.path, rows),
            }
        )
    bench.report.ratio(
        f"{XLSX}, {rows:,} rows, until served from the cache again; beside: calamine merely reading it",
        *(taken[XLSX], taken[CALAMINE], XLSX_GOAL),
    )
    bench.report.ratio("… beside: calamine into Arrow", *(taken[XLSX], taken[ARROW]))
    _memory_rows(bench.report, memory, XLSX, child=CHILD_GOAL)
    _forget(file)


def _send_again(bench: Bench, stage: Stage, first: File, rows: int) -> Measured:
    """Send a file like the first one, at another brand: the first itself would be recognised."""
    bench.say(f"making an XLSX file of {rows:,} rows")
    file = stage.make(rows, PLAIN, first.recipe.format)
    measured = stage.send(file)
    _forget(file)
    return measured


def read_with_calamine(path: Path, rows: int) -> Measured:
    """Read every cell of the first sheet, as Python values, and do nothing with it."""

    def read() -> int:
        return len(
            python_calamine.CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
        )

    return _read(read, rows)


def read_into_arrow(path: Path, rows: int) -> Measured:
    """Read every cell of the first sheet as text, the fastest way that there is, and do nothing with it."""

    def read() -> int:
        sheet = fastexcel.read_excel(path).load_sheet(0, header_row=None, dtypes="string")
        return int(sheet.to_arrow().num_rows)

    return _read(read, rows)


def _read(read: Callable[[], int], rows: int) -> Measured:
    with busy_cores() as busy:
        started = perf_counter()
        found = read()
        seconds = perf_counter() - started
    if found != rows + 1:
        raise SystemExit(f"calamine read {found} rows of {rows}")
    return Measured(rows / seconds, busy=busy)


def _memory_rows(report: Report, memory: Memory, what: str, *, child: Goal | None) -> None:
    """Add what the worker held: its own peak as the kernel keeps it, and that of its largest child."""
    seen = f"{memory.children} children" if memory.children else "no children"
    report.figure(
        f"… memory of the worker, {what}: resident, at most",
        memory.worker_mb,
        WORKER_GOAL,
        beside=f"{seen}, together {memory.together_mb:.0f} MB",
    )
    if child is not None and memory.children:
        report.figure(f"… memory of its child, {what}", memory.child_mb / 1024, child)
    elif child is not None:
        report.row(f"… memory of its child, {what}", reached="missing: it had no child")


def _forget(file: File) -> None:
    file.path.unlink()
    Path(f"{file.path}.expected.jsonl").unlink()

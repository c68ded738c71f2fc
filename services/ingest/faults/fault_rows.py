"""The rows of a file that were turned away, with their cells: put together once the file is worked off.

What a worker keeps step by step says which rows, and why. The cells are in the upload, which goes as soon as
it has served; so before it goes, the rows are copied into one sealed file, from which downloads are made.
"""

import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final, Protocol
from uuid import uuid4

import orjson

from services.ingest.lanes.rows import RawPiece, RowFault
from services.ingest.lanes.work_file import PARTS_A_PIECE
from services.ingest.reading.plan import ReadPlan
from services.ingest.spool import JobSpool
from shared.ledger.ingest_jobs import Lane
from shared.sealing.sealed_file import SealedFile

FAULT_ROWS: Final = "fault-rows"
_PORTION_BYTES: Final = 1 << 20


class CellReader(Protocol):
    """Reads pieces of an upload again, by their numbers. It blocks."""

    def __call__(
        self, spool: JobSpool, options: Mapping[str, object], numbers: Sequence[int], /
    ) -> tuple[ReadPlan, Iterator[RawPiece]]:
        """Return how the file is read, and these of its pieces, whose rows can be shown whole.

        `numbers` is in order. Raises FileRefusedError, ReadingStoppedError, SealBrokenError, OSError.
        """
        ...


@dataclass(frozen=True, slots=True)
class FaultHead:
    """What the upload looked like: its format, how a CSV of it is written, and its columns' names."""

    format: str
    delimiter: str
    encoding: str
    names: Sequence[str]


@dataclass(frozen=True, slots=True)
class FaultRow:
    """A row that was turned away: number (as a person counts), column, code, explanation, and its cells."""

    row: int
    column: str
    code: str
    detail: str
    cells: Sequence[str | None]


def has_fault_rows(spool: JobSpool) -> bool:
    """Say whether the rows have been put together."""
    return (spool.path / FAULT_ROWS).exists()


def collect_fault_rows(spool: JobSpool, options: Mapping[str, object], read: CellReader) -> None:
    """Put the rows together; may be done again, and by two at once. Blocks.

    Raises FileRefusedError, ReadingStoppedError, SealBrokenError, OSError.
    """
    steps = _steps_by_piece(spool)
    if not steps:
        return
    plan, pieces = read(spool, options, sorted(steps))
    # In a folder of its own and under its own name, which is part of the seal; then it is moved into place.
    draft = spool.path / f"draft-{uuid4()}"
    draft.mkdir(mode=0o700)
    try:
        file = SealedFile(draft / FAULT_ROWS, spool.key)
        waiting = bytearray(_line(asdict(_head(plan))))
        for piece in pieces:
            for line in _lines(spool, plan, piece, steps.get(piece.number, ())):
                waiting += line
            if len(waiting) >= _PORTION_BYTES:
                file.append(bytes(waiting))
                waiting.clear()
        file.append(bytes(waiting))
        (draft / FAULT_ROWS).replace(spool.path / FAULT_ROWS)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def read_fault_rows(spool: JobSpool) -> tuple[FaultHead, Iterator[FaultRow]]:
    """Return the rows that were put together, in the file's order.

    Blocks; raises OSError (FileNotFoundError where nobody has), SealBrokenError.
    """
    if not has_fault_rows(spool):
        raise FileNotFoundError(FAULT_ROWS)
    file = SealedFile(spool.path / FAULT_ROWS, spool.key).open()
    head = FaultHead(**orjson.loads(file.readline()))

    def rows() -> Iterator[FaultRow]:
        with file:
            for line in file:
                yield FaultRow(*orjson.loads(line))

    return head, rows()


def _steps_by_piece(spool: JobSpool) -> Mapping[int, Sequence[tuple[Lane, int]]]:
    steps: dict[int, list[tuple[Lane, int]]] = defaultdict(list)
    for lane in Lane:
        for step in spool.fault_steps(lane):
            steps[step // PARTS_A_PIECE].append((lane, step))
    return steps


def _lines(
    spool: JobSpool, plan: ReadPlan, piece: RawPiece, steps: Sequence[tuple[Lane, int]]
) -> Iterator[bytes]:
    faults = [fault for lane, step in steps for fault in spool.faults(lane, step)]
    for fault in sorted(faults, key=lambda one: one.offset):
        row, cells = piece.first_row + fault.offset, piece.cells(fault.offset)
        yield _line([row, _column(plan, fault), fault.code, fault.detail, cells])


def _head(plan: ReadPlan) -> FaultHead:
    return FaultHead(plan.format, plan.delimiter, plan.encoding, _names(plan))


def _names(plan: ReadPlan) -> list[str]:
    """Return what the columns are called; those of a file without names after what they stand for."""
    if plan.header_row:
        return list(plan.names)
    fields = {place: name for name, place in plan.columns.items()}
    return [fields.get(n, f"Sütun {n + 1}") for n in range(len(plan.names))]


def _column(plan: ReadPlan, fault: RowFault) -> str:
    """Return the file's own name for the column that the fault is in."""
    if fault.column is None:
        return ""
    place = plan.columns.get(fault.column)
    return fault.column if place is None else _names(plan)[place]


def _line(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)

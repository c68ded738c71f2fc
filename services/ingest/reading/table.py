"""The table that workbooks and Parquet files become: texts in columns, in pieces, with the cells at fault.

It is an Arrow file (IPC) of one record batch a piece. Its last column tells of cells that cannot be used, as
`CODE:column` with commas between; all others are those of the file, and the first rows are the file's first
rows, the names of the columns included.
"""

# pyarrow has no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import BinaryIO, Final, cast

import pyarrow as pa

from services.ingest.faults.row_codes import RowCode, explain_code
from services.ingest.lanes.rows import Cells, RawPiece, RowFault
from services.ingest.reading.plan import (
    COLUMNS_MAX,
    HEADER_WITHIN,
    PIECE_BYTES_MAX,
    ReadPlan,
    find_header,
)
from services.ingest.reading.refusals import FileCode, refusal

FAULTS: Final = "faults"


class TableWriter:
    """Writes a table to `sink`, in pieces of `rows` rows."""

    def __init__(self, sink: BinaryIO, *, rows: int) -> None:
        self._sink = sink
        self.rows = rows
        self._held: list[pa.RecordBatch] = []
        self._count = 0
        self._writer: pa.RecordBatchFileWriter | None = None

    def add(self, columns: Sequence[pa.Array], faults: pa.Array | None = None) -> None:
        """Add rows, column by column, as texts; raises FileRefusedError."""
        if len(columns) > COLUMNS_MAX:
            raise refusal(FileCode.TOO_MANY_COLUMNS)
        count = len(columns[0]) if columns else 0
        none = pa.nulls(count, pa.string())
        names = [*(str(n) for n in range(len(columns))), FAULTS]
        batch = pa.record_batch([*columns, none if faults is None else faults], names=names)
        self._held.append(batch)
        self._count += count
        while self._count >= self.rows:
            self._write(self.rows)

    def close(self) -> None:
        """Write what is left; raises FileRefusedError where there was nothing."""
        if self._count:
            self._write(self._count)
        if self._writer is None:
            raise refusal(FileCode.FILE_EMPTY)
        self._writer.close()

    def _write(self, count: int) -> None:
        table = pa.Table.from_batches(self._held)
        batch = table.slice(0, count).combine_chunks().to_batches()[0]
        if batch.nbytes > PIECE_BYTES_MAX:
            raise refusal(FileCode.LINE_TOO_LONG)
        if self._writer is None:
            self._writer = pa.ipc.new_file(self._sink, batch.schema)
        self._writer.write_batch(batch)
        self._held = table.slice(count).to_batches()
        self._count -= count


def plan_table(file: BinaryIO, plan: ReadPlan, *, mapping: Mapping[str, str]) -> ReadPlan:
    """Return the plan with what the table tells of its columns; raises FileRefusedError."""
    table = pa.ipc.open_file(file)
    first = table.get_batch(0)
    top = [
        [cell or "" for cell in _cells(first, n)] for n in range(min(HEADER_WITHIN, first.num_rows))
    ]
    header = find_header(top, mapping)
    return replace(plan, columns=header.columns, names=header.names, header_row=header.row)


def read_table(file: BinaryIO, plan: ReadPlan, *, start: int) -> Iterator[RawPiece]:
    """Yield the pieces of a table from piece `start` on."""
    table = pa.ipc.open_file(file)
    for number in range(start, table.num_record_batches):
        batch = table.get_batch(number)
        batch.validate(full=True)
        yield RawPiece(
            number=number,
            first_row=number * plan.rows + 1,
            count=batch.num_rows,
            is_last=number == table.num_record_batches - 1,
            fields={
                name: cast("Cells", batch.column(place).to_pylist())
                for name, place in plan.columns.items()
            },
            broken=list(_broken(batch, plan)),
            lead=plan.lead(number, batch.num_rows),
            cells=partial(_cells, batch),
        )


def _cells(batch: pa.RecordBatch, row: int) -> Cells:
    """Return a row as it stands in the file."""
    return [cast("str | None", column[row].as_py()) for column in batch.columns[:-1]]


def _broken(batch: pa.RecordBatch, plan: ReadPlan) -> Iterator[RowFault]:
    """Yield a fault for each row with a cell at fault in a column that stands for something."""
    faults = batch.column(batch.num_columns - 1)
    if faults.null_count == batch.num_rows:
        return
    field_of = {place: name for name, place in plan.columns.items()}
    for offset, told in enumerate(cast("Cells", faults.to_pylist())):
        for one in (told or "").split(","):
            code, _, place = one.partition(":")
            name = field_of.get(int(place)) if place else None
            if name is not None:
                yield RowFault(offset, name, *explain_code(RowCode(code)))
                break

"""A Parquet file of texts, written while it is sent, in memory for one group of rows."""

# pyarrow ships no types:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false

import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import pyarrow as pa
from pyarrow import parquet
from typing_extensions import Buffer, override

ROWS_A_GROUP: Final = 10_000


def write_parquet(header: Sequence[str], rows: Iterable[Sequence[str | None]]) -> Iterator[bytes]:
    """Yield the bytes of a file whose columns are all texts; a name that comes twice gets a number."""
    sink = _Sink()
    schema = pa.schema([(name, pa.string()) for name in _unique(header)])
    with parquet.ParquetWriter(pa.PythonFile(sink, mode="w"), schema) as writer:
        group: list[Sequence[str | None]] = []
        for row in rows:
            group.append(row)
            if len(group) >= ROWS_A_GROUP:
                writer.write_table(_table(group, schema))
                group.clear()
                yield sink.taken()
        if group:
            writer.write_table(_table(group, schema))
    yield sink.taken()


def _table(group: Sequence[Sequence[str | None]], schema: pa.Schema) -> pa.Table:
    columns = [pa.array(column, pa.string()) for column in zip(*group, strict=True)]
    return pa.Table.from_arrays(columns, schema=schema)


def _unique(names: Sequence[str]) -> list[str]:
    """Return the names, with a number behind those that were there before."""
    taken: dict[str, None] = {}
    for name in names:
        unique, n = name, 1
        while unique in taken:
            n += 1
            unique = f"{name} {n}"
        taken[unique] = None
    return list(taken)


class _Sink(io.RawIOBase):
    """Where a writer writes to, and a reader takes away what is there."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting = bytearray()
        self._place = 0

    @override
    def writable(self) -> bool:
        return True

    @override
    def tell(self) -> int:
        return self._place

    @override
    def write(self, content: Buffer, /) -> int:
        view = memoryview(content)
        self._waiting += view
        self._place += view.nbytes
        return view.nbytes

    def taken(self) -> bytes:
        """Return what is waiting, once."""
        taken = bytes(self._waiting)
        self._waiting.clear()
        return taken

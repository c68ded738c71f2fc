"""A Parquet file as a table of texts, read a batch at a time whatever its row groups are."""

# pyarrow has no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false

from collections.abc import Callable
from decimal import Decimal
from typing import BinaryIO, Final

import pyarrow as pa
from pyarrow import compute, parquet

from services.ingest.reading.plan import COLUMNS_MAX
from services.ingest.reading.refusals import FileCode, refusal
from services.ingest.reading.table import TableWriter

_BUFFER_BYTES: Final = 1_048_576
_WHOLE_FLOAT_MAX: Final = 1e15
_TURKEY_IS_AHEAD_S: Final = 10_800


def write_parquet(file: BinaryIO, table: TableWriter) -> None:
    """Write the file's rows below the names of its columns; raises FileRefusedError."""
    try:
        source = parquet.ParquetFile(
            file, memory_map=False, pre_buffer=False, buffer_size=_BUFFER_BYTES
        )
        names = source.schema_arrow.names
        if len(names) > COLUMNS_MAX:
            raise refusal(FileCode.TOO_MANY_COLUMNS)
        if not names:
            raise refusal(FileCode.FILE_EMPTY)
        table.add([pa.array([name], pa.string()) for name in names])
        for batch in source.iter_batches(batch_size=table.rows, use_threads=False):
            table.add([texts(column) for column in batch.columns])
    except MemoryError:  # one of pyarrow's own errors, too
        raise
    except (pa.ArrowException, OSError, ValueError):
        raise refusal(FileCode.PARQUET_BROKEN) from None


def texts(column: pa.Array) -> pa.Array:
    """Return a column's values as texts; those of types that nobody can read as text are missing."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return texts(column.dictionary_decode())
    if pa.types.is_timestamp(kind):
        return _moments(column)
    for belongs, write in _WRITTEN:
        if belongs(kind):
            return _written(column, write)
    try:
        return column.cast(pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return pa.nulls(len(column), pa.string())


def _moments(column: pa.Array) -> pa.Array:
    """Write moments as the wire does: with a zone in Turkey's time, without one as they stand."""
    seconds = column.cast(pa.timestamp("s", column.type.tz), safe=False)
    if column.type.tz is not None:
        shifted = compute.call_function(
            "add", [seconds.cast(pa.int64()), pa.scalar(_TURKEY_IS_AHEAD_S)]
        )
        seconds = shifted.cast(pa.timestamp("s"))
    return seconds.cast(pa.string())


def _written(column: pa.Array, write: Callable[[object], str | None]) -> pa.Array:
    values = [None if value is None else write(value) for value in column.to_pylist()]
    return pa.array(values, pa.string())


def _float(value: object) -> str | None:
    if not isinstance(value, float) or value != value:  # noqa: PLR0124  # not a number
        return None
    return str(int(value)) if value.is_integer() and abs(value) < _WHOLE_FLOAT_MAX else repr(value)


def _decimal(value: object) -> str | None:
    if not isinstance(value, Decimal):
        return None
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _bytes(value: object) -> str | None:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else None


def _list(value: object) -> str | None:
    return ",".join(str(one) for one in value) if isinstance(value, list) else None


_WRITTEN: Final = (
    (pa.types.is_floating, _float),
    (pa.types.is_decimal, _decimal),
    (pa.types.is_binary, _bytes),
    (pa.types.is_large_binary, _bytes),
    (pa.types.is_fixed_size_binary, _bytes),
    (pa.types.is_list, _list),
    (pa.types.is_large_list, _list),
    (pa.types.is_fixed_size_list, _list),
)

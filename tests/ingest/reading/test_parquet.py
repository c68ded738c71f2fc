"""Parquet files: every type that can be text is, and a bomb is refused before it fills anything."""

import io
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from services.ingest.lanes.rows import FileRefusedError
from services.ingest.reading.limits import ReadLimits
from services.ingest.reading.parquet_table import texts, write_parquet
from services.ingest.reading.table import TableWriter
from tests.ingest.reading.spooled import (
    cells,
    faults,
    limits,
    prepared,
    recipients,
    refused,
    spooled,
)


def parquet_of(table: pa.Table, **options: object) -> bytes:
    file = io.BytesIO()
    parquet.write_table(table, file, **options)
    return file.getvalue()


def why(content: bytes) -> str:
    """Return the code by which a file is refused, read in this process."""
    table = TableWriter(io.BytesIO(), rows=5000)
    with pytest.raises(FileRefusedError) as told:
        _write(io.BytesIO(content), table)
    return told.value.code


def _write(file: io.BytesIO, table: TableWriter) -> None:
    write_parquet(file, table)
    table.close()


LOCAL = datetime(2026, 3, 2, 14, 5, 9, 600_000)  # noqa: DTZ001  # without a zone on purpose


@pytest.mark.parametrize(
    ("values", "kind", "written"),
    [
        (["a", None], pa.string(), ["a", None]),
        (["a"], pa.large_string(), ["a"]),
        ([b"a\xff"], pa.binary(), ["a\ufffd"]),
        ([b"ab"], pa.binary(2), ["ab"]),
        ([5991112233, None], pa.int64(), ["5991112233", None]),
        (
            [905991112233.0, 0.5, None, float("nan")],
            pa.float64(),
            ["905991112233", "0.5", None, None],
        ),
        ([1e22], pa.float64(), ["1e+22"]),
        ([Decimal("46083.50"), Decimal("12.00")], pa.decimal128(9, 2), ["46083.5", "12"]),
        ([Decimal(5991112233)], pa.decimal128(12, 0), ["5991112233"]),
        ([True], pa.bool_(), ["true"]),
        ([LOCAL], pa.timestamp("us"), ["2026-03-02 14:05:09"]),
        ([LOCAL.replace(tzinfo=UTC)], pa.timestamp("ns", "UTC"), ["2026-03-02 17:05:09"]),
        (
            [LOCAL.replace(tzinfo=timezone(timedelta(hours=-5)))],
            pa.timestamp("ms", "America/New_York"),
            ["2026-03-02 22:05:09"],
        ),
        ([date(2026, 3, 2)], pa.date32(), ["2026-03-02"]),
        ([[40000017, 40000018], []], pa.list_(pa.int32()), ["40000017,40000018", ""]),
        ([["a"]], pa.large_list(pa.string()), ["a"]),
        ([time(14, 5)], pa.time32("s"), ["14:05:00"]),
        ([{"a": 1}], pa.struct([("a", pa.int32())]), [None]),
        ([None], pa.null(), [None]),
    ],
    ids=str,
)
def test_a_value_is_the_text_that_the_wire_would_want(
    values: list[object], kind: pa.DataType, written: list[str | None]
) -> None:
    assert texts(pa.array(values, kind)).to_pylist() == written
    assert texts(pa.array(values, kind)).type == pa.string()


def test_words_from_a_dictionary_are_words() -> None:
    assert texts(pa.array(["ONAY", "RET", "ONAY"]).dictionary_encode()).to_pylist() == [
        *("ONAY", "RET", "ONAY")
    ]


def test_a_file_of_several_row_groups_is_read_in_pieces_of_its_own_rows(tmp_path: Path) -> None:
    count = 1_000
    table = pa.table(
        {
            "Telefon": pa.array([5_990_000_000 + n for n in range(count)], pa.int64()),
            "tür": pa.array(["MESAJ"] * count).dictionary_encode(),
            "status": ["ONAY" if n % 10 else "?" for n in range(count)],
            "source": ["HS_WEB"] * count,
            "tarih": pa.array([LOCAL] * count, pa.timestamp("us")),
            "Ad": [f"Kişi {n}" for n in range(count)],
        }
    )
    spool = spooled(tmp_path, parquet_of(table, row_group_size=333))
    pieces = prepared(spool, rows=300)
    # The names of the columns count as the first row.
    assert faults(pieces) == {n + 2: "H115" for n in range(0, count, 10)}
    assert recipients(pieces) == {n + 2: f"+90599{n:07d}" for n in range(count) if n % 10}
    assert [piece.first_row for piece in pieces] == [1, 301, 601, 901]
    assert cells(spool)[7][5] == "Kişi 7"


def test_a_bomb_is_refused_while_it_goes_off(tmp_path: Path) -> None:
    table = pa.table({"telefon": pa.array(["0599 111 22 33" * 4] * 2_000_000).dictionary_encode()})
    content = parquet_of(table)
    assert len(content) < 100_000
    assert refused(spooled(tmp_path, content)) == "UNPACKS_TOO_BIG"


def test_rows_that_do_not_fit_into_a_piece_are_refused() -> None:
    table = pa.table({"telefon": pa.array(["x" * 1_000_000] * 50).dictionary_encode()})
    assert why(parquet_of(table, compression="zstd")) == "LINE_TOO_LONG"


def test_a_value_that_is_larger_than_the_child_may_be_is_refused(tmp_path: Path) -> None:
    table = pa.table({"telefon": ["x" * 150_000_000]})
    content = parquet_of(table, compression="zstd", write_statistics=False)
    assert len(content) < 100_000
    most = limits(child_memory_bytes=400_000_000)
    assert refused(spooled(tmp_path, content), limits=most) == "MEMORY_EXCEEDED"


@pytest.mark.parametrize(
    "content",
    [
        b"PAR1",
        b"PAR1 and then nothing of the kind PAR1",
        b"PAR1" + b"\xff" * 100 + b"\x60\x00\x00\x00PAR1",
        parquet_of(pa.table({"telefon": ["1"] * 100}))[:-20] + b"\0" * 12 + b"\x10\0\0\0PAR1",
    ],
    ids=len,
)
def test_a_broken_file_is_refused_as_one(content: bytes) -> None:
    assert why(content) == "PARQUET_BROKEN"


def test_many_columns_or_none_are_refused() -> None:
    assert why(parquet_of(pa.table({str(n): ["x"] for n in range(1_001)}))) == "TOO_MANY_COLUMNS"
    assert why(parquet_of(pa.table({}))) == "FILE_EMPTY"


def test_bounds_let_small_files_unpack_as_they_like() -> None:
    bounds = ReadLimits(unpacked_bytes_max=100_000_000, ratio_max=10)
    assert bounds.admits(60_000_000, packed=1)
    assert not bounds.admits(70_000_000, packed=1)
    assert bounds.admits(70_000_000, packed=7_000_000)
    assert not bounds.admits(100_000_001, packed=100_000_000)

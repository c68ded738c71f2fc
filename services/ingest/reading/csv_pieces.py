"""CSV files, read piece by piece: pyarrow parses what is well-formed, and the rest goes line by line.

A line is a row, whatever is quoted in it: a quotation mark that nobody closes spoils its own row, and not the
rest of the file. Rows that are some empty cells too long, or some cells short, are mended.
"""

# pyarrow has no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false

import codecs
import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import BinaryIO, Final, cast

import pyarrow as pa
from pyarrow import csv as arrow_csv

from services.ingest.faults.row_codes import RowCode, explain_code
from services.ingest.lanes.rows import Cells, RawPiece, RowFault
from services.ingest.reading.csv_survey import BLOCK_BYTES, survey_csv
from services.ingest.reading.plan import HEADER_WITHIN, ReadPlan, find_header

DELIMITERS: Final = (";", ",", "\t")


def plan_csv(file: BinaryIO, *, source: str, mapping: Mapping[str, str], rows: int) -> ReadPlan:
    """Find out how to read a CSV file in pieces of `rows` lines; raises FileRefusedError."""
    survey = survey_csv(file, rows=rows)
    file.seek(0)
    text = file.read(BLOCK_BYTES).removeprefix(codecs.BOM_UTF8).decode(survey.encoding, "replace")
    newline = survey.newline.decode()
    lines = [line.rstrip("\r") for line in text.split(newline, HEADER_WITHIN)[:HEADER_WITHIN]]
    delimiters = [_delimiter(line) for line in lines]
    top = [split(line, sign) for line, sign in zip(lines, delimiters, strict=True)]
    header = find_header(top, mapping)
    return ReadPlan(
        format="csv",
        source=source,
        size=survey.size,
        rows=rows,
        columns=header.columns,
        names=header.names,
        header_row=header.row,
        encoding=survey.encoding,
        is_clean=survey.is_clean,
        newline=newline,
        delimiter=delimiters[header.at],
        offsets=survey.offsets,
    )


def read_csv(file: BinaryIO, plan: ReadPlan, *, start: int) -> Iterator[RawPiece]:
    """Yield the pieces of a planned file from piece `start` on."""
    pieces = len(plan.offsets) - 1
    for number in range(start, pieces):
        begin, end = plan.offsets[number : number + 2]
        file.seek(begin)
        lines = _Lines(file.read(end - begin), plan)
        fields, broken = _fields(lines, plan)
        yield RawPiece(
            number=number,
            first_row=number * plan.rows + 1,
            count=lines.count,
            is_last=number == pieces - 1,
            fields=fields,
            broken=[RowFault(n, None, *explain_code(RowCode.ROW_BROKEN)) for n in broken],
            lead=plan.lead(number, lines.count),
            cells=lines.cells,
        )


def split(line: str, delimiter: str) -> list[str]:
    """Split one line into its cells, as far as it can be; marks that are not in pairs do not count."""
    if line.count('"') % 2:
        line = line.replace('"', "")
    try:
        return next(csv.reader([line], delimiter=delimiter), [""])
    except csv.Error:
        return [line]


class _Lines:
    """The lines of one piece, in UTF-8 and with plain ends whatever the file has."""

    def __init__(self, raw: bytes, plan: ReadPlan) -> None:
        raw = raw.removeprefix(codecs.BOM_UTF8)
        if plan.newline == "\r":
            raw = raw.replace(b"\r", b"\n")
        elif b"\r" in raw:
            raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b" ")
        if not plan.is_clean:
            raw = raw.decode(plan.encoding, "replace").encode()
        self.raw = raw if raw.endswith(b"\n") else raw + b"\n"
        self.count = self.raw.count(b"\n")
        self._delimiter = plan.delimiter

    @cached_property
    def split(self) -> list[bytes]:
        """The lines, one by one."""
        return self.raw.split(b"\n")[:-1]

    def cells(self, number: int) -> Cells:
        """Return a line's cells as they stand there."""
        line = self.split[number].decode("utf-8", "replace")
        return [cell or None for cell in split(line, self._delimiter)]


def _fields(lines: _Lines, plan: ReadPlan) -> tuple[dict[str, Sequence[str | None]], list[int]]:
    """Return the columns that stand for something, and the lines that are broken."""
    numbers = range(lines.count)
    parsed = _parsed(lines.raw, numbers, plan) or _parsed_without_torn(lines, plan)
    columns, aside = parsed or ([[] for _ in plan.columns], set(numbers))
    odd = {n: lines.cells(n) for n in aside}
    width, places = len(plan.names), list(plan.columns.values())
    broken = [n for n, cells in odd.items() if _is_broken(cells, width)]
    if odd:
        nothing: Cells = [None] * width
        mended = {n: [*cells, *nothing] for n, cells in odd.items()} | dict.fromkeys(
            broken, nothing
        )
        columns = [
            _merged(column, {n: cells[place] for n, cells in mended.items()}, lines.count)
            for column, place in zip(columns, places, strict=True)
        ]
    return dict(zip(plan.columns, columns, strict=True)), sorted(broken)


def _parsed_without_torn(lines: _Lines, plan: ReadPlan) -> tuple[list[Cells], set[int]] | None:
    """Parse as `_parsed` what has its quotation marks in pairs, and put the few lines aside that have not."""
    torn = {n for n, line in enumerate(lines.split) if line.count(b'"') % 2}
    kept = [n for n in range(lines.count) if n not in torn]
    raw = b"".join(b"%b\n" % lines.split[n] for n in kept)
    parsed = _parsed(raw, kept, plan) if kept else None
    return None if parsed is None else (parsed[0], parsed[1] | torn)


def _parsed(
    raw: bytes, numbers: Sequence[int], plan: ReadPlan
) -> tuple[list[Cells], set[int]] | None:
    """Let pyarrow parse lines, of these numbers; return columns, and which have another number of cells.

    Return None where it does not see as many rows as there are lines: quotation marks are in disorder.
    """
    aside: set[int] = set()

    def put_aside(row: arrow_csv.InvalidRow) -> str:
        aside.add(numbers[(row.number or 0) - 1])
        return "skip"

    names = [str(n) for n in range(len(plan.names))]
    table = arrow_csv.read_csv(
        pa.BufferReader(raw),
        read_options=arrow_csv.ReadOptions(
            use_threads=False, column_names=names, block_size=len(raw) + 1
        ),
        parse_options=arrow_csv.ParseOptions(
            delimiter=plan.delimiter, ignore_empty_lines=False, invalid_row_handler=put_aside
        ),
        convert_options=arrow_csv.ConvertOptions(
            include_columns=[str(place) for place in plan.columns.values()],
            column_types={name: pa.string() for name in names},
            strings_can_be_null=True,
            null_values=[""],
        ),
    )
    if table.num_rows + len(aside) != len(numbers):
        return None
    return [cast("Cells", column.to_pylist()) for column in table.columns], aside


def _merged(column: Cells, odd: Mapping[int, str | None], count: int) -> Cells:
    """Put cells of odd lines back among those of plain ones."""
    plain = iter(column)
    return [odd[n] if n in odd else next(plain) for n in range(count)]


def _is_broken(cells: Cells, width: int) -> bool:
    """Say whether a line is more than some blank cells too long, or not cut into cells at all."""
    is_torn = len(cells) == 1 < width and bool(cells[0] and cells[0].strip())
    return is_torn or any(cell and cell.strip() for cell in cells[width:])


def _delimiter(line: str) -> str:
    outside = "".join(line.split('"')[::2])
    counted = Counter(sign for sign in outside if sign in DELIMITERS)
    return counted.most_common(1)[0][0] if counted else DELIMITERS[0]

"""Planning an uploaded file, and reading it piece by piece as planned, whatever its format.

What a file is follows from its content, not from its name. What is packed is unpacked first, and workbooks
and Parquet become a table; both are kept sealed beside the content, so that every later reading begins at
just the piece that it wants.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Final

from services.ingest.lanes.rows import RawPiece
from services.ingest.reading.convert import convert
from services.ingest.reading.csv_pieces import plan_csv, read_csv
from services.ingest.reading.gzip_files import gunzip
from services.ingest.reading.limits import ReadLimits
from services.ingest.reading.plan import Format, ReadPlan
from services.ingest.reading.refusals import FileCode, refusal
from services.ingest.reading.signatures import HEAD_BYTES, Kind, kind_of
from services.ingest.reading.table import plan_table, read_table
from services.ingest.spool import CONTENT, JobSpool
from shared.sealing.addresses import SealBrokenError
from shared.sealing.sealed_file import SealedFile

_FORMATS: Final[Mapping[Kind, Format]] = {"zip": "xlsx", "parquet": "parquet"}


@dataclass(frozen=True, slots=True)
class Planning:
    """How to plan: the columns' mapping, rows a piece, bounds; and a number no other attempt has."""

    mapping: Mapping[str, str]
    rows: int
    limits: ReadLimits
    attempt: int


def plan_file(spool: JobSpool, planning: Planning) -> ReadPlan:
    """Find out how to read a job's content, and unpack it where it is packed.

    Somebody slower who still plans the same file writes to files of other names. Raises FileRefusedError,
    ReadingStoppedError, OSError, SealBrokenError.
    """
    name, kind = CONTENT, _kind(spool.content)
    if kind == "gzip":
        name = f"unpacked-{planning.attempt}"
        gunzip(spool.content, into=spool.file(name), limits=planning.limits)
        kind = _kind(spool.file(name))
        if kind == "gzip":
            raise refusal(FileCode.ARCHIVE)
    content = spool.file(name)
    format_ = _FORMATS.get(kind)
    if format_ is None:
        with content.open() as file:
            return plan_csv(file, source=name, mapping=planning.mapping, rows=planning.rows)
    table = f"table-{planning.attempt}"
    convert(content, format_, into=spool.file(table), rows=planning.rows, limits=planning.limits)
    if name != CONTENT:
        content.remove()
    plan = ReadPlan(format_, source=table, size=spool.file(table).size, rows=planning.rows)
    with spool.file(table).open() as file:
        return plan_table(file, plan, mapping=planning.mapping)


def read_pieces(spool: JobSpool, plan: ReadPlan, *, start: int = 0) -> Generator[RawPiece]:
    """Yield the pieces of a planned file from piece `start` on; raises OSError, SealBrokenError."""
    content = spool.file(plan.source)
    if content.size != plan.size:
        raise SealBrokenError("the file is not as long as it was")
    with content.open() as file:
        read = read_csv if plan.format == "csv" else read_table
        yield from read(file, plan, start=start)


def _kind(content: SealedFile) -> Kind:
    if not content.size:
        raise refusal(FileCode.FILE_EMPTY)
    with content.open() as file:
        return kind_of(file.read(HEAD_BYTES))

"""Files as jobs have them, sealed, and what comes of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from services.ingest.lanes.rows import Cells, FileRefusedError, PreparedPiece, RawPiece
from services.ingest.reading.limits import ReadLimits
from services.ingest.reading.open_file import Planning, plan_file, read_pieces
from services.ingest.reading.plan import ReadPlan
from services.ingest.reading.prepare import Defaults, Preparer
from services.ingest.spool import JobSpool
from shared.domain.calendar import BusinessCalendar
from shared.domain.write_policy import WritePolicy
from shared.sealing.job_keys import JobKeys
from shared.sealing.keyring import new_key_ring

KEYS = JobKeys(new_key_ring())
POLICY = WritePolicy(BusinessCalendar(), three_day_rule=True, admit_test_range=True)
NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
BRAND = 600001


def spooled(folder: Path, content: bytes = b"") -> JobSpool:
    """Return a job's folder with this content, sealed with a key of its own."""
    folder = folder / str(uuid4())
    folder.mkdir()
    spool = JobSpool(folder, KEYS.new(uuid4())[0])
    if content:
        spool.content.append(content)
    return spool


def planned(
    spool: JobSpool,
    *,
    rows: int = 5000,
    mapping: Mapping[str, str] | None = None,
    limits: ReadLimits | None = None,
) -> ReadPlan:
    return plan_file(spool, Planning(mapping or {}, rows, limits or ReadLimits(), attempt=1))


def raw_pieces(
    spool: JobSpool, *, rows: int = 5000, mapping: Mapping[str, str] | None = None
) -> list[RawPiece]:
    return list(read_pieces(spool, planned(spool, rows=rows, mapping=mapping)))


def column(spool: JobSpool, field: str) -> list[str | None]:
    """Return a field's cells of all rows below the names of the columns."""
    return [cell for piece in raw_pieces(spool) for cell in list(piece.fields[field])[piece.lead :]]


def cells(spool: JobSpool) -> list[Cells]:
    """Return all rows below the names of the columns, as they stand in the file."""
    return [piece.cells(n) for piece in raw_pieces(spool) for n in range(piece.lead, piece.count)]


def prepared(
    spool: JobSpool,
    *,
    rows: int = 5000,
    defaults: Mapping[str, str] | None = None,
    brand_code: int | None = BRAND,
) -> list[PreparedPiece]:
    prepare = Preparer(Defaults(defaults or {}, brand_code), POLICY, NOW)
    return [prepare(piece) for piece in raw_pieces(spool, rows=rows)]


def faults(pieces: Sequence[PreparedPiece]) -> dict[int, str]:
    """Return the codes of the rows that were turned away, by the row's number as a person counts."""
    return {piece.first_row + one.offset: one.code for piece in pieces for one in piece.faults}


def recipients(pieces: Sequence[PreparedPiece]) -> dict[int, str]:
    """Return the addresses of the good rows, by the row's number as a person counts."""
    return {
        piece.first_row + row.offset: row.consent.recipient
        for piece in pieces
        for row in piece.rows
    }


def refused(spool: JobSpool, *, limits: ReadLimits | None = None) -> str:
    """Return the code by which a file is refused, or say that it is not."""
    try:
        planned(spool, limits=limits)
    except FileRefusedError as error:
        return error.code if error.detail else "no text"
    return "not refused"


def limits(**changed: int) -> ReadLimits:
    return replace(ReadLimits(), **changed)

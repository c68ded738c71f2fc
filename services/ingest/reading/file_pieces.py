"""The reader that the worker uses: plans a job's file at its survey, reads it ever after as planned."""

import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeVar, cast

from services.ingest.lanes.refused_keys import AddressMarks
from services.ingest.lanes.rows import PreparedPiece, RawPiece, SurveyedPiece
from services.ingest.reading.limits import ReadLimits
from services.ingest.reading.open_file import Planning, plan_file, read_pieces
from services.ingest.reading.plan import ReadPlan
from services.ingest.reading.prepare import Defaults, Preparer
from services.ingest.reading.refusals import FileCode, refusal
from services.ingest.spool import JobSpool
from shared.domain.write_policy import WritePolicy
from shared.ledger.ingest_jobs import Claim

Seen = TypeVar("Seen")


@dataclass(frozen=True, slots=True)
class FilePieces:
    """Reads uploaded files as consents, by the policy (`PieceReader`).

    Of a job's options it reads `chunk_rows`, `mapping` and `defaults`; the plan itself is kept sealed with
    the job's files, because a file without names of columns shows its first row there.
    """

    policy: WritePolicy
    limits: ReadLimits = field(default_factory=ReadLimits)

    def survey(
        self, spool: JobSpool, claim: Claim, options: dict[str, object]
    ) -> Iterator[SurveyedPiece]:
        """Yield the pieces of the whole file, counted, with the rows that refuse; raises as `pieces`."""
        prepare = self._preparer(claim, options)
        return _Pieces(self._each(spool, claim, options, 0, prepare.survey))

    def pieces(
        self,
        spool: JobSpool,
        claim: Claim,
        options: dict[str, object],
        *,
        start: int,
        among: AddressMarks | None,
    ) -> Iterator[PreparedPiece]:
        """Yield the pieces from `start` on, read as of when the job was made: a repeat reads the same.

        Who reads first plans, and whoever reads later goes by that plan. Raises FileRefusedError,
        ReadingStoppedError, OSError, SealBrokenError.
        """
        prepare = partial(self._preparer(claim, options), among=among)
        return _Pieces(self._each(spool, claim, options, start, prepare))

    def _preparer(self, claim: Claim, options: dict[str, object]) -> Preparer:
        defaults = Defaults(_texts(options.get("defaults")), claim.brand_code)
        return Preparer(defaults, self.policy, claim.created_at)

    def _each(
        self,
        spool: JobSpool,
        claim: Claim,
        options: dict[str, object],
        start: int,
        look: Callable[[RawPiece], Seen],
    ) -> Generator[Seen]:
        plan = self._plan(spool, claim, options)
        with closing(read_pieces(spool, plan, start=start)) as pieces:
            for piece in pieces:
                yield look(piece)

    def _plan(self, spool: JobSpool, claim: Claim, options: dict[str, object]) -> ReadPlan:
        kept = spool.read_plan()
        if kept is not None:
            return ReadPlan.from_json(kept)
        planning = Planning(
            mapping=_texts(options.get("mapping")),
            rows=int(str(options["chunk_rows"])),
            limits=self.limits,
            attempt=claim.fence,
        )
        plan = plan_file(spool, planning)
        spool.save_plan(plan.to_json())
        return plan


def read_cells(
    spool: JobSpool, _options: Mapping[str, object], numbers: Sequence[int]
) -> tuple[ReadPlan, Iterator[RawPiece]]:
    """Return the plan of a file that was surveyed, and the pieces with these numbers (`CellReader`).

    Raises FileRefusedError where nobody could plan it; OSError, SealBrokenError.
    """
    kept = spool.read_plan()
    if kept is None:
        raise refusal(FileCode.FORMAT_UNKNOWN)
    plan = ReadPlan.from_json(kept)
    return plan, (next(read_pieces(spool, plan, start=number)) for number in numbers)


class _Pieces(Generic[Seen]):
    """Pieces that may be closed while another thread still reads one: closing waits for it."""

    def __init__(self, pieces: Generator[Seen]) -> None:
        self._pieces = pieces
        self._turn = threading.Lock()

    def __iter__(self) -> Iterator[Seen]:
        return self

    def __next__(self) -> Seen:
        with self._turn:
            return next(self._pieces)

    def close(self) -> None:
        """Close the file."""
        with self._turn:
            self._pieces.close()


def _texts(raw: object) -> dict[str, str]:
    return cast("dict[str, str]", raw) if isinstance(raw, dict) else {}

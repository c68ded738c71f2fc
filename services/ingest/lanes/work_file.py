"""Working off an uploaded file: survey it once, then go through it lane by lane, piece by piece.

The survey reads the file whole, before anything is recorded: whether it can be read at all, how many rows it
has, and which keys have a refusal among their rows. The lane of refusals then takes every row of these keys,
in the file's order; the lane of approvals all others. So the refusals of a file wait behind nobody's
approvals, and the order of each key is kept.

A piece is a fixed number of rows; a step is a piece's rows of one brand, no key twice. Both follow from the
file alone, so whoever takes over from a worker that died goes on at just the next step.
"""

import asyncio
from array import array
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from hashlib import blake2b
from itertools import groupby
from typing import Final, Protocol

import orjson

from services.ingest.faults.row_codes import explain, explain_refusal
from services.ingest.lanes.judge_rows import Row
from services.ingest.lanes.record_part import Part, Recording, RecordPart, Refused
from services.ingest.lanes.refused_keys import AddressMarks, KeyHashes, RefusedKeys
from services.ingest.lanes.rows import PreparedPiece, PreparedRow, RowFault, SurveyedPiece
from services.ingest.spool import JobSpool, Spool
from shared.domain.consent import Status
from shared.ledger.deadline import heed_cancellation
from shared.ledger.failures import LedgerUnavailableError
from shared.ledger.ingest_jobs import Claim, Lane, job_state, renew_claim, save_survey
from shared.ledger.ingest_steps import LeaseLostError
from shared.ledger.store import WriterPool
from shared.sealing.addresses import Digester, Sealer
from shared.sealing.job_keys import JobKeys

PARTS_A_PIECE: Final = 65_536
PIECES_A_TURN: Final = 20
UNREADABLE_BRAND: Final = 0


class PieceReader(Protocol):
    """Reads a file piece by piece. It blocks, and is called in a thread.

    Raises FileRefusedError, OSError, SealBrokenError.
    """

    def survey(
        self, spool: JobSpool, claim: Claim, options: dict[str, object]
    ) -> Iterator[SurveyedPiece]:
        """Yield all pieces, counted, with the rows that refuse."""
        ...

    def pieces(
        self,
        spool: JobSpool,
        claim: Claim,
        options: dict[str, object],
        *,
        start: int,
        among: AddressMarks | None,
    ) -> Iterator[PreparedPiece]:
        """Yield pieces from one on, as consents; with `among` at least the rows of these addresses."""
        ...


@dataclass(frozen=True, slots=True)
class WorkFile:
    """The use case with what it needs. Call it as a function."""

    keys: JobKeys
    spool: Spool
    writer: WriterPool
    reader: PieceReader
    digester: Digester
    sealer: Sealer
    record: RecordPart
    lease_s: float
    now: Callable[[], datetime]

    async def __call__(self, claim: Claim) -> None:
        """Work on the claimed lane for a turn, or to its end.

        Raises FileRefusedError when the file cannot be read, and as `RecordPart`.
        """
        key = self.keys.open(claim.job_key, job_id=claim.job_id, key_id=claim.sealing_key_id)
        spool = self.spool.of_job(claim.job_id, key)
        options: dict[str, object] = orjson.loads(claim.options)
        if not claim.surveyed and not await self._survey(claim, spool, options):
            return
        refused_keys = await asyncio.to_thread(spool.read_refused_keys)
        start = max(claim.step, 0) // PARTS_A_PIECE if claim.step >= 0 else 0
        among = refused_keys.marks if claim.lane is Lane.REFUSALS else None
        pieces = self.reader.pieces(spool, claim, options, start=start, among=among)
        try:
            await self._work(claim, spool, refused_keys.hashes, pieces)
        finally:
            await asyncio.to_thread(_close, pieces)

    async def _survey(self, claim: Claim, spool: JobSpool, options: dict[str, object]) -> bool:
        """Read the file once through; say whether this lane has anything to do."""
        rows = 0
        found, marks = array("Q"), AddressMarks()
        pieces = self.reader.survey(spool, claim, options)
        # The first piece may take long: what is packed is unpacked, a workbook is read whole.
        renewing = asyncio.create_task(self._renew_again_and_again(claim))
        try:
            while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
                rows += piece.count
                found.extend(map(_hash, piece.refusals))
                for row in piece.refusals:
                    marks.add(row.consent.recipient)
                await self._heed_cancelling(claim)
        finally:
            renewing.cancel()
            await _let_go(renewing)
            await asyncio.to_thread(_close, pieces)
        await asyncio.to_thread(spool.save_refused_keys, RefusedKeys(KeyHashes(found), marks))
        await save_survey(self.writer, claim.job_id, rows=rows, has_refusals=bool(found))
        return bool(found)

    async def _work(
        self,
        claim: Claim,
        spool: JobSpool,
        refused_keys: KeyHashes,
        pieces: Iterator[PreparedPiece],
    ) -> None:
        """Record piece after piece: one is stored, the next is judged and sent, and one more is read."""
        under_way = _UnderWay(after=claim.step)
        # A renewal waits for the step that is being recorded, so it has a task of its own.
        renewing = asyncio.create_task(self._renew_again_and_again(claim))
        following = self._following(claim, refused_keys, pieces)
        try:
            for _turn in range(PIECES_A_TURN):
                parts = await following
                if parts is None:
                    break
                following = self._following(claim, refused_keys, pieces)
                for part, faults in parts:
                    if part.number > claim.step:
                        await under_way.add(part, partial(self._record, claim, spool, faults))
                await self._heed_cancelling(claim)
            await under_way.end()
            # The lane goes back: whoever's turn it is takes it up.
            await renew_claim(self.writer, claim, until=self.now())
        finally:
            renewing.cancel()
            for task in (renewing, following, *under_way.tasks()):
                await _let_go(task)

    def _following(
        self, claim: Claim, refused_keys: KeyHashes, pieces: Iterator[PreparedPiece]
    ) -> "asyncio.Task[list[tuple[Part, Sequence[RowFault]]] | None]":
        """Begin to read the next piece, in a thread."""
        return asyncio.create_task(asyncio.to_thread(self._next, claim, refused_keys, pieces))

    async def _record(
        self,
        claim: Claim,
        spool: JobSpool,
        faults: Sequence[RowFault],
        recording: Recording,
    ) -> None:
        part = recording.part
        states = asyncio.create_task(self.record.read(part))
        of_refusal = {row.place for row in part.rows if row.consent.status is Status.WITHDRAWN}

        def keep(refused: Refused) -> None:
            told = [
                RowFault(n, *(explain_refusal if n in of_refusal else explain)(fault))
                for n, fault in refused
            ]
            spool.save_faults(
                claim.lane, part.number, sorted([*faults, *told], key=lambda one: one.offset)
            )

        try:
            # A step that was begun before may have told of rows that go in now.
            if faults or spool.faults(claim.lane, part.number):
                await asyncio.to_thread(keep, [])
            await self.record(claim, recording, await states, keep=keep)
        finally:
            recording.sent.set()  # or it never will be
            await _let_go(states)

    async def _renew_again_and_again(self, claim: Claim) -> None:
        while True:
            heed_cancellation()
            await asyncio.sleep(self.lease_s / 3)
            with suppress(LedgerUnavailableError):
                until = self.now() + timedelta(seconds=self.lease_s)
                await renew_claim(self.writer, claim, until=until)

    async def _heed_cancelling(self, claim: Claim) -> None:
        """Stop where somebody has cancelled the job meanwhile. Whoever lost the lease cannot record."""
        if await job_state(self.writer, claim.job_id) != "QUEUED":
            raise LeaseLostError

    def _next(
        self, claim: Claim, refused_keys: KeyHashes, pieces: Iterator[PreparedPiece]
    ) -> list[tuple[Part, Sequence[RowFault]]] | None:
        """Read the next piece, and return what of it is this lane's, sealed and in parts."""
        piece = next(pieces, None)
        if piece is None:
            return None
        of_refusals = claim.lane is Lane.REFUSALS
        rows = piece.rows
        if len(refused_keys):
            rows = [row for row in rows if (_hash(row) in refused_keys) is of_refusals]
        # What cannot be read has no key; the lane of approvals tells of it.
        faults: Sequence[RowFault] = () if of_refusals else piece.faults
        return [
            (part, faults if n == 0 else ())
            for n, part in enumerate(self._parts(piece, rows, faults))
        ]

    def _parts(
        self, piece: PreparedPiece, rows: Sequence[PreparedRow], faults: Sequence[RowFault]
    ) -> list[Part]:
        """Split the rows of a piece: by brand, and so that no part has a key twice."""
        more = Counter((UNREADABLE_BRAND, fault.code) for fault in faults)
        groups: list[tuple[int, list[Row]]] = []
        by_brand = sorted(rows, key=lambda row: row.brand_code)  # stable: the file's order stays
        for brand_code, of_brand in groupby(by_brand, key=lambda row: row.brand_code):
            groups += [
                (brand_code, some) for some in _rounds(self._rows(brand_code, list(of_brand)))
            ]
        groups = groups or [(UNREADABLE_BRAND, [])]
        first = piece.number * PARTS_A_PIECE
        return [
            Part(
                brand_code=brand_code,
                rows=some,
                number=first + n,
                is_last=piece.is_last and n == len(groups) - 1,
                more=more if n == 0 else Counter(),
            )
            for n, (brand_code, some) in enumerate(groups)
        ]

    def _rows(self, brand_code: int, rows: Sequence[PreparedRow]) -> list[Row]:
        recipients = [row.consent.recipient for row in rows]
        digests = self.digester.digests(recipients)
        sealed = self.sealer.seals(recipients, brand_code=brand_code)
        return [
            Row(row.offset, row.consent, digest, seal, row.fault)
            for row, digest, seal in zip(rows, digests, sealed, strict=True)
        ]


class _UnderWay:
    """The parts that are being recorded: one is stored, and the next is judged and sent meanwhile."""

    def __init__(self, *, after: int) -> None:
        self._after = after
        self._recordings: list[Recording] = []
        self._digests: set[bytes] = set()

    async def add(
        self, part: Part, record: Callable[[Recording], Coroutine[object, object, None]]
    ) -> None:
        """Begin with a part, and wait until it is the only one. Raises what the one before raised."""
        digests = {row.digest for row in part.rows}
        if not digests.isdisjoint(self._digests):
            await self.end()  # what is under way changes what this one would read
        before = self._recordings[-1] if self._recordings else None
        recording = Recording(part, self._after, before)
        recording.task = asyncio.create_task(record(recording))
        self._recordings.append(recording)
        self._after, self._digests = part.number, digests
        if before is not None:
            await before.end()
            self._recordings.remove(before)
            recording.before = None

    async def end(self) -> None:
        """Wait for all; raises what the first of them raised."""
        for recording in list(self._recordings):
            await recording.end()
            self._recordings.remove(recording)

    def tasks(self) -> list[asyncio.Task[None]]:
        """Return what has not ended, or whose end nobody has looked at."""
        return [one.task for one in self._recordings if one.task is not None]


def _rounds(rows: Sequence[Row]) -> list[list[Row]]:
    """Return the rows in lists of which none has a key twice; each key's rows keep their order."""
    if len({row.digest for row in rows}) == len(rows):
        return [list(rows)] if rows else []
    rounds: list[list[Row]] = []
    times: Counter[tuple[bytes, str, str]] = Counter()
    for row in rows:
        name = (row.digest, row.consent.channel.value, row.consent.recipient_type.value)
        at = times[name]
        times[name] += 1
        if at == len(rounds):
            rounds.append([])
        rounds[at].append(row)
    return rounds


def _hash(row: PreparedRow) -> int:
    """Return 64 bits that stand for the row's key; two keys that share them share a lane, no more."""
    consent = row.consent
    name = f"{row.brand_code} {consent.channel.value} {consent.recipient_type.value} {consent.recipient}"
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little")


async def _let_go(task: "asyncio.Task[object]") -> None:
    """Wait until it has ended, however it does; a thread cannot be stopped."""
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()


def _close(pieces: Iterator[object]) -> None:
    close = getattr(pieces, "close", None)
    if close is not None:
        close()

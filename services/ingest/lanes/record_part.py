"""Recording a part of a file: rows of one brand, each of another key, as one step of a lane.

The rights of whoever sent the file are those of now, not of when it was sent: they come with the read of the
rows' states, so what is withdrawn while a file is worked off is refused from the next part on.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from services.ingest.lanes.judge_rows import (
    Outcome,
    Row,
    count_movements,
    count_rows,
    is_repeat,
    judge_rows,
)
from services.ingest.lanes.quota import Quota, is_open
from shared.auth.directory import Directory
from shared.auth.rights import may_write
from shared.domain.consent import Channel, Status
from shared.domain.faults import Fault, OutsideRights
from shared.domain.wire_time import turkish_day
from shared.ledger.append import NewMovement
from shared.ledger.directory import BrandRow
from shared.ledger.failures import LedgerUnavailableError, StaleStateError
from shared.ledger.ingest_jobs import Claim
from shared.ledger.ingest_steps import Step, StepRecorder
from shared.ledger.read_known import ManyKeys, read_known_states
from shared.ledger.read_state import KeySnapshot
from shared.ledger.store import ReaderPool

ACCEPTED: Final = "ACCEPTED"
UNCHANGED: Final = "UNCHANGED"
ATTEMPTS_MAX: Final = 50

Refused = list[tuple[int, Fault]]


@dataclass(frozen=True, slots=True)
class Part:
    """Rows to record as one step. `more` counts rows of the piece that were turned away before."""

    brand_code: int
    rows: Sequence[Row]
    number: int
    is_last: bool
    more: Counter[tuple[int, str]] = field(default_factory=Counter[tuple[int, str]])


class Recording:
    """A part on its way: it is the step that follows `after`.

    `before` is the part before it for as long as that may not have ended; this one is sent after it.
    """

    def __init__(self, part: Part, after: int, before: "Recording | None") -> None:
        self.part = part
        self.after = after
        self.before = before
        self.sent = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    async def end(self) -> None:
        """Wait for the part's end without ending it; raises what stopped it."""
        if self.task is not None:
            await asyncio.wait([self.task])
            self.task.result()


@dataclass(frozen=True, slots=True)
class RecordPart:
    """The use case with what it needs. Call it as a function."""

    pool: ReaderPool
    recorder: StepRecorder
    directory: Directory
    quota: Quota
    digest_key_id: int
    now: Callable[[], datetime]

    async def read(self, part: Part) -> list[KeySnapshot]:
        """Return the states of the part's keys; raises LedgerUnavailableError.

        It may be asked for early, while the part before is recorded: what moves on meanwhile is read again.
        """
        keys = ManyKeys(
            part.brand_code,
            [row.digest for row in part.rows],
            [row.consent.channel for row in part.rows],
            [row.consent.recipient_type for row in part.rows],
        )
        return await read_known_states(self.pool, keys, digest_key_id=self.digest_key_id)

    async def __call__(
        self,
        claim: Claim,
        recording: Recording,
        snapshots: Sequence[KeySnapshot],
        *,
        keep: Callable[[Refused], None],
    ) -> None:
        """Record a part; `keep` writes down whose rows were turned away, before it counts as done.

        Raises LeaseLostError, MovementRefusedError, CommitUnknownError, LedgerUnavailableError, and what
        stopped the part before.
        """
        part = recording.part
        for attempt in range(ATTEMPTS_MAX):
            allowed, brand = await self._allowed(claim, part.brand_code, snapshots)
            if recording.before is not None and self.quota.is_limited(brand):
                await recording.before.end()  # what it puts on record counts
            retailers = frozenset[int]() if brand is None else brand.retailers
            judged = judge_rows(part.rows, snapshots, retailers, now=self.now())
            outcomes = await self.quota.within(judged, brand)
            sorted_out = _sort_out(outcomes, snapshots, allowed)
            if sorted_out.refused or attempt:
                await asyncio.to_thread(keep, sorted_out.refused)
            movements = [] if claim.dry_run else sorted_out.movements
            step = _step(part, sorted_out, recording.after)
            if recording.before is not None:
                await recording.before.sent.wait()
            recording.sent.set()
            try:
                await self.recorder.record(claim, step, part.brand_code, movements)
            except StaleStateError:
                if recording.before is not None:
                    await recording.before.end()
                snapshots = await self.read(part)
                continue
            count_movements(movements)
            count_rows(step)
            return
        raise LedgerUnavailableError("other writes of these keys were always faster")

    async def _allowed(
        self, claim: Claim, brand_code: int, snapshots: Sequence[KeySnapshot]
    ) -> tuple[frozenset[tuple[Channel, Status]], BrandRow | None]:
        """Return what the sender may record at the brand, as of the snapshot; nothing without a row."""
        if not snapshots:
            return frozenset(), None
        newest = snapshots[0]
        await self.directory.catch_up(newest.directory_version)
        user = await self.directory.user(claim.user_id)
        brand = await self.directory.brand(brand_code, newest.authority_version)
        if user is None or brand is None or not user.active:
            return frozenset(), None
        today = turkish_day(self.now())
        opens = is_open(user, brand, now=self.now())
        allowed = frozenset(
            (channel, status)
            for channel in Channel
            for status in Status
            if may_write(user, brand, channel, today=today)
            and ((brand.active and opens) or status is Status.WITHDRAWN)
        )
        return allowed, brand


@dataclass(slots=True)
class _SortedOut:
    """The rows of a part by how they end."""

    movements: list[NewMovement] = field(default_factory=list[NewMovement])
    refused: Refused = field(default_factory=Refused)
    accepted: int = 0
    unchanged: int = 0


def _sort_out(
    outcomes: Sequence[Outcome],
    snapshots: Sequence[KeySnapshot],
    allowed: frozenset[tuple[Channel, Status]],
) -> _SortedOut:
    result = _SortedOut()
    everything = len(allowed) == len(Channel) * len(Status)
    for outcome, snapshot in zip(outcomes, snapshots, strict=True):
        consent = outcome.row.consent
        if not everything and (consent.channel, consent.status) not in allowed:
            result.refused.append((outcome.row.place, OutsideRights(name="brandCode")))
            continue
        if outcome.fault is not None and is_repeat(snapshot.state, consent):
            result.unchanged += 1
            continue
        if outcome.movement is not None:
            result.movements.append(outcome.movement)
        if outcome.fault is None:
            result.accepted += 1
        else:
            result.refused.append((outcome.row.place, outcome.fault))
    return result


def _step(part: Part, sorted_out: _SortedOut, after: int) -> Step:
    counts = Counter(part.more)
    refused_before = sum(counts.values())
    counts[part.brand_code, ACCEPTED] += sorted_out.accepted
    counts[part.brand_code, UNCHANGED] += sorted_out.unchanged
    for _offset, fault in sorted_out.refused:
        counts[part.brand_code, fault.code] += 1
    return Step(
        number=part.number,
        after=after,
        is_last=part.is_last,
        rows=len(part.rows) + refused_before,
        accepted=sorted_out.accepted,
        unchanged=sorted_out.unchanged,
        refused=len(sorted_out.refused) + refused_before,
        counts={name: rows for name, rows in counts.items() if rows},
    )

"""Recording many rows of one brand as one step: read states, judge, store; again where a key moved on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.ingest.lanes.judge_rows import (
    Outcome,
    Row,
    count_movements,
    count_rows,
    facts_of,
    judge_rows,
)
from services.ingest.lanes.quota import Quota
from shared.auth.directory import Directory
from shared.ledger.failures import LedgerUnavailableError, StaleStateError
from shared.ledger.history import find_replayed
from shared.ledger.ingest_jobs import Claim
from shared.ledger.ingest_steps import ItemOutcome, Step, StepRecorder
from shared.ledger.read_state import Key, read_states
from shared.ledger.store import ReaderPool

# Each attempt lost means that somebody else wrote one of the keys meanwhile.
ATTEMPTS_MAX = 50


@dataclass(frozen=True, slots=True)
class RecordRows:
    """The use case with what it needs. Call it as a function."""

    pool: ReaderPool
    directory: Directory
    quota: Quota
    recorder: StepRecorder
    digest_key_id: int
    now: Callable[[], datetime]

    async def __call__(
        self, claim: Claim, brand_code: int, rows: Sequence[Row], *, number: int, is_last: bool
    ) -> None:
        """Record rows of different keys as step `number` of the claimed lane.

        Raises LeaseLostError, MovementRefusedError, CommitUnknownError, LedgerUnavailableError.
        """
        keys = [
            Key(brand_code, row.consent.channel, row.consent.recipient_type, row.digest)
            for row in rows
        ]
        for _attempt in range(ATTEMPTS_MAX):
            snapshots = await read_states(self.pool, keys, digest_key_id=self.digest_key_id)
            version = snapshots[0].authority_version
            brand = await self.directory.brand(brand_code, version)
            retailers = frozenset[int]() if brand is None else brand.retailers
            judged = judge_rows(rows, snapshots, retailers, now=self.now())
            outcomes = await self.quota.within(judged, brand)
            movements = [one.movement for one in outcomes if one.movement is not None]
            items = await self._items(claim, keys, outcomes)
            refused = sum(item.code is not None for item in items)
            unchanged = sum(item.extent is not None for item in items)
            accepted = len(items) - refused - unchanged
            step = Step(number, claim.step, is_last, len(rows), accepted, unchanged, refused, items)
            try:
                await self.recorder.record(claim, step, brand_code, movements)
            except StaleStateError:
                continue
            count_movements(movements)
            count_rows(step)
            return
        raise LedgerUnavailableError("other writes of these keys were always faster")

    async def _items(
        self, claim: Claim, keys: Sequence[Key], outcomes: Sequence[Outcome]
    ) -> list[ItemOutcome]:
        """Say what becomes of each row; a movement's place is its number among those of this step."""
        items: list[ItemOutcome] = []
        place = 0
        for key, outcome in zip(keys, outcomes, strict=True):
            place += outcome.movement is not None
            index, fault = outcome.row.place, outcome.fault
            if fault is None:
                items.append(ItemOutcome(index, place=place))
                continue
            replayed = None
            if claim.replayable:
                replayed = await find_replayed(self.pool, key, outcome.row.consent)
            if replayed is None:
                items.append(ItemOutcome(index, code=fault.code, facts=facts_of(fault)))
            else:
                extent, offset = replayed.movement
                items.append(ItemOutcome(index, extent=extent, place=offset))
        return items

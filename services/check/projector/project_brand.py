"""Bringing one brand's copy in the cache to the head of the ledger: the protocol's projector.

What to do next is read from the cache and the ledger each time, and every write compares first with
what was read. So it does not matter who began something, who else is at it, or where somebody died
(docs/coherence.md, "A projector").
"""

import asyncio
import secrets
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from functools import lru_cache
from time import perf_counter
from typing import Final

from services.check.projector.rush import Rushes
from shared.cache.layout import (
    MEAN_MAX,
    ForeignWatermarkError,
    MovementId,
    Watermark,
    bits_for,
    is_building,
    is_outgrown,
    read_watermark,
)
from shared.cache.store import ProjectionStore, WhichWatermark
from shared.ledger.deadline import heed_cancellation
from shared.ledger.read_changes import (
    MOVEMENTS_A_PAGE,
    BrandHead,
    ChangeReader,
    Changes,
    Fill,
    Mark,
)
from shared.telemetry import metrics

# So long may one brand keep the others waiting; one that needs longer comes back at the end of the queue.
TURN_S: Final = 0.1
# Following so much is still quicker than to begin anew.
PAGES_ALWAYS_FOLLOWED: Final = 4
# To follow a movement costs as much as to copy so many consents (14 and 4 µs of CPU in all processes).
CONSENTS_A_MOVEMENT: Final = 3
# No batch and no burst of single writes is so large, but a file's step is.
PUT_OFF_FROM: Final = 5_000
SAMPLE_COUNTS_FROM: Final = 1.25
GENERATION_BITS: Final = 48
WATERMARKS_REMEMBERED: Final = 65_536
DIGESTS_BEGIN: Final = b""
_NOWHERE: Final = Mark(0, (0, 0, 0), settled=False)


class Turn(Enum):
    """How a turn at a brand ended."""

    SETTLED = auto()  # the cache reflects the head, or did a moment ago
    UNFINISHED = auto()  # there is more to do
    OVERTAKEN = auto()  # somebody else is at it
    PUT_OFF = auto()  # it is being loaded, and is better copied when that is over
    UNKNOWN = auto()  # the ledger has no such brand


@dataclass(slots=True)
class Tally:
    """What was done since somebody last looked."""

    rounds: int = 0
    movements: int = 0
    built: int = 0
    lag_s_max: float = 0.0


@dataclass(slots=True)
class _Copy:
    """One of a brand's two watermarks, as far as we know: the bytes that stand there, and their sense."""

    brand_code: int
    key: WhichWatermark
    raw: bytes | None
    mark: Watermark | None = field(init=False)

    def __post_init__(self) -> None:
        self.mark = None if self.raw is None else decode(self.raw)

    def become(self, mark: Watermark) -> None:
        """Note what we have written."""
        self.raw, self.mark = mark.encode(), mark


class BrandProjector:
    """Brings brands to the head, one turn after the other; any number may work on the same cache."""

    def __init__(
        self,
        changes: ChangeReader,
        store: ProjectionStore,
        *,
        turn_s: float = TURN_S,
        rushes: Rushes | None = None,
    ) -> None:
        """With `rushes` a brand that is being loaded is left alone, and `take_turn` may be PUT_OFF."""
        self._changes = changes
        self._store = store
        self._turn_s = turn_s
        self._rushes = rushes
        self.tally = Tally()

    async def take_turn(self, brand_code: int, *, thorough: bool = False) -> Turn:
        """Work on a brand until it is settled, or somebody else has it, or the turn is over.

        A thorough turn also finishes a new generation that was left half built, and removes what nobody
        reads.
        Raises LedgerUnavailableError, CacheUnavailableError; what was under way then may have been done.
        """
        ends_at = perf_counter() + self._turn_s
        turn = await self._step(brand_code, ends_at, thorough=thorough)
        while turn is Turn.UNFINISHED and perf_counter() < ends_at:
            heed_cancellation()
            turn = await self._step(brand_code, ends_at, thorough=thorough)
        return turn

    async def begin_anew(self, brand_code: int) -> Turn:
        """Have the brand built from the ledger, whatever is there: nothing of that is read any more.

        UNFINISHED: begun, and `take_turn` goes on with it. Raises as `take_turn`.
        """
        await self._store.forget(brand_code)
        return await self._begin(await self._look(brand_code, "n"), serving=None)

    async def _step(self, brand_code: int, ends_at: float, *, thorough: bool) -> Turn:
        serving = await self._look(brand_code, "w")
        if not thorough:
            turn = await self._follow(serving, ends_at)
            if turn is not None:
                return turn
        following = await self._look(brand_code, "n")
        if following.mark is not None:
            return await self._build(following, ends_at)
        if thorough and not is_building(following.raw):
            await self._store.clean(brand_code)
            return await self._step(brand_code, ends_at, thorough=False)
        return await self._begin(following, serving=serving.raw)

    async def _look(self, brand_code: int, key: WhichWatermark) -> _Copy:
        return _Copy(brand_code, key, await self._store.watermark(brand_code, key))

    async def _follow(self, copy: _Copy, ends_at: float) -> Turn | None:
        """Go round after round; None when this generation is not to be continued."""
        while copy.mark is not None:
            turn = await self._round(copy, copy.mark)
            if turn is not Turn.UNFINISHED or perf_counter() > ends_at:
                return turn
        return None

    async def _round(self, copy: _Copy, mark: Watermark) -> Turn | None:
        changes = await self._changes.changes(copy.brand_code, _as_mark(mark))
        received_at = perf_counter()
        if changes is None:
            return Turn.UNKNOWN
        if not _is_of_this_history(mark, changes):
            return None
        if _has_outgrown(mark, changes.head) or (copy.key == "w" and _is_far(mark, changes.head)):
            behind = changes.head.position - mark.position
            return await self._put_off(copy, behind, changes.head)
        is_settled = changes.position == changes.head.position
        new = mark.moved_to(
            changes.position, MovementId(*changes.head.movement), settled=is_settled
        )
        if is_settled:
            self._rush_is_over(copy.brand_code)
        if new == mark:
            self._count("idle")
            return Turn.SETTLED
        if not await self._write(copy, mark, changes.entries, new):
            return Turn.OVERTAKEN
        self._count("settled" if is_settled else "paged", movements=changes.movements)
        if copy.key == "w" and is_settled and changes.age_s is not None:
            self._note_lag(changes.age_s + perf_counter() - received_at)
        return Turn.SETTLED if is_settled else Turn.UNFINISHED

    async def _put_off(self, copy: _Copy, behind: int, head: BrandHead) -> Turn | None:
        """Leave alone what is being loaded; None when a new generation is to be built, or is being built."""
        if self._rushes is None or copy.key != "w" or behind < PUT_OFF_FROM:
            return None
        if not self._rushes.goes_on(copy.brand_code, head.position):
            return None
        if is_building((await self._look(copy.brand_code, "n")).raw):
            return None
        self._count("put_off")
        return Turn.PUT_OFF

    def _rush_is_over(self, brand_code: int) -> None:
        if self._rushes is not None:
            self._rushes.end(brand_code)

    async def _begin(self, following: _Copy, *, serving: bytes | None) -> Turn:
        """Begin a new generation, in place of the one that was being built, if any."""
        brand_code = following.brand_code
        page = await self._changes.fill(brand_code, _NOWHERE, after=DIGESTS_BEGIN)
        if page is None:
            return Turn.UNKNOWN
        if (await self._look(brand_code, "w")).raw != serving:
            return self._overtaken()  # what we judged is not what is there now
        new = Watermark(
            position=page.head.position,
            movement=MovementId(*page.head.movement),
            generation=secrets.randbits(GENERATION_BITS),
            bucket_bits=bits_for(_addresses_about(page)),
            digest_key_id=page.head.digest_key_id,
            settled=False,
            filled_to=DIGESTS_BEGIN,
        )
        if not await self._store.begin(brand_code, expected=following.raw, new=new):
            return self._overtaken()
        self._count("begun")
        return Turn.UNFINISHED

    async def _build(self, following: _Copy, ends_at: float) -> Turn:
        turn = await self._fill(following, ends_at)
        if turn is Turn.SETTLED:
            turn = await self._follow(following, ends_at)
        if turn is None:
            serving = await self._look(following.brand_code, "w")
            return await self._begin(following, serving=serving.raw)
        if turn is not Turn.SETTLED or following.raw is None:
            return turn
        if not await self._store.promote(following.brand_code, following.raw):
            return self._overtaken()
        self._count("promoted")
        self._rush_is_over(following.brand_code)
        self.tally.built += 1
        await self._store.clean(following.brand_code)
        return Turn.UNFINISHED

    async def _fill(self, copy: _Copy, ends_at: float) -> Turn | None:
        """Copy page after page, each read while the one before is written; None as in `_follow`."""
        if copy.mark is None or copy.mark.filled_to is None:
            return Turn.SETTLED
        following: asyncio.Future[Fill | None] = asyncio.ensure_future(self._page(copy, copy.mark))
        try:
            while True:
                page = await following
                if page is None:
                    return Turn.UNKNOWN
                if not _is_of_this_history(copy.mark, page) or _has_outgrown(copy.mark, page.head):
                    return None
                new = replace(
                    copy.mark, movement=MovementId(*page.head.movement), filled_to=page.filled_to
                )
                is_last = page.filled_to is None or perf_counter() > ends_at
                if not is_last:
                    following = asyncio.ensure_future(self._page(copy, new))
                if not await self._write(copy, copy.mark, page.entries, new):
                    return Turn.OVERTAKEN
                self._count("filled")
                if is_last:
                    return Turn.SETTLED if page.filled_to is None else Turn.UNFINISHED
        finally:
            await _let_go(following)

    async def _page(self, copy: _Copy, mark: Watermark) -> Fill | None:
        return await self._changes.fill(
            copy.brand_code, _as_mark(mark), after=mark.filled_to or DIGESTS_BEGIN
        )

    async def _write(
        self, copy: _Copy, mark: Watermark, entries: list[tuple[bytes, int]], new: Watermark
    ) -> bool:
        written = await self._store.write_page(
            copy.brand_code, copy.key, expected=mark.encode(), entries=entries, new=new
        )
        if written:
            copy.become(new)
        else:
            self._overtaken()
        return written

    def _overtaken(self) -> Turn:
        self._count("overtaken")
        return Turn.OVERTAKEN

    def _count(self, outcome: str, *, movements: int = 0) -> None:
        metrics.PROJECTOR_ROUNDS.add(outcome)
        metrics.PROJECTOR_MOVEMENTS.inc(movements)
        self.tally.rounds += outcome != "idle"
        self.tally.movements += movements

    def _note_lag(self, seconds: float) -> None:
        metrics.PROJECTOR_LAG_SECONDS.observe(seconds)
        self.tally.lag_s_max = max(self.tally.lag_s_max, seconds)


@lru_cache(WATERMARKS_REMEMBERED)
def decode(raw: bytes) -> Watermark | None:
    """Return what stands in a watermark's place, None if it is none of this version."""
    try:
        return read_watermark(raw)
    except ForeignWatermarkError:
        return None


def built(mark: Watermark) -> float:
    """Return how much of a generation is filled, from 0 to 1: digests are spread evenly."""
    if mark.filled_to is None:
        return 1.0
    return int.from_bytes(mark.filled_to[:4].ljust(4, b"\0"), "big") / 2**32


def is_at(raw: bytes | None, head: BrandHead) -> bool:
    """Say whether answers may be given from a copy: settled, of this digest key, at this very head."""
    mark = None if raw is None else decode(raw)
    return mark is not None and mark.is_at(head.position, head.movement, head.digest_key_id)


def _as_mark(mark: Watermark) -> Mark:
    return Mark(mark.position, mark.movement, settled=mark.settled)


def _is_of_this_history(mark: Watermark, page: Changes | Fill) -> bool:
    """Say whether a generation may be continued with what the ledger has answered."""
    return page.is_there and page.head.digest_key_id == mark.digest_key_id


def _has_outgrown(mark: Watermark, head: BrandHead) -> bool:
    """Say whether a brand has become too large for a generation's buckets."""
    return is_outgrown(head.consents, mark.bucket_bits)


def _is_far(mark: Watermark, head: BrandHead) -> bool:
    """Say whether it is quicker to copy all consents than to follow all movements."""
    behind = head.position - mark.position
    return (
        behind > PAGES_ALWAYS_FOLLOWED * MOVEMENTS_A_PAGE
        and behind * CONSENTS_A_MOVEMENT > _consents_about(mark, head)
    )


def _consents_about(mark: Watermark, head: BrandHead) -> int:
    """Say how many there are to copy. Blocks that stand alone are in no count; the layout knows of them."""
    laid_out_for = MEAN_MAX // 2 << mark.bucket_bits if mark.bucket_bits else 0
    return max(head.consents, laid_out_for)


def _addresses_about(page: Fill) -> int:
    """Say for how many addresses to lay out a brand, by its first page.

    The count of consents is without blocks that stand alone. Where there are many of those, the page does
    not reach as far among all digests as it should; a sample is not exact, so only then it counts.
    """
    if page.filled_to is None:
        return max(page.head.consents, len(page.entries))
    reached = int.from_bytes(page.filled_to[:4], "big") + 1
    sampled = (len(page.entries) << 32) // reached
    return sampled if sampled > SAMPLE_COUNTS_FROM * page.head.consents else page.head.consents


async def _let_go(reading: "asyncio.Future[Fill | None]") -> None:
    """See to it that a read has ended, however it did: nothing goes on behind the caller's back."""
    reading.cancel()
    await asyncio.wait([reading])
    if not reading.cancelled():
        reading.exception()  # noted, and of no interest

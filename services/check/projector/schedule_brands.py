"""Which brand is projected when: who was nudged, and whoever a look at all brands finds behind.

A few brands are worked on at a time, each by one turn at most. What fails is dropped: the next look finds it
again, so nothing has to be remembered while the ledger or the cache is away.
"""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Final

import structlog

from services.check.projector.project_brand import BrandProjector, Tally, Turn, is_at
from services.check.projector.rush import LOOK_AGAIN_S, Rushes
from shared.cache.client import CacheUnavailableError
from shared.cache.layout import is_building
from shared.cache.store import ProjectionStore
from shared.ledger.deadline import heed_cancellation
from shared.ledger.failures import LedgerUnavailableError
from shared.ledger.read_changes import BRANDS_A_PAGE, ChangeReader
from shared.telemetry import metrics

PAUSE_FIRST_S: Final = 0.05
PAUSE_MAX_S: Final = 1.0
SWEEP_PAUSE_MAX_S: Final = 5.0
# With very many brands a look takes long; it must not take all the time there is.
REST_A_LOOK: Final = 4
# In so many seconds every brand is looked at for what somebody who died has left.
TIDY_PERIOD_S: Final = 60.0
TIDY_PAUSE_MIN_S: Final = 0.005
OTHERS_TURN: Final = 4
CALM_S: Final = 5.0
_log: Final[structlog.typing.FilteringBoundLogger] = structlog.get_logger()


class BrandsProjector:
    """Keeps the cache's copies of all brands at the head of the ledger, for ever.

    `looked` is called after each look at all brands, however that ended.
    """

    def __init__(
        self,
        changes: ChangeReader,
        store: ProjectionStore,
        *,
        brands_at_a_time: int,
        sweep_interval_s: float,
        tidy_period_s: float = TIDY_PERIOD_S,
        looked: Callable[[], None] = lambda: None,
    ) -> None:
        self._changes = changes
        self._store = store
        self._brand = BrandProjector(changes, store, rushes=Rushes())
        self._at_a_time = brands_at_a_time
        self._sweep_interval_s = sweep_interval_s
        self._tidy_period_s = tidy_period_s
        self._looked = looked
        self._queue = _Queue(long_turns_max=brands_at_a_time // 2)
        self._turns: set[asyncio.Task[None]] = set()
        self._left_alone: set[int] = set()
        self._known: list[int] = []
        self._failures = 0
        self._away = _Away()
        self._look_now = asyncio.Event()

    async def run(self) -> None:
        """Project until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._sweep())
                tasks.create_task(self._tidy())
        finally:
            self._at_a_time = 0
            for turn in self._turns:
                turn.cancel()
            await asyncio.gather(*self._turns, return_exceptions=True)

    def hear(self, brand_code: int) -> None:
        """Take note that a brand has moved; one that is being worked on gets another turn."""
        self._put(brand_code, nudged=True)

    def look_soon(self) -> None:
        """Look at all brands without waiting for the interval: nudges may have been lost."""
        self._look_now.set()

    def take_tally(self) -> Tally:
        """Return what was done since the last call."""
        tally, self._brand.tally = self._brand.tally, Tally()
        return tally

    def _put(self, brand_code: int, *, nudged: bool = False, thorough: bool = False) -> None:
        if brand_code in self._left_alone:
            return  # it is looked at again soon
        self._queue.put(brand_code, nudged=nudged, thorough=thorough)
        self._begin_turns()

    def _begin_turns(self) -> None:
        while len(self._turns) < self._at_a_time and (next_up := self._queue.take()) is not None:
            turn = asyncio.get_running_loop().create_task(self._turn(*next_up))
            self._turns.add(turn)
            turn.add_done_callback(self._end_turn)

    def _end_turn(self, turn: asyncio.Task[None]) -> None:
        self._turns.discard(turn)
        self._begin_turns()

    async def _turn(self, brand_code: int, thorough: bool) -> None:  # noqa: FBT001  # one word of a queue
        turn = Turn.OVERTAKEN
        try:
            turn = await self._brand.take_turn(brand_code, thorough=thorough)
            self._failures = 0
        except (LedgerUnavailableError, CacheUnavailableError) as error:
            self._away.note(error)
            await self._pause()
        except Exception as error:  # noqa: BLE001  # one brand's fault must not stop the others
            _log.error("projector.brand.failed", brand_code=brand_code, exc_info=error)
            await self._pause()
        finally:
            self._queue.done(brand_code, unfinished=turn is Turn.UNFINISHED, thorough=thorough)
            if turn is Turn.PUT_OFF:
                self._put_off(brand_code)

    def _put_off(self, brand_code: int) -> None:
        """Let a brand be until it is looked at again, whoever nudges meanwhile."""
        self._queue.drop(brand_code)
        self._left_alone.add(brand_code)
        asyncio.get_running_loop().call_later(LOOK_AGAIN_S, self._look_again, brand_code)

    def _look_again(self, brand_code: int) -> None:
        self._left_alone.discard(brand_code)
        self._put(brand_code)

    async def _pause(self) -> None:
        metrics.PROJECTOR_ROUNDS.add("failed")
        self._failures += 1
        await asyncio.sleep(min(PAUSE_FIRST_S * 2 ** min(self._failures, 10), PAUSE_MAX_S))

    async def _sweep(self) -> None:
        pause_s = self._sweep_interval_s
        while True:
            self._look_now.clear()
            began_at = monotonic()
            try:
                await self._look()
                metrics.CACHE_UP.set(1)
                self._away.end()
                pause_s = max(self._sweep_interval_s, REST_A_LOOK * (monotonic() - began_at))
            except (LedgerUnavailableError, CacheUnavailableError) as error:
                if isinstance(error, CacheUnavailableError):
                    metrics.CACHE_UP.set(0)
                self._away.note(error)
                pause_s = max(min(2 * pause_s, SWEEP_PAUSE_MAX_S), self._sweep_interval_s)
            except Exception as error:  # noqa: BLE001  # what is wrong now may be mended under our feet
                _log.error("projector.look.failed", exc_info=error)
                pause_s = SWEEP_PAUSE_MAX_S
            self._looked()
            heed_cancellation()
            try:
                async with asyncio.timeout(pause_s):
                    await self._look_now.wait()
            except TimeoutError:
                pass

    async def _look(self) -> None:
        """Compare all heads with all watermarks; whatever differs is due."""
        known: list[int] = []
        while True:
            heed_cancellation()
            heads = await self._changes.heads(after=known[-1] if known else 0)
            raws = await self._store.watermarks([head.brand_code for head in heads])
            for head in heads:
                if not is_at(raws.get(head.brand_code), head):
                    self._put(head.brand_code)
            known += [head.brand_code for head in heads]
            if len(heads) < BRANDS_A_PAGE:
                self._known = known
                return

    async def _tidy(self) -> None:
        """Go round all brands, slowly, and see to what a projector that died has left behind."""
        while True:
            known = self._known  # a look may put others in its place meanwhile
            for brand_code in known:
                heed_cancellation()
                await asyncio.sleep(max(self._tidy_period_s / len(known), TIDY_PAUSE_MIN_S))
                try:
                    await self._tidy_one(brand_code)
                except CacheUnavailableError as error:
                    self._away.note(error)
                except Exception as error:  # noqa: BLE001  # one brand's garbage must not end this
                    _log.error("projector.tidy.failed", brand_code=brand_code, exc_info=error)
            heed_cancellation()
            await asyncio.sleep(self._sweep_interval_s)

    async def _tidy_one(self, brand_code: int) -> None:
        if is_building(await self._store.watermark(brand_code, "n")):
            self._put(brand_code, thorough=True)
        else:
            await self._store.clean(brand_code)


class _Queue:
    """Brands that are due, each once, and those that are being worked on.

    Who was nudged goes first, and turns that go on with long work are at most so many at a time: a brand that
    has just moved need not wait behind the building of all others.
    """

    def __init__(self, *, long_turns_max: int) -> None:
        self._long_turns_max = long_turns_max
        # In each, the value says whether the turn must be thorough.
        self._nudged: dict[int, bool] = {}
        self._due: dict[int, bool] = {}
        self._unfinished: dict[int, bool] = {}
        self._again: dict[int, bool] = {}
        self._working: dict[int, bool] = {}  # whether it is one of the long turns
        self._taken = 0

    def put(self, brand_code: int, *, nudged: bool, thorough: bool) -> None:
        """Queue a brand, or see to it that it will have another turn."""
        if brand_code in self._working:
            queue = self._again
        elif brand_code in self._unfinished:
            queue = self._unfinished
        elif nudged or brand_code in self._nudged:
            queue = self._nudged
            thorough = self._due.pop(brand_code, False) or thorough
        else:
            queue = self._due
        queue[brand_code] = thorough or queue.get(brand_code, False)

    def take(self) -> tuple[int, bool] | None:
        """Return the next brand and whether to be thorough; None when nothing may begin now."""
        is_long = sum(self._working.values()) < self._long_turns_max and bool(self._unfinished)
        queue = self._unfinished if is_long else self._next_queue()
        if not queue:
            return None
        brand_code = next(iter(queue))
        self._working[brand_code] = is_long
        return brand_code, queue.pop(brand_code)

    def done(self, brand_code: int, *, unfinished: bool, thorough: bool) -> None:
        """Note that a turn is over."""
        del self._working[brand_code]
        again = self._again.pop(brand_code, None)
        if unfinished:
            self._unfinished[brand_code] = thorough or bool(again)
        elif again is not None:
            self._nudged[brand_code] = again

    def drop(self, brand_code: int) -> None:
        """Forget that a brand is due."""
        for queue in (self._nudged, self._due, self._unfinished):
            queue.pop(brand_code, None)

    def _next_queue(self) -> dict[int, bool]:
        """Choose, so that nudges come first and yet never keep the others waiting for ever."""
        self._taken += 1
        if self._taken % OTHERS_TURN == 0:
            return self._due or self._nudged
        return self._nudged or self._due


class _Away:
    """Says once that ledger or cache went away, and once that it has been back for a while."""

    def __init__(self) -> None:
        self._failed_at: dict[str, float] = {}

    def note(self, error: LedgerUnavailableError | CacheUnavailableError) -> None:
        """Note a failure."""
        part = "ledger" if isinstance(error, LedgerUnavailableError) else "cache"
        if part not in self._failed_at:
            _log.warning("projector.part.lost", part=part, why=f"{type(error).__name__}: {error}")
        self._failed_at[part] = monotonic()

    def end(self) -> None:
        """Note that all heads and watermarks could be read; single brands may still fail."""
        for part, failed_at in list(self._failed_at.items()):
            if monotonic() - failed_at > CALM_S:
                del self._failed_at[part]
                _log.info("projector.part.regained", part=part)

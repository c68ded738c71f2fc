"""Many askers, few statements: reads that wait are sent together.

A read joins only a statement that has not been sent yet, so what it learns is never older than its
question (design 5, rule 1). At most `lanes` statements are under way at a time; while they are, askers
gather for the next. Large questions have one lane of their own: a campaign's list must not hold up the
check of a single message (promise 3).
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.ledger.failures import LedgerUnavailableError
from shared.ledger.read_state import Key, KeySnapshot, read_states
from shared.ledger.store import ReaderPool
from shared.telemetry import metrics

KEYS_A_STATEMENT_MAX = 10_000
WAITING_KEYS_MAX = 200_000
# A question with more keys is a large one: it waits for other large ones, and nobody else for it.
SMALL_KEYS_MAX = 100


@dataclass(slots=True)
class _Question:
    keys: Sequence[Key]
    answer: asyncio.Future[list[KeySnapshot]]


class StateReader:
    """Reads the state of keys, coalesced over everybody who asks in this process."""

    def __init__(
        self,
        pool: ReaderPool,
        *,
        digest_key_id: int,
        lanes: int,
        on_failure: Callable[[], None] = lambda: None,
    ) -> None:
        self._small = _Lanes(pool, digest_key_id=digest_key_id, lanes=lanes, on_failure=on_failure)
        self._large = _Lanes(pool, digest_key_id=digest_key_id, lanes=1, on_failure=on_failure)

    async def read(self, keys: Sequence[Key]) -> list[KeySnapshot]:
        """Return the keys' snapshots in order; all of one call are of one snapshot.

        `keys` holds 1 to 10,000 keys. Raises LedgerUnavailableError.
        """
        return await (self._large if len(keys) > SMALL_KEYS_MAX else self._small).read(keys)

    async def read_head(self, brand_code: int) -> KeySnapshot:
        """Return the versions and position of one brand, and nothing of a consent."""
        return (await self.read([Key(brand_code)]))[0]


class _Lanes:
    """Questions of one size, and the statements that they share."""

    def __init__(
        self,
        pool: ReaderPool,
        *,
        digest_key_id: int,
        lanes: int,
        on_failure: Callable[[], None],
    ) -> None:
        self._on_failure = on_failure
        self._pool = pool
        self._digest_key_id = digest_key_id
        self._free_lanes = lanes
        self._waiting: deque[_Question] = deque()
        self._waiting_keys = 0
        self._send_is_due = False
        self._under_way: set[asyncio.Task[None]] = set()

    async def read(self, keys: Sequence[Key]) -> list[KeySnapshot]:
        if self._waiting_keys + len(keys) > WAITING_KEYS_MAX:
            raise LedgerUnavailableError("too many reads are waiting")
        loop = asyncio.get_running_loop()
        question = _Question(keys, loop.create_future())
        self._waiting.append(question)
        self._waiting_keys += len(keys)
        if self._free_lanes and not self._send_is_due:
            # Not now but at the end of this tick: everybody who asks in it shares the statement.
            self._send_is_due = True
            loop.call_soon(self._send)
        return await question.answer

    def _send(self) -> None:
        self._send_is_due = False
        while self._free_lanes and self._waiting:
            self._free_lanes -= 1
            task = asyncio.get_running_loop().create_task(self._ask(self._next_group()))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    def _next_group(self) -> list[_Question]:
        group: list[_Question] = []
        size = 0
        while self._waiting and (
            not group or size + len(self._waiting[0].keys) <= KEYS_A_STATEMENT_MAX
        ):
            question = self._waiting.popleft()
            self._waiting_keys -= len(question.keys)
            if not question.answer.done():  # its asker may have given up
                group.append(question)
                size += len(question.keys)
        return group

    async def _ask(self, group: list[_Question]) -> None:
        try:
            if group:
                await self._answer(group)
        finally:
            self._free_lanes += 1
            self._send()

    async def _answer(self, group: list[_Question]) -> None:
        keys = [key for question in group for key in question.keys]
        metrics.LEDGER_READ_KEYS.observe(len(keys))
        try:
            snapshots = await read_states(self._pool, keys, digest_key_id=self._digest_key_id)
        except Exception as error:  # noqa: BLE001  # whatever it is belongs to the askers, not to this task
            self._on_failure()
            for question in group:
                if not question.answer.done():
                    question.answer.set_exception(error)
            return
        at = 0
        for question in group:
            if not question.answer.done():
                question.answer.set_result(snapshots[at : at + len(question.keys)])
            at += len(question.keys)

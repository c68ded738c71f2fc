"""Rounds: everybody who waits asks ledger and cache together, and nobody joins what was sent.

A round asks the ledger where the brands' heads are and, at the same time, the cache what it has and as of
which movement. Its askers began to wait before either was sent, so what the two say is never older than a
question (design 5, rule 1). If they agree the cache's answer is the ledger's (rule 2); everything else is a
miss, and no harm. What is not known here is who asks, and what it means: an asker brings digests and takes
numbers.

One round is under way at a time in a lane. Single checks and campaigns have lanes of their own, with
connections of their own, so that a campaign never holds up a single check.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NamedTuple, Protocol

import structlog

from shared.cache.layout import Watermark
from shared.cache.reader import CacheReader, Page
from shared.ledger.read_heads import Head, HeadReader, Heads
from shared.telemetry import metrics

# The cache is asked for so many addresses at a time, and no process waits behind more than this.
ADDRESSES_A_PAGE: Final = 1_000
# So that the cache works on one page while we work on another.
PAGES_UNDER_WAY: Final = 2
ADDRESSES_A_ROUND: Final = 10_000
ADDRESSES_WAITING_MAX: Final = 200_000
ASKERS_WAITING_MAX: Final = 2_000
# So much of a check's deadline may a round take; the rest is for the ledger's own answer.
ROUND_SHARE: Final = 0.5
_log: Final[structlog.typing.FilteringBoundLogger] = structlog.get_logger()


class Fresh(NamedTuple):
    """What the cache has, proven to be the ledger's state of a moment after the question arrived.

    `values` are of `shared.cache.layout.value_of`, in the order asked. Position and authority version stand
    in the head.
    """

    head: Head
    directory_version: int
    values: Sequence[int]


FreshByBrand = Mapping[int, Fresh]


class Asker(Protocol):
    """Somebody who waits for a round, with at most `ADDRESSES_A_PAGE` addresses."""

    @property
    def expires_at(self) -> float:
        """When the answer is no longer of use, in the loop's time."""
        ...

    @property
    def addresses(self) -> int:
        """How many addresses are asked about, so far."""
        ...

    def questions(self) -> Mapping[int, Sequence[bytes]]:
        """Return the digests by brand; called once, when the round is sent. More can be asked until then."""
        ...

    def answered(self, answers: FreshByBrand) -> None:
        """Take the answers; called exactly once. A brand that is missing is a miss."""
        ...


def agrees(watermark: Watermark, head: Head, digest_key_id: int) -> bool:
    """Say whether the cache's word is the ledger's (design 5, rules 2 and 8)."""
    return watermark.is_at(head.position, head.movement, digest_key_id)


@dataclass(slots=True)
class _Part:
    """Some askers of a round, who share one read of the cache."""

    askers: list[Asker]
    asked: dict[int, Sequence[bytes]]
    # Where an asker's own addresses begin among those of a brand; None for the only asker.
    places: list[dict[int, tuple[int, int]]] | None = None
    found: Mapping[int, Page] | None = None
    is_answered: bool = False


@dataclass(slots=True)
class _Round:
    """What is under way in a lane."""

    parts: list[_Part]
    heads: Heads | None = None
    heads_are_in: bool = False
    sent: int = 0
    under_way: int = 0
    waiting: list[_Part] = field(default_factory=list[_Part])


class Rounds:
    """One lane: takes askers, and has each of them answered by the next round."""

    def __init__(
        self,
        heads: HeadReader,
        cache: CacheReader,
        *,
        digest_key_id: int,
        nudge: Callable[[int], None],
    ) -> None:
        """`nudge` is called with a brand whose cache is behind the ledger; it must not raise."""
        self._heads = heads
        self._cache = cache
        self._digest_key_id = digest_key_id
        self._nudge = nudge
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Asker] = deque()
        self._round: _Round | None = None
        self._send_is_due = False
        self._watch: asyncio.TimerHandle | None = None
        self._look_at = 0.0

    def join(self, asker: Asker) -> bool:
        """Take an asker into the next round; False if too many wait: it will not be answered."""
        if self._is_full(asker):
            _missed("busy", asker.addresses)
            return False
        self._waiting.append(asker)
        self._expect(asker.expires_at)
        if self._round is None:
            self._send_soon()
        return True

    def _is_full(self, asker: Asker) -> bool:
        waiting = self._waiting
        if len(waiting) < ADDRESSES_WAITING_MAX // ADDRESSES_A_PAGE:
            return False
        size = asker.addresses + sum(one.addresses for one in waiting)
        return len(waiting) >= ASKERS_WAITING_MAX or size > ADDRESSES_WAITING_MAX

    def _send(self) -> None:
        self._send_is_due = False
        parts = self._next_parts()
        if not parts:
            self._send_soon()
            return
        self._round = sent = _Round(parts)
        brands = parts[0].asked.keys() if len(parts) == 1 else {b for p in parts for b in p.asked}
        try:
            self._heads.read([*brands], partial(self._take_heads, sent))
        except Exception:  # noqa: BLE001  # whatever it is, the lane goes on
            _log.error("check.round.failed", exc_info=True)
            self._loop.call_soon(self._take_heads, sent, None)
        self._send_parts(sent)

    def _send_soon(self) -> None:
        """Send those who wait, not now but at the end of this tick: all who ask in it are among them."""
        if self._waiting and not self._send_is_due:
            self._send_is_due = True
            self._loop.call_soon(self._send)

    def _next_parts(self) -> list[_Part]:
        """Take waiting askers, as many as go into a round, and put them together by pages."""
        parts: list[_Part] = []
        size = in_page = 0
        page: list[Asker] = []
        while self._waiting and (
            not size or size + self._waiting[0].addresses <= ADDRESSES_A_ROUND
        ):
            asker = self._waiting.popleft()
            if page and in_page + asker.addresses > ADDRESSES_A_PAGE:
                parts += self._put_together(page)
                page, in_page = [], 0
            page.append(asker)
            in_page += asker.addresses
            size += asker.addresses
        if page:
            parts += self._put_together(page)
        return parts

    def _put_together(self, askers: list[Asker]) -> list[_Part]:
        """Return the part that these share; none if one of them cannot say what it asks."""
        try:
            return [_part(askers)]
        except Exception:  # noqa: BLE001  # an asker's own
            _log.error("check.round.failed", exc_info=True)
            self._answer(_Part(askers, {}), {})
            return []

    def _send_parts(self, sent: _Round) -> None:
        while sent.sent < len(sent.parts) and sent.under_way < PAGES_UNDER_WAY:
            part = sent.parts[sent.sent]
            sent.sent += 1
            if part.is_answered:  # its askers have given up meanwhile
                continue
            sent.under_way += 1
            try:
                self._cache.read(part.asked, partial(self._take, sent, part))
            except Exception:  # noqa: BLE001  # whatever it is, the lane goes on
                _log.error("check.round.failed", exc_info=True)
                nothing: Mapping[int, Page] = {}
                self._loop.call_soon(self._take, sent, part, nothing)

    def _take_heads(self, sent: _Round, heads: Heads | None) -> None:
        if heads is not None and heads.digest_key_id != self._digest_key_id:
            _missed("digest_key", _addresses(sent.parts))
            heads = None
        elif heads is None:
            _missed("no_heads", _addresses(sent.parts))
        sent.heads, sent.heads_are_in = heads, True
        if heads is None:
            for part in sent.parts:
                self._answer(part, {})
        self._go_on(sent)
        for part in sent.waiting:
            self._answer_soon(sent, part)

    def _take(self, sent: _Round, part: _Part, found: Mapping[int, Page]) -> None:
        sent.under_way -= 1
        part.found = found
        if not sent.heads_are_in:
            sent.waiting.append(part)
        self._go_on(sent)
        if sent.heads_are_in:
            self._answer_soon(sent, part)

    def _go_on(self, sent: _Round) -> None:
        self._send_parts(sent)
        if sent.heads_are_in and not sent.under_way and self._round is sent:
            self._round = None
            self._send_soon()

    def _proven(self, part: _Part, heads: Heads) -> FreshByBrand:
        """Return what is fresh, by brand; count and report the rest."""
        answers: dict[int, Fresh] = {}
        found = part.found or {}
        for brand_code, digests in part.asked.items():
            head, page = heads.by_brand.get(brand_code), found.get(brand_code)
            if head is None:
                _missed("unknown_brand", len(digests))
            elif page is None:
                _missed("no_watermark", len(digests))
                self._nudge(brand_code)
            elif agrees(page.watermark, head, self._digest_key_id):
                answers[brand_code] = Fresh(head, heads.directory_version, page.values)
            else:
                _missed(_why(page.watermark, head), len(digests))
                if page.watermark.position <= head.position:
                    self._nudge(brand_code)
        return answers

    def _answer_soon(self, sent: _Round, part: _Part) -> None:
        """Answer, but after the next round is sent: ledger and cache work while we write answers."""
        self._loop.call_soon(self._answer_proven, part, sent.heads)

    def _answer_proven(self, part: _Part, heads: Heads | None) -> None:
        if heads is None or part.is_answered:
            return
        answers: FreshByBrand = {}
        try:
            answers = self._proven(part, heads)
        except Exception:  # noqa: BLE001  # whatever it is, nobody is left waiting
            _log.error("check.round.failed", exc_info=True)
        self._answer(part, answers)

    def _answer(self, part: _Part, answers: FreshByBrand) -> None:
        """Tell all askers of a part, once; the slip of one of them is not the others'."""
        if part.is_answered:
            return
        part.is_answered = True
        for n, asker in enumerate(part.askers):
            try:
                asker.answered(_own(answers, None if part.places is None else part.places[n]))
            except Exception:  # noqa: BLE001  # an asker's own
                _log.error("check.round.failed", exc_info=True)

    def _expect(self, expires_at: float) -> None:
        """Look at the askers when the first of them expires."""
        if self._watch is not None:
            if self._look_at <= expires_at:
                return
            self._watch.cancel()
        self._look_at = expires_at
        self._watch = self._loop.call_at(expires_at, self._look)

    def _look(self) -> None:
        """Tell those whose time is over: there is no answer. What was sent for them goes on."""
        self._watch = None
        now = self._loop.time()
        if self._round is not None:
            for part in self._round.parts:
                if not part.is_answered and any(a.expires_at <= now for a in part.askers):
                    _missed("late", _addresses([part]))
                    self._answer(part, {})
        late = [asker for asker in self._waiting if asker.expires_at <= now]
        if late:
            self._waiting = deque(asker for asker in self._waiting if asker.expires_at > now)
            _missed("late", sum(asker.addresses for asker in late))
            self._answer(_Part(late, {}), {})
        left = [
            asker.expires_at
            for part in (() if self._round is None else self._round.parts)
            if not part.is_answered
            for asker in part.askers
        ]
        left += [asker.expires_at for asker in self._waiting]
        if left:
            self._expect(min(left))


def _part(askers: list[Asker]) -> _Part:
    """Put the questions of some askers together, and remember whose is what."""
    if len(askers) == 1:
        return _Part(askers, dict(askers[0].questions()))
    asked: dict[int, list[bytes]] = {}
    places: list[dict[int, tuple[int, int]]] = []
    for asker in askers:
        own: dict[int, tuple[int, int]] = {}
        for brand_code, digests in asker.questions().items():
            all_of_brand = asked.setdefault(brand_code, [])
            own[brand_code] = (len(all_of_brand), len(all_of_brand) + len(digests))
            all_of_brand += digests
        places.append(own)
    return _Part(askers, dict(asked), places)


def _own(answers: FreshByBrand, places: Mapping[int, tuple[int, int]] | None) -> FreshByBrand:
    """Return an asker's part of the answers."""
    if places is None:
        return answers
    own: dict[int, Fresh] = {}
    for brand_code, (start, end) in places.items():
        fresh = answers.get(brand_code)
        if fresh is not None:
            own[brand_code] = fresh._replace(values=fresh.values[start:end])
    return own


def _addresses(parts: Sequence[_Part]) -> int:
    return sum(len(d) for part in parts if not part.is_answered for d in part.asked.values())


def _why(watermark: Watermark, head: Head) -> str:
    """Say in one word why the two do not agree."""
    if watermark.position < head.position:
        return "behind"
    if watermark.position > head.position:
        return "ahead"
    return "other_movement" if watermark.settled else "unsettled"


def _missed(why: str, addresses: int) -> None:
    metrics.CACHE_MISSES.add(why, amount=addresses)

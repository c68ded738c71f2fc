"""The core of the hot path: bytes in, decision out.

A plain check is a well-formed commercial question about one address, by brand or header, without a
retailer. It joins the next round (`rounds.py`) and is answered from it, in the call-back of whoever asked. In
every other case nothing is answered here: the caller hands the same request to the ASGI app, which gives
the same answers more slowly.

In reading order: `ask` reads the question and puts it into the crowd that waits; the round has the crowd's
digests made in one cipher call; `answer` looks up what each value means to its asker. What is true
of a sender is judged by the rules once (`_judge`) and holds as long as nothing that it stands on has a new
version.

Budget: 3 µs of CPU a check, its share of the round included.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from time import perf_counter
from typing import Final, NamedTuple, TypeAlias

import structlog

from services.check.decision_table import DECISIONS, SINGLES, WORDS, always, end_of, meanings
from services.check.plain_question import PlainQuestions, Sender
from services.check.rounds import ROUND_SHARE, FreshByBrand, Rounds
from services.check.sender import sender_facts
from shared.auth.directory import Directory
from shared.auth.gate import Gate, Ticket, still_stands
from shared.domain.decision import decide_sender
from shared.domain.wire_time import TURKEY
from shared.telemetry import metrics

CROWD_MAX: Final = 500
STANDINGS_MAX: Final = 50_000
COUNTED_EVERY_S: Final = 0.25
# An account with a list of networks is the app's for so long; then it is looked at again.
LEFT_TO_APP_S: Final = 60.0
_log: Final[structlog.typing.FilteringBoundLogger] = structlog.get_logger()

Done: TypeAlias = Callable[[bytes | None], None]
# Who asks, about which sender, the address as a cipher block (or its digest), and whom to tell.
_Check: TypeAlias = tuple[Ticket, Sender, bytes, Done]
# Brand, incarnation of the copies, directory version, authority version.
_Versions: TypeAlias = tuple[int, int, int, int]


class _Standing(NamedTuple):
    """What is true of a caller and a sender, as of some versions, until a moment (seconds since 1970).

    `codes` has the decision on every value that the cache may hold.
    """

    ticket: Ticket
    versions: _Versions
    good_until: float
    codes: bytes


@dataclass(slots=True)
class _Crowd:
    """The checks that wait for the next round, by brand. An asker of `Rounds`."""

    owner: "PlainChecks"
    expires_at: float
    began_at: float
    addresses: int
    by_brand: defaultdict[int, list[_Check]]
    some_by_digest: bool = False

    def questions(self) -> Mapping[int, Sequence[bytes]]:
        """Return the digests, made in one cipher call."""
        self.owner.close_crowd(self)
        checks = [check for checks in self.by_brand.values() for check in checks]
        digests = self.owner.digester.digests_of_blocks(b"".join([check[2] for check in checks]))
        if self.some_by_digest:
            digests = [
                check[2] if check[1].by_digest else digest
                for check, digest in zip(checks, digests, strict=True)
            ]
        if len(self.by_brand) == 1:
            return dict.fromkeys(self.by_brand, digests)
        asked: dict[int, Sequence[bytes]] = {}
        at = 0
        for brand_code, of_brand in self.by_brand.items():
            asked[brand_code] = digests[at : at + len(of_brand)]
            at += len(of_brand)
        return asked

    def answered(self, answers: FreshByBrand) -> None:
        """Answer everybody."""
        self.owner.close_crowd(self)
        self.owner.answer(self, answers)


class PlainChecks:
    """Answers plain checks from rounds. Every method belongs to the event loop's thread; none raises."""

    def __init__(
        self,
        rounds: Rounds,
        *,
        gate: Gate,
        directory: Directory,
        questions: PlainQuestions,
        deadline_s: float,
        now: Callable[[], datetime],
    ) -> None:
        self.digester = questions.digester
        self._rounds = rounds
        self._gate = gate
        self._directory = directory
        self._read = questions.read
        self._deadline_s = deadline_s
        self._now = now
        self._crowd: _Crowd | None = None
        self._standings: dict[tuple[bytes, Sender], _Standing] = {}
        self._left_to_app: dict[bytes, float] = {}
        self._counter = _Counter()

    def ticket_of(self, authorization: str) -> Ticket | None:
        """Return whom an Authorization header stands for, from memory alone; None: the app must look.

        A ticket may be kept as long as the caller likes: whether it is still good is looked at with every
        question.
        """
        return self._gate.known(authorization)

    def ask(self, ticket: Ticket, body: bytes, done: Done, *, asked_at: float) -> bool:
        """Take a question; `asked_at` is the loop's time when its last byte arrived.

        False: not a plain question. Nothing will happen, `done` is never called: hand the request to the app.

        True: `done` is called exactly once, on the loop, never from within this call: with the whole JSON
        body of a 200 answer, byte for byte what the app would send, or with None: hand the request to the
        app, with `scope["izin.asked_at"] = asked_at` and `scope["izin.cache_missed"] = True`, so that its
        deadline counts from then and the cache is not asked a second time.
        """
        read = self._read(body)
        if read is None or (self._left_to_app and self._is_left_to_app(ticket, asked_at)):
            return False
        sender, block = read
        brand_code = sender.brand_code
        if brand_code is None:
            brand_code = self._directory.known_owner(sender.header)
            if brand_code is None:
                return False
        crowd = self._crowd or self._begin(asked_at)
        if crowd is None:
            return False
        crowd.by_brand[brand_code].append((ticket, sender, block, done))
        crowd.addresses += 1
        if sender.by_digest:
            crowd.some_by_digest = True
        if crowd.addresses >= CROWD_MAX:
            self._crowd = None
        return True

    def _begin(self, asked_at: float) -> _Crowd | None:
        """Begin a new crowd; None if too many wait already."""
        crowd = _Crowd(
            self, asked_at + self._deadline_s * ROUND_SHARE, perf_counter(), 0, defaultdict(list)
        )
        if not self._rounds.join(crowd):
            return None
        self._crowd = crowd
        return crowd

    def close_crowd(self, crowd: _Crowd) -> None:
        """Let nobody join any more."""
        if self._crowd is crowd:
            self._crowd = None

    def answer(self, crowd: _Crowd, answers: FreshByBrand) -> None:
        """Answer a crowd from its round; where there is nothing fresh, hand over to the app."""
        now = self._now().timestamp()
        incarnation, standings = self._directory.incarnation, self._standings
        counter = self._counter
        counts = counter.counts
        for brand_code, checks in crowd.by_brand.items():
            fresh = answers.get(brand_code)
            if fresh is None or len(fresh.values) != len(checks):
                for check in checks:
                    _tell(check[3], None)
                continue
            head, directory_version, values = fresh
            versions = (brand_code, incarnation, directory_version, head.authority_version)
            end = end_of(head.position)
            for (ticket, sender, _block, done), value in zip(checks, values, strict=True):
                standing = standings.get((ticket.name, sender))
                if (
                    standing is None
                    or standing.ticket is not ticket
                    or standing.versions != versions
                    or standing.good_until <= now
                ):
                    standing = self._judged(ticket, sender, versions, now)
                    if standing is None:
                        counter.handed_over += 1
                        _tell(done, None)
                        continue
                code = standing.codes[value]
                counts[code] += 1
                _tell(done, SINGLES[code] + end)
        counter.flush_soon()
        metrics.CHECK_ROUND_SECONDS.observe(perf_counter() - crowd.began_at)

    def _judged(
        self, ticket: Ticket, sender: Sender, versions: _Versions, now: float
    ) -> _Standing | None:
        """Judge; what cannot be judged is the app's, and everybody else is still to be answered."""
        try:
            return self._judge(ticket, sender, versions, now)
        except Exception:  # noqa: BLE001  # the app meets the same, and says what it is
            _log.error("check.round.failed", exc_info=True)
            return None

    def _judge(
        self, ticket: Ticket, sender: Sender, versions: _Versions, now: float
    ) -> _Standing | None:
        """Judge caller and sender by copies of just these versions; None where they are not at hand."""
        brand_code, _incarnation, directory_version, authority_version = versions
        user = self._directory.current_user(ticket.user_id, directory_version)
        brand = self._directory.current_brand(brand_code, authority_version)
        if user is None or brand is None or not still_stands(ticket, user):
            return None
        if user.networks:  # whence this one comes is not known here
            self._leave_to_app(ticket)
            return None
        if sender.brand_code is None and not self._directory.owns(
            brand_code, sender.header, directory_version
        ):
            return None  # the header has changed hands since the question was put to this brand
        today, midnight = _day(now)
        question = sender.question
        reason = decide_sender(sender_facts(question, user, brand, today=today))
        codes = (
            meanings(question.channel, question.recipient_type)
            if reason is None
            else always(reason)
        )
        standing = _Standing(ticket, versions, min(midnight, ticket.expires_at), codes)
        if standing.good_until <= now:
            return None
        if len(self._standings) >= STANDINGS_MAX:
            self._standings.clear()
        self._standings[ticket.name, sender] = standing
        return standing

    def _is_left_to_app(self, ticket: Ticket, now: float) -> bool:
        return self._left_to_app.get(ticket.name, 0.0) > now

    def _leave_to_app(self, ticket: Ticket) -> None:
        """Take no question of an account that may act from its own networks alone, for a while."""
        if len(self._left_to_app) >= STANDINGS_MAX:
            self._left_to_app.clear()
        self._left_to_app[ticket.name] = asyncio.get_running_loop().time() + LEFT_TO_APP_S

    def close(self) -> None:
        """Count what is not counted yet."""
        self._counter.flush()


class _Counter:
    """Answers, counted in the metrics a few times a second: one by one would cost as much as the answer."""

    def __init__(self) -> None:
        self.counts = [0] * len(DECISIONS)
        self.handed_over = 0
        self._timer: asyncio.TimerHandle | None = None

    def flush_soon(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(COUNTED_EVERY_S, self.flush)

    def flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for code, count in enumerate(self.counts):
            if count:
                metrics.CHECKS.add(WORDS[code], amount=count)
                metrics.CHECK_ANSWERS.add("cache", amount=count)
                self.counts[code] = 0
        if self.handed_over:
            metrics.CACHE_MISSES.add("rights", amount=self.handed_over)
            self.handed_over = 0


def _tell(done: Done, body: bytes | None) -> None:
    """Call back one asker; its slip is not the others'."""
    try:
        done(body)
    except Exception:  # noqa: BLE001  # the asker's own
        _log.error("check.round.failed", exc_info=True)


def _day(now: float) -> tuple[date, float]:
    """Return the date in Turkey at a moment, and when that date ends (seconds since 1970)."""
    today = datetime.fromtimestamp(now, TURKEY).date()
    midnight = datetime.combine(today + timedelta(days=1), time(), TURKEY)
    return today, midnight.timestamp()

"""Counts requests for all processes together, and for this one alone while the cache cannot be asked.

A caller is one small hash, `{<place>}l<digest>`: a field for each limit, with the newest tick in which it was
used and how often it was in that and the ticks before. One script reads, judges and counts, by the server's
clock, and costs one round trip; `shared/domain/limits.py` has the rules that it follows. The place, a number
out of the digest, chooses the slot of a cluster as a brand's number does.

Nothing here is worth keeping. A hash goes a window after its last use; it holds at most sixteen numbers for
each limit; and one process makes at most so many of them in an hour, so that strangers who come from ever
new addresses cannot fill a server that may not evict. Whoever comes after those is counted in the memory of
this process, which is bounded, too, and so is everybody while there is no server, it is late, or it refuses.
Nobody waits for the server longer than `TIMEOUT_S`, and nothing raises.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

import structlog
from hiredis import ReplyError

from shared.cache.resp import array, command, is_elsewhere
from shared.cache.scripts import Script
from shared.cache.servers import CacheServers, open_cache
from shared.cache.wire import Replies
from shared.domain.limits import TICKS, Counts, LimitGroup, Standing, Verdict, count
from shared.telemetry import metrics

TIMEOUT_S: Final = 0.02
CALLERS_IN_MEMORY_MAX: Final = 20_000
NEW_HASHES_AN_HOUR_MAX: Final = 100_000
HOUR_S: Final = 3600.0
# So many questions in a row have to fail before the log says so: a late reply alone is no news.
FAILURES_TOLD: Final = 3
_MICROSECONDS: Final = 1_000_000
_log: Final[structlog.typing.FilteringBoundLogger] = structlog.get_logger()

# KEYS: the caller's hash. ARGV: how many requests there are to count, none to look; seconds that the hash is
# kept; for each limit its name, its quota, and how many microseconds a tick has. Returns how many may go on,
# and whether anything was known of the caller; for each limit how much is used then, and in how many
# microseconds the first of it comes back.
TAKE: Final = Script(
    rb"""
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local limits, granted, known = {}, tonumber(ARGV[1]), 0
for at = 3, #ARGV, 3 do
    local limit = {name = ARGV[at], tick_us = tonumber(ARGV[at + 2]), ticks = {}, used = 0}
    limit.tick = math.floor(now / limit.tick_us)
    local held = redis.call('HGET', KEYS[1], limit.name)
    local newest, counts = string.match(held or '', '^(%d+)(.*)$')
    local age = limit.tick - (newest or limit.tick + 1)
    if newest then known = 1 end
    if age >= 0 then
        for text in string.gmatch(counts, '%d+') do
            if age >= TICKS then break end
            limit.ticks[age] = tonumber(text)
            limit.used = limit.used + limit.ticks[age]
            if limit.ticks[age] > 0 then limit.oldest = age end
            age = age + 1
        end
    end
    granted = math.max(0, math.min(granted, ARGV[at + 1] - limit.used))
    limits[#limits + 1] = limit
end
local answer = {granted, known}
for _, limit in ipairs(limits) do
    if granted > 0 then
        limit.ticks[0] = (limit.ticks[0] or 0) + granted
        limit.used = limit.used + granted
        limit.oldest = limit.oldest or 0
        local words = {string.format('%d', limit.tick)}
        for age = 0, limit.oldest do words[#words + 1] = string.format('%d', limit.ticks[age] or 0) end
        redis.call('HSET', KEYS[1], limit.name, table.concat(words, ' '))
        redis.call('EXPIRE', KEYS[1], ARGV[2])
    end
    answer[#answer + 1] = limit.used
    answer[#answer + 1] = TICKS * limit.tick_us
    if limit.oldest then
        answer[#answer] = (limit.tick - limit.oldest + TICKS) * limit.tick_us - now
    end
end
return answer
""".replace(b"TICKS", b"%d" % TICKS)
)

_SHA: Final = TAKE.sha.encode()
Asker: TypeAlias = "asyncio.Future[Verdict]"


@dataclass(frozen=True, slots=True)
class _Question:
    """Requests of one caller that are counted at once; nobody asks where somebody only looks."""

    caller: bytes
    group: LimitGroup
    askers: Sequence[Asker]
    wanted: int

    def settle(self, granted: int, standings: tuple[Standing, ...]) -> None:
        """Tell everybody; the first to ask go on, if not all may."""
        for n, asker in enumerate(self.askers):
            if not asker.done():
                asker.set_result(Verdict(n < granted or not self.wanted, standings))

    @property
    def arguments(self) -> tuple[bytes, ...]:
        """The key and the words of the script."""
        return (b"1", _key_of(self.caller), b"%d" % self.wanted, *_words_of(self.group))


class LimitCounter:
    """Counts callers. Belongs to one event loop."""

    def __init__(
        self, servers: CacheServers | None, *, clock: Callable[[], float] | None = None
    ) -> None:
        """Count with these servers; with none, in this process alone, by `clock` (seconds) or the loop's."""
        self._servers = servers
        self._loop = asyncio.get_running_loop()
        self._clock = clock or self._loop.time
        self._waiting: dict[tuple[bytes, LimitGroup], list[Asker]] = {}
        self._in_memory: dict[bytes, dict[str, Counts]] = {}
        self._failures = 0
        self._new_hashes = 0
        self._hour_ends = 0.0

    def ask(self, caller: bytes, group: LimitGroup) -> Asker:
        """Ask whether a caller may go on, and count it if it may; await the answer when it is needed.

        `caller` is its digest. Those who ask in the same tick of the loop are counted by one question.
        """
        answer: Asker = self._loop.create_future()
        if not self._waiting:
            self._loop.call_soon(self._send_waiting)
        try:
            self._waiting[caller, group].append(answer)
        except KeyError:
            self._waiting[caller, group] = [answer]
        return answer

    def look(self, caller: bytes, group: LimitGroup) -> Asker:
        """Ask what is left to a caller, and count nothing."""
        answer: Asker = self._loop.create_future()
        self._send(_Question(caller, group, [answer], 0))
        return answer

    def _send_waiting(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for (caller, group), askers in waiting.items():
            self._send(_Question(caller, group, askers, len(askers)))

    def _send(self, question: _Question) -> None:
        link = None
        if self._servers is not None and self._may_make_hashes():
            link = self._servers.link_of(place_of(question.caller))
        if link is None:
            self._count_alone(question)
            return
        arguments = question.arguments

        def done(replies: Replies | None) -> None:
            if _is_unknown_script(replies):
                again = command(b"EVAL", TAKE.text, *arguments)
                link.send(again, replies=1, done=done)
            else:
                self._answered(question, replies)

        link.send(command(b"EVALSHA", _SHA, *arguments), replies=1, done=done)

    def _answered(self, question: _Question, replies: Replies | None) -> None:
        """Tell what the server has said; if that is of no use, count here."""
        words, limits = _numbers(replies), question.group.limits
        if words is None or len(words) != 2 + 2 * len(limits):
            self._failed(replies)
            self._count_alone(question)
            return
        if self._failures >= FAILURES_TOLD:
            _log.info("limits.counted.together")
        self._failures = 0
        granted, known, *numbers = words
        self._new_hashes += bool(granted and not known)
        metrics.LIMIT_QUESTIONS.add("together", amount=question.wanted)
        standings = [
            Standing(limit, max(0, limit.quota - used), reset_us / _MICROSECONDS)
            for limit, used, reset_us in zip(limits, numbers[::2], numbers[1::2], strict=True)
        ]
        question.settle(granted, tuple(standings))

    def _count_alone(self, question: _Question) -> None:
        metrics.LIMIT_QUESTIONS.add("alone", amount=question.wanted)
        held = self._in_memory.pop(question.caller, {})
        if len(self._in_memory) >= CALLERS_IN_MEMORY_MAX:
            del self._in_memory[next(iter(self._in_memory))]
        # At the end: who asked longest ago is forgotten first.
        self._in_memory[question.caller] = held
        question.settle(*count(held, question.group.limits, self._clock(), question.wanted))

    def _failed(self, replies: Replies | None) -> None:
        self._failures += 1
        if self._failures == FAILURES_TOLD:
            why = "no answer in time" if replies is None else str(replies[0])[:100]
            _log.warning("limits.counted.alone", why=why)
        if self._servers is not None and replies is not None and is_elsewhere(replies):
            self._servers.note_moved()

    def _may_make_hashes(self) -> bool:
        now = self._clock()
        if now >= self._hour_ends:
            self._hour_ends, self._new_hashes = now + HOUR_S, 0
        elif self._new_hashes == NEW_HASHES_AN_HOUR_MAX:
            _log.warning("limits.callers.too_many", new_callers=self._new_hashes)
            self._new_hashes += 1
        return self._new_hashes < NEW_HASHES_AN_HOUR_MAX


@asynccontextmanager
async def open_counter(url: str | None) -> AsyncGenerator[LimitCounter]:
    """Open a counter over the cache at this URL; None: there is none. A cache that is away is no error.

    Raises CacheAddressError if the URL makes no sense.
    """
    if url is None:
        yield LimitCounter(None)
        return
    async with open_cache(url, timeout_s=TIMEOUT_S) as servers:
        yield LimitCounter(servers)


def place_of(caller: bytes) -> int:
    """Return the number by which a caller's server is chosen."""
    return int.from_bytes(caller[:4], "big")


@lru_cache(maxsize=CALLERS_IN_MEMORY_MAX)
def _key_of(caller: bytes) -> bytes:
    return b"{%d}l%b" % (place_of(caller), caller.hex().encode())


@lru_cache(maxsize=256)
def _words_of(group: LimitGroup) -> tuple[bytes, ...]:
    """Return the script's words for these limits."""
    words = [b"%d" % group.keep_s]
    for limit in group.limits:
        tick_us = limit.window_s * _MICROSECONDS // TICKS
        words += [limit.name.encode(), b"%d" % limit.quota, b"%d" % tick_us]
    return tuple(words)


def _numbers(replies: Replies | None) -> list[int] | None:
    words = array(replies[0]) if replies else None
    if words is None:
        return None
    numbers = [word for word in words if isinstance(word, int)]
    return numbers if len(numbers) == len(words) else None


def _is_unknown_script(replies: Replies | None) -> bool:
    return (
        replies is not None
        and isinstance(replies[0], ReplyError)
        and str(replies[0]).startswith("NOSCRIPT")
    )

"""A list of any length, answered line by line while it arrives, in constant memory.

Lines gather in groups. A group is asked when it is full, or a moment after its first line came, so a
client that sends one line and waits gets its answer. One group is under way at a time, and nothing more
is read than the group and what arrived with it: whoever reads slowly slows down its own writing.

Every line has one answer, in order, and the answer does not hold the address. A line that is blank, too
long or not UTF-8 is no address: INVALID_RECIPIENT. Each group has a deadline of its own; one that meets
a silent ledger is UNVERIFIED, and the next one asks again. Only a list that was answered to its end gets
the line that says so. Nothing here raises for what stands in a line.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

import orjson

from services.check.answer import GROUP, Checker
from services.check.decision_table import DECISIONS
from services.check.question import InvalidQuestionError, Question, open_batch
from services.check.read_batch import read_list
from shared.auth.gate import NotAuthenticatedError, Ticket
from shared.auth.origin import AddressNotAllowedError
from shared.domain.decision import Reason

LINE_BYTES_MAX: Final = 1024
# A group that is not full is asked so long after its first line.
GATHER_S: Final = 0.05
# Without a byte from the client, or with a client that takes none, a stream ends after so long.
IDLE_S: Final = 30.0

Read = Callable[[], Awaitable[bytes | None]]
Write = Callable[[bytes], Awaitable[None]]
# A line without its end; None stands for one that is too long to be an address.
Line = bytes | None

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_LISTS: Final = frozenset({"recipient", "recipients"})
# What follows the line's number in its answer, by the code of the decision: a closed set, encoded once.
_TAILS: Final = tuple(
    b',"allowed":%b,"reason":"%b"}\n'
    % (b"true" if decision.reason.allowed else b"false", decision.reason.value.encode())
    for decision in DECISIONS
)


class BrokenOffError(Exception):
    """The list is not answered to its end; `why` is one of a few words, for the log."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class LineSplitter:
    r"""Cuts what arrives into lines (\n or \r\n); of one that is not complete it keeps but a bounded part."""

    def __init__(self) -> None:
        self._rest = b""
        self._too_long = False
        self._at_start = True

    def feed(self, data: bytes) -> list[Line]:
        """Return the lines that are complete now."""
        first, *others = data.split(b"\n")
        self._keep(first)
        if not others:
            return []
        lines = [self._taken()]
        last = others.pop()
        lines += [_without_end(line) for line in others]
        self._keep(last)
        return lines

    def end(self) -> list[Line]:
        """Return the last line, if it had no end of its own."""
        self._skip_mark()
        return [self._taken()] if self._rest or self._too_long else []

    def _keep(self, part: bytes) -> None:
        if self._too_long:
            return
        self._rest += part
        # room for what does not count: a mark before the line, and a \r that belongs to its end
        if len(self._rest) > LINE_BYTES_MAX + len(_BYTE_ORDER_MARK) + 1:
            self._rest, self._too_long = b"", True

    def _taken(self) -> Line:
        self._skip_mark()
        line = None if self._too_long else _without_end(self._rest)
        self._rest, self._too_long = b"", False
        return line

    def _skip_mark(self) -> None:
        if self._at_start:
            self._rest, self._at_start = self._rest.removeprefix(_BYTE_ORDER_MARK), False


class Incoming:
    """What the client sends, read ahead by one piece: so its leaving is noticed while we answer."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._ahead: asyncio.Task[bytes | None] | None = None

    async def begin(self) -> None:
        """Ask for the first piece, and let the server tell a client that waits to be told to send."""
        self._ahead = asyncio.ensure_future(self._read())
        await asyncio.sleep(0)

    async def next(self, timeout_s: float) -> bytes | None:
        """Return the next piece, None at the end; raises TimeoutError, and what reading raises."""
        if self._ahead is None:
            self._ahead = asyncio.ensure_future(self._read())
        await asyncio.wait({self._ahead}, timeout=timeout_s)
        if not self._ahead.done():
            raise TimeoutError
        ahead, self._ahead = self._ahead, None
        piece = ahead.result()
        if piece is not None:
            self._ahead = asyncio.ensure_future(self._read())
        return piece

    def close(self) -> None:
        """Give up what is being read."""
        if self._ahead is not None and not self._ahead.cancel() and not self._ahead.cancelled():
            self._ahead.exception()  # nobody else will hear of it


@dataclass(slots=True)
class Tally:
    """What was answered so far; `position` is that of the last group that could be verified."""

    lines: int = 0
    position: int | None = None
    counts: Counter[Reason] = field(default_factory=Counter[Reason])

    def add(self, codes: bytes) -> None:
        """Count the decisions of a group."""
        self.lines += len(codes)
        for code in set(codes):
            self.counts[DECISIONS[code].reason] += codes.count(code)

    def by_reason(self) -> dict[str, int]:
        """Return the number of lines for each reason that was given, in the order of the table."""
        return {reason.value: self.counts[reason] for reason in Reason if self.counts[reason]}


@dataclass(frozen=True, slots=True)
class ListCheck:
    """One list on its way: who asks, and about which sender and channel."""

    checker: Checker
    ticket: Ticket
    question: Question
    admit_test_range: bool
    gather_s: float = GATHER_S
    idle_s: float = IDLE_S
    tally: Tally = field(default_factory=Tally, init=False)

    async def admit(self) -> float | None:
        """Find out whether the caller may ask at all; raises NotAuthenticatedError.

        That is a question about nobody, which has no time of its own: it gets that of a group. Returns
        since when the ledger was waited for in vain (the loop's time); None where it was not.
        """
        now = asyncio.get_running_loop().time()
        answer = await self.checker.answer(
            self.ticket, self.question, asked_at=now + self.checker.deadline_s
        )
        return None if answer.verified else now

    async def run(
        self, incoming: Incoming, write: Write, *, waited_since: float | None = None
    ) -> None:
        """Answer every line that comes, then say that this was all; raises BrokenOffError.

        Lines that came with the request have waited since `waited_since`, and are not made to wait again.
        """
        splitter, waiting, ended = LineSplitter(), list[Line](), False
        loop = asyncio.get_running_loop()
        in_time = loop.time() + 2 * self.gather_s
        while not ended or waiting:
            if not ended and len(waiting) < GROUP:
                with suppress(TimeoutError):
                    ended = await self._gather(incoming, splitter, waiting)
            group = waiting[:GROUP]
            del waiting[:GROUP]
            if group:
                asked_at = waited_since if loop.time() < in_time else None
                await self._write(write, await self._answer(group, asked_at))
                await asyncio.sleep(0)  # single checks get their turn (promise 3)
            in_time = 0
        await self._write(write, self._last_line())

    async def _gather(
        self, incoming: Incoming, splitter: LineSplitter, waiting: list[Line]
    ) -> bool:
        """Add lines to those that wait, until there are enough; True at the end of the list.

        Raises TimeoutError when it is time to ask, and BrokenOffError when nothing came for too long.
        """
        loop = asyncio.get_running_loop()
        while not waiting:
            try:
                piece = await incoming.next(self.idle_s)
            except TimeoutError:
                raise BrokenOffError("nothing sent") from None
            waiting += splitter.end() if piece is None else splitter.feed(piece)
            if piece is None:
                return True
        ask_at = loop.time() + self.gather_s
        while len(waiting) < GROUP:
            piece = await incoming.next(max(0, ask_at - loop.time()))
            waiting += splitter.end() if piece is None else splitter.feed(piece)
            if piece is None:
                return True
        return False

    async def _answer(self, group: Sequence[Line], asked_at: float | None) -> bytes:
        """Return the answers of a group; raises BrokenOffError when the credential was taken away."""
        recipients = await read_list(
            [_text(line) for line in group],
            self.question.channel,
            admit_test_range=self.admit_test_range,
        )
        question = replace(self.question, recipients=tuple(recipients))
        try:
            answer = await self.checker.answer(self.ticket, question, asked_at=asked_at)
        except (NotAuthenticatedError, AddressNotAllowedError):
            raise BrokenOffError("credential taken away") from None
        first = self.tally.lines + 1
        self.tally.add(answer.codes)
        if answer.verified:
            self.tally.position = answer.position
        return b"".join(
            [
                b'{"line":%d%b' % (line, _TAILS[code])
                for line, code in enumerate(answer.codes, first)
            ]
        )

    async def _write(self, write: Write, content: bytes) -> None:
        try:
            async with asyncio.timeout(self.idle_s):
                await write(content)
        except TimeoutError:
            raise BrokenOffError("nothing taken") from None

    def _last_line(self) -> bytes:
        return orjson.dumps(
            {"end": True, "position": self.tally.position, "counts": self.tally.by_reason()},
            option=orjson.OPT_APPEND_NEWLINE,
        )


def open_list(parameters: Sequence[tuple[str, str]]) -> Question:
    """Read the question that a list is about, without its addresses; raises InvalidQuestionError."""
    names = Counter(name for name, _ in parameters)
    mistakes = {name: "must be given once" for name, times in names.items() if times > 1}
    mistakes |= {name: "belongs into the body, a line each" for name in names if name in _LISTS}
    if mistakes:
        raise InvalidQuestionError(mistakes)
    question, _ = open_batch({**dict(parameters), "recipients": [None]}, count_max=1)
    return question


def _without_end(line: bytes) -> Line:
    line = line.removesuffix(b"\r")
    return line if len(line) <= LINE_BYTES_MAX else None


def _text(line: Line) -> str | None:
    try:
        return None if line is None else line.decode()
    except UnicodeDecodeError:
        return None

"""Could a fresh service have said that? Pure: histories in, findings out.

A register with one writer is linearizable if every read can be given the change that it saw, such that

- the change had been sent when the answer came,
- no change acknowledged before the question came after it,
- and nobody who asked after another was answered saw an earlier change than that other.

Each read takes the earliest change that fits. That is never worse than a later one: what a read took
forbids only things to those who ask after it. So one pass decides.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush

from tests.torture.history import ALLOWING, History, Read, Register, Write
from tests.torture.positions import misplaced, torn


@dataclass(frozen=True, slots=True)
class Finding:
    """An answer that no state explains; `story` is what happened around it, in order.

    A "stale right" is an answer that denies, but not for the reason that nobody may have it any more.
    """

    kind: str
    story: str


def judge(history: History) -> list[Finding]:
    """Return every answer that nothing explains."""
    findings: list[Finding] = []
    for register in history.registers.values():
        findings += judge_register(register)
    for brand_code, brand in history.brands.items():
        told = f"brand {brand_code}: "
        findings += [Finding("position out of place", told + what) for what in misplaced(brand)]
        findings += [Finding("not of one position", told + what) for what in torn(brand)]
    return findings


def judge_register(register: Register) -> list[Finding]:
    """Find stale answers about one register."""
    findings: list[Finding] = []
    for read, floor in _with_floors(register):
        if _explained_by(register, read, floor) is None:
            findings.append(Finding(_kind(read), tell(register, read, floor)))
    return findings


def may_have_been(register: Register, value: str, *, since: float, until: float) -> bool:
    """Say whether the register can have had this value at some moment in between."""
    look = Read(value, since, until, "")
    [(_, floor)] = _with_floors(replace(register, reads=[look]))
    return _explained_by(register, look, floor) is not None


def _kind(read: Read) -> str:
    if read.allowed:
        return "stale allow"
    return "stale right" if read.value in ALLOWING else "stale deny"


def _with_floors(register: Register) -> Iterator[tuple[Read, int]]:
    """Yield each read with the number of the earliest change that it may have seen (0: none yet)."""
    settled = [
        (write.done, number)
        for number, write in enumerate(register.writes, 1)
        if write.done is not None
    ]
    answered: list[tuple[float, int]] = []
    highest = 0
    for read in sorted(register.reads, key=lambda read: read.asked):
        while answered and answered[0][0] < read.asked:
            highest = max(highest, heappop(answered)[1])
        known = bisect_left(settled, (read.asked, 0))
        floor = max(highest, settled[known - 1][1] if known else 0)
        yield read, floor
        taken = _explained_by(register, read, floor)
        if taken is not None:
            heappush(answered, (read.answered, taken))


def _explained_by(register: Register, read: Read, floor: int) -> int | None:
    """Return the number of the earliest change that the read may have seen, or None."""
    if floor == 0 and register.initial == read.value:
        return 0
    for number in range(max(floor, 1), len(register.writes) + 1):
        write = register.writes[number - 1]
        if write.sent > read.answered:
            return None
        if write.value == read.value:
            return number
    return None


def tell(register: Register, read: Read, floor: int) -> str:
    """Tell the story around a read: the changes that could matter and what others saw, in order."""
    first = max(0, floor - 3)
    writes: Sequence[Write] = register.writes[first : floor + 6]
    since = min([read.asked - 1.0, *(write.sent for write in writes[2:3])])
    events = [(write.sent, _write_line(first + n, write)) for n, write in enumerate(writes, 1)]
    events += [
        (other.asked, _read_line(other, ">>>" if other is read else "   "))
        for other in register.reads
        if other is read or since <= other.asked <= read.answered + 0.2
    ]
    events.sort()
    place = next(n for n, event in enumerate(events) if event[1].startswith(">>>"))
    lines = [line for _, line in events[max(0, place - 30) : place + 10]]
    name = " ".join(map(str, register.name))
    head = f"{name} (at first {register.initial}); at change {floor} or later by then:"
    return "\n".join([head, *lines])


def _write_line(number: int, write: Write) -> str:
    end = "lost" if write.done is None else f"acknowledged {write.done:.4f}"
    return f"    change {number} to {write.value}: sent {write.sent:.4f}, {end}"


def _read_line(read: Read, mark: str) -> str:
    return f"{mark} {read.value} seen by {read.by}: asked {read.asked:.4f}, answered {read.answered:.4f}"

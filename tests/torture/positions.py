"""Is the position that an answer names right, and was the state at that position what it says? Pure.

A position is a number for each movement of a brand, without gaps and in commit order. So it lies between the
number of movements acknowledged before the question and the number sent before the answer, and nobody sees
it go back. Where a brand's movements were made one after the other, it also says which of them had
happened, whoever asked, about however many addresses at once.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import pairwise

from tests.torture.history import Brand, Movement, Positioned, RegisterName


def misplaced(brand: Brand) -> Iterator[str]:
    """Tell of answers whose position is behind what was acknowledged or seen, or ahead of what was sent."""
    acknowledged = sorted(m.write.done for m in brand.movements if m.write.done is not None)
    sent = sorted(movement.write.sent for movement in brand.movements)
    answered: list[tuple[float, int]] = []
    highest = 0
    for said in sorted(brand.positions, key=lambda said: said.asked):
        while answered and answered[0][0] < said.asked:
            highest = max(highest, heappop(answered)[1])
        heappush(answered, (said.answered, said.position))
        floor = max(highest, bisect_left(acknowledged, said.asked))
        ceiling = bisect_right(sent, said.answered)
        if not floor <= said.position <= ceiling:
            yield (
                f"{_told(said)}; {floor} had been acknowledged or seen before, {ceiling} had been sent"
            )


def torn(brand: Brand) -> Iterator[str]:
    """Tell of answers that were never the state at the position that they name.

    Looks only at a brand whose movements were made one after the other; the place of a lost one is not
    known, so it may have happened anywhere after it was sent.
    """
    if not _one_after_the_other(brand.movements):
        return
    story = _Story(brand.movements)
    for said in brand.positions:
        if said.seen and not story.fits(said):
            yield f"{_told(said)}; at no such moment was it all of {said.seen}"


@dataclass(slots=True)
class _Change:
    """One change of a register; `place` is the number of acknowledged movements up to and with it."""

    place: int
    value: str
    is_lost: bool


class _Story:
    """What each register was after so many movements."""

    def __init__(self, movements: Sequence[Movement]) -> None:
        self._changes: defaultdict[RegisterName, list[_Change]] = defaultdict(list)
        self._known = self._lost = 0
        for movement in movements:
            is_lost = movement.write.done is None
            self._lost += is_lost
            self._known += not is_lost
            change = _Change(self._known, movement.write.value, is_lost)
            self._changes[movement.register].append(change)

    def fits(self, said: Positioned) -> bool:
        """Say whether there was a moment of this position at which everything was as told."""
        lowest = max(0, said.position - self._lost)
        return any(
            all(
                value in self._values(name, known, some_lost=known < said.position)
                for name, value in said.seen.items()
            )
            for known in range(lowest, min(said.position, self._known) + 1)
        )

    def _values(self, name: RegisterName, known: int, *, some_lost: bool) -> set[str]:
        """Return what a register can have been after so many acknowledged movements of the brand.

        `some_lost` says whether lost ones are among the movements of the position, too.
        """
        possible = {"none"}
        for change in self._changes[name]:
            if change.place > known:
                break
            if not change.is_lost:
                possible = {change.value}
            elif some_lost:
                possible.add(change.value)
        return possible


def _one_after_the_other(movements: Sequence[Movement]) -> bool:
    known = [movement.write for movement in movements if movement.write.done is not None]
    return all(one.done is not None and one.done <= other.sent for one, other in pairwise(known))


def _told(said: Positioned) -> str:
    return (
        f"{said.by}, asked {said.asked:.4f}, answered {said.answered:.4f}: position {said.position}"
    )

"""The search: breadth first, so that the wrong answer that it finds is one of the nearest.

python -m tests.model.explore            search the whole protocol, then each guard's absence
python -m tests.model.explore --large    the same with larger bounds: minutes, 3 GB
python -m tests.model.explore --write    write docs/coherence-traces.md
"""

import argparse
import sys
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from tests.model.bounds import Scene
from tests.model.protocol import Guards, Wrong
from tests.model.scenes import FULL, HARMLESS, LARGE, OWN_GUARDS, RULES, Removal
from tests.model.space import CHECK, Space, State, Step
from tests.model.traces import document, told

TRACES = Path(__file__).resolve().parents[2] / "docs" / "coherence-traces.md"
STATES_MAX = 14_000_000


class Outcome(NamedTuple):
    """What a search has found. No `wrong`: every state within the scene's bounds was seen."""

    states: int
    depth: int
    seconds: float
    steps: tuple[Step, ...] = ()
    wrong: Wrong | None = None


class TooLargeError(Exception):
    """A scene has more states than fit; nothing was found in those that did."""


def search(scene: Scene, guards: Guards, *, stale_allow: bool = False) -> Outcome:
    """Go through all states of a scene until an answer is wrong; of the kind asked for, if any is."""
    began = time.perf_counter()
    space = Space(scene, guards)
    first = space.first()
    parents: dict[State, State | None] = {first: None}
    layer = [first]
    depth = 0
    while layer:
        depth += 1
        layer, last = _next_layer(space, layer, parents, stale_allow=stale_allow)
        if last is not None:
            wrong = space.checks[last[CHECK]]
            assert isinstance(wrong, Wrong)
            steps = tuple(_steps(space, parents, last))
            return Outcome(len(parents), depth, time.perf_counter() - began, steps, wrong)
        if len(parents) > STATES_MAX:
            raise TooLargeError(f"{scene.name}: more than {STATES_MAX} states at depth {depth}")
    return Outcome(len(parents), depth, time.perf_counter() - began)


def _next_layer(
    space: Space, layer: list[State], parents: dict[State, State | None], *, stale_allow: bool
) -> tuple[list[State], State | None]:
    """Return the states that are one step further, or the first one of them that is wrong."""
    further: list[State] = []
    moves, wrong = space.moves, space.wrong
    for state in layer:
        for _, after in moves(state):
            if after in parents:
                continue
            parents[after] = state
            if after[CHECK] not in wrong:
                further.append(after)
            elif not stale_allow or _is_stale_allow(space, after):
                return [], after
    return further, None


def _is_stale_allow(space: Space, state: State) -> bool:
    check = space.checks[state[CHECK]]
    return isinstance(check, Wrong) and check.is_stale_allow


def _steps(space: Space, parents: dict[State, State | None], last: State) -> list[Step]:
    path = [last]
    while (before := parents[path[-1]]) is not None:
        path.append(before)
    path.reverse()
    return [next(step for step, there in space.moves(a) if there == b) for a, b in pairwise(path)]


def without(removal: Removal) -> Outcome:
    """Search with some guard taken away."""
    return search(removal.scene, removal.remaining, stale_allow=removal.stale_allow)


def trace(removal: Removal) -> str:
    """Return the nearest wrong answer without some guard, in plain words."""
    found = without(removal)
    assert found.wrong is not None, f"no wrong answer without {removal.guards}"
    return told(removal.scene, found.steps, found.wrong)


def all_traces() -> str:
    """Return the page that is committed."""
    return document(
        [(removal.title, trace(removal)) for removal in RULES],
        [(removal.title, trace(removal)) for removal in OWN_GUARDS],
    )


def _print_all(scenes: Sequence[Scene]) -> bool:
    clean = True
    for scene in scenes:
        try:
            found = search(scene, Guards())
        except TooLargeError as error:
            print(f"{error}, none of them wrong")  # noqa: T201  # a script
            continue
        clean = clean and found.wrong is None
        _say(scene.name, found)
        if found.wrong is not None:
            print(told(scene, found.steps, found.wrong))  # noqa: T201  # a script
    for removal in (*RULES, *OWN_GUARDS, *HARMLESS):
        _say(f"Without {', '.join(removal.guards)}", without(removal))
    return clean


def _say(what: str, found: Outcome) -> None:
    verdict = "no wrong answer" if found.wrong is None else "WRONG"
    print(  # noqa: T201  # a script
        f"{what}: {found.states:,} states, {found.depth} steps deep, {found.seconds:.1f} s: {verdict}"
    )


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    if arguments.write:
        TRACES.write_text(all_traces())
        return 0
    return 0 if _print_all((*FULL, *LARGE) if arguments.large else FULL) else 1


if __name__ == "__main__":
    sys.exit(main())

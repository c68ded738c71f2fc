"""The protocol of docs/coherence.md, message by message, as pure functions. Each names its step and its file.

What is left out, and why that loses nothing:

- What somebody wrote is the movement itself. Two movements of an address are never equal, so an answer is
  right only if it comes from the right movement, whatever ONAY and RET they stand for.
- A script that was sent stays in the network for ever: it can arrive at any time, any number of times, or
  never. That is every late, lost and repeated command. A projector does not wait for replies.
- A check that waits is not shown: it arrives when its round is sent. Had it arrived earlier, more would be
  right. For the same reason only the last one to join a round counts.
- A server that restarts from an old dump, a replica that lags and is promoted, a demoted node that is
  overwritten by a resync under live connections: each is another dataset behind the next command.
"""

from dataclasses import dataclass
from typing import NamedTuple

KEYS = 2
PROMOTED = -1


class Movement(NamedTuple):
    """A movement, its place, and what is on file once it is made: for each key, which movement."""

    identity: int
    position: int
    on_file: tuple[int, ...]


Log = tuple[Movement, ...]
Found = tuple[int, ...]
NOTHING = Movement(0, 0, (0,) * KEYS)


class Mark(NamedTuple):
    """A watermark. `seen` is the newest head that any of its entries was read at; None: nobody noted it.

    In the cache's bytes `at` is a position only, and the movement is `seen`'s: whoever has that movement
    has the same history up to it (shared/cache/layout.py).
    """

    generation: int
    at: Movement
    seen: Movement | None
    filled: int = KEYS

    @property
    def settled(self) -> bool:
        return self.filled == KEYS and self.seen == self.at

    @property
    def promoted(self) -> bool:
        """What a promote leaves in n: the name alone, so that n is never nothing again."""
        return self.filled == PROMOTED


class Dataset(NamedTuple):
    """What one cache server holds for the brand."""

    w: Mark | None = None
    n: Mark | None = None
    buckets: tuple[tuple[int, Found], ...] = ()
    garbage: tuple[int, ...] = ()

    def entries(self, generation: int) -> Found:
        return next((found for name, found in self.buckets if name == generation), NOTHING.on_file)

    def named(self) -> set[int]:
        """Return the generations that w and n name, a promoted one's name left aside."""
        return {mark.generation for mark in (self.w, self.n) if mark and not mark.promoted}


class Script(NamedTuple):
    """One command of a projector. `key` is the watermark that it compares and changes."""

    kind: str  # page, begin, promote, clean, forget
    key: str
    expected: Mark | None
    new: Mark | None = None
    entries: tuple[tuple[int, int], ...] = ()
    generation: int = 0
    bucket: int = 0


class Check(NamedTuple):
    """A round under way: which heads would be right, and what the two stores have said so far."""

    right: tuple[Movement, ...]
    head: Movement | None = None
    mark: Mark | None = None
    found: Found | None = None
    asks_ledger: bool = False


class Wrong(NamedTuple):
    """An answer that the ledger did not stand for at any moment of the check."""

    right: tuple[Movement, ...]
    found: Found

    @property
    def is_stale_allow(self) -> bool:
        """Say whether a key is answered from a movement that was not its newest at any moment."""
        return any(self.is_stale(key) for key in range(KEYS) if self.found[key])

    def is_stale(self, key: int) -> bool:
        return all(head.on_file[key] != self.found[key] for head in self.right)


@dataclass(frozen=True)
class Guards:
    """Each True is a guard in force; a search takes one away."""

    joins_unsent: bool = True  # rule 1: a check joins only a round that was not sent yet
    identity: bool = True  # rule 2: W names the movement, not the position alone
    compares: bool = True  # rule 3: a script compares first
    atomic: bool = True  # rule 4: W and entries are of one moment
    mark_first: bool = True  # and where they are not, W is read first
    primary: bool = True  # rule 5: a standby answers no check
    fenced: bool = True  # rule 5: nor does a deposed primary
    no_eviction: bool = True  # rule 8
    settled: bool = True  # an unsettled W answers nothing
    seen: bool = True  # W names the newest head that its entries were read at
    leaves_name: bool = True  # a promote leaves the generation's name in n
    same_generation: bool = True  # entries of another generation than W's are a miss
    own_buckets: bool = True  # a generation has buckets of its own
    cleans_garbage: bool = True  # only what is in g is removed
    cleans_unnamed: bool = True  # and only what neither w nor n names
    projects_fenced: bool = True  # a projector asks the primary alone


# ------------------------------------------------------------------------------------------- ledger


def newest(log: Log) -> Movement:
    return log[-1] if log else NOTHING


def write(log: Log, *, key: int, identity: int) -> Log:
    """A write commits; its reply may be lost (shared/ledger/append.py)."""
    before = newest(log)
    on_file = tuple(identity if k == key else old for k, old in enumerate(before.on_file))
    return (*log, Movement(identity, before.position + 1, on_file))


def stands(movement: Movement, log: Log, guards: Guards) -> bool:
    """Say whether this very movement is in the ledger."""
    if not movement.position:
        return True
    if len(log) < movement.position:
        return False
    return not guards.identity or log[movement.position - 1] == movement


def key_of(movement: Movement) -> int:
    return movement.on_file.index(movement.identity)


# ------------------------------------------------------------------------------------------- checks


def same_movement(one: Movement, other: Movement, guards: Guards) -> bool:
    return one == other if guards.identity else one.position == other.position


def usable(mark: Mark | None, guards: Guards) -> bool:
    """A check, step 4: W is there and settled."""
    return mark is not None and (mark.settled or not guards.settled)


def concluded(check: Check, guards: Guards) -> Check | Wrong | None:
    """A check, steps 4 and 6: both have answered; do they agree? (services/check/rounds.py)."""
    if check.head is None or check.mark is None or check.found is None:
        return check
    if same_movement(check.head, check.mark.at, guards):
        return answered(check, check.found)
    return Check(check.right, asks_ledger=True)


def answered(check: Check, found: Found) -> Wrong | None:
    """The property: the ledger stood for this answer at one moment between arrival and answer."""
    if any(head.on_file == found for head in check.right):
        return None
    return Wrong(check.right, found)


# ---------------------------------------------------------------------------------------- projector


def next_script(
    key: str, mark: Mark | None, log: Log, *, page: int, generation: int, guards: Guards
) -> Script | None:
    """What a projector sends that saw `mark` at `key`, and asked the ledger (projector/project_brand.py)."""
    if mark is None or mark.promoted or not _continued(mark, log, guards):
        return _begin(mark, log, generation, guards) if key == "n" else None
    if mark.filled < KEYS:
        return _fill(mark, log, page, guards)
    if key == "n" and mark.settled:
        return Script("promote", "n", mark)
    return _round(key, mark, log, page, guards)


def next_look(script: Script) -> list[tuple[str, Mark]]:
    """While a page of the first filling is written, the next one is read already."""
    if script.kind == "page" and script.new and 0 <= script.new.filled < KEYS:
        return [(script.key, script.new)]
    return []


def _continued(mark: Mark, log: Log, guards: Guards) -> bool:
    """A step of the projector, 1 and 2: the ledger is still the one that this generation was read from."""
    return stands(mark.seen if guards.seen and mark.seen else mark.at, log, guards)


def _round(key: str, mark: Mark, log: Log, page: int, guards: Guards) -> Script | None:
    """A step, 3: the next movements, and all that is on file *now* for the addresses among them."""
    head = newest(log)
    moved = log[mark.at.position : mark.at.position + page]
    at = moved[-1] if moved else mark.at
    touched = sorted({key_of(movement) for movement in moved})
    new = Mark(mark.generation, at, _noted(head, at, guards))
    if new == mark:
        return None
    return Script("page", key, mark, new, tuple((k, head.on_file[k]) for k in touched))


def _begin(mark: Mark | None, log: Log, generation: int, guards: Guards) -> Script | None:
    """Build, step 1."""
    head = newest(log)
    seen = head if guards.seen else None
    return Script("begin", "n", mark, Mark(generation, head, seen, 0)) if generation else None


def _fill(mark: Mark, log: Log, page: int, guards: Guards) -> Script:
    """Build, step 2: the next addresses that are on file now. Who is not on file is not touched."""
    head = newest(log)
    there = [k for k in range(mark.filled, KEYS) if head.on_file[k]][:page]
    filled = there[-1] + 1 if len(there) == page else KEYS
    new = Mark(mark.generation, mark.at, head if guards.seen else None, filled)
    return Script("page", "n", mark, new, tuple((k, head.on_file[k]) for k in there))


def _noted(head: Movement, at: Movement, guards: Guards) -> Movement | None:
    return head if guards.seen or head == at else None


# -------------------------------------------------------------------------------- the cache's scripts


def run(script: Script, data: Dataset, guards: Guards) -> Dataset:
    """One script on one dataset, whole or not at all (shared/cache/store.py)."""
    if script.kind == "clean":
        return _run_clean(script, data, guards)
    if script.kind == "forget":
        return data._replace(w=None, garbage=_with(data.garbage, data.w))
    current = data.w if script.key == "w" else data.n
    if guards.compares and current != script.expected:
        return data
    if script.kind == "begin":
        return _run_begin(script, data, guards)
    if script.kind == "promote":
        return _run_promote(script, data, guards)
    return _run_page(script, data, guards)


def _run_page(script: Script, data: Dataset, guards: Guards) -> Dataset:
    """A step, 3, and Build, 2: entries, then the watermark."""
    assert script.new is not None
    name = script.new.generation if guards.own_buckets else 0
    found = list(data.entries(name))
    for key, value in script.entries:
        found[key] = value
    data = _stored(data, name, tuple(found))
    return data._replace(w=script.new) if script.key == "w" else data._replace(n=script.new)


def _run_begin(script: Script, data: Dataset, _guards: Guards) -> Dataset:
    """Build, step 1: an n that was there goes to g."""
    return data._replace(n=script.new, garbage=_with(data.garbage, data.n))


def _run_promote(script: Script, data: Dataset, guards: Guards) -> Dataset:
    """Build, step 4."""
    assert script.expected is not None
    name = Mark(script.expected.generation, NOTHING, None, PROMOTED)
    left = name if guards.leaves_name else None
    return data._replace(w=script.expected, n=left, garbage=_with(data.garbage, data.w))


def _run_clean(script: Script, data: Dataset, guards: Guards) -> Dataset:
    """Clean: the last script of a generation takes it out of g."""
    name = script.generation
    if guards.cleans_garbage and name not in data.garbage:
        return data
    if guards.cleans_unnamed and name in data.named():
        return data
    found = data.entries(name)
    kept = tuple(0 if key == script.bucket else value for key, value in enumerate(found))
    data = _stored(data, name, kept)
    if script.bucket == KEYS - 1:
        data = data._replace(garbage=tuple(g for g in data.garbage if g != name))
    return data


def _stored(data: Dataset, name: int, found: Found) -> Dataset:
    others = [bucket for bucket in data.buckets if bucket[0] != name]
    return data._replace(buckets=tuple(sorted([*others, (name, found)] if any(found) else others)))


def _with(garbage: tuple[int, ...], mark: Mark | None) -> tuple[int, ...]:
    if mark is None or mark.promoted:
        return garbage
    return tuple(sorted({*garbage, mark.generation}))

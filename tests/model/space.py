"""Which steps are possible in a state of the world, and what they lead to.

A state is seven small numbers, one for each part; a part is looked up in its book. So a state is small, and a
step on a part is worked out once, however many states share the part.
"""

from collections.abc import Iterator
from functools import cache
from typing import Generic, NamedTuple, TypeVar

from tests.model import protocol as p
from tests.model.bounds import Budget, Scene
from tests.model.protocol import Check, Dataset, Guards, Log, Mark, Script

State = tuple[int, int, int, int, int, int, int]
LEDGER, LIVE, COPY, HELD, NET, CHECK, BUDGET = range(7)

Seen = tuple[str, Mark | None]  # what a projector has read, and at which key
Part = TypeVar("Part")


class Ledger(NamedTuple):
    """The primary's log, and the log of a primary that was deposed."""

    log: Log = ()
    deposed: Log | None = None


class Step(NamedTuple):
    """One step: its name, and what it was done with."""

    name: str
    detail: object = None
    place: int = LIVE


class Book(Generic[Part]):
    """Parts by number."""

    def __init__(self) -> None:
        self._numbers: dict[Part, int] = {}
        self._parts: list[Part] = []

    def number(self, part: Part) -> int:
        number = self._numbers.setdefault(part, len(self._parts))
        if number == len(self._parts):
            self._parts.append(part)
        return number

    def __getitem__(self, number: int) -> Part:
        return self._parts[number]


Moves = list[tuple[Step, State]]


class Space:
    """All that can happen in a scene under some guards."""

    def __init__(self, scene: Scene, guards: Guards) -> None:
        self.scene, self.guards = scene, guards
        self.ledgers: Book[Ledger] = Book()
        self.datasets: Book[Dataset] = Book()
        self.held: Book[tuple[Seen, ...]] = Book()
        self.scripts: Book[Script] = Book()
        self.nets: Book[tuple[int, ...]] = Book()
        self.checks: Book[Check | p.Wrong | None] = Book()
        self.budgets: Book[Budget] = Book()
        self.wrong: set[int] = set()
        self._made = len(scene.log)
        self._fenced = guards.fenced and guards.projects_fenced
        self.deliver = cache(self._deliver)
        self.asked = cache(self._asked)
        self.looked = cache(self._looked)
        self.check_steps = cache(self._check_steps)
        self.extended = cache(self._extended)
        self.faults = cache(self._faults)
        self.written = cache(self._written)
        self.cleaning = cache(self._cleaning)
        self.sent = cache(self._sent)

    def first(self) -> State:
        data = self.scene.data
        if not self.guards.own_buckets:
            data = data._replace(buckets=tuple((0, found) for _, found in data.buckets))
        return (
            self.ledgers.number(Ledger(self.scene.log)),
            self.datasets.number(data),
            self.datasets.number(Dataset()),
            self.held.number(()),
            self.nets.number(()),
            self.checks.number(None),
            self.budgets.number(self.scene.budget),
        )

    def moves(self, state: State) -> Moves:
        """Return every step that is possible, with the state after it."""
        moves: Moves = []
        servers = (LIVE, COPY) if self.scene.both_servers else (LIVE,)
        self._ledger_moves(state, moves)
        self._ask_moves(state, moves)
        for place in servers:
            self._look_moves(state, place, moves)
            self._script_moves(state, place, moves)
        self._fault_moves(state, moves)
        for place in servers:
            self._check_moves(state, place, moves)
        return moves

    # ---------------------------------------------------------------------------------------- ledger

    def _ledger_moves(self, state: State, moves: Moves) -> None:
        ledger, live, copy, held, net, check, budget = state
        for step, after, left in self.written(ledger, budget):
            noticed = self.extended(check, after)
            moves.append((step, (after, live, copy, held, net, noticed, left)))

    def _written(self, ledger: int, budget: int) -> list[tuple[Step, int, int]]:
        """Writes, and fail-overs that lose the last of them."""
        (log, deposed), left = self.ledgers[ledger], self.budgets[budget]
        after: list[tuple[Step, Ledger, Budget]] = []
        if left.writes:
            identity = self._made + self.scene.budget.writes - left.writes + 1
            for key in range(p.KEYS):
                longer = p.write(log, key=key, identity=identity)
                spent = left._replace(writes=left.writes - 1)
                after.append((Step("write", longer[-1]), Ledger(longer, deposed), spent))
        if left.losses:
            for length in range(len(log)):
                lost = Ledger(log[:length], None if self._fenced else log)
                spent = left._replace(losses=left.losses - 1)
                after.append((Step("lose", log[length:]), lost, spent))
        if left.failovers and not self._fenced:
            spent = left._replace(failovers=left.failovers - 1)
            after.append((Step("failover"), Ledger(log, log), spent))
        return [(s, self.ledgers.number(a), self.budgets.number(b)) for s, a, b in after]

    def _extended(self, check: int, ledger: int) -> int:
        """A check that is under way may now be answered from the new head, too."""
        now = self.checks[check]
        if not isinstance(now, Check):
            return check
        right = tuple(sorted({*now.right, p.newest(self.ledgers[ledger].log)}))
        return self.checks.number(now._replace(right=right))

    # ---------------------------------------------------------------------------------------- checks

    def _check_moves(self, state: State, place: int, moves: Moves) -> None:
        ledger, live, copy, held, net, check, budget = state
        for step, after in self.check_steps(check, ledger, state[place], place):
            moves.append((step, (ledger, live, copy, held, net, after, budget)))

    def _check_steps(
        self, check: int, ledger: int, data: int, place: int
    ) -> list[tuple[Step, int]]:
        now, log = self.checks[check], self.ledgers[ledger].log
        right = (p.newest(log),)
        if now is None:
            return [(Step("arrive"), self.checks.number(Check(right)))]
        if not isinstance(now, Check):
            return []
        steps: list[tuple[Step, Check | p.Wrong | None]] = []
        for source, seen in self._readable(self.ledgers[ledger]):
            if now.asks_ledger:
                steps.append((Step("ledger", source), p.answered(now, seen.on_file)))
            elif now.head is None:
                steps.append((Step("head", (source, seen)), now._replace(head=seen)))
        if not now.asks_ledger:
            steps += self._cache_reads(now, self.datasets[data], place)
            if not self.guards.joins_unsent and now.right != right:
                steps.append((Step("join"), now._replace(right=right)))
        return [(step, self._concluded(after)) for step, after in steps]

    def _concluded(self, check: Check | p.Wrong | None) -> int:
        done = p.concluded(check, self.guards) if isinstance(check, Check) else check
        number = self.checks.number(done)
        if isinstance(done, p.Wrong):
            self.wrong.add(number)
        return number

    def _readable(self, ledger: Ledger) -> Iterator[tuple[str, p.Movement]]:
        """Whose head and entries a check may get: the primary's (rule 5), or anybody's."""
        yield "primary", p.newest(ledger.log)
        if not self.guards.primary:
            for length in range(len(ledger.log)):
                yield "standby", p.newest(ledger.log[:length])
        if ledger.deposed is not None and not self.guards.fenced:
            yield "deposed", p.newest(ledger.deposed)

    def _cache_reads(
        self, now: Check, data: Dataset, place: int
    ) -> Iterator[tuple[Step, Check | p.Wrong | None]]:
        """W and the entries, in one MULTI; without rule 4 one by one."""
        if now.mark is None and not p.usable(data.w, self.guards):
            yield Step("miss", data.w, place), Check(now.right, asks_ledger=True)
        elif self.guards.atomic:
            if now.mark is None and data.w is not None:
                for name in self._asked_for(data, data.w):
                    found = data.entries(name)
                    after = now._replace(mark=_place_of(data.w), found=found)
                    yield Step("cache", (data.w, found, name), place), after
        else:
            yield from self._reads_apart(now, data, place)

    def _reads_apart(
        self, now: Check, data: Dataset, place: int
    ) -> Iterator[tuple[Step, Check | p.Wrong | None]]:
        known = now.mark or (None if self.guards.mark_first else data.w)
        if now.found is None and known is not None:
            found = data.entries(known.generation)
            yield Step("entries", found, place), now._replace(found=found)
        if now.mark is None and data.w and (self.guards.mark_first or now.found is not None):
            yield Step("mark", data.w, place), now._replace(mark=_place_of(data.w))

    def _asked_for(self, data: Dataset, mark: Mark) -> list[int]:
        """Of which generations a process may have asked for entries; it knows some W that it saw before."""
        name = mark.generation if self.guards.own_buckets else 0
        if self.guards.same_generation:
            return [name]
        return [name, *sorted({*dict(data.buckets), *data.garbage} - {name})]

    # ------------------------------------------------------------------------------------ projectors

    def _look_moves(self, state: State, place: int, moves: Moves) -> None:
        ledger, live, copy, held, net, check, budget = state
        for step, after in self.looked(held, state[place], budget, place):
            moves.append((step, (ledger, live, copy, after, net, check, budget)))

    def _looked(self, held: int, data: int, budget: int, place: int) -> list[tuple[Step, int]]:
        """A projector reads a watermark. One that held another has crashed, or gave that up."""
        now, there = self.held[held], self.datasets[data]
        wanted: list[Seen] = [("w", there.w)] if there.w else []
        building = there.n and not there.n.promoted
        if building or self.budgets[budget].names:
            wanted.append(("n", there.n))
        steps = []
        for seen in wanted:
            if seen in now:
                continue
            if len(now) < self.scene.projectors:
                places = [(*now, seen)]
            else:
                places = [(*now[:i], seen, *now[i + 1 :]) for i in range(len(now))]
            for after in places:
                ordered = tuple(sorted(after, key=repr))
                steps.append((Step("look", seen, place), self.held.number(ordered)))
        return steps

    def _ask_moves(self, state: State, moves: Moves) -> None:
        ledger, live, copy, held, net, check, budget = state
        for step, script, after, left in self.asked(held, ledger, budget):
            sent = self.sent(net, script)
            if sent >= 0:
                moves.append((step, (ledger, live, copy, after, sent, check, left)))

    def _asked(self, held: int, ledger: int, budget: int) -> list[tuple[Step, int, int, int]]:
        """A projector asks the ledger, and sends the script."""
        now, left = self.held[held], self.budgets[budget]
        steps = []
        for place, (key, mark) in enumerate(now):
            for source, log in self._followed(self.ledgers[ledger]):
                script = self._script(key, mark, log, left)
                if script is None:
                    continue
                others = [*now[:place], *now[place + 1 :], *p.next_look(script)]
                after = self.held.number(tuple(sorted(others, key=repr)))
                names = left.names - (script.kind == "begin")
                spent = self.budgets.number(left._replace(names=names))
                steps.append(
                    (Step("send", (source, script)), self.scripts.number(script), after, spent)
                )
        return steps

    def _followed(self, ledger: Ledger) -> Iterator[tuple[str, Log]]:
        """Whom a projector may ask."""
        yield "primary", ledger.log
        if ledger.deposed is not None and not self.guards.projects_fenced:
            yield "deposed", ledger.deposed

    def _script(self, key: str, mark: Mark | None, log: Log, left: Budget) -> Script | None:
        name = self.scene.budget.names - left.names + 2 if left.names else 0
        return p.next_script(
            key, mark, log, page=self.scene.page, generation=name, guards=self.guards
        )

    def _sent(self, net: int, script: int) -> int:
        """Return the network with the script in it; -1: the bound is reached."""
        now = self.nets[net]
        if script in now:
            return net
        if len(now) == self.scene.scripts:
            return -1
        return self.nets.number(tuple(sorted((*now, script))))

    # --------------------------------------------------------------------------------------- scripts

    def _script_moves(self, state: State, place: int, moves: Moves) -> None:
        data, net = state[place], state[NET]
        for script in self.nets[net]:
            after = self.deliver(script, data)
            if after != data:
                step = Step("arrives", self.scripts[script], place)
                moves.append((step, _with(state, place, after)))
        for before, script in self.cleaning(data):
            sent = self.sent(net, script)
            if sent not in (-1, net) and (before < 0 or before in self.nets[net]):
                moves.append((Step("clean", self.scripts[script], place), _with(state, NET, sent)))

    def _deliver(self, script: int, data: int) -> int:
        return self.datasets.number(p.run(self.scripts[script], self.datasets[data], self.guards))

    def _cleaning(self, data: int) -> list[tuple[int, int]]:
        """A projector cleans page by page: the next one once the one before is seen to be done."""
        if not self.scene.cleans:
            return []
        now = self.datasets[data]
        scripts = []
        for name in now.garbage:
            before = -1
            for bucket in range(p.KEYS):
                script = Script("clean", "g", None, generation=name, bucket=bucket)
                scripts.append((before, self.scripts.number(script)))
                if now.entries(name)[bucket]:
                    break
                before = scripts[-1][1]
        return scripts

    # ---------------------------------------------------------------------------------------- faults

    def _fault_moves(self, state: State, moves: Moves) -> None:
        ledger, live, copy, held, net, check, budget = state
        for step, now, kept, left in self.faults(live, copy, budget):
            moves.append((step, (ledger, now, kept, held, net, check, left)))

    def _faults(self, live: int, copy: int, budget: int) -> list[tuple[Step, int, int, int]]:
        """What becomes of the cache: the step, the server, the copy, what is left of the bounds."""
        left, data = self.budgets[budget], self.datasets[live]
        empty = self.datasets.number(Dataset())
        found: list[tuple[Step, int, int, Budget]] = []
        if left.copies:
            found.append((Step("copy"), live, live, left._replace(copies=left.copies - 1)))
        if left.returns:
            found.append((Step("return"), copy, copy, left._replace(returns=left.returns - 1)))
        if left.flushes:
            found.append((Step("flush"), empty, copy, left._replace(flushes=left.flushes - 1)))
        found += self._damages(data, copy, left)
        return [
            (step, now, kept, self.budgets.number(spent))
            for step, now, kept, spent in found
            if (now, kept) != (live, copy)
        ]

    def _damages(
        self, data: Dataset, copy: int, left: Budget
    ) -> Iterator[tuple[Step, int, int, Budget]]:
        if left.forgets and data.w:
            after = p.run(Script("forget", "w", None), data, self.guards)
            spent = left._replace(forgets=left.forgets - 1)
            yield Step("forget"), self.datasets.number(after), copy, spent
        if left.evictions and not self.guards.no_eviction:
            after = data._replace(buckets=())
            spent = left._replace(evictions=left.evictions - 1)
            yield Step("evict"), self.datasets.number(after), copy, spent


def _place_of(mark: Mark) -> Mark:
    """Return what a check compares of a watermark."""
    return Mark(mark.generation, mark.at, mark.at)


def _with(state: State, place: int, part: int) -> State:
    changed = list(state)
    changed[place] = part
    ledger, live, copy, held, net, check, budget = changed
    return (ledger, live, copy, held, net, check, budget)

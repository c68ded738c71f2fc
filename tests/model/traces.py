"""What a search has found, in plain words.

The model knows movements, not ONAY and RET. In words, the movement that was answered from is an ONAY and
all others of its address are RET: with those statuses the wrong answer allows what it must not. Where the
answer is "no record", the movement that it misses is an ONAY.
"""

from collections.abc import Sequence
from typing import NamedTuple

from tests.model.bounds import Scene
from tests.model.protocol import KEYS, Found, Mark, Movement, Script, Wrong, key_of, newest
from tests.model.space import COPY, LIVE, Step

_ADDRESSES = "AB"
_HEAD = """# What each guard of the cache is for

Written by `python -m tests.model.explore --write`; `tests/model` asserts that it is what the search finds.
The protocol is in [coherence.md](coherence.md). Each trace is one of the shortest that end in a wrong answer
when that guard, and nothing else, is taken away. A and B are addresses, `#2` is a movement, `ONAY #2` what it
says. The steps are single messages, and everything between them may take as long as it likes.
"""
_WHO = {
    "primary": "the ledger",
    "standby": "a standby that lags",
    "deposed": "the deposed primary",
}
_PLAIN = {
    "arrive": "A check arrives; its round is sent",
    "join": "Another check arrives and joins that round",
    "miss": "The cache answers the round: nothing that counts",
    "failover": "A fail-over; nothing is lost, but the deposed primary still runs",
    "copy": "A copy of the cache is made: a dump, or a replica that falls behind from here",
    "return": "The cache is what the copy was: restarted, promoted, or resynced",
    "flush": "The cache is emptied",
    "forget": "The generation that is read is dropped: w goes, its name goes to g",
    "evict": "The server evicts the buckets",
}


class _Teller(NamedTuple):
    granted: frozenset[int]

    def movement(self, movement: Movement) -> str:
        if not movement.position:
            return "nothing"
        return f"position {movement.position}, #{movement.identity}"

    def status(self, identity: int) -> str:
        if not identity:
            return "no record"
        return f"{'ONAY' if identity in self.granted else 'RET'} #{identity}"

    def found(self, found: Found) -> str:
        return ", ".join(f"{_ADDRESSES[key]}: {self.status(found[key])}" for key in range(KEYS))

    def mark(self, mark: Mark | None) -> str:
        if mark is None:
            return "nothing"
        if mark.promoted:
            return f"the name of generation {mark.generation}"
        at = f"({self.movement(mark.at)}; generation {mark.generation}"
        if mark.filled < KEYS:
            return f"{at}, filling)"
        if mark.settled:
            return f"{at}, settled)"
        newer = f", entries as of #{mark.seen.identity}" if mark.seen else ""
        return f"{at}, unsettled{newer})"

    def script(self, script: Script) -> str:
        key = script.key
        if script.kind == "clean":
            return f"remove bucket {script.bucket} of generation {script.generation}"
        if script.kind == "promote":
            return f"if n is {self.mark(script.expected)}: w becomes that"
        if script.kind == "begin":
            return f"if n is {self.mark(script.expected)}: n becomes {self.mark(script.new)}"
        entries = ", ".join(f"{_ADDRESSES[k]}: {self.status(value)}" for k, value in script.entries)
        if_there = f"if {key} is {self.mark(script.expected)}: {entries or 'no entry'}"
        return f"{if_there}; {key} becomes {self.mark(script.new)}"

    def written(self, movement: Movement) -> str:
        key = key_of(movement)
        return f"{_ADDRESSES[key]}: {self.status(movement.identity)}, position {movement.position}"


def told(scene: Scene, steps: Sequence[Step], wrong: Wrong) -> str:
    """Return a numbered list: how it begins, every step, what is wrong."""
    teller = _Teller(_granted(scene, steps, wrong))
    sent: dict[Script, str] = {}
    lines = [
        _beginning(scene, teller),
        *(_sentence(step, teller, sent) for step in steps),
        _verdict(wrong, teller),
    ]
    return "\n".join(f"{number}. {line}" for number, line in enumerate(lines))


def _granted(scene: Scene, steps: Sequence[Step], wrong: Wrong) -> frozenset[int]:
    if wrong.is_stale_allow:
        stale = {
            wrong.found[key] for key in range(KEYS) if wrong.found[key] and wrong.is_stale(key)
        }
        return frozenset(stale)
    missed = {
        head.on_file[key] for head in wrong.right for key in range(KEYS) if not wrong.found[key]
    }
    return frozenset(missed)


def _beginning(scene: Scene, teller: _Teller) -> str:
    head = newest(scene.log)
    ledger = f"The ledger is at {teller.movement(head)}: {teller.found(head.on_file)}"
    if scene.data.w is None:
        return f"{ledger}. The cache is empty."
    return f"{ledger}. The cache has W {teller.mark(scene.data.w)} and the same entries."


def _verdict(wrong: Wrong, teller: _Teller) -> str:
    was = " or ".join(f"{teller.found(head.on_file)}" for head in wrong.right)
    return f"They agree, and the answer is {teller.found(wrong.found)}. The ledger's was {was}: **wrong**."


def _sentence(step: Step, teller: _Teller, sent: dict[Script, str]) -> str:
    text = (
        _PLAIN.get(step.name)
        or _of_stores(step, teller)
        or _of_scripts(step, teller, sent)
        or _of_the_ledger(step, teller)
    )
    where = {LIVE: "", COPY: " (at the copy)"}[step.place]
    return f"{text}{where}."


def _of_stores(step: Step, teller: _Teller) -> str:
    match step.name, step.detail:
        case "head", (str(source), Movement() as seen):
            who = _WHO[source].capitalize()
            return f"{who} answers the round: the head is {teller.movement(seen)}"
        case "cache", (Mark() as mark, tuple() as found, _):
            return f"The cache answers the round: W {teller.mark(mark)}, {teller.found(found)}"
        case "entries", tuple() as found:
            return f"The cache answers the round's HGETs: {teller.found(found)}"
        case "mark", Mark() as mark:
            return f"The cache answers the round's GET: W {teller.mark(mark)}"
        case _:
            return ""


def _of_scripts(step: Step, teller: _Teller, sent: dict[Script, str]) -> str:
    match step.name, step.detail:
        case "look", (str(key), Mark() | None as mark):
            return f"A projector reads {key}: {teller.mark(mark)}"
        case "send", (str(source), Script() as script):
            sends = f"sends {_new_name(script, sent)}: {teller.script(script)}"
            return f"It asks {_WHO[source]}, and {sends}"
        case "clean", Script() as script:
            sends = f"sends {_new_name(script, sent)}: {teller.script(script)}"
            return f"A projector reads g, and {sends}"
        case "arrives", Script() as script:
            again = " again" if sent[script].endswith("*") else ""
            sent[script] = sent[script].rstrip("*") + "*"
            return f"Script {sent[script].rstrip('*')} arrives{again}"
        case _:
            return ""


def _new_name(script: Script, sent: dict[Script, str]) -> str:
    return sent.setdefault(script, chr(ord("p") + len(sent))).rstrip("*")


def _of_the_ledger(step: Step, teller: _Teller) -> str:
    match step.name, step.detail:
        case "write", Movement() as movement:
            return f"A write commits: {teller.written(movement)}"
        case "lose", tuple() as lost:
            return f"A fail-over, or a restore, loses {', '.join(f'#{m.identity}' for m in lost)}"
        case "ledger", str(source):
            return f"{_WHO[source].capitalize()} is asked for everything"
        case _:
            raise AssertionError(step)


def document(rules: Sequence[tuple[str, str]], guards: Sequence[tuple[str, str]]) -> str:
    """Return the page of all traces."""
    parts = [_HEAD]
    for heading, traces in (("The five rules", rules), ("The other guards", guards)):
        parts.append(f"## {heading}\n")
        parts += [f"### {title}\n\n{told_steps}\n" for title, told_steps in traces]
    return "\n".join(parts)

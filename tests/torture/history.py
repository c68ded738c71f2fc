"""What was done to the system, and what it said: the record that the judge reads.

Everything that an answer hangs on is a **register**: a consent, a grant, a brand's state. A register has
one writer at a time, who sends the next change after the last one has ended, acknowledged or lost. A
lost change may or may not have happened. It counts as possible from when it was sent until a later one
is acknowledged: dates of consents grow, so the ledger refuses one that was overtaken; nothing orders
rights, so their writer repeats what was lost, and lets time pass, before it changes its mind
(`rights.py`).

Times are seconds of one monotonic clock, that of the process which writes, asks and records.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

RegisterName = tuple[str | int, ...]
Seen = dict[RegisterName, str]
"""What one answer says about consents."""

ALLOWING: Final = frozenset({"ONAY", "given", "ACTIVE", "bound"})
"""The values of registers that let a message out."""

_CONSENT_VALUES: Final = {
    ("CONSENT", "BIREYSEL"): "ONAY",
    ("MERCHANT_ON_RECORD", "TACIR"): "ONAY",
    ("REFUSED", "BIREYSEL"): "RET",
    ("REFUSED", "TACIR"): "RET",
    ("NO_RECORD", "BIREYSEL"): "none",
    ("REGISTER_ADDRESS_FIRST", "TACIR"): "none",
}


@dataclass(slots=True)
class Write:
    """One change; `done` is when it was acknowledged, None while or because nobody knows."""

    value: str
    sent: float
    done: float | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """One look at a register, somewhere between `asked` and `answered`; `allowed` is of the whole answer."""

    value: str
    asked: float
    answered: float
    by: str
    allowed: bool = False


@dataclass(slots=True)
class Register:
    """The changes of one thing in their order, and who saw what."""

    name: RegisterName
    initial: str
    writes: list[Write] = field(default_factory=list[Write])
    reads: list[Read] = field(default_factory=list[Read])


@dataclass(frozen=True, slots=True)
class Movement:
    """A change of a consent, among those of its brand."""

    register: RegisterName
    write: Write


@dataclass(frozen=True, slots=True)
class Positioned:
    """An answer that names the position that it reflects, and what it said of that moment."""

    position: int
    asked: float
    answered: float
    by: str
    seen: Seen = field(default_factory=dict[RegisterName, str])


@dataclass(slots=True)
class Brand:
    """The movements of a brand, and the positions that answers reflected."""

    movements: list[Movement] = field(default_factory=list[Movement])
    positions: list[Positioned] = field(default_factory=list[Positioned])


@dataclass(frozen=True, slots=True)
class Key:
    """One consent that is asked about."""

    brand_code: int
    recipient: str
    channel: str = "MESAJ"
    recipient_type: str = "BIREYSEL"

    @property
    def register(self) -> RegisterName:
        return ("consent", self.brand_code, self.channel, self.recipient_type, self.recipient)


@dataclass(frozen=True, slots=True)
class Asked:
    """The circumstances of one answer. `by` says who asked whom and how, for the report.

    `account` is whose state the caller hangs on, None for one whose state nobody changes.
    """

    process: str
    by: str
    asked: float
    answered: float
    is_partner: bool = False
    with_header: bool = False
    account: int | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that needs an excuse: no answer, or an answer that says nothing.

    It may be excused by the suspension of `account`.
    """

    process: str
    asked: float
    answered: float
    what: str
    account: int | None = None


class History:
    """Collects all of one run."""

    def __init__(self) -> None:
        self.registers: dict[RegisterName, Register] = {}
        self.brands: defaultdict[int, Brand] = defaultdict(Brand)
        self.reasons: Counter[str] = Counter()
        self.allowed = 0
        self.writes_acknowledged = 0
        self.writes_lost = 0
        self.unverified: list[Trouble] = []
        self.unanswered: list[Trouble] = []
        self.strange: list[str] = []

    @property
    def answers(self) -> int:
        """How many addresses were answered for."""
        return self.reasons.total()

    def register(self, name: RegisterName, initial: str) -> Register:
        """Return a register, made when it is named for the first time."""
        if name not in self.registers:
            self.registers[name] = Register(name, initial)
        return self.registers[name]

    def begin(self, register: Register, value: str, *, now: float) -> Write:
        """Note a change that is about to be sent."""
        write = Write(value, now)
        register.writes.append(write)
        if register.name[0] == "consent":
            self._movements(register).append(Movement(register.name, write))
        return write

    def acknowledge(self, writes: Iterable[Write], *, now: float) -> None:
        self.writes_acknowledged += 1
        for write in writes:
            write.done = now

    def withdraw(self, register: Register, write: Write) -> None:
        """Strike out a change that provably was never sent."""
        register.writes.remove(write)
        if register.name[0] == "consent":
            self._movements(register).remove(Movement(register.name, write))

    def answer(self, asked: Asked, key: Key, reason: str, *, allowed: bool) -> Seen:
        """Note one answer for one address; return what it says about a consent, if it does."""
        self.reasons[reason] += 1
        self.allowed += allowed
        if reason == "UNVERIFIED":
            self.unverified.append(Trouble(asked.process, asked.asked, asked.answered, asked.by))
            return {}
        if allowed != (reason in {"CONSENT", "MERCHANT_ON_RECORD"}):
            self.strange.append(f"{asked.by}: {reason} with allowed {allowed}")
        for name, initial, value in self._said(asked, key, reason):
            read = Read(value, asked.asked, asked.answered, asked.by, allowed)
            self.register(name, initial).reads.append(read)
            if name == key.register:
                return {name: value}
        return {}

    def position(self, asked: Asked, brand_code: int, position: int | None, seen: Seen) -> None:
        if position is not None:
            said = Positioned(position, asked.asked, asked.answered, asked.by, seen)
            self.brands[brand_code].positions.append(said)

    def _movements(self, register: Register) -> list[Movement]:
        return self.brands[int(register.name[1])].movements

    def not_answered(self, asked: Asked, what: str) -> None:
        """Note that no answer came."""
        trouble = Trouble(asked.process, asked.asked, asked.answered, what, asked.account)
        self.unanswered.append(trouble)

    def signed_out(self, asked: Asked) -> None:
        """Note that the caller was turned away as nobody (401)."""
        self.reasons["401"] += 1
        read = Read("SUSPENDED", asked.asked, asked.answered, asked.by)
        self.register(account_register(asked.account), "ACTIVE").reads.append(read)

    def _said(self, asked: Asked, key: Key, reason: str) -> Iterable[tuple[RegisterName, str, str]]:
        """Yield what a verified answer says, in the order in which the product decides."""
        brand_code = key.brand_code
        if asked.account is not None:
            yield account_register(asked.account), "ACTIVE", "ACTIVE"
        if reason == "SENDER_NOT_REGISTERED":
            yield ("brand", brand_code), "ACTIVE", "SUSPENDED"
            return
        yield ("brand", brand_code), "ACTIVE", "ACTIVE"
        if asked.is_partner or reason == "NOT_AUTHORISED":
            said = "none" if reason == "NOT_AUTHORISED" else "given"
            yield ("grant", brand_code, key.channel), "given", said
            if said == "none":
                return
        if asked.with_header or reason == "HEADER_MISMATCH":
            said = "unbound" if reason == "HEADER_MISMATCH" else "bound"
            yield ("header", brand_code), "bound", said
            if said == "unbound":
                return
        value = _CONSENT_VALUES.get((reason, key.recipient_type))
        if value is None:
            self.strange.append(f"{asked.by}: {reason} about {key.recipient_type}")
        else:
            yield key.register, "none", value


def account_register(code: int | None) -> RegisterName:
    return ("account", 0 if code is None else code)

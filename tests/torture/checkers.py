"""Those who ask: as operator and as partner, one address and many, in every form that the check takes."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import Final, Literal

from tests.torture.history import Asked, History, Key, Seen
from tests.torture.wire import Door, Form, LostError, NotSentError, Reply
from tests.torture.world import World

Surface = Literal["single", "batch", "stream"]
Who = Literal["operator", "second_operator", "partner"]

BATCH_MAX: Final = 20
FORMS: Final[Sequence[Form]] = ("plain", "plain", "plain", "pieces", "chunked")
SURFACES: Final[Sequence[Surface]] = ("single", "single", "single", "single", "batch", "stream")


@dataclass(frozen=True, slots=True)
class Questions:
    """What may be asked about, by kind; `growing` gets longer during the run."""

    flipped: Sequence[Key]
    still: Sequence[Key]
    unknown: Sequence[Key]
    growing: Sequence[Key]
    granting: Sequence[Key]
    suspended: Sequence[Key]

    def draw(self, dice: random.Random) -> Key:
        kinds = [
            self.flipped,
            self.still,
            self.unknown,
            self.growing,
            self.granting,
            self.suspended,
        ]
        [kind] = dice.choices(kinds, weights=[40, 30, 2, 14, 8, 6])
        return dice.choice(kind or self.still)


@dataclass
class Asker:
    """One client with one connection to one check process, signed in as somebody."""

    history: History
    world: World
    process: str
    door: Door
    who: Who

    async def one(self, key: Key, *, form: Form = "plain", with_header: bool = False) -> None:
        """Ask about one address."""
        body = self._question(key, with_header=with_header) | {"recipient": key.recipient}
        asked = self._asked(f"single, {form}", with_header=with_header)
        reply, asked = await self._ask(asked, "/check", body, form)
        if reply is not None:
            told = reply.json()
            seen = self.history.answer(asked, key, told["reason"], allowed=told["allowed"])
            self.history.position(asked, key.brand_code, told["position"], seen)

    async def batch(self, keys: Sequence[Key], *, form: Form = "plain") -> None:
        """Ask about addresses of one brand, channel and recipient type."""
        body = self._question(keys[0]) | {"recipients": [key.recipient for key in keys]}
        reply, asked = await self._ask(self._asked("batch"), "/check/batch", body, form)
        if reply is None:
            return
        told = reply.json()
        allowed = 0
        seen: Seen = {}
        for key, reason in zip(keys, told["results"], strict=True):
            allows = reason in {"CONSENT", "MERCHANT_ON_RECORD"}
            allowed += allows
            seen |= self.history.answer(asked, key, reason, allowed=allows)
        self.history.position(asked, keys[0].brand_code, told["position"], seen)
        if allowed != told["allowedCount"]:
            self.history.strange.append(f"{asked.by}: {allowed} are allowed, it says {told}")

    async def stream(self, keys: Sequence[Key], *, form: Form = "plain") -> None:
        """Ask about the same, line by line."""
        key = keys[0]
        path = (
            f"/check/stream?brandCode={key.brand_code}&type={key.channel}"
            f"&recipientType={key.recipient_type}"
        )
        lines = "".join(f"{each.recipient}\n" for each in keys).encode()
        reply, asked = await self._ask(self._asked("stream"), path, lines, form)
        if reply is None:
            return
        if reply.status == 503:  # nobody could say who asks
            for each in keys:
                self.history.answer(asked, each, "UNVERIFIED", allowed=False)
            return
        *told, end = reply.lines()
        if not end.get("end") or [line["line"] for line in told] != [*range(1, len(keys) + 1)]:
            self.history.strange.append(f"{asked.by}: not one line each and an end: {reply.body!r}")
            return
        for each, line in zip(keys, told, strict=True):
            self.history.answer(asked, each, line["reason"], allowed=line["allowed"])
        # Groups of a stream may be of different positions; the end tells the last one's.
        self.history.position(asked, key.brand_code, end["position"], {})

    def _question(self, key: Key, *, with_header: bool = False) -> dict[str, object]:
        question: dict[str, object] = {"brandCode": key.brand_code, "type": key.channel}
        if key.recipient_type != "BIREYSEL":
            question["recipientType"] = key.recipient_type
        if with_header:
            question["header"] = self.world.header
        return question

    def _asked(self, how: str, *, with_header: bool = False) -> Asked:
        return Asked(
            process=self.process,
            by=f"{self.who} at {self.process} ({how})",
            asked=monotonic(),
            answered=0.0,
            is_partner=self.who == "partner",
            with_header=with_header,
            account=self.world.second_operator_code if self.who == "second_operator" else None,
        )

    async def _ask(
        self, asked: Asked, path: str, body: object, form: Form
    ) -> tuple[Reply | None, Asked]:
        """Return an answer that says something, and when it came; everything else is noted here."""
        try:
            reply = await self.door.ask("POST", path, body, form=form)
        except (LostError, NotSentError) as error:
            # A list whose credential is taken away meanwhile breaks off.
            account = asked.account if path.startswith("/check/stream") else None
            asked = replace(asked, answered=monotonic(), account=account)
            self.history.not_answered(asked, f"{asked.by}: {error!r}")
            await asyncio.sleep(0.05)  # it is being started again
            return None, asked
        asked = replace(asked, answered=monotonic())
        if reply.status == 401 and asked.account is not None:
            self.history.signed_out(asked)
            return None, asked
        word = b'"LEDGER_UNAVAILABLE"' if path.startswith("/check/stream") else b'"UNVERIFIED"'
        unverified = reply.status == 503 and word in reply.body
        if reply.status != 200 and not unverified:
            self.history.strange.append(f"{asked.by}: {reply.status} {reply.body!r}")
            return None, asked
        return reply, asked


@dataclass
class Crowd:
    """Everybody who asks; `doors` of a process are shared with nobody."""

    askers: list[Asker]
    probers: dict[Who, list[Asker]]
    questions: Questions
    dice: random.Random
    has_stream: bool

    async def ask_all_the_time(self, asker: Asker, *, rate_s: float) -> None:
        """Ask so many times a second, until cancelled."""
        while True:
            await asyncio.sleep(self.dice.expovariate(rate_s))
            await self._ask(asker)

    async def probe(self, key: Key) -> None:
        """Ask everywhere at once about what has just been acknowledged."""
        await asyncio.gather(*(prober.one(key) for prober in self.probers["operator"]))

    async def probe_rights(self) -> None:
        """Ask everywhere at once about what hangs on rights that have just changed."""
        granted = self.dice.choice(self.questions.granting)
        headed = replace(granted, channel="MESAJ")
        operators = self.probers["operator"]
        at_the_suspended = Key(operators[0].world.suspended, granted.recipient)
        await asyncio.gather(
            *(prober.one(granted) for prober in self.probers["partner"]),
            *(prober.one(granted) for prober in self.probers["second_operator"]),
            *(prober.one(headed, with_header=True) for prober in operators),
            *(prober.one(at_the_suspended) for prober in operators),
        )

    async def _ask(self, asker: Asker) -> None:
        key = self.questions.draw(self.dice)
        surface, form = self.dice.choice(SURFACES), self.dice.choice(FORMS)
        if surface == "single" or (surface == "stream" and not self.has_stream):
            with_header = key.brand_code == asker.world.granting and key.channel == "MESAJ"
            await asker.one(key, form=form, with_header=with_header and self.dice.random() < 0.5)
            return
        keys = self._relatives(key)
        await (asker.batch if surface == "batch" else asker.stream)(keys, form=form)

    def _relatives(self, key: Key) -> list[Key]:
        """Return the key and others of its brand, channel and recipient type."""
        alike = [
            each
            for kind in (self.questions.flipped, self.questions.still, self.questions.growing)
            for each in kind
            if each != key
            and (each.brand_code, each.channel, each.recipient_type)
            == (key.brand_code, key.channel, key.recipient_type)
        ]
        return [key, *self.dice.sample(alike, min(len(alike), self.dice.randint(1, BATCH_MAX)))]

"""What is asked in every cell of the failure table: one question, in three forms, of one process."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from time import monotonic
from typing import Final

import asyncpg

from shared.cache.layout import read_watermark, watermark_key
from tests.support.builders import phone
from tests.torture.system import System, open_system
from tests.torture.wire import Door, Form, Reply
from tests.torture.world import World, make_world

SURFACES: Final = ("single", "batch", "stream")
CLASSES: Final = {"commercial": "COMMERCIAL", "exempt": "LEGAL_NOTICE"}
DEADLINE_S: Final = 0.25
# What a test asserts; the deadline itself is what it measures, on a machine that may be busy.
PATIENCE_S: Final = 2.0
BOUND_S: Final = 30.0
BAD: Final = "INVALID_RECIPIENT"
LIST: Final = [phone(n) for n in range(1_000)]
ALLOWED: Final = {"CONSENT": True, "EXEMPT": True, "EXEMPT_UNVERIFIED": True}
STATUS: Final = {"CONSENT": "ONAY", "REFUSED": "RET"}
Cell = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class People:
    """Three of whom is known what was on file before a fault, and what was written during it."""

    granted: str
    refused: str
    unknown: str

    @property
    def all(self) -> list[str]:
        return [self.granted, self.refused, self.unknown]


BEFORE: Final = ["CONSENT", "REFUSED", "NO_RECORD"]
AFTER: Final = ["REFUSED", "CONSENT", "CONSENT"]


@dataclass
class Table:
    """A whole system, and somebody who writes and asks."""

    system: System
    world: World
    registry: Door
    check: Door
    seconds: dict[Cell, float] = field(default_factory=dict[Cell, float])
    _numbers: "count[int]" = field(default_factory=lambda: count(1))
    _minutes: "count[int]" = field(default_factory=lambda: count(1))

    @property
    def brand_code(self) -> int:
        return self.world.flipped[0]

    @asynccontextmanager
    async def credulous(self) -> AsyncGenerator["Table"]:
        """Ask a check that believes the cache, whatever the ledger's head is."""
        child = self.system.describe_check("credulous", module="tests.torture.credulous")
        await child.start()
        door = Door(child.port, authorization=self.world.operator)
        try:
            yield replace(self, check=door)
        finally:
            await door.close()
            await child.stop()

    async def new_people(self) -> People:
        """Put three people on file as they are before a fault."""
        people = People(*(phone(next(self._numbers)) for _ in range(3)))
        await self._record(people.granted, "ONAY")
        await self._record(people.refused, "ONAY")
        await self._record(people.refused, "RET")
        return people

    async def change(self, people: People) -> None:
        """Write what turns all three around; every one is acknowledged."""
        await self._record(people.granted, "RET")
        await self._record(people.refused, "ONAY")
        await self._record(people.unknown, "ONAY")

    async def _record(self, recipient: str, status: str) -> None:
        minute = next(self._minutes)
        body = {
            "recipient": recipient,
            "type": "MESAJ",
            "source": "HS_WEB",
            "status": status,
            "consentDate": f"2026-01-{1 + minute // 1440:02d} {minute // 60 % 24:02d}:{minute % 60:02d}:00",
            "recipientType": "BIREYSEL",
        }
        path = f"/sps/{self.world.iys_code}/brands/{self.brand_code}/consents"
        async with asyncio.timeout(BOUND_S):
            while (reply := await self.registry.ask("POST", path, body)).status >= 500:  # noqa: ASYNC110  # it is asked
                await asyncio.sleep(0.05)  # its own connections are made anew
        assert reply.status == 200, reply.body

    async def head(self) -> int:
        """Return the ledger's own idea of the brand's position."""
        connection = await asyncpg.connect(self.system.dsn)
        try:
            select = "SELECT position FROM brand_head WHERE brand_code = $1"
            position: int = await connection.fetchval(select, self.brand_code)
            return position
        finally:
            await connection.close()

    async def expect(
        self, cell: Cell, people: People, reasons: list[str], *, position: int | None
    ) -> None:
        """Ask about the people, and want just this answer, in time."""
        _, message_class, surface = cell
        question = {
            "brandCode": self.brand_code,
            "type": "MESAJ",
            "messageClass": CLASSES[message_class],
        }
        ask = {"single": self._single, "batch": self._batch, "stream": self._stream}[surface]
        await ask(cell, question, people, reasons, position)

    async def _single(
        self,
        cell: Cell,
        question: dict[str, object],
        people: People,
        reasons: list[str],
        position: int | None,
    ) -> None:
        """By way of the hot path, and by way of the app."""
        forms: tuple[Form, ...] = ("plain", "pieces")
        for recipient, reason in zip(people.all, reasons, strict=True):
            for form in forms:
                reply = await self._timed(cell, "/check", question | {"recipient": recipient}, form)
                assert reply.json() == {
                    "allowed": ALLOWED.get(reason, False),
                    "reason": reason,
                    "status": STATUS.get(reason),
                    "position": position,
                }, (cell, form)
                assert reply.status == (503 if reason == "UNVERIFIED" else 200)

    async def _batch(
        self,
        cell: Cell,
        question: dict[str, object],
        people: People,
        reasons: list[str],
        position: int | None,
    ) -> None:
        body = question | {"recipients": [*people.all, "x"]}
        reply = await self._timed(cell, "/check/batch", body)
        assert reply.json() == {
            "position": position,
            "allowedCount": sum(ALLOWED.get(reason, False) for reason in reasons),
            "results": [*reasons, BAD],
        }, cell
        assert reply.status == (503 if "UNVERIFIED" in reasons else 200)

    async def _stream(
        self,
        cell: Cell,
        question: dict[str, object],
        people: People,
        reasons: list[str],
        position: int | None,
    ) -> None:
        query = "&".join(f"{name}={value}" for name, value in question.items())
        lines = "".join(f"{line}\n" for line in [*people.all, "x"]).encode()
        reply = await self._timed(cell, f"/check/stream?{query}", lines)
        *answers, end = reply.lines()
        assert answers == [
            {"line": n, "allowed": ALLOWED.get(reason, False), "reason": reason}
            for n, reason in enumerate([*reasons, BAD], 1)
        ], cell
        assert end == {"end": True, "position": position, "counts": Counter([*reasons, BAD])}
        assert reply.status == 200

    async def _timed(self, cell: Cell, path: str, body: object, form: Form = "plain") -> Reply:
        began = monotonic()
        reply = await self.check.ask("POST", path, body, form=form)
        seconds = monotonic() - began
        self.seconds[cell] = max(self.seconds.get(cell, 0.0), seconds)
        assert seconds < PATIENCE_S, cell
        return reply

    async def answering(self) -> None:
        """Wait until the ledger is back for the check: its connections are made anew."""
        question = {"brandCode": self.brand_code, "type": "MESAJ", "recipient": phone(0)}
        async with asyncio.timeout(BOUND_S):
            while (await self.check.ask("POST", "/check", question)).status != 200:  # noqa: ASYNC110  # it is asked
                await asyncio.sleep(0.02)

    async def warm(self) -> None:
        """Wait until ledger and cache are back, and the cache answers."""
        async with asyncio.timeout(BOUND_S):
            await self.answering()
            question = {"brandCode": self.brand_code, "type": "MESAJ", "recipients": LIST}
            while True:
                # Single answers are counted a few times a second, a list at once: what rises by so much
                # is the list.
                before = await self._from_cache()
                await self.check.ask("POST", "/check/batch", question)
                if await self._from_cache() >= before + len(LIST):
                    return
                await asyncio.sleep(0.05)

    async def reach_the_cache(self) -> None:
        """Write until the ledger's position is that of the cache, which got there by other movements."""
        while await self.head() < await self.cached_position():
            await self._record(phone(next(self._numbers)), "ONAY")
        assert await self.head() == await self.cached_position()

    async def cached_position(self) -> int:
        """Return the position that the cache says it has."""
        raw: bytes = await self.system.redis("GET", watermark_key(self.brand_code))
        return read_watermark(raw).position

    async def _from_cache(self) -> float:
        """Return how many answers the process has had from the cache."""
        text = (await self.check.ask("GET", "/metrics")).body.decode()
        name = 'izin_check_answers_total{source="cache"}'
        return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))

    def shown(self) -> str:
        """Return the longest that an answer took, by cell, in milliseconds."""
        lines = ["longest answer in ms, single / batch / stream:"]
        for fault, message_class in dict.fromkeys(cell[:2] for cell in self.seconds):
            told = [self.seconds.get((fault, message_class, one), 0.0) for one in SURFACES]
            times = " / ".join(f"{seconds * 1000:6.1f}" for seconds in told)
            lines.append(f"  {fault:<30}{message_class:<12}{times}")
        return "\n".join(lines)


@asynccontextmanager
async def open_table() -> AsyncGenerator[Table]:
    """Start everything, with the deadline that a check has by default."""
    async with open_system(check_deadline_s=DEADLINE_S) as system:
        world = await make_world(system, number=1)
        check = Door(system.checks[0].port, authorization=world.operator)
        registry = Door(system.registries[0].port, authorization=world.provider)
        try:
            yield Table(system, world, registry, check)
        finally:
            await check.close()
            await registry.close()

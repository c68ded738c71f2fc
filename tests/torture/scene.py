"""Everybody of one run: who writes, who changes rights, who asks, and what about."""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from tests.torture.checkers import Asker, Crowd, Questions, Who
from tests.torture.history import History, Key
from tests.torture.rights import RightsKeeper, change_grants, change_header, change_states
from tests.torture.stopwatch import Stopwatch
from tests.torture.system import System
from tests.torture.wire import Door
from tests.torture.world import World, make_world
from tests.torture.writers import Pen, flip_consents, grow, phone, write_still_keys

FLIP_PAUSE_S = 1.0
GROW_PAUSE_S = 3.0
RIGHTS_PAUSE_S = 4.0
ASKERS: tuple[tuple[Who, int], ...] = (("operator", 4), ("partner", 2), ("second_operator", 1))
RATE_A_CLIENT = 20.0
BATCH_MAX = 100
KINDS = (
    ("MESAJ", "BIREYSEL"),
    ("ARAMA", "BIREYSEL"),
    ("EPOSTA", "BIREYSEL"),
    ("MESAJ", "TACIR"),
)


class Listening(Protocol):
    """Something that serves on a port of this machine."""

    @property
    def name(self) -> str: ...

    @property
    def port(self) -> int: ...


@dataclass
class Scene:
    """A world with its people; `history` is what they have done and seen."""

    world: World
    registries: Sequence[Listening]
    checks: Sequence[Listening]
    dice: random.Random
    questions: Questions
    growing: list[Key]
    has_stream: bool = True
    history: History = field(default_factory=History)
    stopwatch: Stopwatch | None = None
    doors: list[Door] = field(default_factory=list[Door])

    def everybody(self) -> list[Coroutine[None, None, None]]:
        """Return what goes on until cancelled."""
        crowd = self._crowd()
        pen = self.pen()
        flipped = self.questions.flipped
        work: list[Coroutine[None, None, None]] = [
            flip_consents(
                pen,
                [key for key in flipped if key.brand_code == brand_code],
                probe=partial(self._probe, crowd),
                pause_s=FLIP_PAUSE_S,
            )
            for brand_code in self.world.flipped
        ]
        work.append(grow(pen, self.world.growing, asked_about=self.growing, pause_s=GROW_PAUSE_S))
        for change, authorization in (
            (change_grants, self.world.provider),
            (change_header, self.world.provider),
            (change_states, self.world.staff),
        ):
            doors = self._registry_doors(authorization)
            keeper = RightsKeeper(self.history, doors, self.dice, crowd.probe_rights)
            work.append(change(keeper, self.world, pause_s=RIGHTS_PAUSE_S))
        work += [crowd.ask_all_the_time(asker, rate_s=RATE_A_CLIENT) for asker in crowd.askers]
        return work

    async def ask_everything(self) -> None:
        """Ask every process about every key, once: also about those that nobody has asked about yet."""
        questions = self.questions
        alike: defaultdict[tuple[int, str, str], list[Key]] = defaultdict(list)
        for keys in (questions.flipped, questions.still, questions.growing, questions.granting):
            for key in keys:
                alike[key.brand_code, key.channel, key.recipient_type].append(key)
        for process in range(len(self.checks)):
            asker = self._asker(process, "operator")
            for keys in alike.values():
                for first in range(0, len(keys), BATCH_MAX):
                    await asker.batch(keys[first : first + BATCH_MAX])

    def pen(self) -> Pen:
        iys_code = self.world.iys_code
        return Pen(
            self.history,
            lambda brand_code: f"/sps/{iys_code}/brands/{brand_code}/consents",
            [door for _ in range(4) for door in self._registry_doors(self.world.provider)],
            self.dice,
        )

    async def write_still_keys(self) -> None:
        """Record what stays as it is."""
        questions = self.questions
        keys = [*questions.still, *questions.granting, *questions.suspended]
        await write_still_keys(self.pen(), keys)

    async def close(self) -> None:
        for door in self.doors:
            await door.close()

    async def _probe(self, crowd: Crowd, key: Key) -> None:
        """Ask about what has just been acknowledged, and look when the cache has it."""
        work = [crowd.probe(key)]
        if self.stopwatch is not None:
            work.append(self.stopwatch.measure(key.brand_code))
        await asyncio.gather(*work)

    def _crowd(self) -> Crowd:
        askers = [
            self._asker(process, who)
            for process in range(len(self.checks))
            for who, count in ASKERS
            for _ in range(count)
        ]
        kinds: tuple[Who, ...] = ("operator", "partner", "second_operator")
        probers = {who: [self._asker(n, who) for n in range(len(self.checks))] for who in kinds}
        return Crowd(askers, probers, self.questions, self.dice, self.has_stream)

    def _asker(self, process: int, who: Who) -> Asker:
        check = self.checks[process]
        authorization: str = getattr(self.world, who)
        door = self._door(check.port, authorization)
        return Asker(self.history, self.world, check.name, door, who)

    def _registry_doors(self, authorization: str) -> list[Door]:
        return [self._door(registry.port, authorization) for registry in self.registries]

    def _door(self, port: int, authorization: str) -> Door:
        door = Door(port, authorization=authorization)
        self.doors.append(door)
        return door


@asynccontextmanager
async def open_scene(
    system: System, dice: random.Random, *, number: int, checks: Sequence[Listening]
) -> AsyncGenerator[Scene]:
    """Make a world of its own in a system, and close every connection at the end."""
    world = await make_world(system, number=number)
    scene = make_scene(world, system.registries, checks, dice)
    async with system.redis_client() as client:
        scene.stopwatch = Stopwatch(scene.history, client)
        try:
            await scene.write_still_keys()
            scene.has_stream = await _has_stream(checks[0], world)
            yield scene
        finally:
            await scene.close()


def make_scene(
    world: World, registries: Sequence[Listening], checks: Sequence[Listening], dice: random.Random
) -> Scene:
    """Choose what is asked about, brand by brand."""
    growing: list[Key] = []
    questions = Questions(
        flipped=[key for code in world.flipped for key in _keys(code, first=0, count=8)],
        still=[
            key
            for code in (*world.flipped, world.growing)
            for key in _keys(code, first=100, count=20)
        ],
        unknown=[Key(code, phone(code, 99_999)) for code in world.flipped],
        growing=growing,
        granting=[
            key for key in _keys(world.granting, first=0, count=8) if key.channel != "EPOSTA"
        ],
        suspended=_keys(world.suspended, first=0, count=5),
    )
    return Scene(world, registries, checks, dice, questions, growing)


def _keys(brand_code: int, *, first: int, count: int) -> list[Key]:
    keys: list[Key] = []
    for n in range(first, first + count):
        channel, recipient_type = KINDS[n % len(KINDS)]
        recipient = (
            f"kisi{n}@posta.example" if channel == "EPOSTA" else phone(brand_code, 90_000 + n)
        )
        keys.append(Key(brand_code, recipient, channel, recipient_type))
    return keys


async def _has_stream(check: Listening, world: World) -> bool:
    """Say whether the check takes streams."""
    door = Door(check.port, authorization=world.operator)
    path = f"/check/stream?brandCode={world.growing}&type=MESAJ"
    reply = await door.ask("POST", path, b"+905990000001\n")
    await door.close()
    return reply.status == 200

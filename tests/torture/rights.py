"""Those who change rights: grants of a partner, a header, a brand's state, an operator's account.

Nothing orders two changes of a right: one that was lost may land late and overtake a later one. So who loses
one repeats it until it is acknowledged, and then lets so much time pass that the lost one has landed, too.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Final

from tests.torture.history import History, RegisterName, account_register
from tests.torture.wire import Door, LostError, NotSentError
from tests.torture.world import World

# A request of a dead process is over by then, and so is its statement, if the server had read it.
LANDED_S: Final = 3.0
CHANNELS: Final = ("MESAJ", "ARAMA")


@dataclass(frozen=True, slots=True)
class Change:
    """One request, and what each register is when it has happened."""

    method: str
    path: str
    body: object
    values: dict[RegisterName, str]


@dataclass
class RightsKeeper:
    """Makes changes of rights at any of the registries, and records what became of them."""

    history: History
    doors: Sequence[Door]
    dice: random.Random
    probe: Callable[[], Awaitable[None]]

    async def make(self, change: Change) -> None:
        """Repeat one change until it is acknowledged."""
        lost = False
        while not await self._try(change):
            lost = True
            await asyncio.sleep(0.05)  # a registry or the ledger is being started again
        await self.probe()
        if lost:
            await asyncio.sleep(LANDED_S)

    async def _try(self, change: Change) -> bool:
        now = monotonic()
        registers = [
            (self.history.register(name, _INITIAL[str(name[0])]), value)
            for name, value in change.values.items()
        ]
        begun = [(each, self.history.begin(each, value, now=now)) for each, value in registers]
        try:
            reply = await self.dice.choice(self.doors).ask(change.method, change.path, change.body)
        except NotSentError:
            for register, write in begun:
                self.history.withdraw(register, write)
            return False
        except LostError:
            self.history.writes_lost += 1
            return False
        if reply.status >= 503:
            self.history.writes_lost += 1
            return False
        gone_already = change.method == "DELETE" and reply.status == 404
        if reply.status not in {200, 204} and not gone_already:
            self.history.strange.append(f"{change.path}: {reply.status} {reply.body!r}")
        self.history.acknowledge([write for _, write in begun], now=monotonic())
        return True


_INITIAL: Final = {"grant": "given", "header": "bound", "brand": "ACTIVE", "account": "ACTIVE"}


async def change_grants(keeper: RightsKeeper, world: World, *, pause_s: float) -> None:
    """Give the partner rights and take them away, channel by channel, until cancelled."""
    path = f"/accounts/brands/{world.granting}/grants/{world.integrator_code}"
    while True:
        rights = {channel: keeper.dice.choice(["none", "read", "write"]) for channel in CHANNELS}
        nothing = set(rights.values()) == {"none"}
        method, body = ("DELETE", None) if nothing else ("PUT", rights)
        values: dict[RegisterName, str] = {
            ("grant", world.granting, channel): "none" if right == "none" else "given"
            for channel, right in rights.items()
        }
        await keeper.make(Change(method, path, body, values))
        await asyncio.sleep(keeper.dice.expovariate(1 / pause_s))


async def change_header(keeper: RightsKeeper, world: World, *, pause_s: float) -> None:
    """Take the header away and bind it again, until cancelled; mostly it is bound."""
    path = f"/accounts/brands/{world.granting}/headers/{world.header}"
    name = ("header", world.granting)
    while True:
        await asyncio.sleep(keeper.dice.expovariate(1 / pause_s))
        await keeper.make(Change("DELETE", path, None, {name: "unbound"}))
        await asyncio.sleep(pause_s / 4)
        await keeper.make(Change("PUT", path, {}, {name: "bound"}))


async def change_states(keeper: RightsKeeper, world: World, *, pause_s: float) -> None:
    """Suspend and restore a brand, and an operator, until cancelled; mostly both are active."""
    subjects = [
        (f"/accounts/brands/{world.suspended}/state", ("brand", world.suspended)),
        (
            f"/accounts/operators/{world.second_operator_code}/state",
            account_register(world.second_operator_code),
        ),
    ]
    while True:
        path, name = keeper.dice.choice(subjects)
        for state in ("SUSPENDED", "ACTIVE"):
            await keeper.make(Change("PUT", path, {"state": state}, {name: state}))
            await asyncio.sleep(pause_s / 4)
        await asyncio.sleep(keeper.dice.expovariate(1 / pause_s))

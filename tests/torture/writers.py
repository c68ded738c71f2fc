"""Those who change consents: single flips with growing dates, and a brand that grows in gusts.

A refusal is sent in every way in which it denies: after an approval, in the same second as one (H178, kept as
a block), again after a refusal (H174) and as a first record (H175). Its date is never earlier than anything
that was sent for the key before, so that each one that is answered denies from then on.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Final, Literal

from shared.domain.wire_time import consent_date_to_wire
from tests.torture.history import History, Key
from tests.torture.wire import Door, LostError, NotSentError, Reply

Status = Literal["ONAY", "RET"]
Probe = Callable[[Key], Awaitable[None]]

LONG_AGO: Final = datetime(2020, 1, 1, tzinfo=UTC)
GUST = 40
FLIPS_A_BURST = 8
# The wire's way to say that a refusal was turned away; it denies all the same.
KEPT_REFUSALS: Final = frozenset({"H174", "H175", "H178"})


@dataclass
class Pen:
    """Sends consents of one provider to any of the registries, and records what became of them."""

    history: History
    path: Callable[[int], str]
    doors: Sequence[Door]
    dice: random.Random
    _seconds: dict[Key, int] = field(default_factory=dict[Key, int])
    _status: dict[Key, Status] = field(default_factory=dict[Key, Status])

    def status(self, key: Key) -> Status | None:
        """Return what was last sent for the key."""
        return self._status.get(key)

    async def write(self, key: Key, status: Status, *, same_second: bool = False) -> bool:
        """Send one consent; return whether it was acknowledged."""
        register = self.history.register(key.register, "none")
        self._seconds[key] = self._seconds.get(key, 0) + (not same_second)
        self._status[key] = status
        body = {
            "recipient": key.recipient,
            "type": key.channel,
            "recipientType": key.recipient_type,
            "source": "HS_WEB",
            "status": status,
            "consentDate": consent_date_to_wire(LONG_AGO + timedelta(seconds=self._seconds[key])),
        }
        write = self.history.begin(register, status, now=monotonic())
        try:
            reply = await self.dice.choice(self.doors).ask("POST", self.path(key.brand_code), body)
        except NotSentError:
            self.history.withdraw(register, write)
            await asyncio.sleep(0.02)  # it is being started again
            return False
        except LostError:
            reply = None
        if reply is None or _is_unknown(reply):
            self.history.writes_lost += 1
            return False
        if not _is_kept(reply, status):
            self.history.strange.append(f"{status} for {key}: {reply.status} {reply.body!r}")
            return False
        self.history.acknowledge([write], now=monotonic())
        return True


def _is_unknown(reply: Reply) -> bool:
    """Say whether the answer leaves open what became of the write: 503, or H101 after a lost commit."""
    return reply.status >= 503 or (reply.status == 500 and b'"H101"' in reply.body)


def _is_kept(reply: Reply, status: Status) -> bool:
    """Say whether the answer means that the consent, or the refusal's block, is in the ledger."""
    if reply.status == 200:
        return True
    if status != "RET" or reply.status != 400:
        return False
    return {error["code"] for error in reply.json()["errors"]} <= KEPT_REFUSALS


async def flip_consents(pen: Pen, keys: Sequence[Key], *, probe: Probe, pause_s: float) -> None:
    """Flip keys of one brand until cancelled: now and then, and sometimes many times in a row."""
    dice = pen.dice
    while True:
        flips = FLIPS_A_BURST if dice.random() < 0.1 else 1
        key = dice.choice(keys)
        for _ in range(flips):
            status, same_second = _next_status(pen.status(key), dice)
            if await pen.write(key, status, same_second=same_second):
                await probe(key)
        await asyncio.sleep(flips * dice.expovariate(1 / pause_s))


def _next_status(status: Status | None, dice: random.Random) -> tuple[Status, bool]:
    """Return what to send next, and whether in the same second as the last; approvals last longer."""
    chance = dice.random()
    match status:
        case "ONAY":
            return ("RET", chance < 0.2) if chance < 0.6 else ("ONAY", False)
        case "RET":
            return ("ONAY", False) if chance < 0.9 else ("RET", False)
        case None:
            return ("ONAY", False) if chance < 0.7 else ("RET", False)


async def grow(pen: Pen, brand_code: int, *, asked_about: list[Key], pause_s: float) -> None:
    """Add addresses to one brand in gusts of concurrent writes until cancelled, and take some back."""
    while True:
        number = len(asked_about)
        fresh = [Key(brand_code, phone(brand_code, number + n)) for n in range(GUST)]
        again = pen.dice.sample(asked_about, min(GUST // 4, number))
        asked_about += fresh
        await asyncio.gather(
            *(pen.write(key, "ONAY") for key in fresh), *(pen.write(key, "RET") for key in again)
        )
        await asyncio.sleep(pause_s)


async def write_still_keys(pen: Pen, keys: Sequence[Key]) -> None:
    """Record what nobody changes afterwards: approvals, refusals after one, and bare refusals."""
    chains: list[list[Status]] = [["ONAY"], ["ONAY"], ["ONAY", "RET"], ["ONAY"], ["RET"]]
    for n, key in enumerate(keys):
        for status in chains[n % len(chains)]:
            assert await pen.write(key, status), f"{key} could not be recorded"


def phone(brand_code: int, number: int) -> str:
    """Return a number of the test range that no other brand of the run uses."""
    return f"+90599{brand_code % 100:02d}{number:05d}"

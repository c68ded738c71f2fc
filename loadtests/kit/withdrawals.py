"""Withdrawals, one after the other while something else goes on: when acknowledged, and when denied.

They are about people of other brands, and of the file that is going in: of rows that are worked off, of those
that are just coming, and of those that come later. A withdrawal that the wire turns away, because nothing is
on record yet, is acknowledged by its refusal: the block that it leaves is stored by then. Each is followed by
a check of the same person, until it denies; an answer that still allows is an exception.
"""

import json
import threading
from array import array
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from http.client import HTTPConnection
from random import Random
from statistics import quantiles
from time import perf_counter
from typing import Final

from loadtests.kit.world import World, number_for_writes

TURKEY: Final = timezone(timedelta(hours=3))
PAUSE_S: Final = 0.1
NEAR_ROWS: Final = 5_000
LATER_ROWS: Final = 200_000
ASKED_MAX: Final = 200
OTHERS: Final = "other brands"
PAST: Final = "rows worked off"
NEAR: Final = "rows just coming"
LATER: Final = "rows that come later"
WHOSE: Final = (OTHERS, PAST, NEAR, LATER)
ANSWERED: Final = frozenset({200, 201})
TURNED_AWAY: Final = frozenset({400, 409, 422})


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """One of them: whose, when it was sent (seconds of `perf_counter`), and how long things took, in ms."""

    whose: str
    at: float
    acknowledged_ms: float
    denied_ms: float


@dataclass(slots=True)
class Sent:
    """What was sent so far."""

    all: list[Withdrawal] = field(default_factory=list[Withdrawal])
    allowed_after: int = 0
    failed: list[str] = field(default_factory=list[str])

    def acknowledged(self, whose: str | None = None) -> list[float]:
        """Return how long acknowledgements took, in ms."""
        return [one.acknowledged_ms for one in self.all if whose in {None, one.whose}]


@dataclass(frozen=True, slots=True)
class Sender:
    """Who withdraws where: ports, credentials, and the file that goes in.

    `numbers` has the last seven digits of each row's number, -1 for a row without one; `done` says how many
    rows are worked off.
    """

    registry_port: int
    check_port: int
    path: str
    provider_token: str
    operator_token: str
    world: World
    brand_code: int
    numbers: "array[int]"
    done: Callable[[], int]

    def draw(self, whose: str, random: Random) -> tuple[int, str]:
        """Return brand and number of somebody."""
        if whose == OTHERS:
            others = [code for code in self.world.brand_codes if code != self.brand_code]
            return random.choice(others), number_for_writes(random)
        done, rows = self.done(), len(self.numbers)
        first, behind = {
            PAST: (0, done),
            NEAR: (done, done + NEAR_ROWS),
            LATER: (done + NEAR_ROWS, done + LATER_ROWS),
        }[whose]
        while True:
            row = random.randrange(min(first, rows - 1), max(min(behind, rows), first + 1))
            if self.numbers[row % rows] >= 0:
                return self.brand_code, f"+90599{self.numbers[row % rows]:07d}"


@contextmanager
def withdrawals(sender: Sender) -> Iterator[Sent]:
    """Send one after the other while the block runs."""
    sent, over = Sent(), threading.Event()
    thread = threading.Thread(target=_send, args=(sender, sent, over))
    thread.start()
    try:
        yield sent
    finally:
        over.set()
        thread.join()


def percentiles(values: list[float]) -> tuple[float, float]:
    """Return p50 and p99; of nothing they are 0."""
    if len(values) < 2:
        return (values or [0.0])[0], (values or [0.0])[0]
    cuts = quantiles(values, n=100, method="inclusive")
    return cuts[49], cuts[98]


def _send(sender: Sender, sent: Sent, over: threading.Event) -> None:
    random = Random(sender.brand_code)
    with (
        closing(HTTPConnection("127.0.0.1", sender.registry_port, timeout=60)) as registry,
        closing(HTTPConnection("127.0.0.1", sender.check_port, timeout=60)) as check,
    ):
        n = 0
        while not over.wait(PAUSE_S):
            whose = WHOSE[n % len(WHOSE)]
            brand_code, number = sender.draw(whose, random)
            if whose == OTHERS:
                _write(sender, registry, brand_code, number, "ONAY")
            began = perf_counter()
            status = _write(sender, registry, brand_code, number, "RET")
            acknowledged = perf_counter()
            if status not in ANSWERED | TURNED_AWAY:
                sent.failed.append(f"{whose}: {status}")
                continue
            denied = _until_denied(sender, check, brand_code, number, sent)
            sent.all.append(
                Withdrawal(whose, began, (acknowledged - began) * 1000, (denied - began) * 1000)
            )
            n += 1


def _write(
    sender: Sender, registry: HTTPConnection, brand_code: int, number: str, status: str
) -> int:
    age = timedelta(seconds=60 if status == "ONAY" else 0)
    decided = datetime.now(UTC).astimezone(TURKEY) - age  # noqa: TID251  # consents of now
    body = {
        "recipient": number,
        "type": "MESAJ",
        "recipientType": "BIREYSEL",
        "source": "HS_WEB",
        "status": status,
        "consentDate": f"{decided:%Y-%m-%d %H:%M:%S}",
    }
    headers = {
        "Authorization": f"Bearer {sender.provider_token}",
        "Content-Type": "application/json",
    }
    path = f"{sender.path}/brands/{brand_code}/consents"
    registry.request("POST", path, json.dumps(body), headers)
    response = registry.getresponse()
    response.read()
    return response.status


def _until_denied(
    sender: Sender, check: HTTPConnection, brand_code: int, number: str, sent: Sent
) -> float:
    """Ask until the answer is no; return when it was."""
    body = json.dumps({"brandCode": brand_code, "type": "MESAJ", "recipient": number})
    headers = {
        "Authorization": f"Bearer {sender.operator_token}",
        "Content-Type": "application/json",
    }
    for _attempt in range(ASKED_MAX):
        check.request("POST", "/check", body, headers)
        response = check.getresponse()
        answer = json.loads(response.read())
        if response.status == 200 and not answer["allowed"]:
            break
        sent.allowed_after += response.status == 200
    return perf_counter()

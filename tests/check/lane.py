"""A lane of rounds, whose ledger and cache answer when a test says so, in the order that it says."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from typing_extensions import override

from services.check.rounds import FreshByBrand, Rounds
from shared.cache.layout import MovementId, Watermark
from shared.cache.reader import Page
from shared.ledger.read_heads import Head, Heads

BRAND, OTHER = 600001, 600002
MOVEMENT = MovementId(7, 1234, 2)
W = Watermark(
    position=5,
    movement=MOVEMENT,
    generation=11,
    bucket_bits=3,
    digest_key_id=1,
    settled=True,
    filled_to=None,
)
HEAD = Head(5, (7, 1234, 2), 3)
LATER_S = 30.0

HeadsDone = Callable[[Heads | None], None]
PagesDone = Callable[[Mapping[int, Page]], None]


def heads(**of_brand: Head) -> Heads:
    by_brand = {BRAND: HEAD, OTHER: HEAD}
    by_brand |= {int(name[1:]): head for name, head in of_brand.items()}
    return Heads(directory_version=9, digest_key_id=1, by_brand=by_brand)


@dataclass
class Ledger:
    """Remembers who asked for heads, and answers when told."""

    asked: list[Sequence[int]] = field(default_factory=list[Sequence[int]])
    done: list[HeadsDone] = field(default_factory=list[HeadsDone])

    def read(self, brand_codes: Sequence[int], done: HeadsDone) -> None:
        self.asked.append(brand_codes)
        self.done.append(done)


@dataclass
class Cache:
    asked: list[Mapping[int, Sequence[bytes]]] = field(
        default_factory=list[Mapping[int, Sequence[bytes]]]
    )
    done: list[PagesDone] = field(default_factory=list[PagesDone])

    def read(self, asked: Mapping[int, Sequence[bytes]], done: PagesDone) -> None:
        self.asked.append(asked)
        self.done.append(done)

    def answer(self, n: int, watermark: Watermark = W) -> None:
        """Answer a read: each address has the value of its first byte."""
        self.done[n](
            {
                brand: Page(watermark, [digest[0] for digest in digests])
                for brand, digests in self.asked[n].items()
            }
        )


class Asker:
    """Asks about addresses, and notes what it is told."""

    def __init__(self, *values: int, brand: int = BRAND, expires_at: float | None = None) -> None:
        self.asked = {brand: [bytes([value]) for value in values]}
        now = asyncio.get_running_loop().time()
        self.expires_at = now + LATER_S if expires_at is None else expires_at
        self.told: list[FreshByBrand] = []

    @property
    def addresses(self) -> int:
        return sum(map(len, self.asked.values()))

    def questions(self) -> Mapping[int, Sequence[bytes]]:
        return self.asked

    def answered(self, answers: FreshByBrand) -> None:
        self.told.append(answers)

    @property
    def values(self) -> list[int] | None:
        """What it was told of its brand; None for a miss."""
        (answers,) = self.told
        fresh = answers.get(*self.asked)
        return None if fresh is None else list(fresh.values)


class Clumsy(Asker):
    @override
    def answered(self, answers: FreshByBrand) -> None:
        super().answered(answers)
        raise LookupError("of its own")


@dataclass
class Lane:
    rounds: Rounds
    ledger: Ledger
    cache: Cache
    nudged: list[int]

    async def sent(self, *askers: Asker) -> None:
        """Have askers join, and wait for the end of the tick."""
        for asker in askers:
            assert self.rounds.join(asker)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def answer(self, n: int = 0, watermark: Watermark = W, head: Head = HEAD) -> None:
        """Let round `n` end; each is one read of both."""
        self.ledger.done[n](heads(b600001=head))
        self.cache.answer(n, watermark)
        await asyncio.sleep(0)


def new_lane() -> Lane:
    ledger, cache, nudged = Ledger(), Cache(), list[int]()
    rounds = Rounds(ledger, cache, digest_key_id=1, nudge=nudged.append)  # type: ignore[arg-type]  # one method each
    return Lane(rounds, ledger, cache, nudged)

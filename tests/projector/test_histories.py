"""Random lives of a brand and its cache: whenever the cache may be read, it says what the ledger says."""

import random
from datetime import timedelta

import pytest

from services.check.projector.project_brand import BrandProjector
from shared.cache import layout
from shared.domain.consent import Channel, NewConsent, RecipientType, Source, Status
from shared.ledger import read_changes
from tests.projector.side import Side
from tests.support.builders import NOW, consent, phone

SEEDS = range(8)
STEPS = 120
PEOPLE = 15


@pytest.mark.parametrize("seed", SEEDS)
async def test_the_cache_says_what_the_ledger_says(
    side: Side, brand: int, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writes of all kinds, three projectors that take single steps, and all that may happen to a cache.

    Pages are so small that builds and tails take many steps, and so get into each other's way.
    """
    monkeypatch.setattr(read_changes, "MOVEMENTS_A_PAGE", 3)
    monkeypatch.setattr(read_changes, "CONSENTS_A_PAGE", 6)
    life = random.Random(seed)  # noqa: S311  # a dice, no secret
    projectors = [side.projector(turn_s=0) for _ in range(3)]
    readable = 0
    for _ in range(STEPS):
        await _something_happens(life, side, brand, projectors)
        readable += await side.agree(brand)
    await side.bring_up(brand)
    assert await side.agree(brand)
    assert readable > STEPS / 20


async def _something_happens(
    life: random.Random, side: Side, brand: int, projectors: list[BrandProjector]
) -> None:
    match life.choices(["write", "project", "thorough", "cache"], [30, 60, 6, 4])[0]:
        case "write":
            for _ in range(life.choice((1, 1, 1, 7))):
                await side.ledger.scribe.write(brand, _decision(life), too_late=life.random() < 0.1)
        case "project":
            await life.choice(projectors).take_turn(brand)
        case "thorough":
            await life.choice(projectors).take_turn(brand, thorough=True)
        case _:
            await _befall(life, side, brand)


async def _befall(life: random.Random, side: Side, brand: int) -> None:
    """Let something happen to the cache that leaves it behind, incomplete or empty, but not wrong."""
    match life.choice(["flush", "lose w", "lose n", "foreign w", "forget", "anew"]):
        case "flush":
            await side.redis.flushall()
        case "lose w":
            await side.redis.delete(layout.watermark_key(brand))
        case "lose n":
            await side.redis.delete(layout.next_key(brand))
        case "foreign w":
            await side.redis.set(layout.watermark_key(brand), b"0 of another version")
        case "forget":
            await side.store.forget(brand)
        case _:
            await side.projector().begin_anew(brand)


def _decision(life: random.Random) -> NewConsent:
    channel = life.choice(list(Channel))
    n = life.randrange(PEOPLE)
    recipient_type = life.choice([RecipientType.INDIVIDUAL] * 3 + [RecipientType.MERCHANT])
    undated = recipient_type is RecipientType.MERCHANT and life.random() < 0.3
    return consent(
        f"kisi{n}@ornek.example" if channel is Channel.EMAIL else phone(n),
        channel=channel,
        recipient_type=recipient_type,
        status=life.choice(list(Status)),
        source=None if undated else life.choice([Source.WEB, Source.PROVIDER_DECISION]),
        consent_date=None if undated else NOW - timedelta(hours=life.randrange(50)),
    )

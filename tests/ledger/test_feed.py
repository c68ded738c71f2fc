"""What marks an extent as one that holds movements of the registry."""

import asyncpg

from shared.domain.consent import NewConsent, Source, Status
from shared.domain.read_feed import SourceKind
from shared.ledger.feed import Window, read_feed
from tests.support.builders import Scribe, World, consent, phone

MARKED = "SELECT has_registry FROM extent WHERE brand_code = $1 ORDER BY base_position"


async def append(scribe: Scribe, world: World, *consents: NewConsent, blocks: bool = False) -> None:
    brand = world.brand_code
    movements = [scribe.movement(brand, new, is_block=blocks) for new in consents]
    stored, _ = await scribe.appender.append(brand, movements, wait=True)
    assert stored


async def test_an_extent_is_marked_by_its_sources(
    scribe: Scribe, world: World, owner: asyncpg.Connection
) -> None:
    provider, registry = Source.SOCIAL_MEDIA, Source.REGISTRY_WEB
    await append(scribe, world, consent(phone(1), source=provider))
    await append(
        scribe, world, *(consent(phone(n), source=provider) for n in range(2, 9)),
        consent(phone(9), source=registry),
    )  # fmt: skip
    refusal = consent(phone(10), source=registry, status=Status.WITHDRAWN)
    await append(scribe, world, refusal, blocks=True)
    rows = await owner.fetch(MARKED, world.brand_code)
    assert [row["has_registry"] for row in rows] == [False, True, False]


async def test_every_source_of_the_registry_is_one(scribe: Scribe, world: World) -> None:
    """Sources are told apart by their order in the enum: a new one must be put on its side."""
    for n, source in enumerate(Source):
        await append(scribe, world, consent(phone(n), source=source))
    window = Window(0, 1_000_000)
    found = await read_feed(
        scribe.reader, world.brand_code, window, kind=SourceKind.REGISTRY, limit=1000
    )
    assert [m.source for m in found] == [s.value for s in Source if not s.from_provider]
    assert all(movement.of_registry for movement in found)
    everything = await read_feed(
        scribe.reader, world.brand_code, window, kind=SourceKind.PROVIDER, limit=1000
    )
    assert [m.position for m in everything] == list(range(1, len(Source) + 1))

"""A seeded product that is up, its cache built by the projector, and one check process on its core."""

import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import asyncpg
import redis

from loadtests.kit.cache import Watermark, connect, wait_until_built, watermarks
from loadtests.kit.digests import Keys
from loadtests.kit.prepared import Question, checks, single_questions, write_prepared
from loadtests.kit.seed import consents_in, seeded
from loadtests.kit.stack import LOAD_CORE, Product, Server, check_process, metric, product
from loadtests.kit.world import World

HEADS: Final = "SELECT brand_code, position FROM brand_head WHERE brand_code = ANY ($1)"
SOURCES: Final = "izin_check_answers_total"
MANY: Final = 1_000_000
SHARED_BUFFERS_MB: Final = 4096
SHARED_BUFFERS_OF_SMALL_MB: Final = 256


@dataclass(slots=True)
class Lab:
    """What the scenarios measure: a world, where its product answers, and requests made for it."""

    world: World
    consents: int
    product: Product
    cache: "redis.Redis"
    keys: Keys
    check: Server
    folder: Path
    _prepared: dict[str, Path] = field(default_factory=dict[str, Path])

    @property
    def token(self) -> str:
        """Return the operator's key."""
        return self.product.demo_text("operator", "api_key")

    def heads(self) -> dict[int, int]:
        """Return the position of each brand in the ledger."""
        return heads_of(self.product.dsn, self.world.brand_codes)

    def layout(self) -> dict[int, Watermark]:
        """Return how each brand lies in the cache now."""
        return watermarks(self.cache, self.world.brand_codes)

    def wait_for_cache(self) -> float:
        """Wait until the cache is at the ledger's heads; return seconds."""
        return wait_until_built(self.cache, self.heads())

    def questions(self, count: int) -> list[Question]:
        """Return questions of the mixture that everything is asked with."""
        return single_questions(self.world, count, seed=count)

    def single_checks(self, count: int) -> Path:
        """Return a file of prepared single checks."""
        name = f"singles-{count}"
        if name not in self._prepared:
            requests = checks(self.questions(count), self.token)
            self._prepared[name] = write_prepared(self.folder / name, requests)
        return self._prepared[name]

    def answered_from(self) -> dict[str, float]:
        """Return how many answers stood on the cache, on the ledger, on nothing; by label."""
        return {
            labels.partition('"')[2].rstrip('"'): count
            for labels, count in metric(self.check.port, SOURCES).items()
        }


@contextmanager
def lab(world: World, *, wait: bool = True) -> Iterator[Lab]:
    """Bring up a world's product; seeded first if need be. With `wait` the cache is built then."""
    directory = seeded(world)
    buffers = SHARED_BUFFERS_MB if world.consents >= MANY else SHARED_BUFFERS_OF_SMALL_MB
    with (
        tempfile.TemporaryDirectory(prefix="izin-bench-") as folder,
        product(directory, shared_buffers_mb=buffers, core=LOAD_CORE) as running,
        connect(running.valkey) as cache,
        check_process(running) as check,
    ):
        made = Lab(
            world=world,
            consents=consents_in(directory),
            product=running,
            cache=cache,
            keys=Keys(running.keys_file),
            check=check,
            folder=Path(folder),
        )
        if wait:
            made.wait_for_cache()
        yield made


def heads_of(dsn: str, brand_codes: Sequence[int]) -> dict[int, int]:
    """Return the position of each brand in a ledger."""
    return asyncio.run(_heads(dsn, brand_codes))


async def _heads(dsn: str, brand_codes: Sequence[int]) -> dict[int, int]:
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch(HEADS, list(brand_codes))
    finally:
        await connection.close()
    return {row["brand_code"]: row["position"] for row in rows}

"""What the command line does with ledger and cache together: it is one more projector for a while.

They are imported when called: `izin --help` need not load the drivers.
"""
# ruff: noqa: PLC0415  # see above

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from typing_extensions import override

from services.cli.errors import CliError

if TYPE_CHECKING:
    from shared.cache.store import ProjectionStore
    from shared.ledger.read_changes import BrandHead, ChangeReader

Moved = Callable[[int, float, float], None]
OTHERS_PAUSE_S = 0.1


@dataclass(frozen=True, slots=True)
class BrandState:
    """One brand in ledger and cache. `built` is how much of a new generation is filled, from 0 to 1."""

    brand_code: int
    state: Literal["fresh", "behind", "missing"]
    head: int
    watermark: int | None
    settled: bool
    bucket_bits: int | None
    built: float | None

    def as_json(self) -> dict[str, object]:
        """Return it as the command shows it to scripts."""
        return asdict(self)

    @override
    def __str__(self) -> str:
        at = "nothing" if self.watermark is None else f"position {self.watermark:,}"
        building = "" if self.built is None else f", {self.built:.0%} of a new generation filled"
        return f"{self.brand_code}: {self.state}, {at} of {self.head:,}{building}"


def status(dsn: str, url: str) -> list[BrandState]:
    """Look at all brands, as the owner's projector."""
    with _readable_failures():
        return asyncio.run(_status(dsn, url))


def rebuild(dsn: str, url: str, brands: Collection[int] | None, moved: Moved) -> int:
    """Build brands anew (None: all); return how many. `moved(brand, done, total)` counts consents."""
    with _readable_failures():
        return asyncio.run(_rebuild(dsn, url, brands, moved))


async def _status(dsn: str, url: str) -> list[BrandState]:
    states: list[BrandState] = []
    async with _both(dsn, url) as (changes, store):
        while heads := await changes.heads(after=states[-1].brand_code if states else 0):
            raws = await store.watermarks([head.brand_code for head in heads])
            for head in heads:
                following = await store.watermark(head.brand_code, "n")
                states.append(_state(head, raws.get(head.brand_code), following))
    return states


def _state(head: "BrandHead", raw: bytes | None, following: bytes | None) -> BrandState:
    from services.check.projector.project_brand import built, decode, is_at

    mark = None if raw is None else decode(raw)
    building = None if following is None else decode(following)
    state: Literal["fresh", "behind", "missing"] = "missing" if mark is None else "behind"
    return BrandState(
        brand_code=head.brand_code,
        state="fresh" if is_at(raw, head) else state,
        head=head.position,
        watermark=None if mark is None else mark.position,
        settled=mark is not None and mark.settled,
        bucket_bits=None if mark is None else mark.bucket_bits,
        built=None if building is None else round(built(building), 4),
    )


async def _rebuild(dsn: str, url: str, brands: Collection[int] | None, moved: Moved) -> int:
    async with _both(dsn, url) as (changes, store):
        heads = await _heads(changes, brands)
        done, total = 0.0, float(sum(head.consents for head in heads))
        for head in heads:
            async for part in _building(changes, store, head.brand_code):
                moved(head.brand_code, done + part * head.consents, total)
            done += head.consents
            moved(head.brand_code, done, total)
    return len(heads)


async def _heads(changes: "ChangeReader", brands: Collection[int] | None) -> list["BrandHead"]:
    heads: list[BrandHead] = []
    if brands is None:
        while page := await changes.heads(after=heads[-1].brand_code if heads else 0):
            heads += page
        return heads
    for brand_code in sorted(set(brands)):
        head = await changes.head(brand_code)
        if head is None:
            raise CliError(f"there is no brand {brand_code}; nothing was changed")
        heads.append(head)
    return heads


async def _building(
    changes: "ChangeReader", store: "ProjectionStore", brand_code: int
) -> AsyncGenerator[float]:
    """Build a brand anew, by ourselves or by who is quicker; yield how much of it is filled."""
    from services.check.projector.project_brand import BrandProjector, Turn, built, decode

    projector = BrandProjector(changes, store)
    while await projector.begin_anew(brand_code) is Turn.OVERTAKEN:  # noqa: ASYNC110  # the cache tells nobody
        await asyncio.sleep(OTHERS_PAUSE_S)
    while (turn := await projector.take_turn(brand_code)) not in {Turn.SETTLED, Turn.UNKNOWN}:
        if turn is Turn.OVERTAKEN:
            await asyncio.sleep(OTHERS_PAUSE_S)
        raw = await store.watermark(brand_code, "n")
        mark = None if raw is None else decode(raw)
        if mark is not None:
            yield built(mark)


@asynccontextmanager
async def _both(dsn: str, url: str) -> AsyncGenerator[tuple["ChangeReader", "ProjectionStore"]]:
    """Open ledger and cache as a projector does, with a projector's role and no more."""
    from services.check.projector.settings import ROLE
    from shared.cache.layout import value_of
    from shared.cache.servers import refuse_evicting
    from shared.cache.store import open_store
    from shared.ledger.read_changes import ChangeReader
    from shared.ledger.readiness import require_primary
    from shared.ledger.store import open_reader, role_dsn

    await refuse_evicting(url)
    async with open_reader(role_dsn(dsn, ROLE), size=2) as pool, open_store(url) as store:
        await require_primary(pool)
        yield ChangeReader(pool, value_of=value_of), store


@contextmanager
def _readable_failures() -> Generator[None]:
    """Turn what ledger and cache are known to raise into one line for a person."""
    from shared.cache.address import CacheAddressError
    from shared.cache.client import CacheUnavailableError
    from shared.cache.server_info import CacheUnfitError
    from shared.ledger.failures import LedgerUnavailableError
    from shared.ledger.migrate import SchemaMismatchError

    try:
        yield
    except (CacheAddressError, CacheUnfitError, SchemaMismatchError) as error:
        raise CliError(str(error)) from None
    except CacheUnavailableError as error:
        raise CliError(
            f"the cache cannot be used ({error}); check IZIN_REDIS_URL and that it runs"
        ) from None
    except LedgerUnavailableError as error:
        raise CliError(
            f"the database cannot be used ({error}); check IZIN_POSTGRES_DSN and that it runs"
        ) from None

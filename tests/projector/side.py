"""One ledger and one cache, somebody who writes, and the question whether the two agree."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import asyncpg
from redis.asyncio import Redis

from services.check.projector.project_brand import BrandProjector, Turn, decode, is_at
from shared.cache import layout
from shared.cache.layout import Watermark
from shared.cache.store import ProjectionStore
from shared.domain.consent import Channel, ConsentState, RecipientType, Status
from shared.domain.transitions import is_blocked
from shared.ledger.append import Appender
from shared.ledger.nudge import Nudger
from shared.ledger.read_changes import BrandHead, ChangeReader
from shared.ledger.store import open_reader, open_writer, role_dsn
from shared.sealing.addresses import Digester, Sealer
from shared.sealing.keyring import KeyRing
from tests.support.builders import Scribe, World, consent, make_world, phone
from tests.support.ledger import owner_connection

ON_FILE = """
    SELECT digest, channel::text, recipient_type::text, status::text, consent_date, blocked_at
      FROM consent WHERE brand_code = $1
"""
HEAD = """
    SELECT position, COALESCE(extent_id, 0), COALESCE(extent_nonce, 0), COALESCE(extent_offset, 0),
           approvals + rejections, digest_key_id
      FROM brand_head, ledger_state WHERE brand_code = $1
"""
BOUND_S = 20.0
Places = dict[tuple[int, bytes], int]  # bucket and field, and the value there


@dataclass
class Ledger:
    """A ledger that somebody writes, and a projector's eyes on it."""

    dsn: str
    scribe: Scribe
    changes: ChangeReader
    owner: asyncpg.Connection
    world: World = field(init=False)

    async def write(self, brand_code: int, numbers: Iterable[int]) -> None:
        """Store approvals of people who have none, in one transaction."""
        movements = [self.scribe.movement(brand_code, consent(phone(n))) for n in numbers]
        stored, _ = await self.scribe.appender.append(brand_code, movements, wait=True)
        assert stored

    async def head(self, brand_code: int) -> BrandHead:
        row = await self.owner.fetchrow(HEAD, brand_code)
        assert row is not None
        position, extent_id, nonce, offset, consents, key_id = row
        return BrandHead(brand_code, position, (extent_id, nonce, offset), consents, key_id)

    async def on_file(self, brand_code: int) -> dict[bytes, int]:
        """Return what the cache has to say of every address, worked out consent by consent."""
        values: dict[bytes, list[tuple[Channel, RecipientType, Status]]] = {}
        for digest, channel, kind, status, date, blocked_at in await self.owner.fetch(
            ON_FILE, brand_code
        ):
            state = ConsentState(None if status is None else Status(status), date, blocked_at)
            counts = Status.WITHDRAWN if is_blocked(state) else state.status
            assert counts is not None
            values.setdefault(digest, []).append((Channel(channel), RecipientType(kind), counts))
        return {digest: layout.value_of(statuses) for digest, statuses in values.items()}


@asynccontextmanager
async def open_side(dsn: str, ring: KeyRing) -> AsyncGenerator[Ledger]:
    """Open a ledger as everybody needs it here; nothing stays connected afterwards."""
    async with (
        open_reader(role_dsn(dsn, "izin_check"), size=2) as reader,
        open_writer(role_dsn(dsn, "izin_registry"), size=2) as writer,
        open_reader(role_dsn(dsn, "izin_projector"), size=4) as eyes,
        owner_connection(dsn) as owner,
    ):
        nudger = Nudger(writer)
        appender = Appender(writer, digest_key_id=1, sealing_key_id=1, committed=nudger.nudge)
        ledger = Ledger(
            dsn,
            Scribe(reader, appender, Digester(ring), Sealer(ring)),
            ChangeReader(eyes, value_of=layout.value_of),
            owner,
        )
        if not await owner.fetchval("SELECT EXISTS (SELECT FROM brand)"):
            ledger.world = await make_world(writer, reader)
        yield ledger
        await nudger.aclose()


@dataclass
class Side:
    """The ledger and the cache, as one projector sees them."""

    ledger: Ledger
    store: ProjectionStore
    redis: "Redis"

    def projector(self, *, turn_s: float = 60.0) -> BrandProjector:
        """Return somebody who works; without time he takes one step a turn."""
        return BrandProjector(self.ledger.changes, self.store, turn_s=turn_s)

    async def bring_up(self, brand_code: int) -> None:
        """Have the brand brought to the head by one who is alone."""
        projector = self.projector()
        while await projector.take_turn(brand_code) is not Turn.SETTLED:
            pass

    async def serving(self, brand_code: int) -> Watermark | None:
        raw = await self.raw(layout.watermark_key(brand_code))
        return None if raw is None else decode(raw)

    async def building(self, brand_code: int) -> Watermark | None:
        raw = await self.raw(layout.next_key(brand_code))
        return None if raw is None else decode(raw)

    async def raw(self, key: bytes) -> bytes | None:
        return cast("bytes | None", await self.redis.get(key))

    async def is_at_head(self, brand_code: int) -> bool:
        """Tell whether a check would answer from the cache now."""
        head = await self.ledger.head(brand_code)
        return is_at(await self.raw(layout.watermark_key(brand_code)), head)

    async def held(self, brand_code: int, mark: Watermark) -> Places:
        """Return every entry of a generation."""
        prefix = layout.bucket_prefix(brand_code, mark.generation)
        places: Places = {}
        async for key in self.redis.scan_iter(match=prefix + b"*", count=1000):
            for name, value in (await self.redis.hgetall(key)).items():
                places[int(key.removeprefix(prefix)), cast("bytes", name)] = int(value)
        return places

    async def agree(self, brand_code: int) -> bool:
        """Tell whether W is at the head; fail if it is, and the entries are not the ledger's."""
        if not await self.is_at_head(brand_code):
            return False
        mark = await self.serving(brand_code)
        assert mark is not None
        expected = placed(await self.ledger.on_file(brand_code), mark)
        assert await self.held(brand_code, mark) == expected
        return True

    async def keys(self, brand_code: int) -> set[bytes]:
        """Return all keys of a brand, buckets without their number."""
        found = [key async for key in self.redis.scan_iter(match=b"{%d}*" % brand_code, count=1000)]
        return {key.partition(b":")[0] for key in found}

    async def nothing_is_left_over(self, brand_code: int) -> bool:
        """Tell whether only W, the buckets of its generation, and the last one's name are there."""
        mark = await self.serving(brand_code)
        assert mark is not None
        prefix = layout.bucket_prefix(brand_code, mark.generation)
        watermarks = {layout.watermark_key(brand_code), layout.next_key(brand_code)}
        if layout.is_building(await self.raw(layout.next_key(brand_code))):
            return False
        return await self.keys(brand_code) <= {*watermarks, prefix.removesuffix(b":")}


def placed(values: dict[bytes, int], mark: Watermark) -> Places:
    """Return where the entries of a generation are."""
    return {
        (layout.bucket_number(digest, mark.bucket_bits), layout.field_of(digest)): value
        for digest, value in values.items()
    }


async def until(claim: Callable[[], object]) -> None:
    """Wait until the claim holds; it may have to be awaited."""
    async with asyncio.timeout(BOUND_S):
        while True:
            holds = claim()
            if isinstance(holds, Awaitable):
                holds = await holds
            if holds:
                return
            await asyncio.sleep(0.005)

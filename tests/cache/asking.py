"""What a brand looks like in the cache, put there by hand, and how a test asks for it."""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace

from redis import Redis

from shared.cache.layout import (
    MovementId,
    Watermark,
    bucket_number,
    bucket_prefix,
    field_of,
    watermark_key,
)
from shared.cache.reader import CacheReader, Page

BRAND = 600_001
OTHER_BRAND = 600_002
W = Watermark(
    position=7,
    movement=MovementId(3, 99, 2),
    generation=0xABCDEF012345,
    bucket_bits=4,
    digest_key_id=1,
    settled=True,
)


def digest() -> bytes:
    """Return the digest of an address that nobody has seen."""
    return secrets.token_bytes(16)


def digests(count: int) -> list[bytes]:
    return [digest() for _ in range(count)]


def at(position: int, watermark: Watermark = W) -> Watermark:
    """Return the watermark of the same generation at another position."""
    movement = MovementId(3, 99, position)
    return replace(watermark, position=position, movement=movement)


def put(
    admin: Redis, brand_code: int, watermark: Watermark, values: Mapping[bytes, int] | None = None
) -> None:
    """Write a brand as the projector would have left it."""
    prefix = bucket_prefix(brand_code, watermark.generation)
    with admin.pipeline(transaction=False) as pipeline:
        for address, value in (values or {}).items():
            key = prefix + b"%d" % bucket_number(address, watermark.bucket_bits)
            pipeline.hset(key, field_of(address), value)
        pipeline.set(watermark_key(brand_code), watermark.encode())
        pipeline.execute()


async def read(cache: CacheReader, asked: Mapping[int, Sequence[bytes]]) -> Mapping[int, Page]:
    """Ask once."""
    answer: asyncio.Future[Mapping[int, Page]] = asyncio.get_running_loop().create_future()
    cache.read(asked, answer.set_result)
    assert not answer.done()  # never from within
    return await answer


async def read_twice(
    cache: CacheReader, asked: Mapping[int, Sequence[bytes]]
) -> Mapping[int, Page]:
    """Ask, so that the generation is known, and ask again."""
    await read(cache, asked)
    return await read(cache, asked)

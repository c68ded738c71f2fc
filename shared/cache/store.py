"""Writes the cache. Only the projector does; what it may do, and when, is in docs/coherence.md."""

import struct
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from typing import Final, Literal, TypeAlias, cast

from shared.cache.address import read_address
from shared.cache.client import StoreClient, Word
from shared.cache.layout import (
    DIGEST_PARTS,
    Watermark,
    bucket_prefix,
    built_mark,
    garbage_key,
    generation_name,
    next_key,
    read_watermark,
    watermark_key,
)
from shared.cache.scripts import BEGIN, CLEAN, FORGET, PROMOTE, WRITE_PAGE

PAGE_ENTRIES_MAX: Final = 500
CLEANED_KEYS_MAX: Final = 500
WATERMARKS_AT_ONCE: Final = 1_000
# A script of 500 entries takes a millisecond; whoever waits longer than this waits for a silent server.
TIMEOUT_S: Final = 2.0
CONNECTIONS: Final = 8

WhichWatermark: TypeAlias = Literal["w", "n"]
Entry: TypeAlias = tuple[bytes, int]


class ProjectionStore:
    """The projector's side of the cache.

    Every method raises CacheUnavailableError if the cache did not do it or did not say so, and
    CacheFullError, which is one, if it has no memory left. What returns a bool is one script that first
    compares: False means that somebody else was there before, and nothing was changed.
    """

    def __init__(self, client: StoreClient) -> None:
        self._client = client

    async def watermark(self, brand_code: int, key: WhichWatermark = "w") -> bytes | None:
        """Return the bytes of W, or of the next generation's watermark; None if there is none."""
        return _text(await self._client.run("GET", _key(brand_code, key)))

    async def watermarks(self, brand_codes: Iterable[int]) -> dict[int, bytes]:
        """Return W of each brand that has one; they are not of one moment."""
        found: dict[int, bytes] = {}
        rest = iter(brand_codes)
        while some := list(islice(rest, WATERMARKS_AT_ONCE)):
            replies = await self._client.run_all([("GET", watermark_key(one)) for one in some])
            pairs = zip(some, map(_text, replies), strict=True)
            found.update({brand_code: raw for brand_code, raw in pairs if raw is not None})
        return found

    async def write_page(
        self,
        brand_code: int,
        key: WhichWatermark,
        expected: bytes,
        entries: Sequence[Entry],
        new: Watermark,
    ) -> bool:
        """Write entries and then the watermark, if it still is what was expected.

        An entry is a digest and `layout.value_of` of all that is on file now; 0 removes it. At most 500;
        `new` is of the same generation as `expected`, whose buckets are written.
        """
        if len(entries) > PAGE_ENTRIES_MAX:
            raise ValueError("too many entries for one script")
        if generation_name(read_watermark(expected)) != generation_name(new):
            raise ValueError("a page is written to the generation that it was read for")
        buckets = _by_bucket(brand_code, new, entries)
        keys = [_key(brand_code, key), *buckets]
        changes = _changes(buckets.values())
        return (
            await self._client.run_script(WRITE_PAGE, keys, [expected, new.encode(), *changes]) == 1
        )

    async def begin(self, brand_code: int, expected: bytes | None, new: Watermark) -> bool:
        """Begin to build a generation, in place of the one that was being built, if any.

        `new` has a name that was never used. An `n` that was there goes to the garbage.
        """
        keys = (next_key(brand_code), garbage_key(brand_code))
        return await self._client.run_script(BEGIN, keys, (expected or b"", new.encode())) == 1

    async def promote(self, brand_code: int, settled: bytes) -> bool:
        """Make the next generation the one that is read; the one before goes to the garbage."""
        keys = _watermark_keys(brand_code)
        arguments = (settled, built_mark(read_watermark(settled)))
        return await self._client.run_script(PROMOTE, keys, arguments) == 1

    async def forget(self, brand_code: int) -> bool:
        """Drop W, so that the brand is built anew and the ledger answers meanwhile."""
        raw = await self.watermark(brand_code)
        if raw is None:
            return False
        keys = (watermark_key(brand_code), garbage_key(brand_code))
        return await self._client.run_script(FORGET, keys, (raw,)) == 1

    async def clean(self, brand_code: int) -> int:
        """Remove all generations of a brand that nobody reads; return how many buckets that were."""
        reply = await self._client.run("SMEMBERS", garbage_key(brand_code))
        names = cast("set[bytes]", reply) if isinstance(reply, set) else set[bytes]()
        return sum([await self._clean_generation(brand_code, name) for name in names])

    async def _clean_generation(self, brand_code: int, name: bytes) -> int:
        generation, bits = name.split(b".")
        prefix = bucket_prefix(brand_code, int(generation, 16))
        buckets = 1 << int(bits)
        removed = 0
        for first in range(0, buckets, CLEANED_KEYS_MAX):
            after = min(first + CLEANED_KEYS_MAX, buckets)
            keys = [b"%b%d" % (prefix, number) for number in range(first, after)]
            is_last = b"1" if after == buckets else b"0"
            count = await self._client.run_script(
                CLEAN, (*_watermark_keys(brand_code), *keys), (name, is_last)
            )
            if count < 0:  # somebody else has removed it, or it is in use
                break
            removed += count
        return removed


@asynccontextmanager
async def open_store(
    url: str, *, timeout_s: float = TIMEOUT_S, connections: int = CONNECTIONS
) -> AsyncGenerator[ProjectionStore]:
    """Open the cache for writing. It need not be there yet: every command finds that out by itself.

    `timeout_s` bounds a command, `connections` how many are under way. Raises CacheAddressError if the URL
    makes no sense.
    """
    client = StoreClient(read_address(url), timeout_s=timeout_s, connections=connections)
    try:
        yield ProjectionStore(client)
    finally:
        await client.close()


def _key(brand_code: int, key: WhichWatermark) -> bytes:
    return watermark_key(brand_code) if key == "w" else next_key(brand_code)


def _watermark_keys(brand_code: int) -> tuple[bytes, bytes, bytes]:
    return next_key(brand_code), watermark_key(brand_code), garbage_key(brand_code)


def _text(reply: object) -> bytes | None:
    return reply if isinstance(reply, bytes) else None


def _by_bucket(
    brand_code: int, watermark: Watermark, entries: Sequence[Entry]
) -> dict[bytes, dict[bytes, int]]:
    """Sort entries into buckets; of two entries for one address the later one counts."""
    prefix = bucket_prefix(brand_code, watermark.generation)
    shift = 32 - watermark.bucket_bits
    buckets: dict[int, dict[bytes, int]] = {}
    split: Iterator[tuple[int, bytes]] = DIGEST_PARTS.iter_unpack(b"".join([d for d, _ in entries]))
    for (bits, field), (_digest, value) in zip(split, entries, strict=True):
        number = bits >> shift
        if number in buckets:
            buckets[number][field] = value
        else:
            buckets[number] = {field: value}
    return {b"%b%d" % (prefix, number): values for number, values in buckets.items()}


def _changes(buckets: Iterable[dict[bytes, int]]) -> list[Word]:
    """Say what becomes of the buckets, as WRITE_PAGE reads it."""
    counts: list[int] = []
    words: list[Word] = [b""]
    for values in buckets:
        removed = [field for field, value in values.items() if not value]
        counts += (len(values) - len(removed), len(removed))
        for pair in values.items():
            if pair[1]:
                words += pair
        words += removed
    words[0] = struct.pack(f"!{len(counts)}H", *counts)
    return words

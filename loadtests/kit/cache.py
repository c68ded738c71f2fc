"""The cache as the bench sees it from outside: its watermarks, its memory, where an entry lies.

What stands in the cache is written down in `shared/cache/layout.py`; this is a second reader of it, as any
program would be that asks the server directly.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final

import redis

BUILT_S: Final = 1800
BUCKET_BITS_OF: Final = 32
FIELD: Final = slice(4, 12)


@dataclass(frozen=True, slots=True)
class Watermark:
    """How far one brand is in the cache, and how its entries are laid out."""

    position: int
    settled: bool
    generation: bytes
    bits: int


def connect(socket: Path) -> "redis.Redis":
    """Return a connection to the cache server."""
    return redis.Redis(unix_socket_path=str(socket), socket_timeout=60)


def watermarks(cache: "redis.Redis", brand_codes: Sequence[int]) -> dict[int, Watermark]:
    """Return the watermarks of the brands that have one."""
    found = cache.mget([f"{{{code}}}w" for code in brand_codes])
    assert isinstance(found, list)  # noqa: S101  # not the asynchronous client
    return {
        code: _read(raw)
        for code, raw in zip(brand_codes, found, strict=True)
        if isinstance(raw, bytes)
    }


def wait_until_built(cache: "redis.Redis", heads: Mapping[int, int]) -> float:
    """Wait until the cache reflects every brand up to its head; return how many seconds that took.

    Ends the bench when there is no progress for a minute.
    """
    started = seen = perf_counter()
    before = -1
    while True:
        found = watermarks(cache, list(heads))
        done = sum(
            code in found and found[code].settled and found[code].position >= position
            for code, position in heads.items()
        )
        if done == len(heads):
            return perf_counter() - started
        size = int(str(cache.dbsize())) + done
        if size != before:
            before, seen = size, perf_counter()
        if perf_counter() - seen > 60 or perf_counter() - started > BUILT_S:
            raise SystemExit(f"the cache is not built: {done} of {len(heads)} brands; a projector?")
        time.sleep(0.02)


def empty(cache: "redis.Redis") -> int:
    """Empty the cache; return the memory that the server uses then, in bytes, before anybody writes."""
    together = cache.pipeline(transaction=True)
    together.flushall()
    together.info("memory")
    return int(together.execute()[1]["used_memory"])


def used_memory(cache: "redis.Redis") -> int:
    """Return what the server says that it uses, in bytes."""
    facts = cache.info("memory")
    assert isinstance(facts, dict)  # noqa: S101  # not the asynchronous client
    return int(facts["used_memory"])


def place_of(brand_code: int, digest: bytes, watermark: Watermark) -> tuple[bytes, bytes]:
    """Return key and field of an address at a brand."""
    bucket = int.from_bytes(digest[:4], "big") >> (BUCKET_BITS_OF - watermark.bits)
    return b"{%d}%s:%d" % (brand_code, watermark.generation, bucket), digest[FIELD]


def _read(raw: bytes) -> Watermark:
    _version, settled, position, _movement, generation, _key_id, _filled = raw.split(b" ")
    name, _, bits = generation.partition(b".")
    return Watermark(int(position), settled == b"S", name, int(bits))

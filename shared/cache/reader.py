"""Reads what the cache knows of some addresses: the hot path.

One write for everybody who asks in a round, W and entries of a brand in one MULTI, and so of one moment. The
buckets are named by the W that was seen last; is the answer's W of another generation, the entries are not
to be found where we have looked, and the brand is missing from the answer. So is every other brand of which
not all is certain. Nothing here waits, and nothing raises.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from struct import Struct
from typing import Final, NamedTuple, TypeAlias

from shared.cache.layout import (
    VALUES,
    ForeignWatermarkError,
    Watermark,
    bucket_prefix,
    read_watermark,
    watermark_key,
)
from shared.cache.link import Link
from shared.cache.resp import EXEC, MULTI, array, command, is_elsewhere
from shared.cache.servers import CacheServers
from shared.cache.wire import Replies

Asked: TypeAlias = Mapping[int, Sequence[bytes]]

# What a bucket holds for an address; no entry is no record.
_VALUE_OF: Final[dict[object, int]] = {b"%d" % value: value for value in range(VALUES)}
_VALUE_OF[None] = 0
# A digest's two parts, as `layout.bucket_number` and `layout.field_of` take them.
_DIGEST: Final = Struct(">I8s4x")
# How the key of a bucket ends, and the length of the field after it.
_BUCKET: Final = b"%d\r\n$8\r\n"
_BUCKET_BYTES_MORE: Final = len(_BUCKET % 0) - 1
_LISTED_BITS: Final = 12
_BUCKETS: Final = [_BUCKET % number for number in range(1 << _LISTED_BITS)]


class Page(NamedTuple):
    """What the cache has of some addresses of a brand.

    `values` are as of `layout.value_of`, in the order asked. They count if and only if the watermark is
    settled, of the digest key in use, and the ledger's head: the asker compares.
    """

    watermark: Watermark
    values: Sequence[int]


Pages: TypeAlias = Mapping[int, Page]
PagesDone: TypeAlias = Callable[[Pages], None]


class _AnyBucket:
    """What `_BUCKETS` is, for numbers that are not listed there."""

    def __getitem__(self, number: int) -> bytes:
        return _BUCKET % number


class _Known:
    """The last W seen of a brand, and the beginnings of the commands that follow from it."""

    __slots__ = ("ends", "get_watermark", "heads", "raw", "shift", "watermark")

    def __init__(self, brand_code: int, raw: bytes, watermark: Watermark) -> None:
        self.raw = raw
        self.watermark = watermark
        self.get_watermark = _get_watermark(brand_code)
        self.shift = 32 - watermark.bucket_bits
        self.ends = _BUCKETS if watermark.bucket_bits <= _LISTED_BITS else _AnyBucket()
        prefix = bucket_prefix(brand_code, watermark.generation)
        # At place n: the command up to a bucket's number, where number and what follows are n bytes long.
        self.heads = [
            b"*3\r\n$4\r\nHGET\r\n$%d\r\n%b" % (len(prefix) + length - _BUCKET_BYTES_MORE, prefix)
            for length in range(_BUCKET_BYTES_MORE + 11)
        ]

    def is_laid_out_as(self, watermark: Watermark) -> bool:
        """Say whether the commands made here find the entries of this W."""
        ours = self.watermark
        return (ours.generation, ours.bucket_bits) == (watermark.generation, watermark.bucket_bits)

    def move_to(self, raw: bytes, watermark: Watermark) -> None:
        """Take over a W of the same generation: the buckets are the same."""
        self.raw = raw
        self.watermark = watermark

    def command(self, digest: bytes) -> bytes:
        """Return the HGET for one address."""
        bits: int
        field: bytes
        bits, field = _DIGEST.unpack(digest)
        end = self.ends[bits >> self.shift]
        return b"%b%b%b\r\n" % (self.heads[len(end)], end, field)

    def commands(self, digests: Sequence[bytes]) -> list[bytes]:
        """Return what `command` does for many, in one pass: this is run for every address asked."""
        heads, ends, shift = self.heads, self.ends, self.shift
        split: Iterator[tuple[int, bytes]] = _DIGEST.iter_unpack(b"".join(digests))
        return [
            b"%b%b%b\r\n" % (heads[len(end := ends[bits >> shift])], end, field)
            for bits, field in split
        ]


# A brand, what was known of it when it was asked for, and how many entries were asked for. A plain tuple: one
# is made for every brand of every question.
_Part: TypeAlias = tuple[int, _Known | None, int]
# In place of that number: nobody knew where the entries are, and so W alone was asked for.
_NOT_ASKED: Final = -1


class CacheReader:
    """Asks the cache; remembers each brand's W, to know where to look."""

    def __init__(self, servers: CacheServers) -> None:
        self._servers = servers
        self._known: dict[int, _Known] = {}

    def read(self, asked: Asked, done: PagesDone) -> None:
        """Ask for W and entries of brands; `done` is called once, on the loop, never before this returns.

        `asked` has the digests by brand, none to ask for W alone. More than 1,000 in one call hold up
        others, so the caller splits. A brand is missing from the answer if it has no W, if its W is of
        another generation than the one seen last (the next call knows it), or if anything failed.
        """
        only = self._servers.only
        if only is not None:
            self._ask(only, asked, done)
            return
        gathering = _Gathering(done)
        for brand_code, digests in asked.items():
            link = self._servers.link_of(brand_code)
            if link is not None:
                gathering.parts += 1
                self._ask(link, {brand_code: digests}, gathering.take)
        if not gathering.parts:
            no_pages: Pages = {}
            asyncio.get_running_loop().call_soon(done, no_pages)

    def _ask(self, link: Link, asked: Asked, done: PagesDone) -> None:
        commands = [MULTI]
        parts: list[_Part] = []
        for brand_code, digests in asked.items():
            known = self._known.get(brand_code)
            if known is None:
                commands.append(_get_watermark(brand_code))
                parts.append((brand_code, None, _NOT_ASKED if digests else 0))
            else:
                commands.append(known.get_watermark)
                if len(digests) == 1:
                    commands.append(known.command(digests[0]))
                else:
                    commands += known.commands(digests)
                parts.append((brand_code, known, len(digests)))
        commands.append(EXEC)
        take = partial(self._take, parts, done)
        link.send(b"".join(commands), replies=len(commands), done=take)

    def _take(self, parts: Sequence[_Part], done: PagesDone, replies: Replies | None) -> None:
        """Make pages of the replies; only the last one, EXEC's, holds anything."""
        pages: dict[int, Page] = {}
        values = array(replies[-1]) if replies else None
        if replies and values is not None and len(values) == len(replies) - 2:  # MULTI and EXEC
            at = 0
            for part in parts:
                brand_code, known, entries = part
                raw = values[at]
                after = at + 1 + entries if known is not None else at + 1
                if known is None or raw != known.raw:
                    known = self._learn(part, raw)
                if known is not None:
                    try:
                        found = [_VALUE_OF[value] for value in values[at + 1 : after]]
                        pages[brand_code] = Page(known.watermark, found)
                    except (KeyError, TypeError):  # an error instead of a value, or nothing of ours
                        pass
                at = after
        elif replies is not None and is_elsewhere(replies):
            self._servers.note_moved()
        done(pages)

    def _learn(self, part: _Part, raw: object) -> _Known | None:
        """Remember a W that is new to us; return it if the entries asked for are of its generation."""
        brand_code, before, entries = part
        try:
            raw = raw if isinstance(raw, bytes) else b""
            watermark = read_watermark(raw)
        except ForeignWatermarkError:
            self._known.pop(brand_code, None)
            return None
        if before is not None and before.is_laid_out_as(watermark):
            before.move_to(raw, watermark)
            return before
        known = self._known[brand_code] = _Known(brand_code, raw, watermark)
        return None if entries else known


class _Gathering:
    """Puts the answers of several nodes together."""

    __slots__ = ("_done", "_pages", "parts")

    def __init__(self, done: PagesDone) -> None:
        self.parts = 0
        self._done = done
        self._pages: dict[int, Page] = {}

    def take(self, pages: Pages) -> None:
        self._pages.update(pages)
        self.parts -= 1
        if not self.parts:
            self._done(self._pages)


def _get_watermark(brand_code: int) -> bytes:
    return command(b"GET", watermark_key(brand_code))

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
_END: Final = b"\r\n"
# So many beginnings of commands are kept, a hundred bytes each; then it is begun anew.
BEGINNINGS_MAX: Final = 131_072


class Page(NamedTuple):
    """What the cache has of some addresses of a brand.

    `values` are as of `layout.value_of`, in the order asked. They count if and only if the watermark is
    settled, of the digest key in use, and the ledger's head: the asker compares.
    """

    watermark: Watermark
    values: Sequence[int]


Pages: TypeAlias = Mapping[int, Page]
PagesDone: TypeAlias = Callable[[Pages], None]


class _Beginnings(dict[int, bytes]):
    """The beginning of a command by the number of its bucket, made when it is first wanted."""

    def __init__(self, prefix: bytes, make_room: Callable[[], None]) -> None:
        self._prefix = prefix
        self._make_room = make_room

    def __missing__(self, number: int) -> bytes:
        key = b"%b%d" % (self._prefix, number)
        beginning = b"*3\r\n$4\r\nHGET\r\n$%d\r\n%b\r\n$8\r\n" % (len(key), key)
        self._make_room()
        self[number] = beginning
        return beginning


class _Known:
    """The last W seen of a brand, and the beginnings of the commands that follow from it."""

    __slots__ = ("beginnings", "get_watermark", "raw", "shift", "watermark")

    def __init__(
        self, brand_code: int, raw: bytes, watermark: Watermark, make_room: Callable[[], None]
    ) -> None:
        self.raw = raw
        self.watermark = watermark
        self.get_watermark = _get_watermark(brand_code)
        self.shift = 32 - watermark.bucket_bits
        self.beginnings = _Beginnings(bucket_prefix(brand_code, watermark.generation), make_room)

    def is_laid_out_as(self, watermark: Watermark) -> bool:
        """Say whether the commands made here find the entries of this W."""
        ours = self.watermark
        return (ours.generation, ours.bucket_bits) == (watermark.generation, watermark.bucket_bits)

    def move_to(self, raw: bytes, watermark: Watermark) -> None:
        """Take over a W of the same generation: the buckets are the same."""
        self.raw = raw
        self.watermark = watermark

    def commands(self, digests: Sequence[bytes]) -> bytes:
        """Return one HGET for each address, in one pass: this is run for every address asked."""
        beginnings, shift = self.beginnings, self.shift
        split: Iterator[tuple[int, bytes]] = _DIGEST.iter_unpack(b"".join(digests))
        return _END.join([beginnings[bits >> shift] + field for bits, field in split]) + _END


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
        self._kept = 0

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
        replies = 2  # MULTI's and EXEC's
        parts: list[_Part] = []
        for brand_code, digests in asked.items():
            known = self._known.get(brand_code)
            if known is None:
                commands.append(_get_watermark(brand_code))
                parts.append((brand_code, None, _NOT_ASKED if digests else 0))
            else:
                commands.append(known.get_watermark)
                if digests:
                    commands.append(known.commands(digests))
                    replies += len(digests)
                parts.append((brand_code, known, len(digests)))
            replies += 1
        commands.append(EXEC)
        take = partial(self._take, parts, done)
        link.send(b"".join(commands), replies=replies, done=take)

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
        known = self._known[brand_code] = _Known(brand_code, raw, watermark, self._make_room)
        return None if entries else known

    def _make_room(self) -> None:
        """Forget all beginnings when they are too many; those that are wanted are soon made again."""
        self._kept += 1
        if self._kept > BEGINNINGS_MAX:
            self._kept = 1
            for known in self._known.values():
                known.beginnings.clear()


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

"""Reads what the cache knows of some addresses: the hot path.

One write for everybody who asks in a round, the W of all brands and their entries in one MULTI, and so of
one moment. The buckets are named by the W that was seen last; is the answer's W of another generation, the
entries are not to be found where we have looked, and the brand is missing from the answer. So is every
other brand of which not all is certain. Nothing here waits, and nothing raises.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple, TypeAlias

from shared.cache.layout import (
    DIGEST_PARTS,
    VALUES,
    ForeignWatermarkError,
    Watermark,
    bucket_prefix,
    read_watermark,
    watermark_key,
)
from shared.cache.link import Link
from shared.cache.resp import EXEC, MULTI, array, is_elsewhere
from shared.cache.servers import CacheServers
from shared.cache.wire import Replies

Asked: TypeAlias = Mapping[int, Sequence[bytes]]

# What a bucket holds for an address; no entry is no record.
_VALUE_OF: Final[dict[object, int]] = {b"%d" % value: value for value in range(VALUES)}
_VALUE_OF[None] = 0
_value_of: Final = _VALUE_OF.__getitem__
_END: Final = b"\r\n"
_NEXT_FIELD: Final = b"\r\n$8\r\n"
_HGET: Final = b"*3\r\n$4\r\nHGET\r\n"
_MULTI_MGET: Final = MULTI + b"*%d\r\n$4\r\nMGET\r\n"
# So many keys of buckets are kept, a hundred bytes each; then it is begun anew.
KEYS_MAX: Final = 131_072
# More addresses of a brand are asked for bucket by bucket, if they are likely to meet in them.
SINGLES_MAX: Final = 16


class Page(NamedTuple):
    """What the cache has of some addresses of a brand.

    `values` are as of `layout.value_of`, in the order asked. They count if and only if the watermark is
    settled, of the digest key in use, and the ledger's head: the asker compares.
    """

    watermark: Watermark
    values: Sequence[int]


Pages: TypeAlias = Mapping[int, Page]
PagesDone: TypeAlias = Callable[[Pages], None]


class _Buckets(dict[int, bytes]):
    """The key of a bucket as a command has it, by the bucket's number; made when it is first wanted."""

    def __init__(self, prefix: bytes, make_room: Callable[[], None]) -> None:
        self._prefix = prefix
        self._make_room = make_room

    def __missing__(self, number: int) -> bytes:
        self._make_room()
        word = self[number] = _word(b"%b%d" % (self._prefix, number)) + b"$8\r\n"
        return word


class _Known:
    """The last W seen of a brand, and the pieces of the commands that follow from it."""

    __slots__ = ("buckets", "raw", "shift", "watermark", "word")

    def __init__(
        self, brand_code: int, raw: bytes, watermark: Watermark, make_room: Callable[[], None]
    ) -> None:
        self.raw = raw
        self.watermark = watermark
        self.word = _word(watermark_key(brand_code))
        self.shift = 32 - watermark.bucket_bits
        self.buckets = _Buckets(bucket_prefix(brand_code, watermark.generation), make_room)

    def is_laid_out_as(self, watermark: Watermark) -> bool:
        """Say whether the commands made here find the entries of this W."""
        ours = self.watermark
        return (ours.generation, ours.bucket_bits) == (watermark.generation, watermark.bucket_bits)

    def move_to(self, raw: bytes, watermark: Watermark) -> None:
        """Take over a W of the same generation: the buckets are the same."""
        self.raw = raw
        self.watermark = watermark

    def get(self, digests: Sequence[bytes]) -> bytes:
        """Return one HGET for each address, in one pass: this is run for every address asked."""
        buckets, shift = self.buckets, self.shift
        split: Iterator[tuple[int, bytes]] = DIGEST_PARTS.iter_unpack(b"".join(digests))
        return b"".join([_HGET + buckets[bits >> shift] + field + _END for bits, field in split])

    def shares_buckets(self, addresses: int) -> bool:
        """Say whether so many addresses are likely to meet in buckets."""
        return addresses > SINGLES_MAX and addresses >> self.watermark.bucket_bits > 0

    def get_by_bucket(self, digests: Sequence[bytes]) -> tuple[bytes, list[list[int]]]:
        """Return one HMGET for each bucket, and for each whose entries it asks for, in its order."""
        split: list[tuple[int, bytes]] = [*DIGEST_PARTS.iter_unpack(b"".join(digests))]
        shift = self.shift
        places: defaultdict[int, list[int]] = defaultdict(list)
        for place, (bits, _field) in enumerate(split):
            places[bits >> shift].append(place)
        commands: list[bytes] = []
        for number, own in places.items():
            commands += (
                b"*%d\r\n$5\r\nHMGET\r\n" % (2 + len(own)),
                self.buckets[number],
                _NEXT_FIELD.join([split[place][1] for place in own]),
                _END,
            )
        return b"".join(commands), [*places.values()]


# A brand, what was known of it when it was asked for, how many replies come, and whose values are in each;
# None: one reply an address. A plain tuple: one is made for every brand of every question.
_Part: TypeAlias = tuple[int, _Known | None, int, list[list[int]] | None]
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
        words: list[bytes] = []
        commands: list[bytes] = []
        parts: list[_Part] = []
        replies = 0
        for brand_code, digests in asked.items():
            known = self._known.get(brand_code)
            if known is None:
                words.append(_word(watermark_key(brand_code)))
                parts.append((brand_code, None, _NOT_ASKED if digests else 0, None))
                continue
            words.append(known.word)
            count, places = len(digests), None
            if count == 1:  # nearly always, where many ask for one address each
                bits, field = DIGEST_PARTS.unpack(digests[0])
                commands.append(_HGET + known.buckets[bits >> known.shift] + field + _END)
            elif known.shares_buckets(count):
                command, places = known.get_by_bucket(digests)
                commands.append(command)
                count = len(places)
            elif count:
                commands.append(known.get(digests))
            replies += count
            parts.append((brand_code, known, count, places))
        whole = b"".join((_MULTI_MGET % (1 + len(words)), *words, *commands, EXEC))
        # MULTI's, what was queued (MGET's and the entries'), EXEC's.
        link.send(whole, replies=replies + 3, done=partial(self._take, parts, done))

    def _take(self, parts: Sequence[_Part], done: PagesDone, replies: Replies | None) -> None:
        """Make pages of the replies; only the last one, EXEC's, holds anything."""
        pages: dict[int, Page] = {}
        values = array(replies[-1]) if replies else None
        if replies and values is not None and len(values) == len(replies) - 2:  # MULTI and EXEC
            at = 1
            for part, raw in zip(parts, array(values[0]) or (), strict=False):
                brand_code, known, count, places = part
                if known is None or raw != known.raw:
                    known = self._learn(part, raw)
                after = at + max(count, 0)
                if known is not None:
                    try:  # noqa: SIM105  # `suppress` costs more than all the rest of this loop
                        pages[brand_code] = Page(known.watermark, _values(values[at:after], places))
                    except (KeyError, TypeError, ValueError):  # an error, or nothing of ours
                        pass
                at = after
        elif replies is not None and is_elsewhere(replies):
            self._servers.note_moved()
        done(pages)

    def _learn(self, part: _Part, raw: object) -> _Known | None:
        """Remember a W that is new to us; return it if the entries asked for are of its generation."""
        brand_code, before, entries, _places = part
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
        """Forget all keys when they are too many; those that are wanted are soon made again."""
        self._kept += 1
        if self._kept > KEYS_MAX:
            self._kept = 1
            for known in self._known.values():
                known.buckets.clear()


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


def _values(replies: Sequence[object], places: Sequence[Sequence[int]] | None) -> list[int]:
    """Return the values of some addresses in the order asked; `places` as in `_Part`.

    Raises KeyError, TypeError or ValueError for what no bucket answers.
    """
    if places is None:
        return [*map(_value_of, replies)]
    values = [0] * sum(map(len, places))
    for own, reply in zip(places, replies, strict=True):
        for place, value in zip(own, map(_value_of, array(reply) or ()), strict=True):
            values[place] = value
    return values


def _word(word: bytes) -> bytes:
    """Return a word of a command as it goes over the wire."""
    return b"$%d\r\n%b\r\n" % (len(word), word)

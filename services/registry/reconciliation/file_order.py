"""The order of a day's file: by the second that the wire shows, then by the text of the transaction id.

A provider knows a movement by what it was answered: second and id. By these it can put its own records into
the very same order, which is what reconciliation is about; the true moments within a second it cannot know.

Movements come in the order of their positions, and so of their times. What is left to sort is each second,
and an id is made of the numbers of an extent alone. So the order is known before a movement is read. A second
may hold a million movements of one transaction: then the ids go through buckets, 24 bytes each, and of one
second no more is kept than `ROWS_A_PASS` at a time, however large it is.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from itertools import groupby, pairwise
from struct import Struct
from typing import Final

from shared.domain.wire_time import consent_date_to_wire
from shared.ledger.append import transaction_id
from shared.ledger.span import Extent

PAGE: Final = 500
"""Places that are given out together, and movements that are read by one statement."""
ROWS_A_PASS: Final = 1 << 20
ROWS_A_BREATH: Final = 500
"""After so many ids the event loop gets its turn: about a millisecond."""

Place = tuple[Extent, int]

_BUCKETS: Final = 256
_PREFIXES: Final = 1 << 16
_ID_BYTES: Final = 16  # of 32: enough to tell any number of ids that a ledger can hold apart
_AT: Final = Struct(">II")
_RECORD_BYTES: Final = _ID_BYTES + _AT.size


async def in_file_order(
    brand_code: int, extents: AsyncIterator[Sequence[Extent]]
) -> AsyncIterator[list[Place]]:
    """Yield every place of these extents, page by page, in the order of the file.

    `extents` come in pages of any size, in the order of their positions.
    """
    page: list[Place] = []
    async for second in _seconds(extents):
        if sum(extent.size for extent in second) <= PAGE:
            page += _sorted_at_once(brand_code, second)
        else:
            async for places in _sorted_in_buckets(brand_code, second):
                page += places
                while len(page) >= PAGE:
                    yield page[:PAGE]
                    page = page[PAGE:]
        if len(page) >= PAGE:
            yield page
            page = []
    if page:
        yield page


async def _seconds(extents: AsyncIterator[Sequence[Extent]]) -> AsyncIterator[list[Extent]]:
    """Yield the extents of each second that the wire can show, together."""
    second: list[Extent] = []
    shown = ""
    async for page in extents:
        for begins, group in groupby(page, lambda e: consent_date_to_wire(e.created_at)):
            if second and begins != shown:
                yield second
                second = []
            shown = begins
            second += group
    if second:
        yield second


def _sorted_at_once(brand_code: int, second: Sequence[Extent]) -> list[Place]:
    found = [
        (transaction_id(brand_code, extent.extent_id, extent.nonce, offset), n, offset)
        for n, extent in enumerate(second)
        for offset in range(1, extent.size + 1)
    ]
    return [(second[n], offset) for _, n, offset in sorted(found)]


async def _sorted_in_buckets(
    brand_code: int, second: Sequence[Extent]
) -> AsyncIterator[list[Place]]:
    """Yield the places of a crowded second in order, a bucket at a time.

    Ids are evenly spread, so buckets are about equally full. Where there are more rows than one pass may
    hold, each pass takes those whose ids begin in its share of all beginnings.
    """
    total = sum(extent.size for extent in second)
    passes = -(-total // ROWS_A_PASS)
    bounds = [_PREFIXES * n // passes for n in range(passes + 1)]
    for low, high in pairwise(bounds):
        for bucket in await _filled(brand_code, second, range(low, high)):
            yield [_place(second, record) for record in _records(bucket)]


async def _filled(brand_code: int, second: Sequence[Extent], prefixes: range) -> list[bytearray]:
    buckets = [bytearray() for _ in range(_BUCKETS)]
    for count, (n, offset) in enumerate(_places(second)):
        extent = second[n]
        digest = bytes.fromhex(transaction_id(brand_code, extent.extent_id, extent.nonce, offset))
        prefix = digest[0] << 8 | digest[1]
        if prefix in prefixes:
            bucket = buckets[(prefix - prefixes.start) * _BUCKETS // len(prefixes)]
            bucket += digest[:_ID_BYTES] + _AT.pack(n, offset)
        if count % ROWS_A_BREATH == 0:
            await asyncio.sleep(0)
    return buckets


def _places(second: Sequence[Extent]) -> Iterable[tuple[int, int]]:
    return ((n, o) for n, extent in enumerate(second) for o in range(1, extent.size + 1))


def _records(bucket: bytearray) -> list[bytes]:
    content = bytes(bucket)
    return sorted(content[at : at + _RECORD_BYTES] for at in range(0, len(content), _RECORD_BYTES))


def _place(second: Sequence[Extent], record: bytes) -> Place:
    n: int
    offset: int
    n, offset = _AT.unpack_from(record, _ID_BYTES)
    return second[n], offset

r"""A day's file of movements, written from the ledger: always the same bytes, in bounded memory (iys-api 7).

One header line, then one line for each movement that was accepted, with `\n` at the end of each, the last
one too. Nothing is ever quoted: no value can hold a comma, a quote or an end of line, and a line that does
ends the work. A field without a value is empty: a merchant's first record may lack date and source.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from hashlib import sha384
from typing import Final

from services.registry.reconciliation.file_order import Place, in_file_order
from shared.domain.day_counts import DayCounts
from shared.domain.wire_time import consent_date_to_wire
from shared.ledger.append import transaction_id
from shared.ledger.span import Extent, SpanMovement, read_extents, read_places
from shared.ledger.store import ReaderPool
from shared.sealing.addresses import Sealer

HEADER: Final = (
    "creationDate,transactionId,recipient,recipientType,type,status,consentDate,source\n"
)
MEDIA_TYPE: Final = "text/csv"
EXTENTS_A_PAGE: Final = 500
LINES_A_CHUNK: Final = 100
"""Opened and written without a break: about a millisecond, and 15 kB."""
READS_AT_ONCE: Final = 2

_COMMAS: Final = HEADER.count(",")
_FORBIDDEN: Final = ('"', "\r")


class UnfitValueError(Exception):
    """A value cannot stand in the file as it is. It was never recorded by this registry."""


class FileDiffersError(Exception):
    """The ledger does not give the file any more whose hash is on record."""


@dataclass(frozen=True, slots=True)
class Span:
    """The movements of a brand after one position, up to another."""

    brand_code: int
    after: int
    until: int


class DayReader:
    """Reads the movements of a span in the order of the file.

    No more than `READS_AT_ONCE` connections of the pool are busy for all who read here, and none while a
    reader waits for its client.
    """

    def __init__(self, pool: ReaderPool, sealer: Sealer) -> None:
        self._pool = pool
        self._sealer = sealer
        self._turns = asyncio.Semaphore(READS_AT_ONCE)

    async def chunks(self, span: Span, counts: DayCounts) -> AsyncIterator[bytes]:
        """Yield the file's bytes, and count on the way what they hold.

        Raises UnfitValueError, SealBrokenError, LedgerUnavailableError.
        """
        yield HEADER.encode()
        async for places, movements in self._pages(span):
            extents = {extent.extent_id: extent for extent, _ in places}
            for at in range(0, len(movements), LINES_A_CHUNK):
                some = movements[at : at + LINES_A_CHUNK]
                _count(counts, some)
                yield self._written(span.brand_code, extents, some)
                await asyncio.sleep(0)

    async def count(self, span: Span) -> DayCounts:
        """Count what the file would hold, without opening an address."""
        counts = DayCounts()
        async for _, movements in self._pages(span):
            _count(counts, movements)
        return counts

    async def _pages(self, span: Span) -> AsyncIterator[tuple[list[Place], list[SpanMovement]]]:
        async for places in in_file_order(span.brand_code, self._extents(span)):
            at = [(extent.extent_id, offset) for extent, offset in places]
            async with self._turns:
                movements = await read_places(self._pool, span.brand_code, at)
            yield places, movements

    async def _extents(self, span: Span) -> AsyncIterator[list[Extent]]:
        after = span.after
        while after < span.until:
            async with self._turns:
                page = await read_extents(
                    self._pool, span.brand_code, after=after, until=span.until, limit=EXTENTS_A_PAGE
                )
            if not page:
                return
            yield page
            after = page[-1].base_position + page[-1].size

    def _written(
        self, brand_code: int, extents: dict[int, Extent], movements: Sequence[SpanMovement]
    ) -> bytes:
        lines = "".join(
            [
                self._line(brand_code, extents[movement.extent_id], movement)
                for movement in movements
            ]
        )
        fits = lines.count("\n") == len(movements) and lines.count(",") == _COMMAS * len(movements)
        if not fits or any(character in lines for character in _FORBIDDEN):
            raise UnfitValueError("a value with a comma, a quote or an end of line")
        return lines.encode()

    def _line(self, brand_code: int, extent: Extent, movement: SpanMovement) -> str:
        recipient = self._sealer.open(
            movement.sealed, brand_code=brand_code, key_id=movement.sealing_key_id
        )
        number = transaction_id(brand_code, extent.extent_id, extent.nonce, movement.extent_offset)
        decided = movement.consent_date
        return (
            f"{consent_date_to_wire(extent.created_at)},{number},{recipient},"
            f"{movement.recipient_type},{movement.channel},{movement.status},"
            f"{'' if decided is None else consent_date_to_wire(decided)},{movement.source or ''}\n"
        )


def _count(counts: DayCounts, movements: Sequence[SpanMovement]) -> None:
    for movement in movements:
        counts.add(
            (movement.recipient_type, movement.channel),
            movement.source,
            status=movement.status,
            before=movement.before,
        )


async def proven(
    chunks: AsyncIterator[bytes], *, size_bytes: int, file_hash: bytes
) -> AsyncIterator[bytes]:
    """Pass a file on, but its last bytes only if it is the one whose size and hash are on record.

    So a client gets the whole file or visibly less. Raises FileDiffersError.
    """
    digest, passed, held = sha384(), 0, b""
    async for chunk in chunks:
        digest.update(chunk)
        passed += len(chunk)
        if passed > size_bytes:
            break
        if held:
            yield held
        held = chunk
    if passed != size_bytes or digest.digest() != file_hash:
        raise FileDiffersError
    yield held

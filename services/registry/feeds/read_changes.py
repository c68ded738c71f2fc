"""The pull feed: a brand's changes from a place on, in the ledger's order (iys-api 4.9).

A page is read by position, so nothing is left out and nothing comes twice, whoever commits when; the window
of time only cuts. What the caller is not shown (blocks, the other kind of source, channels without the right)
is passed over, a bounded part at a time, and the cursor moves along.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from services.registry.feeds.cursor import Place, pack, unpack
from shared.auth.gate import Ticket
from shared.auth.rights import may_read
from shared.domain.consent import Channel, Source
from shared.domain.faults import RuleBrokenError, SearchFailed
from shared.domain.read_feed import (
    ChangesQuestion,
    Cursor,
    SourceKind,
    read_changes_question,
    write_cursor,
)
from shared.domain.registry_movements import decided_at_to_wire
from shared.domain.wire_time import consent_date_to_wire, turkish_day
from shared.ledger.citizen_names import read_citizen_names
from shared.ledger.coalesce import StateReader
from shared.ledger.feed import (
    FeedMovement,
    Window,
    find_movement,
    find_transaction,
    find_window,
    read_feed,
)
from shared.ledger.store import ReaderPool
from shared.sealing.addresses import SealBrokenError, Sealer
from shared.wire.caller import Caller, WireGate
from shared.wire.path_codes import BrandPath

SCANNED_MAX: Final = 10_000
"""Movements that one request looks at, shown or not."""
RESUMED_EARLIER: Final = timedelta(hours=1)
"""A cursor whose movement is not of this history is taken up so long before its time: clocks may differ."""
_SCANNED_AT_ONCE: Final = 1_000
_ROWS_A_SLICE: Final = 250

Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class ChangesTexts:
    """The parameters as they stand in the query; empty where they are not there."""

    source: str
    limit: str
    after: str


@dataclass(frozen=True, slots=True)
class ChangesPage:
    """What is answered: where to go on, and the rows. No rows means: go on, there is more to look at."""

    after: str
    rows: list[Row]


@dataclass(slots=True)
class _Scan:
    """Movements to show, the last one that was looked at, and whether the window ended."""

    shown: list[FeedMovement] = field(default_factory=list)
    last: FeedMovement | None = None
    ended: bool = False


@dataclass(frozen=True, slots=True)
class ReadChanges:
    """The use case with what it needs. Call it as a function.

    `delay` is how long a movement is kept back, `window` how far back the feed reaches.
    """

    gate: WireGate
    reader: StateReader
    pool: ReaderPool
    sealer: Sealer
    delay: timedelta
    window: timedelta
    now: Callable[[], datetime]

    async def __call__(
        self, ticket: Ticket, path: BrandPath, texts: ChangesTexts
    ) -> ChangesPage | None:
        """Return the next page, or None where there is nothing more to read yet.

        Raises RuleBrokenError (H506, H507, H103 when an address does not open), LedgerUnavailableError.
        """
        now = self.now()
        snapshot = await self.reader.read_head(path.brand_code)
        caller = await self.gate.admit_at(ticket, path, snapshot)
        caller.require_read(None, today=turkish_day(now))
        question = read_changes_question(texts.source, texts.limit, texts.after)
        if not isinstance(question, ChangesQuestion):
            raise RuleBrokenError(*question)
        window = await self._window(path.brand_code, question.after, now)
        if window is None:
            return None
        scan = await self._scan(path.brand_code, window, question, _channels(caller, now))
        if scan.last is None or (scan.ended and not scan.shown):
            return None
        last = scan.last
        token = pack(path.brand_code, Place(last.extent_id, last.nonce, last.extent_offset))
        rows = await self._rows(path.brand_code, scan.shown, now)
        return ChangesPage(write_cursor(last.created_at, token), rows)

    async def _window(
        self, brand_code: int, after: Cursor | datetime | None, now: datetime
    ) -> Window | None:
        """Return what is to be read: the time window, cut where the reader says that it stands."""
        since = now - self.window
        position = None
        match after:
            case Cursor():
                position = await self._position(brand_code, after)
                if position is None:
                    since = max(since, after.moment - RESUMED_EARLIER)
            case datetime():
                since = max(since, after)
            case None:
                pass
        window = await find_window(self.pool, brand_code, since=since, until=now - self.delay)
        if window is None or position is None:
            return window
        return Window(max(window.after, position), window.last)

    async def _position(self, brand_code: int, cursor: Cursor) -> int | None:
        """Return the position of the movement that a cursor names, None if there is none such."""
        if cursor.token is None:
            return None
        place = unpack(brand_code, cursor.token)
        if place is not None:
            return await find_movement(
                self.pool,
                brand_code,
                extent_id=place.extent_id,
                nonce=place.nonce,
                extent_offset=place.extent_offset,
            )
        return await find_transaction(
            self.pool,
            brand_code,
            since=cursor.moment,
            before=cursor.moment + cursor.unit,
            transaction=cursor.token,
        )

    async def _scan(
        self,
        brand_code: int,
        window: Window,
        question: ChangesQuestion,
        channels: frozenset[str],
    ) -> _Scan:
        """Look at movements in order until the page is full, the window ends, or it was enough."""
        scan, scanned, size = _Scan(), 0, question.limit
        of_registry = question.source is SourceKind.REGISTRY
        while scanned < SCANNED_MAX:
            movements = await read_feed(
                self.pool, brand_code, window, kind=question.source, limit=size
            )
            for movement in movements:
                scan.last = movement
                if (
                    movement.kind == "CONSENT"
                    and movement.of_registry == of_registry
                    and movement.channel in channels
                ):
                    scan.shown.append(movement)
                    if len(scan.shown) == question.limit:
                        return scan
            scanned += len(movements)
            if len(movements) < size or scan.last is None:
                scan.ended = True
                return scan
            window = Window(scan.last.position, window.last)
            size = _SCANNED_AT_ONCE
        return scan

    async def _rows(
        self, brand_code: int, movements: list[FeedMovement], now: datetime
    ) -> list[Row]:
        names = await self._names(brand_code, movements, now)
        rows: list[Row] = []
        for at, movement in enumerate(movements, 1):
            if not at % _ROWS_A_SLICE:
                await asyncio.sleep(0)  # opening a thousand addresses must not hold up a write
            rows.append(self._row(brand_code, movement))
            name = names.get((movement.extent_id, movement.extent_offset))
            if name is not None:
                rows[-1]["citizenName"] = name
        return rows

    async def _names(
        self, brand_code: int, movements: list[FeedMovement], now: datetime
    ) -> dict[tuple[int, int], str]:
        first = Source.REGISTRY_WEB_FIRST.value
        named = [(m.extent_id, m.extent_offset) for m in movements if m.source == first]
        return {
            (name.extent_id, name.extent_offset): self._open(
                name.sealed, brand_code, name.sealing_key_id
            )
            for name in await read_citizen_names(self.pool, brand_code, named, now=now)
        }

    def _row(self, brand_code: int, movement: FeedMovement) -> Row:
        row: Row = {
            "consentDate": decided_at_to_wire(
                movement.consent_date,
                source=movement.source,
                recipient_type=movement.recipient_type,
            ),
            "creationDate": consent_date_to_wire(movement.created_at),
            "source": movement.source,
            "recipient": self._open(movement.sealed, brand_code, movement.sealing_key_id),
            "recipientType": movement.recipient_type,
            "status": movement.status,
            "type": movement.channel,
            "transactionId": movement.transaction_id(brand_code),
        }
        return {name: value for name, value in row.items() if value is not None}

    def _open(self, sealed: bytes, brand_code: int, key_id: int) -> str:
        """Open an address or a name. One that does not open ends the page: a row left out is a gap."""
        try:
            return self.sealer.open(sealed, brand_code=brand_code, key_id=key_id)
        except SealBrokenError:
            raise RuleBrokenError(SearchFailed()) from None


def _channels(caller: Caller, now: datetime) -> frozenset[str]:
    """Return the channels whose consents the caller may see."""
    today = turkish_day(now)
    return frozenset(
        channel.value
        for channel in Channel
        if may_read(caller.user, caller.brand, channel, today=today)
    )

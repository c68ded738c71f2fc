"""Retailers of a brand on the wire: recording one, showing one or many, removing one (iys-api 5).

A retailer belongs to one brand (regulation J3). Two retailers of one provider may not have the same TCKN or
MERSIS number; which of the two codes says so hangs on whether the other one is passive.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from services.registry.retailers.admit_named import admit_named
from services.registry.retailers.retailer_view import shown_in_short, shown_whole
from shared.auth.gate import Ticket
from shared.domain.faults import Fault, RuleBrokenError
from shared.domain.new_retailer import NewRetailer, read_new_retailer
from shared.domain.retailer_faults import (
    MersisTaken,
    NoRetailerCodeLeft,
    PassiveTwin,
    RetailerLinked,
    RetailerNotFound,
    TcknTaken,
)
from shared.domain.retailer_listing import Listing
from shared.domain.wire_time import turkish_day
from shared.ledger.coalesce import StateReader
from shared.ledger.failures import AlreadyExistsError, LedgerUnavailableError
from shared.ledger.retailers import (
    Removal,
    SealedRetailer,
    add_retailer,
    find_twins,
    read_named,
    read_page,
    remove_retailer,
)
from shared.ledger.store import ReaderPool, WriterPool
from shared.sealing.retailer_details import DetailSealer, IdDigester
from shared.wire.caller import Caller, WireGate
from shared.wire.path_codes import BrandPath


@dataclass(frozen=True, slots=True)
class ManageRetailers:
    """The use cases with what they need. `count_max` is how many retailers a brand may have.

    Raises RuleBrokenError with every fault, LedgerUnavailableError.
    """

    gate: WireGate
    reader: StateReader
    pool: ReaderPool
    writer: WriterPool
    sealer: DetailSealer
    digester: IdDigester
    admit_test_range: bool
    count_max: int
    now: Callable[[], datetime]

    async def add(self, ticket: Ticket, path: BrandPath, body: object) -> int:
        """Record a retailer; return its code of eight digits."""
        await self._admit_to_change(ticket, path)
        read = read_new_retailer(body, admit_test_range=self.admit_test_range)
        if not isinstance(read, NewRetailer):
            raise RuleBrokenError(*read)
        retailer = self._sealed(read, brand_code=path.brand_code)
        try:
            code = await add_retailer(self.writer, retailer, count_max=self.count_max)
        except AlreadyExistsError:
            raise await self._taken(retailer) from None
        if code is None:
            raise RuleBrokenError(NoRetailerCodeLeft())
        return code

    async def page(
        self, ticket: Ticket, path: BrandPath, listing: Listing | list[Fault]
    ) -> dict[str, object]:
        """Return one page of the brand's retailers, the oldest first."""
        await self._admit_to_read(ticket, path)
        if not isinstance(listing, Listing):
            raise RuleBrokenError(*listing)
        start, size = listing.page.offset, listing.page.limit
        total, rows = await read_page(self.pool, path.brand_code, offset=start, limit=size)
        return {
            "pagination": {
                "offset": start,
                "pageSize": size,
                "totalCount": total,
                "currentPage": start // size + 1,
            },
            "list": [
                shown_in_short(row)
                if listing.short
                else shown_whole(row, self.sealer, brand_code=path.brand_code)
                for row in rows
            ],
        }

    async def one(self, ticket: Ticket, path: BrandPath, retailer_code: int) -> dict[str, object]:
        """Return a retailer; nothing in it where the brand has none with this code."""
        await self._admit_to_read(ticket, path)
        found = await read_named(self.pool, path.brand_code, [retailer_code])
        if retailer_code not in found:
            return {}
        row = found[retailer_code]
        shown = shown_whole(row, self.sealer, brand_code=path.brand_code)
        return {**shown, "canBeDeleted": not row.consents}

    async def remove(self, ticket: Ticket, path: BrandPath, retailer_code: int) -> None:
        """Remove a retailer that no consent names (regulation J4)."""
        await self._admit_to_change(ticket, path)
        match await remove_retailer(self.writer, path.brand_code, retailer_code):
            case Removal.UNKNOWN:
                raise RuleBrokenError(RetailerNotFound())
            case Removal.LINKED:
                raise RuleBrokenError(RetailerLinked())
            case Removal.DONE:
                return

    async def _admit_to_change(self, ticket: Ticket, path: BrandPath) -> Caller:
        snapshot = await self.reader.read_head(path.brand_code)
        caller = await admit_named(self.gate, self.pool, ticket, path, snapshot)
        caller.require_write(None, today=self._today(), refusal=False)
        return caller

    async def _admit_to_read(self, ticket: Ticket, path: BrandPath) -> None:
        snapshot = await self.reader.read_head(path.brand_code)
        caller = await self.gate.admit_at(ticket, path, snapshot)
        caller.require_read(None, today=self._today())

    async def _taken(self, retailer: SealedRetailer) -> RuleBrokenError:
        """Say which number is taken, and whether by a passive retailer."""
        twins = await find_twins(
            self.pool,
            retailer.brand_code,
            tckn_digest=retailer.tckn_digest,
            mersis_digest=retailer.mersis_digest,
        )
        if not twins:  # it went in the meantime
            raise LedgerUnavailableError("the numbers of a retailer do not stand still")
        if any(twin.passive for twin in twins):
            return RuleBrokenError(PassiveTwin())
        return RuleBrokenError(
            *([TcknTaken()] if any(twin.same_tckn for twin in twins) else []),
            *([MersisTaken()] if any(twin.same_mersis for twin in twins) else []),
        )

    def _sealed(self, retailer: NewRetailer, *, brand_code: int) -> SealedRetailer:
        details = {"name": retailer.name, "tckn": retailer.tckn, "tin": retailer.tin}
        if retailer.mersis is not None:
            details["mersis"] = retailer.mersis
        if retailer.mobile is not None:
            details["mobile"] = retailer.mobile
        return SealedRetailer(
            brand_code=brand_code,
            title=retailer.title,
            alias=retailer.alias,
            status=retailer.status.value,
            city=(retailer.city.code, retailer.city.name),
            town=(retailer.town.code, retailer.town.name),
            digest_key_id=self.digester.key_id,
            sealing_key_id=self.sealer.key_id,
            sealed=self.sealer.seal(details, brand_code=brand_code),
            tckn_digest=self.digester.digest(retailer.tckn, kind="tckn"),
            mersis_digest=None
            if retailer.mersis is None
            else self.digester.digest(retailer.mersis, kind="mersis"),
        )

    def _today(self) -> date:
        return turkish_day(self.now())

"""Which retailers may use one consent (iys-api 6): the one that collected it, and those it was given to."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from services.registry.retailers.retailer_view import shown_with_access
from shared.auth.gate import Ticket
from shared.domain.faults import Fault, RuleBrokenError
from shared.domain.paging import Page
from shared.domain.read_question import Question, read_question
from shared.domain.read_words import is_object
from shared.domain.retailer_access import Access
from shared.domain.retailer_faults import AccessQueryUnusable
from shared.domain.wire_time import turkish_day
from shared.ledger.coalesce import StateReader
from shared.ledger.read_state import Key
from shared.ledger.retailers import read_named
from shared.ledger.store import ReaderPool
from shared.sealing.addresses import Digester
from shared.sealing.retailer_details import DetailSealer
from shared.wire.caller import WireGate
from shared.wire.path_codes import BrandPath


@dataclass(frozen=True, slots=True)
class ListAccess:
    """The use case with what it needs. Call it as a function."""

    gate: WireGate
    reader: StateReader
    pool: ReaderPool
    digester: Digester
    sealer: DetailSealer
    admit_test_range: bool
    now: Callable[[], datetime]

    async def __call__(
        self, ticket: Ticket, path: BrandPath, body: object, page: Page | list[Fault]
    ) -> dict[str, object]:
        """Return one page of the retailers that may use a consent, by their codes; none without a record.

        Raises RuleBrokenError with every fault, LedgerUnavailableError.
        """
        question = self._question(body)
        asked = question if isinstance(question, Question) else None
        key = self._key(path, asked)
        snapshot = (await self.reader.read([key]))[0]
        caller = await self.gate.admit_at(ticket, path, snapshot)
        channel = None if asked is None else asked.channel
        caller.require_read(channel, today=turkish_day(self.now()))
        if not isinstance(question, Question) or not isinstance(page, Page):
            of_page = () if isinstance(page, Page) else page
            of_body = () if isinstance(question, Question) else question
            raise RuleBrokenError(*of_body, *of_page)
        codes = sorted(Access(snapshot.retailer_code, snapshot.retailer_access).everybody)
        wanted = codes[page.offset : page.offset + page.limit]
        found = await read_named(self.pool, path.brand_code, wanted)
        return {
            "pagination": {
                "offset": page.offset,
                "pageSize": page.limit,
                "totalCount": len(codes),
            },
            "list": [
                shown_with_access(found[code], self.sealer, brand_code=path.brand_code)
                for code in wanted
                if code in found
            ],
        }

    def _question(self, body: object) -> Question | tuple[Fault, ...]:
        if not is_object(body):
            return (AccessQueryUnusable(),)
        return read_question(body, admit_test_range=self.admit_test_range)

    def _key(self, path: BrandPath, question: Question | None) -> Key:
        if question is None:
            return Key(path.brand_code)
        digest = self.digester.digest(question.recipient)
        return Key(path.brand_code, question.channel, question.recipient_type, digest)

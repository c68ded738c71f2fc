"""The consents of one address, the newest decision first (iys-api 4.8).

Blocks and changes of retailers are no decisions that the wire knows, and are not shown.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from shared.auth.gate import Ticket
from shared.domain.consent import Channel
from shared.domain.faults import (
    EmailMalformed,
    Fault,
    PhoneMalformed,
    RecipientOfOtherKind,
    RuleBrokenError,
)
from shared.domain.paging import Page, read_page
from shared.domain.read_question import Question, read_question
from shared.domain.wire_time import consent_date_to_wire, turkish_day
from shared.ledger.coalesce import StateReader
from shared.ledger.history import HistoryRow, read_history
from shared.ledger.read_state import Key
from shared.ledger.store import ReaderPool
from shared.sealing.addresses import Digester
from shared.wire.caller import WireGate
from shared.wire.path_codes import BrandPath


@dataclass(frozen=True, slots=True)
class ReadHistory:
    """The use case with what it needs. Call it as a function."""

    gate: WireGate
    reader: StateReader
    pool: ReaderPool
    digester: Digester
    admit_test_range: bool
    now: Callable[[], datetime]

    async def __call__(
        self, ticket: Ticket, path: BrandPath, texts: tuple[str, str], body: object
    ) -> dict[str, object]:
        """Return a page of the history; `texts` are offset and limit as the query has them.

        Raises RuleBrokenError with every fault of the question and the page, LedgerUnavailableError.
        """
        question = read_question(body, admit_test_range=self.admit_test_range)
        offset, limit = texts
        page = read_page(offset or None, limit or None, swapped=True)
        asked = question if isinstance(question, Question) else None
        caller = await self.gate.admit_at(
            ticket, path, await self.reader.read_head(path.brand_code)
        )
        caller.require_read(None if asked is None else asked.channel, today=turkish_day(self.now()))
        if not isinstance(question, Question) or not isinstance(page, Page):
            raise RuleBrokenError(
                *(() if isinstance(page, Page) else page),
                *(() if isinstance(question, Question) else map(_as_published, question)),
            )
        key = Key(
            path.brand_code,
            question.channel,
            question.recipient_type,
            self.digester.digest(question.recipient),
        )
        rows, total = await read_history(self.pool, key, limit=page.limit, offset=page.offset)
        return {
            "list": [_shown(question, row) for row in rows],
            "pagination": {"totalCount": total, "pageSize": len(rows), "offset": page.offset},
        }


def _as_published(fault: Fault) -> Fault:
    """Name an address of the other kind as this method's examples do: malformed, and not H464."""
    if not isinstance(fault, RecipientOfOtherKind):
        return fault
    kind = EmailMalformed if fault.channel is Channel.EMAIL else PhoneMalformed
    return kind(fault.location, fault.value)


def _shown(question: Question, row: HistoryRow) -> dict[str, object]:
    shown: dict[str, object] = {
        "consentDate": None if row.consent_date is None else consent_date_to_wire(row.consent_date),
        "source": row.source,
        "recipient": question.recipient,
        "recipientType": question.recipient_type.value,
        "status": row.status,
        "type": question.channel.value,
        "creationDate": consent_date_to_wire(row.created_at),
        "transactionId": row.transaction_id,
    }
    return {name: value for name, value in shown.items() if value is not None}

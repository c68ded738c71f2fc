"""Asking about consents on the wire: the state of one, and which of a list are in ONAY.

A block shows here only as what it is not: an address under a block never appears as ONAY (design 4).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from shared.auth.gate import Ticket
from shared.domain.consent import Channel, ConsentState, RecipientType, Status
from shared.domain.faults import ABSENT, ChannelUnknown, RecipientTypeUnknown, RuleBrokenError
from shared.domain.read_question import Question, read_question, read_recipients
from shared.domain.transitions import is_blocked
from shared.domain.wire_time import consent_date_to_wire, turkish_day
from shared.ledger.coalesce import StateReader
from shared.ledger.history import Record, read_record
from shared.ledger.read_state import Key
from shared.ledger.store import ReaderPool
from shared.sealing.addresses import Digester
from shared.wire.caller import WireGate
from shared.wire.path_codes import BrandPath


@dataclass(frozen=True, slots=True)
class ReadConsents:
    """The two questions with what they need."""

    gate: WireGate
    reader: StateReader
    pool: ReaderPool
    digester: Digester
    admit_test_range: bool
    bulk_max: int
    now: Callable[[], datetime]

    async def one(self, ticket: Ticket, path: BrandPath, body: object) -> dict[str, object] | None:
        """Return the wire's view of one consent, or None where there is no record.

        Raises RuleBrokenError with every fault, LedgerUnavailableError.
        """
        question = read_question(body, admit_test_range=self.admit_test_range)
        asked = question if isinstance(question, Question) else None
        key = Key(path.brand_code) if asked is None else self._key(path, asked)
        snapshot = (await self.reader.read([key]))[0]
        caller = await self.gate.admit_at(ticket, path, snapshot)
        caller.require_read(None if asked is None else asked.channel, today=self._today())
        if not isinstance(question, Question):
            raise RuleBrokenError(*question)
        record = await read_record(self.pool, key)
        return None if record is None else _shown(question, record)

    async def granted(
        self, ticket: Ticket, path: BrandPath, words: tuple[str, str], body: object
    ) -> list[str]:
        """Return those of the listed addresses that are in ONAY, in the order asked.

        `words` are recipient type and channel as the path has them. Raises as `one` does.
        """
        snapshot = await self.reader.read_head(path.brand_code)
        caller = await self.gate.admit_at(ticket, path, snapshot)
        recipient_type, channel = _read_words(*words)
        caller.require_read(channel, today=self._today())
        recipients = read_recipients(
            body, channel, count_max=self.bulk_max, admit_test_range=self.admit_test_range
        )
        if not isinstance(recipients, list):
            raise RuleBrokenError(*recipients)
        keys = [
            Key(path.brand_code, channel, recipient_type, digest)
            for digest in self.digester.digests(recipients)
        ]
        snapshots = await self.reader.read(keys)
        return [
            recipient
            for recipient, found in zip(recipients, snapshots, strict=True)
            if _is_granted(found.state)
        ]

    def _key(self, path: BrandPath, question: Question) -> Key:
        digest = self.digester.digest(question.recipient)
        return Key(path.brand_code, question.channel, question.recipient_type, digest)

    def _today(self) -> date:
        return turkish_day(self.now())


def _read_words(recipient_type: str, channel: str) -> tuple[RecipientType, Channel]:
    try:
        kind = RecipientType(recipient_type)
    except ValueError:
        fault = RecipientTypeUnknown(("recipientType",), recipient_type or ABSENT)
        raise RuleBrokenError(fault) from None
    try:
        return kind, Channel(channel)
    except ValueError:
        raise RuleBrokenError(ChannelUnknown(("type",), channel or ABSENT)) from None


def _is_granted(state: ConsentState | None) -> bool:
    return state is not None and state.status is Status.GRANTED and not is_blocked(state)


def _shown(question: Question, record: Record) -> dict[str, object]:
    state = ConsentState(Status(record.status), record.consent_date, record.blocked_at)
    overruled = state.status is Status.GRANTED and is_blocked(state)
    consent_date = record.blocked_at if overruled else record.consent_date
    shown: dict[str, object] = {
        "consentDate": None if consent_date is None else consent_date_to_wire(consent_date),
        "source": record.source,
        "recipient": question.recipient,
        "recipientType": question.recipient_type.value,
        "status": Status.WITHDRAWN.value if overruled else record.status,
        "type": question.channel.value,
        "creationDate": consent_date_to_wire(record.created_at),
        "retailerCode": record.retailer_code,
        "retailerTitle": record.retailer_title,
        "retailerAccessCount": record.retailer_access,
        "transactionId": record.transaction_id,
    }
    # The wire leaves a field out where there is nothing to say; it never says null.
    return {name: value for name, value in shown.items() if value is not None}

"""What became of a batch, item by item (iys-api 4.5). What still waits says so: the list is never short."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from services.ingest.batches.accept_batch import item_id
from shared.auth.gate import Ticket
from shared.domain.batch_faults import RequestIdOfDigits, RequestIdOfLetters, RequestIdTooLong
from shared.domain.consent import Status
from shared.domain.faults import AlreadyInThatStatus, Fault, RuleBrokenError
from shared.domain.wire_time import TURKEY, consent_date_to_wire
from shared.ledger.append import transaction_id
from shared.ledger.coalesce import StateReader
from shared.ledger.ingest_jobs import Item, read_batch
from shared.ledger.store import ReaderPool
from shared.wire.caller import WireGate
from shared.wire.path_codes import BrandPath

REQUEST_ID_LENGTH_MAX = 36
UNFINISHED = "H470"
_LOCATION = ("requestId",)
_SECOND_VERSION = frozenset({"isAddConsentV2Service", "originalRequestInformation"})

ErrorEntry = Callable[[str, str | None], dict[str, object]]


@dataclass(frozen=True, slots=True)
class ReadResult:
    """The use case with what it needs. Call it as a function. `error_entry` writes a code as the wire."""

    gate: WireGate
    reader: StateReader
    pool: ReaderPool
    days: int
    error_entry: ErrorEntry
    now: Callable[[], datetime]

    async def __call__(
        self, ticket: Ticket, path: BrandPath, request_id: str, *, shows_original: bool
    ) -> list[dict[str, object]]:
        """Return the items of a batch in their order; none of one that is unknown or too old.

        `shows_original` is the second version of the method. Raises RuleBrokenError (H198, H199, H400, H353),
        LedgerUnavailableError.
        """
        snapshot = await self.reader.read_head(path.brand_code)
        caller = await self.gate.admit_at(ticket, path, snapshot)
        now = self.now()
        caller.require_read(None, today=now.astimezone(TURKEY).date())
        job_id = read_request_id(request_id)
        if job_id is None:
            return []
        batch = await read_batch(
            self.pool, job_id, brand_code=path.brand_code, since=now - timedelta(days=self.days)
        )
        if batch is None:
            return []
        shown = {
            item.index: self._shown(path.brand_code, job_id, item, replayable=batch.replayable)
            for item in batch.items
        }
        waiting: dict[str, object] = {"status": "enqueue"}
        if batch.failed:
            waiting = {"status": "failure", "error": self.error_entry(UNFINISHED, None)}
        return [
            {"index": n, "subRequestId": str(item_id(job_id, n))}
            | {
                name: value
                for name, value in shown.get(n, waiting).items()
                if shows_original or name not in _SECOND_VERSION
            }
            for n in range(batch.rows)
        ]

    def _shown(
        self, brand_code: int, job_id: UUID, item: Item, *, replayable: bool
    ) -> dict[str, object]:
        """Return what became of an item that is done."""
        if item.code is not None:
            return {"status": "failure", "error": self.error_entry(item.code, item.facts)}
        if item.movement is None or item.created_at is None:
            raise AssertionError("an item is stored or turned away")
        shown: dict[str, object] = {
            "requestId": str(job_id),
            "status": "success",
            "transactionId": transaction_id(brand_code, *item.movement),
            "creationDate": consent_date_to_wire(item.created_at),
            "isAddConsentV2Service": replayable,
        }
        if item.original is not None:
            original, place = item.original
            shown["originalRequestInformation"] = {
                "requestId": str(original),
                "subRequestId": str(item_id(original, place)),
            }
        return shown


def fault_of(code: str, facts: str | None) -> Fault | None:
    """Return the fault that an item's code stands for, where its text names facts."""
    if code == AlreadyInThatStatus.code and facts is not None:
        return AlreadyInThatStatus(current=Status(facts))
    return None


def read_request_id(text: str) -> UUID | None:
    """Return the id, None where it can be nobody's; raises H198, H199 or H400."""
    if len(text) > REQUEST_ID_LENGTH_MAX:
        raise RuleBrokenError(RequestIdTooLong(_LOCATION, text))
    if text.isalpha():
        raise RuleBrokenError(RequestIdOfLetters(_LOCATION, text))
    if text.isdigit():
        raise RuleBrokenError(RequestIdOfDigits(_LOCATION, text))
    try:
        return UUID(text)
    except ValueError:
        return None

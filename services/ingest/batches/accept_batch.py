"""Taking a batch in: read it, check who hands it in, put it into the queue; the answer says that it is there.

What is wrong with an item itself refuses the whole list, and says where (iys-api 4.4). What hangs on the
state of a key comes later, item by item. A refusal among the items of a list that is turned away leaves its
block all the same where it was only too late (design 4).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b
from typing import Final, cast
from uuid import UUID, uuid4

import orjson

from services.ingest.batches.work_batch import BODY, lane_of
from services.ingest.lanes.judge_rows import Row, judge_rows
from shared.auth.gate import Ticket
from shared.domain.batch import repeats
from shared.domain.batch_faults import BatchUnusable, TooManyConsents
from shared.domain.consent import NewConsent, Status
from shared.domain.faults import (
    ConsentRepeated,
    ConsentTooLate,
    DateInFuture,
    Fault,
    OutsideRights,
    PackageWithoutApi,
    RetailerUnknown,
    RuleBrokenError,
    SubscriptionClosed,
    SubscriptionMissing,
    SubscriptionPaused,
)
from shared.domain.read_consent import Reading, read_consent
from shared.domain.wire_time import turkish_day
from shared.domain.write_policy import WritePolicy
from shared.ledger.append import Appender
from shared.ledger.coalesce import StateReader
from shared.ledger.directory import BrandRow
from shared.ledger.failures import LedgerUnavailableError, StaleStateError
from shared.ledger.ingest_jobs import Lane, NewBatch, add_batch
from shared.ledger.read_state import Key, KeySnapshot, read_states
from shared.ledger.store import ReaderPool, WriterPool
from shared.sealing.addresses import Digester, Sealer
from shared.sealing.job_keys import JobKeys
from shared.wire.caller import Caller, WireGate
from shared.wire.path_codes import BrandPath

ATTEMPTS_MAX = 20
_KEEPS_BLOCK: Final = (ConsentTooLate, DateInFuture)
# States of an account: they keep approvals out, and no refusal.
_STATES: Final = (SubscriptionPaused, SubscriptionClosed, SubscriptionMissing, PackageWithoutApi)


class BatchRefusedError(Exception):
    """The list is refused as a whole; carries each fault with the place of its item."""

    def __init__(self, faults: Sequence[tuple[int, Fault]]) -> None:
        super().__init__(f"{len(faults)} faults")
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Accepted:
    """A batch that is in the queue, durably."""

    request_id: UUID
    created_at: datetime
    items: Sequence[object]


def item_id(request_id: UUID, index: int) -> UUID:
    """Return the `subRequestId` of an item: derived, so it takes no room."""
    digest = blake2b(b"%d" % index, key=request_id.bytes, digest_size=16).digest()
    return UUID(bytes=digest, version=4)


@dataclass(frozen=True, slots=True)
class AcceptBatch:
    """The use case with what it needs. Call it as a function."""

    gate: WireGate
    reader: StateReader
    pool: ReaderPool
    writer: WriterPool
    appender: Appender
    keys: JobKeys
    digester: Digester
    sealer: Sealer
    policy: WritePolicy
    count_max: int
    now: Callable[[], datetime]

    async def __call__(
        self, ticket: Ticket, path: BrandPath, body: object, *, replayable: bool
    ) -> Accepted:
        """Take the list in. Raises RuleBrokenError, BatchRefusedError, LedgerUnavailableError."""
        snapshot = await self.reader.read_head(path.brand_code)
        now = self.now()
        items = _items(body)
        readings = [
            read_consent(item, policy=self.policy, now=now) for item in items[: self.count_max]
        ]
        caller, closed = await self._admit(ticket, path, snapshot, readings)
        _require_list(items, count_max=self.count_max)
        faults = _faults(readings, caller.brand.retailers)
        if faults:
            await self._keep_refusals(caller.brand, readings, now)
            raise BatchRefusedError(faults)
        consents = [reading.consent for reading in readings if reading.consent is not None]
        request_id = uuid4()
        batch = self._batch(request_id, caller, consents, items, now)
        batch = replace(batch, replayable=replayable)
        await add_batch(
            self.writer, batch if closed is None else _without_approvals(batch, consents, closed)
        )
        return Accepted(request_id, now, items)

    async def _admit(
        self, ticket: Ticket, path: BrandPath, snapshot: KeySnapshot, readings: Sequence[Reading]
    ) -> tuple[Caller, Fault | None]:
        """Return the caller, and what keeps its approvals out though its refusals are taken (promise 3)."""
        has_refusal = any(one.consent is not None and _is_refusal(one.consent) for one in readings)
        closed: Fault | None = None
        try:
            caller = await self.gate.admit_at(ticket, path, snapshot)
        except RuleBrokenError as error:
            if not has_refusal or not isinstance(error.faults[0], _STATES):
                raise
            closed = error.faults[0]
            caller = await self.gate.admit_at(ticket, path, snapshot, refusal=True)
        today = turkish_day(self.now())
        channels = {one.consent.channel for one in readings if one.consent is not None}
        for channel in channels or (None,):
            caller.require_write(channel, today=today, refusal=has_refusal)
        if not caller.brand.active:
            closed = closed or OutsideRights(name="brandCode")
        return caller, closed

    def _batch(
        self,
        request_id: UUID,
        caller: Caller,
        consents: Sequence[NewConsent],
        items: Sequence[object],
        now: datetime,
    ) -> NewBatch:
        key, sealed_key = self.keys.new(request_id)
        return NewBatch(
            job_id=request_id,
            user_id=caller.user.user_id,
            brand_code=caller.brand.brand_code,
            replayable=False,
            created_at=now,
            rows=len(items),
            lanes=tuple({lane_of(consent) for consent in consents}),
            sealing_key_id=self.keys.key_id,
            job_key=sealed_key,
            body=key.seal(orjson.dumps(items), name=BODY),
        )

    async def _keep_refusals(
        self, brand: BrandRow, readings: Sequence[Reading], now: datetime
    ) -> None:
        """Store the blocks of refusals that are only late, early, or taken by a retailer that has gone."""
        kept: dict[tuple[bytes, str, str], Row] = {}
        for index, reading in enumerate(readings):
            consent = reading.consent
            if consent is None or not _is_refusal(consent):
                continue
            fault = reading.faults[0] if reading.faults else None
            if fault is None and not _unknown_retailers(consent, brand.retailers):
                continue
            digest = self.digester.digest(consent.recipient)
            sealed = self.sealer.seal(consent.recipient, brand_code=brand.brand_code)
            name = (digest, consent.channel.value, consent.recipient_type.value)
            kept.setdefault(name, Row(index, consent, digest, sealed, fault))
        if kept:
            await self._store_blocks(brand, list(kept.values()), now)

    async def _store_blocks(self, brand: BrandRow, rows: Sequence[Row], now: datetime) -> None:
        keys = [
            Key(brand.brand_code, row.consent.channel, row.consent.recipient_type, row.digest)
            for row in rows
        ]
        for _attempt in range(ATTEMPTS_MAX):
            snapshots = await read_states(self.pool, keys, digest_key_id=self.digester.key_id)
            outcomes = judge_rows(rows, snapshots, brand.retailers, now=now)
            movements = [one.movement for one in outcomes if one.movement is not None]
            if not movements:
                return
            try:
                stored, _in_the_way = await self.appender.append(
                    brand.brand_code, movements, wait=True
                )
            except StaleStateError:
                continue
            if stored:
                return
        raise LedgerUnavailableError("other writes of these keys were always faster")


def _items(body: object) -> list[object]:
    """Return the list, or an empty one where there is none."""
    return cast("list[object]", body) if isinstance(body, list) else []


def _require_list(items: Sequence[object], *, count_max: int) -> None:
    if not items:
        raise RuleBrokenError(BatchUnusable())
    if len(items) > count_max:
        raise RuleBrokenError(TooManyConsents(allowed=count_max))


def _is_refusal(consent: NewConsent) -> bool:
    return consent.status is Status.WITHDRAWN


def _without_approvals(batch: NewBatch, consents: Sequence[NewConsent], closed: Fault) -> NewBatch:
    """Return the batch with its approvals turned away already; its refusals are worked off as ever."""
    refused = [
        (n, closed.code, None) for n, consent in enumerate(consents) if not _is_refusal(consent)
    ]
    lanes = tuple(lane for lane in batch.lanes if lane is Lane.REFUSALS)
    return replace(batch, lanes=lanes, refused=refused)


def _faults(readings: Sequence[Reading], retailers: frozenset[int]) -> list[tuple[int, Fault]]:
    """Return what is wrong with each item in itself: format, retailers, and a key that comes twice."""
    faults = [(n, fault) for n, reading in enumerate(readings) for fault in reading.faults]
    for n, reading in enumerate(readings):
        if reading.consent is not None:
            faults += [(n, fault) for fault in _unknown_retailers(reading.consent, retailers)]
    faults += [(n, ConsentRepeated()) for n in repeats([one.consent for one in readings])]
    return sorted(faults, key=lambda entry: entry[0])


def _unknown_retailers(consent: NewConsent, known: frozenset[int]) -> list[Fault]:
    faults: list[Fault] = []
    if consent.retailer_code is not None and consent.retailer_code not in known:
        faults.append(RetailerUnknown(("retailerCode",), consent.retailer_code))
    faults += [
        RetailerUnknown(("retailerAccess", n), code)
        for n, code in enumerate(consent.retailer_access)
        if code not in known
    ]
    return faults

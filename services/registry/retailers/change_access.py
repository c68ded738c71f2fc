"""Which retailers may use consents: granting, replacing, removing (iys-api 6).

Each address whose access changes gets a movement of its own, kind ACCESS: it repeats the record and says who
may use it from now on. The life of such a write is that of a consent: read, judge, append what was judged if
the key has not moved on meanwhile, else read and judge again. Many addresses are worked off before the answer
goes out; each of them is changed whole or not at all, and sending the same again is harmless.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from services.registry.retailers.admit_named import admit_named
from shared.auth.gate import Ticket
from shared.domain.consent import NewConsent, RetailerCode, Source
from shared.domain.faults import ConsentUnknown, RetailerUnknown, RuleBrokenError, ServiceBusy
from shared.domain.read_access_change import (
    AccessCall,
    AccessChange,
    AccessReading,
    read_access_change,
)
from shared.domain.retailer_access import Access, after_change
from shared.domain.retailer_faults import RetailerNotFound
from shared.domain.wire_time import turkish_day
from shared.ledger.access import newest_movement, read_sources
from shared.ledger.append import NewMovement, Stored
from shared.ledger.coalesce import StateReader
from shared.ledger.failures import StaleStateError
from shared.ledger.group_commit import GroupCommit
from shared.ledger.read_state import Key, KeySnapshot
from shared.ledger.retailers import read_named
from shared.ledger.store import ReaderPool
from shared.sealing.addresses import Digester, Sealer
from shared.telemetry import metrics
from shared.wire.caller import Caller, WireGate
from shared.wire.path_codes import BrandPath

# Each attempt lost means that another write of the very same key was stored.
ATTEMPTS_MAX = 20


@dataclass(frozen=True, slots=True)
class _Target:
    """One address that is asked about, and what is on file for it; `after` is who may use it then."""

    recipient: str
    key: Key
    snapshot: KeySnapshot
    before: Access
    after: Access


@dataclass(frozen=True, slots=True)
class ChangeAccess:
    """The use cases with what they need.

    Raises RuleBrokenError with every fault, CommitUnknownError when it is not known what was stored,
    LedgerUnavailableError.
    """

    gate: WireGate
    reader: StateReader
    pool: ReaderPool
    writer: GroupCommit
    digester: Digester
    sealer: Sealer
    admit_test_range: bool
    now: Callable[[], datetime]

    async def grant(self, ticket: Ticket, path: BrandPath, body: object) -> Stored:
        """Let retailers use one consent; return the movement that says so.

        Where they may already, nothing is written, and it is the movement that says so since when.
        """
        reading = self._read(body, AccessCall.GRANT)
        for _attempt in range(ATTEMPTS_MAX):
            (target,) = await self._targets(ticket, path, reading)
            if target is None:
                raise RuleBrokenError(ConsentUnknown())
            stored = (
                await newest_movement(self.pool, target.key)
                if target.before == target.after
                else (await self._store(path, [target]))[0]
            )
            if stored is not None:
                return stored
        raise RuleBrokenError(ServiceBusy())

    async def change(self, ticket: Ticket, path: BrandPath, body: object, call: AccessCall) -> int:
        """Replace or remove retailers on many consents; return how many of these have changed.

        Addresses without a record are left out. When the call returns, all is done.
        """
        reading = self._read(body, call)
        changed = 0
        for _attempt in range(ATTEMPTS_MAX):
            targets = await self._targets(ticket, path, reading)
            due = [target for target in targets if target and target.before != target.after]
            if not due:
                return changed
            stored = await self._store(path, due)
            changed += sum(one is not None for one in stored)
            if None not in stored:
                return changed
        raise RuleBrokenError(ServiceBusy())

    def _read(self, body: object, call: AccessCall) -> AccessReading:
        return read_access_change(body, call=call, admit_test_range=self.admit_test_range)

    async def _targets(
        self, ticket: Ticket, path: BrandPath, reading: AccessReading
    ) -> list[_Target | None]:
        """Return what is on file for each address of a call that the caller may make; None: no record."""
        recipients = () if reading.change is None else reading.change.recipients
        keys = self._keys(path, reading.change, recipients)
        snapshots = await self.reader.read(keys or [Key(path.brand_code)])
        caller = await self._admitted(ticket, path, reading.call, snapshots[0])
        change = await self._permitted(caller, path, reading)
        return [
            _target(change, recipient, key, snapshot)
            for recipient, key, snapshot in zip(recipients, keys, snapshots, strict=True)
        ]

    async def _admitted(
        self, ticket: Ticket, path: BrandPath, call: AccessCall, snapshot: KeySnapshot
    ) -> Caller:
        """Return the caller; of the four methods one is published with codes for what does not exist."""
        if call is AccessCall.REMOVE:
            return await admit_named(self.gate, self.pool, ticket, path, snapshot)
        return await self.gate.admit_at(ticket, path, snapshot)

    async def _permitted(
        self, caller: Caller, path: BrandPath, reading: AccessReading
    ) -> AccessChange:
        """Return the change, or tell those who may write here what is wrong with it."""
        caller.require_write(reading.channel, today=self._today(), refusal=False)
        change = reading.change
        if change is None:
            raise RuleBrokenError(*reading.faults)
        unusable = [
            (n, code)
            for n, code in enumerate(change.retailers)
            if code not in caller.brand.retailers
        ]
        if change.call is not AccessCall.REMOVE:
            for n, code in unusable:
                raise RuleBrokenError(RetailerUnknown(("retailerAccess", n), code))
        elif unusable:  # one that may not be used may still be taken away
            codes = [code for _n, code in unusable]
            if len(await read_named(self.pool, path.brand_code, codes)) < len(codes):
                raise RuleBrokenError(RetailerNotFound())
        return change

    async def _store(self, path: BrandPath, targets: Sequence[_Target]) -> list[Stored | None]:
        """Write a movement for each target; None for one whose key has moved on since it was read."""
        keys = [target.key for target in targets]
        sources = await read_sources(self.pool, path.brand_code, keys)
        results = await asyncio.gather(
            *(
                self.writer.store(path.brand_code, self._movement(target, source))
                for target, source in zip(targets, sources, strict=True)
            ),
            return_exceptions=True,
        )
        stored: list[Stored | None] = []
        for target, result in zip(targets, results, strict=True):
            if isinstance(result, StaleStateError):
                stored.append(None)
            elif isinstance(result, BaseException):
                raise result
            else:
                state = target.snapshot.state
                status = "" if state is None or state.status is None else state.status.value
                metrics.MOVEMENTS_WRITTEN.add(target.key.channel.value, status, "ACCESS")
                stored.append(result)
        return stored

    def _movement(self, target: _Target, source: Source | None) -> NewMovement:
        state, key = target.snapshot.state, target.key
        assert state is not None, "a target has a record"  # noqa: S101  # `_target` sees to it
        assert state.status is not None, "a target has a record"  # noqa: S101  # the same
        after = target.after
        record = NewConsent(
            recipient=target.recipient,
            channel=key.channel,
            recipient_type=key.recipient_type,
            status=state.status,
            source=source,
            consent_date=state.consent_date,
            retailer_code=None if after.collector is None else RetailerCode(after.collector),
            retailer_access=tuple(RetailerCode(code) for code in sorted(after.listed)),
        )
        return NewMovement(
            consent=record,
            is_block=False,
            digest=key.digest or b"",
            sealed=self.sealer.seal(target.recipient, brand_code=key.brand_code),
            approvals=0,
            rejections=0,
            expected=target.snapshot.latest,
            is_access=True,
        )

    def _keys(
        self, path: BrandPath, change: AccessChange | None, recipients: Sequence[str]
    ) -> list[Key]:
        if change is None:
            return []
        return [
            Key(path.brand_code, change.channel, change.recipient_type, digest)
            for digest in self.digester.digests(recipients)
        ]

    def _today(self) -> date:
        return turkish_day(self.now())


def _target(
    change: AccessChange, recipient: str, key: Key, snapshot: KeySnapshot
) -> _Target | None:
    if snapshot.state is None or snapshot.state.status is None:
        return None
    before = Access(snapshot.retailer_code, snapshot.retailer_access)
    after = after_change(before, change.call, frozenset(change.retailers))
    return _Target(recipient, key, snapshot, before, after)

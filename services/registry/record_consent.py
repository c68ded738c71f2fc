"""Recording one consent: the life of a write, from top to bottom.

Read the body; read the key's state (with it come the versions that rights hang on); check rights;
judge by the state rules; store what was judged, if there is room and the key has not moved on meanwhile,
else read and judge again. A refusal that the wire rules turn away is stored as a block before the error
is sent (design 4). Nobody is told "yes" before the commit.
"""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from services.registry.partners.quota import Quota
from shared.auth.gate import Ticket
from shared.domain.consent import NewConsent, Status
from shared.domain.faults import Fault, OutsideRights, RetailerUnknown, RuleBrokenError, ServiceBusy
from shared.domain.read_consent import Reading, read_consent
from shared.domain.transitions import block_date, counts, judge, leaves_block
from shared.domain.wire_time import turkish_day
from shared.domain.write_policy import WritePolicy
from shared.ledger.append import NewMovement, Stored
from shared.ledger.coalesce import StateReader
from shared.ledger.directory import BrandRow
from shared.ledger.failures import StaleStateError
from shared.ledger.group_commit import GroupCommit
from shared.ledger.history import find_replayed
from shared.ledger.read_state import Key, KeySnapshot
from shared.ledger.retailers import count_of_brand
from shared.ledger.store import ReaderPool
from shared.sealing.addresses import Digester, Sealer
from shared.telemetry import metrics
from shared.wire.caller import Caller, WireGate
from shared.wire.count_requests import Permit
from shared.wire.path_codes import BrandPath

# Each attempt lost means that another write of the very same key was stored; nobody is starved long.
ATTEMPTS_MAX = 20


@dataclass(frozen=True, slots=True)
class RecordConsent:
    """The use case with what it needs. Call it as a function."""

    gate: WireGate
    reader: StateReader
    pool: ReaderPool
    writer: GroupCommit
    digester: Digester
    sealer: Sealer
    policy: WritePolicy
    quota: Quota
    now: Callable[[], datetime]

    async def __call__(
        self,
        ticket: Ticket,
        path: BrandPath,
        body: object,
        *,
        replayable: bool,
        permit: Permit | None = None,
    ) -> Stored:
        """Record the consent in `body` and return its movement once it is durable.

        `replayable` (the v2 method) answers a repeated request with the movement that it made the first
        time. `permit` was asked for already; it is awaited beside the read, so it costs no time.
        Raises RuleBrokenError with every fault, LedgerUnavailableError.
        """
        reading = read_consent(body, policy=self.policy, now=self.now())
        key = self._key(path, reading)
        for _attempt in range(ATTEMPTS_MAX):
            snapshot = (await self.reader.read([key]))[0]
            if permit is not None:
                await permit()
                permit = None
            caller = await self.gate.admit_at(ticket, path, snapshot, refusal=_is_refusal(body))
            consent = self._permitted(caller, reading)
            unusable = _unusable_retailer(consent, caller.brand.retailers)
            try:
                fault = _judged(reading, snapshot, consent)
                if unusable is not None:
                    return await self._refuse_retailer(key, snapshot, consent, fault, unusable)
                if fault is None:
                    return await self._accept(key, snapshot, consent, caller.brand)
                return await self._refuse(key, snapshot, consent, fault, replayable=replayable)
            except StaleStateError:
                continue
        raise RuleBrokenError(ServiceBusy())

    def _key(self, path: BrandPath, reading: Reading) -> Key:
        consent = reading.consent
        if consent is None:
            return Key(path.brand_code)
        digest = self.digester.digest(consent.recipient)
        return Key(path.brand_code, consent.channel, consent.recipient_type, digest)

    def _permitted(self, caller: Caller, reading: Reading) -> NewConsent:
        """Return the consent if the caller may record it and it is fit to be judged; else raise."""
        consent = reading.consent
        today = turkish_day(self.now())
        caller.require_write(
            None if consent is None else consent.channel,
            today=today,
            refusal=consent is not None and consent.status is Status.WITHDRAWN,
        )
        if consent is None:
            raise RuleBrokenError(*reading.faults)
        return consent

    async def _accept(
        self, key: Key, snapshot: KeySnapshot, consent: NewConsent, brand: BrandRow
    ) -> Stored:
        """Store what the rules allow, if there is room for it (H525)."""
        change = counts(snapshot.state, consent)
        limit = self.quota.limit_for(brand, consent.status, change)
        room = nullcontext() if limit is None else self.quota.room(brand.iys_code, limit)
        async with room:
            return await self._append(
                key, snapshot, consent, approvals=change.approvals, rejections=change.rejections
            )

    async def _refuse(
        self,
        key: Key,
        snapshot: KeySnapshot,
        consent: NewConsent,
        fault: Fault,
        *,
        replayable: bool,
    ) -> Stored:
        """Say why not: after the movement that a repeat made, and after what a refusal leaves."""
        if replayable:
            replayed = await find_replayed(self.pool, key, consent)
            if replayed is not None:
                return replayed
        await self._keep_refusal(key, snapshot, consent, fault)
        raise RuleBrokenError(fault)

    async def _refuse_retailer(
        self,
        key: Key,
        snapshot: KeySnapshot,
        consent: NewConsent,
        fault: Fault | None,
        unusable: Fault,
    ) -> Stored:
        """Say which retailer may not be named; `fault` is what the rules say besides.

        That a retailer of the brand was made passive, suspended or removed is no reason to forget what
        a person said there (promise 3): a refusal leaves its block.
        """
        if consent.status is Status.WITHDRAWN:
            codes: set[int] = set(consent.retailer_access)
            if consent.retailer_code is not None:
                codes.add(consent.retailer_code)
            if await count_of_brand(self.pool, key.brand_code, codes) == len(codes):
                await self._keep_refusal(key, snapshot, consent, fault)
        raise RuleBrokenError(unusable)

    async def _keep_refusal(
        self, key: Key, snapshot: KeySnapshot, consent: NewConsent, fault: Fault | None
    ) -> None:
        """Store a block where the refusal leaves one and it says something new."""
        if fault is not None and not leaves_block(consent, fault, snapshot.state):
            return
        blocked_at = block_date(consent, now=self.now())
        known = None if snapshot.state is None else snapshot.state.blocked_at
        if known is None or blocked_at > known:
            block = consent._replace(consent_date=blocked_at)
            await self._append(key, snapshot, block, is_block=True)

    async def _append(  # the facts of one movement
        self,
        key: Key,
        snapshot: KeySnapshot,
        consent: NewConsent,
        *,
        is_block: bool = False,
        approvals: int = 0,
        rejections: int = 0,
    ) -> Stored:
        movement = NewMovement(
            consent=consent,
            is_block=is_block,
            digest=key.digest or b"",
            sealed=self.sealer.seal(consent.recipient, brand_code=key.brand_code),
            approvals=approvals,
            rejections=rejections,
            expected=snapshot.latest,
        )
        stored = await self.writer.store(key.brand_code, movement)
        metrics.MOVEMENTS_WRITTEN.add(
            consent.channel.value, consent.status.value, "BLOCK" if is_block else "CONSENT"
        )
        return stored


def _is_refusal(body: object) -> bool:
    """Say whether a body means to be a refusal, well-formed or not: its faults are told in any state."""
    if not isinstance(body, dict):
        return False
    return cast("dict[str, object]", body).get("status") == Status.WITHDRAWN.value


def _judged(reading: Reading, snapshot: KeySnapshot, consent: NewConsent) -> Fault | None:
    # A consent that came with a fault is late or early (H467, H162); that is said whatever the state is.
    return reading.faults[0] if reading.faults else judge(snapshot.state, consent)


def _unusable_retailer(consent: NewConsent, known: frozenset[int]) -> Fault | None:
    """Return why a retailer may not be named: H353 for the collector, H180 in the access list; or None."""
    if consent.retailer_code is not None and consent.retailer_code not in known:
        return OutsideRights(name="retailerCode")
    for n, code in enumerate(consent.retailer_access):
        if code not in known:
            return RetailerUnknown(("retailerAccess", n), code)
    return None

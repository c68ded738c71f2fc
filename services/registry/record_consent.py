"""Recording one consent: the life of a write, from top to bottom.

Read the body; read the key's state (with it come the versions that rights hang on); check rights;
judge by the state rules; store what was judged, if the key has not moved on meanwhile, else read and
judge again. A refusal that the wire rules turn away is stored as a block before the error is sent
(design 4). Nobody is told "yes" before the commit.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from services.registry.caller import Caller, WireGate
from services.registry.path_codes import BrandPath
from shared.auth.gate import Ticket
from shared.domain.consent import NewConsent, Status
from shared.domain.faults import Fault, OutsideRights, RetailerUnknown, RuleBrokenError, ServiceBusy
from shared.domain.read_consent import Reading, read_consent
from shared.domain.transitions import block_date, counts, judge, leaves_block
from shared.domain.wire_time import TURKEY
from shared.domain.write_policy import WritePolicy
from shared.ledger.append import NewMovement, Stored
from shared.ledger.coalesce import StateReader
from shared.ledger.failures import StaleStateError
from shared.ledger.group_commit import GroupCommit
from shared.ledger.history import find_replayed
from shared.ledger.read_state import Key, KeySnapshot
from shared.ledger.store import ReaderPool
from shared.sealing.addresses import Digester, Sealer
from shared.telemetry import metrics

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
    now: Callable[[], datetime]

    async def __call__(
        self, ticket: Ticket, path: BrandPath, body: object, *, replayable: bool
    ) -> Stored:
        """Record the consent in `body` and return its movement once it is durable.

        `replayable` (the v2 method) answers a repeated request with the movement that it made the first
        time. Raises RuleBrokenError with every fault, LedgerUnavailableError.
        """
        reading = read_consent(body, policy=self.policy, now=self.now())
        key = self._key(path, reading)
        for _attempt in range(ATTEMPTS_MAX):
            snapshot = (await self.reader.read([key]))[0]
            caller = await self.gate.admit_at(ticket, path, snapshot)
            consent = self._permitted(caller, reading)
            try:
                return await self._store(key, snapshot, consent, reading, replayable=replayable)
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
        today = self.now().astimezone(TURKEY).date()
        caller.require_write(
            None if consent is None else consent.channel,
            today=today,
            refusal=consent is not None and consent.status is Status.WITHDRAWN,
        )
        if consent is None:
            raise RuleBrokenError(*reading.faults)
        _require_retailers(consent, caller.brand.retailers)
        return consent

    async def _store(
        self,
        key: Key,
        snapshot: KeySnapshot,
        consent: NewConsent,
        reading: Reading,
        *,
        replayable: bool,
    ) -> Stored:
        # A consent that came with a fault is late or early (H467, H162); that is said whatever the state is.
        fault = reading.faults[0] if reading.faults else judge(snapshot.state, consent)
        if fault is None:
            change = counts(snapshot.state, consent)
            return await self._append(
                key, snapshot, consent, approvals=change.approvals, rejections=change.rejections
            )
        if replayable:
            replayed = await find_replayed(self.pool, key, consent)
            if replayed is not None:
                return replayed
        await self._keep_refusal(key, snapshot, consent, fault)
        raise RuleBrokenError(fault)

    async def _keep_refusal(
        self, key: Key, snapshot: KeySnapshot, consent: NewConsent, fault: Fault
    ) -> None:
        """Store a block where the refusal leaves one and it says something new."""
        if not leaves_block(consent, fault, snapshot.state):
            return
        blocked_at = block_date(consent, now=self.now())
        known = None if snapshot.state is None else snapshot.state.blocked_at
        if known is None or blocked_at > known:
            block = replace(consent, consent_date=blocked_at)
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


def _require_retailers(consent: NewConsent, known: frozenset[int]) -> None:
    """Refuse retailers that are not the brand's: H353 for the collector, H180 in the access list."""
    if consent.retailer_code is not None and consent.retailer_code not in known:
        raise RuleBrokenError(OutsideRights(name="retailerCode"))
    for n, code in enumerate(consent.retailer_access):
        if code not in known:
            raise RuleBrokenError(RetailerUnknown(("retailerAccess", n), code))

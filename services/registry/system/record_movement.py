"""Recording a decision of a citizen, or of the registry in a citizen's place: an `IYS_*` movement.

Read the key's state; judge by the registry's own rules; store the audit row, once; store what was judged, if
the key has not moved on meanwhile, else read and judge again; store the outcome. Only then is anybody told.
No lock is held in between, as in `record_consent.py`.

Staff's screens and the citizens' call this; providers, partners and operators cannot reach it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from shared.auth.directory import Directory
from shared.domain.consent import Channel, NewConsent, RecipientType, Source, Status
from shared.domain.registry_movements import (
    CITIZEN_NAME_SHOWN_FOR,
    Effect,
    Ruling,
    rule,
    unfit,
)
from shared.domain.transitions import counts
from shared.ledger.append import NewMovement, Stored
from shared.ledger.citizen_names import save_citizen_name
from shared.ledger.coalesce import StateReader
from shared.ledger.failures import LedgerUnavailableError, StaleStateError
from shared.ledger.group_commit import GroupCommit
from shared.ledger.read_state import Key, KeySnapshot
from shared.ledger.store import WriterPool
from shared.ledger.system_actions import Action, Actor, save_action, save_outcome
from shared.sealing.addresses import Digester, Sealer
from shared.telemetry import metrics

# Each attempt lost means that another write of the very same key was stored; nobody is starved long.
ATTEMPTS_MAX: Final = 20
_log: Final[structlog.typing.FilteringBoundLogger] = structlog.get_logger()


class UnknownBrandError(Exception):
    """No brand has this number."""


class BrandSuspendedError(Exception):
    """A suspended brand records no grant; a refusal it does (promise 3)."""


@dataclass(frozen=True, slots=True)
class SystemMovement:
    """What was decided about one normalised address at a brand, and by which of the registry's ways.

    Raises ValueError where status, source and name cannot stand together (`unfit`).
    """

    brand_code: int
    recipient: str
    channel: Channel
    recipient_type: RecipientType
    status: Status
    source: Source
    citizen_name: str | None = None

    def __post_init__(self) -> None:
        """Let nothing through that a caller forgot to look at."""
        why = unfit(self.status, self.source, self.citizen_name)
        if why is not None:
            raise ValueError(f"{self.source.value} {why}")


@dataclass(frozen=True, slots=True)
class SystemOutcome:
    """What became of it. `stored` is the record, or the block (KEPT); None where nothing was written."""

    effect: Effect
    stored: Stored | None
    consent_date: datetime | None


@dataclass(frozen=True, slots=True)
class RecordSystemMovement:
    """The use case with what it needs. Call it as a function."""

    directory: Directory
    reader: StateReader
    writer_pool: WriterPool
    writer: GroupCommit
    digester: Digester
    sealer: Sealer
    now: Callable[[], datetime]

    async def __call__(self, wanted: SystemMovement, actor: Actor) -> SystemOutcome:
        """Record the decision and return what became of it, once all of it is durable.

        Repeating it changes nothing and is no error. Raises UnknownBrandError, BrandSuspendedError,
        LedgerUnavailableError (then it may be in the ledger, and the audit has the action).
        """
        now, action_id = self.now(), None
        digest = self.digester.digest(wanted.recipient)
        key = Key(wanted.brand_code, wanted.channel, wanted.recipient_type, digest)
        for _attempt in range(ATTEMPTS_MAX):
            snapshot = (await self.reader.read([key]))[0]
            await self._require_brand(wanted, snapshot)
            ruling = rule(snapshot.state, _asked(wanted), now=now)
            if action_id is None:
                action_id = await self._audit(wanted, key, actor, now)
            try:
                stored = await self._store(key, snapshot, ruling)
            except StaleStateError:
                continue
            return await self._conclude(wanted, key, action_id, ruling, stored)
        raise LedgerUnavailableError("other writes of this consent were always faster")

    async def _require_brand(self, wanted: SystemMovement, snapshot: KeySnapshot) -> None:
        brand = await self.directory.brand(wanted.brand_code, snapshot.authority_version)
        if brand is None:
            raise UnknownBrandError
        if not brand.active and wanted.status is Status.GRANTED:
            raise BrandSuspendedError

    async def _audit(
        self, wanted: SystemMovement, key: Key, actor: Actor, acted_at: datetime
    ) -> int:
        return await save_action(
            self.writer_pool,
            Action(
                acted_at=acted_at,
                actor=actor,
                key=key,
                status=wanted.status.value,
                source=wanted.source.value,
                digest_key_id=self.digester.key_id,
            ),
        )

    async def _store(self, key: Key, snapshot: KeySnapshot, ruling: Ruling) -> Stored | None:
        if ruling.effect is Effect.UNCHANGED:
            return None
        consent, is_block = ruling.consent, ruling.effect is Effect.KEPT
        change = counts(snapshot.state, consent)
        stored = await self.writer.store(
            key.brand_code,
            NewMovement(
                consent=consent,
                is_block=is_block,
                digest=key.digest or b"",
                sealed=self.sealer.seal(consent.recipient, brand_code=key.brand_code),
                approvals=0 if is_block else change.approvals,
                rejections=0 if is_block else change.rejections,
                expected=snapshot.latest,
            ),
        )
        metrics.MOVEMENTS_WRITTEN.add(
            consent.channel.value, consent.status.value, "BLOCK" if is_block else "CONSENT"
        )
        return stored

    async def _conclude(
        self,
        wanted: SystemMovement,
        key: Key,
        action_id: int,
        ruling: Ruling,
        stored: Stored | None,
    ) -> SystemOutcome:
        if stored is not None and ruling.consent.source is Source.REGISTRY_WEB_FIRST:
            await self._keep_name(wanted, stored)
        await save_outcome(
            self.writer_pool,
            action_id,
            key,
            ruling.effect,
            transaction_id=None if stored is None else stored.transaction_id,
        )
        metrics.SYSTEM_ACTIONS.add(ruling.effect.value)
        return SystemOutcome(ruling.effect, stored, ruling.consent.consent_date)

    async def _keep_name(self, wanted: SystemMovement, stored: Stored) -> None:
        """Keep the citizen's name for the feed, for its days; the decision does not hang on it."""
        if wanted.citizen_name is None:
            return
        try:
            await save_citizen_name(
                self.writer_pool,
                brand_code=wanted.brand_code,
                movement=stored,
                sealed=self.sealer.seal(wanted.citizen_name, brand_code=wanted.brand_code),
                sealing_key_id=self.sealer.key_id,
                expires_at=stored.created_at + CITIZEN_NAME_SHOWN_FOR,
            )
        except LedgerUnavailableError as error:
            _log.warning("system.name.lost", brand=wanted.brand_code, error=str(error))


def _asked(wanted: SystemMovement) -> NewConsent:
    return NewConsent(
        recipient=wanted.recipient,
        channel=wanted.channel,
        recipient_type=wanted.recipient_type,
        status=wanted.status,
        source=wanted.source,
        consent_date=None,
    )

"""The wire's three methods about push connections: register, list, remove (iys-api 8)."""

import asyncio
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from services.registry.push.prove_receiver import prove
from services.registry.push.receiver_secrets import (
    Receiver,
    open_receiver,
    receiver_of,
    seal_receiver,
)
from shared.auth.gate import Ticket
from shared.domain.consent import Channel
from shared.domain.faults import RuleBrokenError
from shared.domain.push_faults import (
    ConnectionFailed,
    ConnectionNotRemoved,
    ConnectionsUnreadable,
)
from shared.domain.read_push import PushConnection, read_connection, read_connections
from shared.domain.wire_time import consent_date_to_wire, turkish_day
from shared.ledger.coalesce import StateReader
from shared.ledger.push_registrations import (
    SEATS,
    BrandRegistrations,
    NewRegistration,
    Registration,
    changing,
    registrations_of,
)
from shared.ledger.store import ReaderPool, WriterPool
from shared.sealing.addresses import SealBrokenError
from shared.sealing.secret_texts import SecretSealer
from shared.webhooks.call_receiver import Receivers
from shared.wire.caller import Caller, WireGate
from shared.wire.path_codes import BrandPath

KEPT_MAX: Final = 20
"""Connections of one channel that a brand may have altogether, suspended ones included."""
ADDED: Final = "Bağlantı oluşturuldu"
REMOVED: Final = "Bağlantı Kaldırıldı"
ACTIVE: Final = "Bağlantı Oluşturuldu"
SUSPENDED: Final = "Bağlantı Askıya Alındı: teslimatlar başarısız oldu"
Known = tuple[Registration, Receiver]
_log: Final[structlog.typing.FilteringBoundLogger] = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class KeepConnections:
    """The use cases with what they need.

    Whoever may read a channel may register for it. A partner sees and removes its own connections, the
    provider all of its brand.
    """

    gate: WireGate
    reader: StateReader
    pool: ReaderPool
    writer: WriterPool
    secrets: SecretSealer
    receivers: Receivers
    now: Callable[[], datetime]

    async def register(self, ticket: Ticket, path: BrandPath, body: object) -> None:
        """Call the receivers and register them, all or none; an address that is there begins anew.

        Raises RuleBrokenError: H014, H093, H111, H117, H531 the request; H191, H530 a receiver, or too many
        of them; H412 what is on file does not open. Raises LedgerUnavailableError.
        """
        caller = await self._admitted(ticket, path)
        asked = read_connections(body, admit_http=self.receivers.admit_loopback)
        if not isinstance(asked, list):
            raise RuleBrokenError(*asked)
        for connection in asked:
            self._require_read(caller, connection.channel)
        rows = await registrations_of(self.pool, path.brand_code)
        own = self._own(rows, caller)
        _require_room(rows, own, asked)
        receivers = [receiver_of(connection, _known(own, connection)) for connection in asked]
        proofs = [prove(self.receivers, receiver, now=self.now()) for receiver in receivers]
        faults = [fault for fault in await asyncio.gather(*proofs) if fault is not None]
        if faults:
            raise RuleBrokenError(*faults)
        async with changing(self.writer, path.brand_code) as registrations:
            for connection in asked:
                await self._store(registrations, connection, caller)

    async def show(self, ticket: Ticket, path: BrandPath) -> list[dict[str, object]]:
        """Return the connections that the caller looks after, as the wire shows them."""
        caller = await self._admitted(ticket, path)
        rows = await registrations_of(self.pool, path.brand_code)
        return [
            {
                "url": open_receiver(self.secrets, row).text,
                "type": row.channel,
                "registerTime": consent_date_to_wire(row.state_since),
                "status": ACTIVE if row.active else SUSPENDED,
            }
            for row in rows
            if _may_remove(caller, row)
        ]

    async def unregister(self, ticket: Ticket, path: BrandPath, body: object) -> None:
        """Remove one connection, which the caller names with its credentials.

        Raises RuleBrokenError: H014, H093, H111, H117, H531 the request; H530 there is none such, or it
        has other credentials; H412. Raises LedgerUnavailableError.
        """
        caller = await self._admitted(ticket, path)
        asked = read_connection(body, admit_http=self.receivers.admit_loopback)
        if not isinstance(asked, PushConnection):
            raise RuleBrokenError(*asked)
        async with changing(self.writer, path.brand_code) as registrations:
            rows = [row for row in registrations.rows if _may_remove(caller, row)]
            for row, receiver in self._opened(rows):
                if row.channel == asked.channel.value and _is_named_by(receiver, asked):
                    await registrations.remove(row)
                    tell("push.registration.removed", row)
                    return
        raise RuleBrokenError(ConnectionNotRemoved())

    async def _admitted(self, ticket: Ticket, path: BrandPath) -> Caller:
        snapshot = await self.reader.read_head(path.brand_code)
        caller = await self.gate.admit_at(ticket, path, snapshot)
        self._require_read(caller, None)
        return caller

    def _require_read(self, caller: Caller, channel: Channel | None) -> None:
        caller.require_read(channel, today=turkish_day(self.now()))

    async def _store(
        self, registrations: BrandRegistrations, connection: PushConnection, caller: Caller
    ) -> None:
        """Add a connection, or take one with the same address up again with the new credentials."""
        known = _known(self._own(registrations.rows, caller), connection)
        receiver = receiver_of(connection, known)
        brand_code = caller.brand.brand_code
        new = NewRegistration(
            channel=connection.channel.value,
            integrator_code=caller.user.integrator_code,
            user_id=caller.user.user_id,
            sealing_key_id=self.secrets.key_id,
            sealed=seal_receiver(self.secrets, receiver, brand_code=brand_code),
        )
        if known is not None:
            is_stored = await registrations.renew(known[0], new, now=self.now())
        else:
            is_stored = await registrations.add(new, now=self.now())
        if not is_stored:
            raise RuleBrokenError(ConnectionFailed())
        tell("push.registration.stored", registrations.rows[-1] if known is None else known[0])

    def _own(self, rows: Sequence[Registration], caller: Caller) -> list[Known]:
        """Return the caller's own connections with their receivers."""
        owner = caller.user.integrator_code
        return self._opened([row for row in rows if row.integrator_code == owner])

    def _opened(self, rows: Sequence[Registration]) -> list[Known]:
        try:
            return [(row, open_receiver(self.secrets, row)) for row in rows]
        except SealBrokenError:
            raise RuleBrokenError(ConnectionsUnreadable()) from None


def tell(event: str, row: Registration) -> None:
    """Log what happened to a connection; its address is nobody's business here."""
    _log.info(event, registration=row.registration_id, brand=row.brand_code, channel=row.channel)


def _known(own: Sequence[Known], connection: PushConnection) -> Known | None:
    """Return the connection that has this address on this channel already."""
    return next(
        (
            (row, receiver)
            for row, receiver in own
            if row.channel == connection.channel.value and receiver.text == connection.text
        ),
        None,
    )


def _is_named_by(receiver: Receiver, asked: PushConnection) -> bool:
    pairs = ((receiver.username, asked.username), (receiver.password, asked.password))
    same = [hmac.compare_digest(ours.encode(), theirs.encode()) for ours, theirs in pairs]
    return receiver.text == asked.text and all(same)


def _may_remove(caller: Caller, row: Registration) -> bool:
    return caller.user.integrator_code in {None, row.integrator_code}


def _require_room(
    rows: Sequence[Registration], own: Sequence[Known], asked: Sequence[PushConnection]
) -> None:
    """Raise H530 if there would be more connections of a channel than may be; before anybody is called."""
    for channel in {connection.channel for connection in asked}:
        there = [row for row in rows if row.channel == channel.value]
        known = [(c.text, _known(own, c)) for c in asked if c.channel is channel]
        asked_for = {text if found is None else found[0].registration_id for text, found in known}
        active = {row.registration_id for row in there if row.active} | asked_for
        if len(active) > SEATS or len({row.registration_id for row in there} | active) > KEPT_MAX:
            raise RuleBrokenError(ConnectionFailed())

"""Push connections on our own surface: how they fare, their signing secrets, taking one up again."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from services.registry.push.keep_connections import tell
from services.registry.push.receiver_secrets import (
    OLD_SECRET_LIFE,
    Receiver,
    open_receiver,
    seal_receiver,
)
from shared.auth.directory import Directory
from shared.auth.gate import Gate, NotAuthenticatedError
from shared.auth.rights import grant_of, may_manage
from shared.domain.wire_time import turkish_day
from shared.ledger.coalesce import StateReader
from shared.ledger.directory import BrandRow, UserRow
from shared.ledger.push_registrations import Registration, changing, registrations_of
from shared.ledger.store import ReaderPool, WriterPool
from shared.sealing.secret_texts import SecretSealer
from shared.web.problems import ProblemError


@dataclass(frozen=True, slots=True)
class Shown:
    """A connection with its address, and how far the brand has gone."""

    row: Registration
    url: str
    head: int


@dataclass(frozen=True, slots=True)
class LookAfterConnections:
    """The use cases with what they need.

    Every method takes the caller's Authorization header first. Raises ProblemError: NOT_AUTHENTICATED,
    FORBIDDEN, UNKNOWN_BRAND, UNKNOWN_CONNECTION; LedgerUnavailableError.
    """

    gate: Gate
    directory: Directory
    reader: StateReader
    pool: ReaderPool
    writer: WriterPool
    secrets: SecretSealer
    now: Callable[[], datetime]

    async def show(self, authorization: str | None, brand_code: int) -> list[Shown]:
        """Return the connections: a partner's its own, the provider and staff all of the brand."""
        user, head = await self._manager(authorization, brand_code)
        rows = await registrations_of(self.pool, brand_code)
        return [
            Shown(row, open_receiver(self.secrets, row).text, head)
            for row in rows
            if _may_manage(user, row)
        ]

    async def secret(self, authorization: str | None, brand_code: int, number: int) -> str:
        """Return the secret that deliveries are signed with; only whose connection it is may see it."""
        user, _head = await self._manager(authorization, brand_code)
        rows = await registrations_of(self.pool, brand_code)
        return open_receiver(self.secrets, _own(user, rows, number)).secret

    async def renew_secret(
        self, authorization: str | None, brand_code: int, number: int
    ) -> tuple[str, datetime]:
        """Sign with another secret from now on; return it, and until when the old one signs as well."""
        user, _head = await self._manager(authorization, brand_code)
        now = self.now()
        async with changing(self.writer, brand_code) as registrations:
            row = _own(user, registrations.rows, number)
            receiver: Receiver = open_receiver(self.secrets, row).with_new_secret(now)
            sealed = seal_receiver(self.secrets, receiver, brand_code=brand_code)
            await registrations.reseal(row, sealed, key_id=self.secrets.key_id)
        return receiver.secret, now + OLD_SECRET_LIFE

    async def resume(self, authorization: str | None, brand_code: int, number: int) -> None:
        """Take a connection up again where it stopped, at once; CONFLICT: two others are active."""
        user, _head = await self._manager(authorization, brand_code)
        async with changing(self.writer, brand_code) as registrations:
            row = _found(user, registrations.rows, number)
            if not await registrations.resume(row, now=self.now()):
                raise ProblemError("CONFLICT", "two other connections of this channel are active")
        tell("push.registration.resumed", row)

    async def remove(self, authorization: str | None, brand_code: int, number: int) -> None:
        """Remove a connection."""
        user, _head = await self._manager(authorization, brand_code)
        async with changing(self.writer, brand_code) as registrations:
            row = _found(user, registrations.rows, number)
            await registrations.remove(row)
        tell("push.registration.removed", row)

    async def _manager(self, authorization: str | None, brand_code: int) -> tuple[UserRow, int]:
        """Return who asks, if it may look after connections of this brand, and the brand's position."""
        head = await self.reader.read_head(brand_code)
        try:
            ticket = await self.gate.identify(authorization)
            user = await self.gate.admit(ticket, head.directory_version)
        except NotAuthenticatedError:
            raise ProblemError("NOT_AUTHENTICATED") from None
        brand = await self.directory.brand(brand_code, head.authority_version)
        if brand is None and user.role == "admin":
            raise ProblemError("UNKNOWN_BRAND")
        # A brand that does not exist answers like somebody else's.
        if brand is None or not _may_enter(user, brand, today=turkish_day(self.now())):
            raise ProblemError(
                "FORBIDDEN", "only the brand's provider, its partners and staff may do this"
            )
        return user, head.position or 0


def _may_enter(user: UserRow, brand: BrandRow, *, today: date) -> bool:
    if may_manage(user, brand):
        return True
    return user.role == "partner" and grant_of(user, brand, today=today) is not None


def _may_manage(user: UserRow, row: Registration) -> bool:
    return user.role != "partner" or row.integrator_code == user.integrator_code


def _found(user: UserRow, rows: list[Registration], number: int) -> Registration:
    for row in rows:
        if row.registration_id == number and _may_manage(user, row):
            return row
    raise ProblemError("UNKNOWN_CONNECTION")


def _own(user: UserRow, rows: list[Registration], number: int) -> Registration:
    row = _found(user, rows, number)
    if user.role == "admin" or row.integrator_code != user.integrator_code:
        raise ProblemError("FORBIDDEN", "only whose connection it is may see its secret")
    return row

"""Applying: anybody to become a provider, a provider for a brand or a header; and thinking better of it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.registry.administration.application_access import (
    ApplicationAccess,
    new_reference,
    new_secret,
    secret_digest,
)
from services.registry.administration.asked import AskedBrand, AskedHeader, AskedProvider, Contact
from services.registry.administration.doorkeeper import Doorkeeper
from shared.domain.firm_numbers import wrong_numbers
from shared.ledger.applications import (
    NewApplication,
    Sealed,
    TooManyApplicationsError,
    file_application,
)
from shared.ledger.decide_applications import NotOpenError, withdraw
from shared.ledger.directory import UserRow, provider_is_active
from shared.ledger.store import ReaderPool, WriterPool
from shared.sealing.papers import PaperSealer
from shared.web.problems import FieldError, ProblemError

A_DAY_S: Final = 86_400
_HOST: Final = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(\.(?!-)[A-Za-z0-9-]{1,63})+")


def contact_belongs_to(reference: str) -> str:
    """Say what the contact of an application is sealed for."""
    return f"contact of {reference}"


@dataclass(frozen=True, slots=True)
class FileApplications:
    """The use cases with what they need. Raises ProblemError as the doorkeeper does, and what is named.

    `a_day_max` bounds the applications of one network in 24 hours.
    """

    door: Doorkeeper
    access: ApplicationAccess
    pool: ReaderPool
    writer: WriterPool
    papers: PaperSealer
    a_day_max: int
    now: Callable[[], datetime]

    async def for_provider(
        self, asked: AskedProvider, contact: Contact, *, network: str
    ) -> tuple[str, str]:
        """File an application of somebody whom we do not know; return its reference and its secret.

        `network` is where the request comes from. INVALID_FIELD: numbers that cannot be. TOO_MANY_REQUESTS.
        """
        if self.a_day_max == 0:
            raise ProblemError("FORBIDDEN", "this registry takes no applications here")
        wrong = wrong_numbers(asked.taxNumber, asked.mersis)
        if wrong:
            errors = [FieldError(f"/{one.field}", one.why) for one in wrong]
            raise ProblemError("INVALID_FIELD", errors=errors)
        reference, secret = new_reference(), new_secret()
        sealed = self.papers.seal(
            contact.model_dump_json(exclude_none=True).encode(),
            belongs_to=contact_belongs_to(reference),
        )
        application = NewApplication(
            reference=reference,
            kind=asked.kind,
            title=asked.title,
            asked=asked.model_dump_json(exclude_none=True),
            contact=Sealed(self.papers.key_id, sealed),
            secret_digest=secret_digest(secret),
            source_digest=self.papers.network_digest(network),
        )
        await self._file(application, actor=None)
        return reference, secret

    async def for_brand(self, authorization: str | None, iys_code: int, asked: AskedBrand) -> str:
        """File a provider's application for a brand; return its reference. UNKNOWN_PROVIDER."""
        user = await self.door.provider(authorization, iys_code)
        active = await provider_is_active(self.pool, iys_code)
        if active is None:
            raise ProblemError("UNKNOWN_PROVIDER")
        if not active:
            raise ProblemError("FORBIDDEN", "this provider is suspended")
        return await self._file_own(user, iys_code, asked)

    async def for_header(self, authorization: str | None, asked: AskedHeader) -> str:
        """File a provider's application for a header; return its reference. INVALID_FIELD."""
        user, brand = await self.door.managed(authorization, asked.brandCode)
        _require_proof(asked)
        return await self._file_own(user, brand.iys_code, asked)

    async def withdraw(self, authorization: str | None, reference: str) -> None:
        """Take an application back, and with it its papers. UNKNOWN_APPLICATION, CONFLICT."""
        look = await self.access.look(authorization, reference)
        try:
            await withdraw(
                self.writer, look.application.application_id, now=self.now(), actor=look.actor
            )
        except NotOpenError:
            raise ProblemError("CONFLICT", "it was decided or withdrawn before") from None

    async def _file_own(self, user: UserRow, iys_code: int, asked: AskedBrand | AskedHeader) -> str:
        application = NewApplication(
            reference=new_reference(),
            kind=asked.kind,
            title=asked.header if isinstance(asked, AskedHeader) else asked.name,
            asked=asked.model_dump_json(exclude_none=True),
            iys_code=iys_code,
        )
        await self._file(application, actor=user.user_id)
        return application.reference

    async def _file(self, application: NewApplication, *, actor: int | None) -> None:
        try:
            await file_application(
                self.writer,
                application,
                a_day_max=self.a_day_max,
                now=self.now(),
                actor=actor,
            )
        except TooManyApplicationsError:
            raise ProblemError(
                "TOO_MANY_REQUESTS",
                "enough applications of yours are open, or came in today",
                retry_after_s=A_DAY_S,
            ) from None


def _require_proof(asked: AskedHeader) -> None:
    """Refuse a proof that names nothing that could be looked at."""
    reference = asked.proofReference
    if asked.proof == "TRADEMARK" and reference is None:
        why = "the number of the trademark's registration"
    elif asked.proof == "DOMAIN" and (reference is None or not _HOST.fullmatch(reference)):
        why = "the domain, for example ornek.example"
    else:
        return
    raise ProblemError("INVALID_FIELD", errors=[FieldError("/proofReference", why)])

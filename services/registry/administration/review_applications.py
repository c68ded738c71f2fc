"""What staff does with applications, and how a new provider comes by its account."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.registry.administration.application_access import ApplicationAccess, Look
from services.registry.administration.asked import (
    Asked,
    AskedBrand,
    AskedHeader,
    AskedProvider,
    Contact,
    read_asked,
)
from services.registry.administration.doorkeeper import STAFF, Doorkeeper
from services.registry.administration.file_applications import contact_belongs_to
from services.registry.administration.make_users import Secret, make_user
from services.registry.administration.manage_headers import TAKEN
from shared.auth.passwords import hash_secret_aside, new_secret
from shared.ledger import decide_applications
from shared.ledger.accounts import HeaderProof, NewProvider
from shared.ledger.applications import ApplicationRow, list_applications
from shared.ledger.decide_applications import Decision, HeaderTakenError, NotOpenError
from shared.ledger.failures import (
    AlreadyExistsError,
    UnknownReferenceError,
)
from shared.ledger.store import ReaderPool, WriterPool
from shared.sealing.papers import PaperSealer
from shared.web.problems import ProblemError

_DECIDED = "it was decided or withdrawn before"


@dataclass(frozen=True, slots=True)
class Shown:
    """An application with what it asks for; the contact only where one application is looked at."""

    application: ApplicationRow
    asked: Asked
    contact: Contact | None = None


@dataclass(frozen=True, slots=True)
class Approved:
    """What an approval made: numbers of a provider and its brands, of a brand, or none (a header)."""

    iys_code: int
    brand_codes: Sequence[int] = field(default=())


@dataclass(frozen=True, slots=True)
class ReviewApplications:
    """The use cases with what they need.

    Raises ProblemError: NOT_AUTHENTICATED, FORBIDDEN, UNKNOWN_APPLICATION, and what is named.
    """

    door: Doorkeeper
    access: ApplicationAccess
    pool: ReaderPool
    writer: WriterPool
    papers: PaperSealer
    now: Callable[[], datetime]

    async def page(
        self,
        authorization: str | None,
        *,
        state: str | None,
        kind: str | None,
        after: int,
        limit: int,
    ) -> list[Shown]:
        """Return a page of applications, the oldest first; staff everybody's, a provider its own."""
        user = await self.door.user(authorization)
        if user.role not in {STAFF, "provider"}:
            raise ProblemError("FORBIDDEN", "only staff and providers may do this")
        rows = await list_applications(
            self.pool, state=state, kind=kind, iys_code=user.iys_code, after=after, limit=limit
        )
        return [Shown(row, read_asked(row.asked)) for row in rows]

    async def show(self, authorization: str | None, reference: str) -> Shown:
        """Return an application (staff, the provider that asks, the applicant)."""
        application = (await self.access.look(authorization, reference)).application
        contact = None
        if application.contact is not None:
            opened = self.papers.open(
                application.contact.content,
                belongs_to=contact_belongs_to(reference),
                key_id=application.contact.key_id,
            )
            contact = Contact.model_validate_json(opened)
        return Shown(application, read_asked(application.asked), contact)

    async def approve(
        self, authorization: str | None, reference: str, *, iys_code: int | None
    ) -> Approved:
        """Approve (staff): what was asked for is there from now on. Return its numbers.

        `iys_code` chooses a new provider's number. CONFLICT: decided before, or the header is taken by now.
        ALREADY_EXISTS: the number is taken. UNKNOWN_ACCOUNT: an operator that is named is none.
        """
        look = await self.access.look_as_staff(authorization, reference)
        try:
            match read_asked(look.application.asked):
                case AskedProvider() as asked:
                    return await self._approve_provider(look, asked, iys_code)
                case AskedBrand() as asked:
                    return await self._approve_brand(look, asked)
                case AskedHeader() as asked:
                    return await self._approve_header(look, asked)
        except NotOpenError:
            raise ProblemError("CONFLICT", _DECIDED) from None

    async def reject(self, authorization: str | None, reference: str, *, reason: str) -> None:
        """Reject, and say why (staff). CONFLICT: decided before."""
        look = await self.access.look_as_staff(authorization, reference)
        try:
            await decide_applications.reject(self.writer, self._decision(look), reason=reason)
        except NotOpenError:
            raise ProblemError("CONFLICT", _DECIDED) from None

    async def hand_out(self, authorization: str | None, reference: str) -> Secret:
        """Return the account of a provider that was approved, with its first password, once.

        To the applicant, or to staff. CONFLICT: not approved, or handed out before.
        """
        look = await self.access.look(authorization, reference)
        password = new_secret()
        username = await decide_applications.hand_out(
            self.writer,
            look.application.application_id,
            await hash_secret_aside(password),
            now=self.now(),
            actor=look.actor,
        )
        if username is None:
            detail = "there is no account, or it was handed out; staff can renew its password"
            raise ProblemError("CONFLICT", detail)
        return Secret(username, password)

    async def _approve_provider(
        self, look: Look, asked: AskedProvider, iys_code: int | None
    ) -> Approved:
        provider = NewProvider(
            title=asked.title,
            tax_number=asked.taxNumber,
            exemption_basis=None if asked.exemptionBasis is None else asked.exemptionBasis.value,
            iys_code=iys_code,
            master_brand_name=asked.brands[0].name,
            mersis=asked.mersis,
        )
        _secret, user = await make_user(
            "provider"
        )  # its password is made anew when it is handed out
        try:
            code, codes = await decide_applications.approve_provider(
                self.writer,
                self._decision(look),
                provider,
                brands=[brand.name for brand in asked.brands[1:]],
                user=user,
            )
        except AlreadyExistsError:
            raise ProblemError("ALREADY_EXISTS", "this iysCode is taken") from None
        return Approved(code, codes)

    async def _approve_brand(self, look: Look, asked: AskedBrand) -> Approved:
        iys_code = look.application.iys_code or 0
        code = await decide_applications.approve_brand(
            self.writer, self._decision(look), iys_code=iys_code, name=asked.name
        )
        return Approved(iys_code, [code])

    async def _approve_header(self, look: Look, asked: AskedHeader) -> Approved:
        proof = HeaderProof(asked.proof, asked.proofReference, look.application.application_id)
        try:
            await decide_applications.approve_header(
                self.writer,
                self._decision(look),
                brand_code=asked.brandCode,
                header=asked.header,
                operators=asked.operators,
                proof=proof,
            )
        except (HeaderTakenError, AlreadyExistsError):
            raise ProblemError("CONFLICT", TAKEN) from None
        except UnknownReferenceError:
            raise ProblemError("UNKNOWN_ACCOUNT", "one of the operators does not exist") from None
        return Approved(look.application.iys_code or 0, [asked.brandCode])

    def _decision(self, look: Look) -> Decision:
        assert look.user is not None, "staff decides"  # noqa: S101  # whoever calls has admitted staff
        return Decision(look.application.application_id, self.now(), look.user.user_id)

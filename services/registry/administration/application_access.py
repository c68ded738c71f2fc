"""Who may look at an application: staff, the provider that asks, and an applicant with the secret."""

import hmac
import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from services.registry.administration.doorkeeper import STAFF, Doorkeeper
from shared.ledger.applications import ApplicationRow, read_application
from shared.ledger.directory import UserRow
from shared.ledger.store import ReaderPool
from shared.web.problems import ProblemError

SECRET_PREFIX: Final = "applied_"  # noqa: S105  # what tells such a secret from a token
# Crockford's letters: none that looks like a digit.
_LETTERS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_REFERENCE_CHARS: Final = 9


@dataclass(frozen=True, slots=True)
class Look:
    """An application, and who looks at it; no user: the applicant."""

    application: ApplicationRow
    user: UserRow | None

    @property
    def actor(self) -> int | None:
        """Who is to stand in the trail."""
        return None if self.user is None else self.user.user_id


@dataclass(frozen=True, slots=True)
class ApplicationAccess:
    """Finds applications for those who may see them."""

    door: Doorkeeper
    pool: ReaderPool

    async def look(self, authorization: str | None, reference: str) -> Look:
        """Return an application with who looks at it.

        Raises ProblemError: NOT_AUTHENTICATED, UNKNOWN_APPLICATION, which is also said of somebody else's.
        """
        scheme, _, secret = (authorization or "").partition(" ")
        if scheme.lower() == "bearer" and secret.startswith(SECRET_PREFIX):
            application = await read_application(self.pool, reference)
            if application is None or not _opens(secret, application.secret_digest):
                raise ProblemError("NOT_AUTHENTICATED")
            return Look(application, None)
        user = await self.door.user(authorization)
        application = await read_application(self.pool, reference)
        if application is None or not _may_see(user, application):
            raise ProblemError("UNKNOWN_APPLICATION")
        return Look(application, user)

    async def look_as_staff(self, authorization: str | None, reference: str) -> Look:
        """Return an application for staff. Raises ProblemError: FORBIDDEN besides."""
        staff = await self.door.staff(authorization)
        application = await read_application(self.pool, reference)
        if application is None:
            raise ProblemError("UNKNOWN_APPLICATION")
        return Look(application, staff)


def new_reference() -> str:
    """Return a reference number: short enough to be read over the telephone, and not to be guessed."""
    return "B" + "".join(secrets.choice(_LETTERS) for _ in range(_REFERENCE_CHARS))


def new_secret() -> str:
    """Return what looks after an application."""
    return SECRET_PREFIX + secrets.token_urlsafe(24)


def secret_digest(secret: str) -> bytes:
    """Return what is stored of a secret: it is random enough for a plain digest."""
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _opens(secret: str, digest: bytes | None) -> bool:
    return digest is not None and hmac.compare_digest(secret_digest(secret), digest)


def _may_see(user: UserRow, application: ApplicationRow) -> bool:
    own = user.role == "provider" and user.iys_code == application.iys_code
    return user.role == STAFF or own

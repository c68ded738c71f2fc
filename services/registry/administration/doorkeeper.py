"""Who may look after what: staff after everything, everybody else after what is theirs."""

from dataclasses import dataclass

from shared.auth.directory import Directory
from shared.auth.gate import Gate, NotAuthenticatedError
from shared.auth.rights import may_manage
from shared.ledger.coalesce import StateReader
from shared.ledger.directory import BrandRow, UserRow
from shared.web.problems import ProblemError

STAFF = "admin"


@dataclass(frozen=True, slots=True)
class Doorkeeper:
    """Admits callers of the account API.

    Every method takes the caller's Authorization header and returns the user. Raises ProblemError:
    NOT_AUTHENTICATED, FORBIDDEN, UNKNOWN_BRAND; LedgerUnavailableError.
    """

    gate: Gate
    directory: Directory
    reader: StateReader

    async def user(self, authorization: str | None) -> UserRow:
        """Admit whoever has a good credential."""
        try:
            ticket = await self.gate.identify(authorization)
            versions = await self.reader.read_head(0)
            return await self.gate.admit(ticket, versions.directory_version)
        except NotAuthenticatedError:
            raise ProblemError("NOT_AUTHENTICATED") from None

    async def staff(self, authorization: str | None) -> UserRow:
        """Admit staff."""
        user = await self.user(authorization)
        if user.role != STAFF:
            raise ProblemError("FORBIDDEN", "only staff may do this")
        return user

    async def self_or_staff(self, authorization: str | None, username: str) -> UserRow:
        """Admit a user to what is its own, and staff."""
        user = await self.user(authorization)
        if user.role != STAFF and user.username != username:
            raise ProblemError("FORBIDDEN", "only the user itself and staff may do this")
        return user

    async def provider(self, authorization: str | None, iys_code: int) -> UserRow:
        """Admit a provider to what is its own, and staff."""
        user = await self.user(authorization)
        if user.role != STAFF and user.iys_code != iys_code:
            raise ProblemError("FORBIDDEN", "only the provider itself and staff may do this")
        return user

    async def operator(self, authorization: str | None, operator_code: int) -> UserRow:
        """Admit an operator to what is its own, and staff."""
        user = await self.user(authorization)
        if user.role != STAFF and user.operator_code != operator_code:
            raise ProblemError("FORBIDDEN", "only the operator itself and staff may do this")
        return user

    async def partner(self, authorization: str | None, integrator_code: int) -> UserRow:
        """Admit a partner to what is its own, and staff."""
        user = await self.user(authorization)
        if user.role != STAFF and user.integrator_code != integrator_code:
            raise ProblemError("FORBIDDEN", "only the partner itself and staff may do this")
        return user

    async def manager(self, authorization: str | None, brand_code: int) -> UserRow:
        """Admit who may change a brand: staff, and its provider while neither is suspended."""
        user, _brand = await self.managed(authorization, brand_code)
        return user

    async def managed(self, authorization: str | None, brand_code: int) -> tuple[UserRow, BrandRow]:
        """Admit like `manager`; return the brand, too."""
        user = await self.user(authorization)
        head = await self.reader.read_head(brand_code)
        brand = await self.directory.brand(brand_code, head.authority_version)
        if brand is None and user.role == STAFF:
            raise ProblemError("UNKNOWN_BRAND")
        # A brand that does not exist answers a provider like somebody else's.
        if brand is None or not may_manage(user, brand):
            raise ProblemError("FORBIDDEN", "only the brand's provider and staff may do this")
        return user, brand

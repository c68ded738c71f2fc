"""Who may send files and see what became of them: providers and partners, each its own."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.auth.directory import Directory
from shared.auth.gate import Gate, NotAuthenticatedError
from shared.auth.rights import grant_of, may_write
from shared.domain.consent import Channel
from shared.domain.wire_time import turkish_day
from shared.ledger.coalesce import StateReader
from shared.ledger.directory import BrandRow, UserRow
from shared.ledger.ingest_files import Organisation
from shared.web.problems import ProblemError

ROLES: Final = frozenset({"provider", "partner"})


def organisation_of(user: UserRow) -> Organisation:
    """Return whose jobs the user's jobs are."""
    return Organisation(user.iys_code, user.integrator_code)


@dataclass(frozen=True, slots=True)
class Senders:
    """Admits callers. Every method asks the ledger for versions, so what was revoked is refused.

    Raises ProblemError: NOT_AUTHENTICATED, FORBIDDEN; AddressNotAllowedError, LedgerUnavailableError.
    """

    gate: Gate
    directory: Directory
    reader: StateReader
    now: Callable[[], datetime]

    async def user(self, authorization: str | None) -> UserRow:
        """Admit a provider's or a partner's user."""
        try:
            ticket = await self.gate.identify(authorization)
            versions = await self.reader.read_head(0)
            user = await self.gate.admit(ticket, versions.directory_version)
        except NotAuthenticatedError:
            raise ProblemError("NOT_AUTHENTICATED") from None
        if user.role not in ROLES:
            raise ProblemError("FORBIDDEN", "files are sent by providers and partners")
        return user

    async def require_brand(self, user: UserRow, brand_code: int) -> None:
        """Require that the user may record on some channel of a brand now; rows are asked again later."""
        brand = await self._brand(brand_code)
        today = turkish_day(self.now())
        # A brand that does not exist answers like somebody else's.
        if brand is None or not any(may_write(user, brand, one, today=today) for one in Channel):
            raise ProblemError("FORBIDDEN", "no right to record consents of this brand")

    async def customers(self, user: UserRow, brand_codes: set[int]) -> dict[int, BrandRow]:
        """Return those of the brands that the user has something to do with now, for its reports."""
        today = turkish_day(self.now())
        known: dict[int, BrandRow] = {}
        for brand_code in sorted(brand_codes):
            brand = await self._brand(brand_code)
            if brand is None:
                continue
            own = user.iys_code is not None and user.iys_code == brand.iys_code
            if own or grant_of(user, brand, today=today) is not None:
                known[brand_code] = brand
        return known

    async def _brand(self, brand_code: int) -> BrandRow | None:
        head = await self.reader.read_head(brand_code)
        return await self.directory.brand(brand_code, head.authority_version)

"""Making a retailer active, passive or suspended: the wire has no method for it, so it is our own."""

from dataclasses import dataclass

from shared.auth.directory import Directory
from shared.auth.gate import Gate, NotAuthenticatedError
from shared.auth.rights import may_manage
from shared.domain.new_retailer import RetailerStatus
from shared.ledger.coalesce import StateReader
from shared.ledger.retailers import set_status
from shared.ledger.store import WriterPool
from shared.web.problems import ProblemError


@dataclass(frozen=True, slots=True)
class SetRetailerStatus:
    """The use case with what it needs. Call it as a function."""

    gate: Gate
    directory: Directory
    reader: StateReader
    writer: WriterPool

    async def __call__(
        self,
        authorization: str | None,
        *,
        brand_code: int,
        retailer_code: int,
        status: RetailerStatus,
    ) -> None:
        """Set the status; it holds for the next write and the next check, on every process.

        Raises ProblemError: NOT_AUTHENTICATED, FORBIDDEN, UNKNOWN_ACCOUNT; LedgerUnavailableError.
        """
        head = await self.reader.read_head(brand_code)
        try:
            ticket = await self.gate.identify(authorization)
            user = await self.gate.admit(ticket, head.directory_version)
        except NotAuthenticatedError:
            raise ProblemError("NOT_AUTHENTICATED") from None
        brand = await self.directory.brand(brand_code, head.authority_version)
        if brand is None and user.role == "admin":
            raise ProblemError("UNKNOWN_BRAND")
        # A brand that does not exist answers a provider like somebody else's.
        if brand is None or not may_manage(user, brand):
            raise ProblemError("FORBIDDEN", "only the brand's provider and staff may do this")
        if not await set_status(self.writer, brand_code, retailer_code, status=status.value):
            raise ProblemError("UNKNOWN_ACCOUNT", "the brand has no such retailer")

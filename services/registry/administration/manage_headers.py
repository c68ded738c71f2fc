"""Headers (başlık), the sender names of SMS: one firm each (regulation E9)."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.registry.administration.doorkeeper import STAFF, Doorkeeper
from shared.ledger import account_lists, accounts
from shared.ledger.account_lists import HeaderInfo
from shared.ledger.directory import header_owner
from shared.ledger.failures import (
    AlreadyExistsError,
    ConstraintBrokenError,
    UnknownReferenceError,
)
from shared.ledger.store import ReaderPool, WriterPool
from shared.web.problems import ProblemError

TAKEN = "this header, or one that differs in its case, is bound already"


@dataclass(frozen=True, slots=True)
class ManageHeaders:
    """The use cases with what they need. Raises ProblemError as the doorkeeper does, and what is named.

    With `approval` a provider has to apply for a new header, and show that it is its own.
    """

    door: Doorkeeper
    pool: ReaderPool
    writer: WriterPool
    approval: bool

    async def bind(
        self, authorization: str | None, *, brand_code: int, header: str, operators: Sequence[int]
    ) -> None:
        """Bind a header to a brand, at these operators or at all (its provider, staff).

        CONFLICT: it is bound to another. UNKNOWN_ACCOUNT: no such operator. INVALID_FIELD: its spaces.
        """
        user = await self.door.manager(authorization, brand_code)
        if self.approval and user.role != STAFF:
            _version, owner = await header_owner(self.pool, header)
            if owner != brand_code:
                raise ProblemError("FORBIDDEN", "headers are approved by staff: apply for it")
        try:
            bound = await accounts.bind_header(
                self.writer,
                brand_code=brand_code,
                header=header,
                operators=operators,
                actor=user.user_id,
            )
        except UnknownReferenceError:
            raise ProblemError("UNKNOWN_ACCOUNT", "one of the operators does not exist") from None
        except ConstraintBrokenError:
            detail = "a header neither begins nor ends with a space, and has no two in a row"
            raise ProblemError("INVALID_FIELD", detail) from None
        except AlreadyExistsError:
            bound = False
        if not bound:
            raise ProblemError("CONFLICT", TAKEN)

    async def unbind(self, authorization: str | None, *, brand_code: int, header: str) -> None:
        """Take a header from a brand (its provider, staff). UNKNOWN_HEADER."""
        user = await self.door.manager(authorization, brand_code)
        unbound = await accounts.unbind_header(
            self.writer, brand_code=brand_code, header=header, actor=user.user_id
        )
        if not unbound:
            raise ProblemError("UNKNOWN_HEADER")

    async def page(
        self, authorization: str | None, brand_code: int, *, after: str, limit: int
    ) -> list[HeaderInfo]:
        """Return a page of a brand's headers (its provider, staff)."""
        await self.door.manager(authorization, brand_code)
        return await account_lists.list_headers(self.pool, brand_code, after=after, limit=limit)

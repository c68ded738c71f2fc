"""Operators (aracı hizmet sağlayıcı), who ask before they send: registering, changing, listing."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.registry.administration.doorkeeper import Doorkeeper
from services.registry.administration.make_users import Secret, make_user
from shared.ledger import account_lists, accounts, change_accounts
from shared.ledger.account_lists import OperatorInfo
from shared.ledger.failures import UnknownReferenceError
from shared.ledger.store import ReaderPool, WriterPool
from shared.web.problems import ProblemError

_NO_BRAND = "one of the brands does not exist"


@dataclass(frozen=True, slots=True)
class ManageOperators:
    """The use cases with what they need. Raises ProblemError as the doorkeeper does, and what is named."""

    door: Doorkeeper
    pool: ReaderPool
    writer: WriterPool

    async def add(
        self, authorization: str | None, *, title: str, brands: Sequence[int] | None
    ) -> tuple[int, Secret]:
        """Register an operator (staff); return its code and its secrets. UNKNOWN_BRAND."""
        staff = await self.door.staff(authorization)
        secret, user = await make_user("operator", with_key=True)
        try:
            code = await accounts.add_operator(
                self.writer, title=title, brands=brands, user=user, actor=staff.user_id
            )
        except UnknownReferenceError:
            raise ProblemError("UNKNOWN_BRAND", _NO_BRAND) from None
        return code, secret

    async def change(
        self,
        authorization: str | None,
        operator_code: int,
        *,
        title: str | None,
        every_brand: bool | None,
        brands: Sequence[int] | None,
    ) -> OperatorInfo:
        """Change a title, or for which brands one may ask (staff). UNKNOWN_ACCOUNT, UNKNOWN_BRAND."""
        staff = await self.door.staff(authorization)
        try:
            changed = await change_accounts.change_operator(
                self.writer,
                operator_code,
                title=title,
                every_brand=every_brand,
                brands=brands,
                actor=staff.user_id,
            )
        except UnknownReferenceError:
            raise ProblemError("UNKNOWN_BRAND", _NO_BRAND) from None
        if not changed:
            raise ProblemError("UNKNOWN_ACCOUNT")
        return await self._read(operator_code)

    async def show(self, authorization: str | None, operator_code: int) -> OperatorInfo:
        """Return an operator (itself, staff). UNKNOWN_ACCOUNT."""
        await self.door.operator(authorization, operator_code)
        return await self._read(operator_code)

    async def page(
        self, authorization: str | None, *, after: int, limit: int
    ) -> list[OperatorInfo]:
        """Return a page of the operators (staff)."""
        await self.door.staff(authorization)
        return await account_lists.list_operators(self.pool, after=after, limit=limit)

    async def list_brands(
        self, authorization: str | None, operator_code: int, *, after: int, limit: int
    ) -> list[int]:
        """Return a page of the brands on an operator's list (itself, staff); empty where it asks for all."""
        await self.door.operator(authorization, operator_code)
        await self._read(operator_code)
        return await account_lists.list_operator_brands(
            self.pool, operator_code, after=after, limit=limit
        )

    async def _read(self, operator_code: int) -> OperatorInfo:
        found = await account_lists.list_operators(self.pool, only=operator_code)
        if not found:
            raise ProblemError("UNKNOWN_ACCOUNT")
        return found[0]

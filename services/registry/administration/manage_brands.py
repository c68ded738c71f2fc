"""Brands (marka): adding, renaming, listing, their retailers, and what they grant to partners."""

from dataclasses import dataclass

from services.registry.administration.doorkeeper import STAFF, Doorkeeper
from shared.ledger import account_lists, accounts, change_accounts
from shared.ledger.account_lists import BrandInfo, GrantInfo
from shared.ledger.accounts import NewGrant
from shared.ledger.directory import provider_is_active
from shared.ledger.failures import AlreadyExistsError, UnknownReferenceError
from shared.ledger.store import ReaderPool, WriterPool
from shared.web.problems import ProblemError


@dataclass(frozen=True, slots=True)
class ManageBrands:
    """The use cases with what they need. Raises ProblemError as the doorkeeper does, and what is named.

    With `approval` a provider has to apply for its brands.
    """

    door: Doorkeeper
    pool: ReaderPool
    writer: WriterPool
    approval: bool
    retailers_max: int

    async def add(
        self, authorization: str | None, *, iys_code: int, name: str, brand_code: int | None
    ) -> int:
        """Add a brand (its provider, staff); return its number. UNKNOWN_PROVIDER, ALREADY_EXISTS."""
        user = await self.door.provider(authorization, iys_code)
        if user.role != STAFF:
            self._require_ordinary(brand_code)
        active = await provider_is_active(self.pool, iys_code)
        if active is None:
            raise ProblemError("UNKNOWN_PROVIDER")
        if not active and user.role != STAFF:
            raise ProblemError("FORBIDDEN", "this provider is suspended")
        try:
            return await accounts.add_brand(
                self.writer,
                iys_code=iys_code,
                name=name,
                brand_code=brand_code,
                actor=user.user_id,
            )
        except AlreadyExistsError:
            raise ProblemError("ALREADY_EXISTS", "this brandCode is taken") from None

    def _require_ordinary(self, brand_code: int | None) -> None:
        """Refuse what only staff may do with a brand."""
        if brand_code is not None:
            raise ProblemError("FORBIDDEN", "only staff may choose a brandCode; leave it out")
        if self.approval:
            raise ProblemError("FORBIDDEN", "brands are approved by staff: apply for it")

    async def rename(self, authorization: str | None, brand_code: int, name: str) -> None:
        """Give a brand another name (staff: its trademark stands behind the name). UNKNOWN_BRAND."""
        staff = await self.door.staff(authorization)
        if not await change_accounts.rename_brand(
            self.writer, brand_code, name, actor=staff.user_id
        ):
            raise ProblemError("UNKNOWN_BRAND")

    async def page(
        self, authorization: str | None, iys_code: int, *, after: int, limit: int
    ) -> list[BrandInfo]:
        """Return a page of a provider's brands (itself, staff). UNKNOWN_PROVIDER."""
        await self.door.provider(authorization, iys_code)
        if await provider_is_active(self.pool, iys_code) is None:
            raise ProblemError("UNKNOWN_PROVIDER")
        return await account_lists.list_brands(self.pool, iys_code, after=after, limit=limit)

    async def put_grant(
        self,
        authorization: str | None,
        *,
        brand_code: int,
        integrator_code: int,
        grant: NewGrant,
    ) -> None:
        """Set what a partner may do at a brand (its provider, staff). UNKNOWN_PARTNER."""
        user = await self.door.manager(authorization, brand_code)
        try:
            await accounts.put_grant(
                self.writer,
                brand_code=brand_code,
                integrator_code=integrator_code,
                grant=grant,
                actor=user.user_id,
            )
        except UnknownReferenceError:
            raise ProblemError("UNKNOWN_PARTNER") from None

    async def remove_grant(
        self, authorization: str | None, *, brand_code: int, integrator_code: int
    ) -> None:
        """Withdraw a partner's rights at a brand (its provider, staff). UNKNOWN_PARTNER."""
        user = await self.door.manager(authorization, brand_code)
        removed = await accounts.remove_grant(
            self.writer,
            brand_code=brand_code,
            integrator_code=integrator_code,
            actor=user.user_id,
        )
        if not removed:
            raise ProblemError("UNKNOWN_PARTNER", "this partner has no rights at the brand")

    async def list_grants(
        self, authorization: str | None, brand_code: int, *, after: int, limit: int
    ) -> list[GrantInfo]:
        """Return a page of what a brand grants to partners (its provider, staff)."""
        await self.door.manager(authorization, brand_code)
        return await account_lists.list_grants(self.pool, brand_code, after=after, limit=limit)

    async def add_retailer(
        self,
        authorization: str | None,
        *,
        brand_code: int,
        title: str,
        retailer_code: int | None,
    ) -> int:
        """Add a retailer to a brand (its provider, staff); return its code. ALREADY_EXISTS, CONFLICT."""
        await self.door.manager(authorization, brand_code)
        try:
            code = await accounts.add_retailer(
                self.writer,
                brand_code=brand_code,
                title=title,
                retailer_code=retailer_code,
                count_max=self.retailers_max,
            )
        except AlreadyExistsError:
            raise ProblemError("ALREADY_EXISTS", "this retailerCode is taken") from None
        if not code:
            raise ProblemError("CONFLICT", "the brand has as many retailers as it may have")
        return code

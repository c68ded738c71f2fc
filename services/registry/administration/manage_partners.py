"""Partners (iş ortağı, entegratör) and their licences: registering, changing, listing."""

from dataclasses import dataclass
from datetime import date

from services.registry.administration.doorkeeper import Doorkeeper
from services.registry.administration.make_users import Secret, make_user
from shared.ledger import account_lists, accounts, change_accounts
from shared.ledger.account_lists import PartnerInfo
from shared.ledger.store import ReaderPool, WriterPool
from shared.web.problems import ProblemError


@dataclass(frozen=True, slots=True)
class ManagePartners:
    """The use cases with what they need. Raises ProblemError as the doorkeeper does, and what is named."""

    door: Doorkeeper
    pool: ReaderPool
    writer: WriterPool

    async def add(
        self, authorization: str | None, *, title: str, licence_valid_until: date | None
    ) -> tuple[int, Secret]:
        """Register a partner (staff); return its code and its user's secret."""
        staff = await self.door.staff(authorization)
        secret, user = await make_user("partner")
        code = await accounts.add_partner(
            self.writer,
            title=title,
            licence_valid_until=licence_valid_until,
            user=user,
            actor=staff.user_id,
        )
        return code, secret

    async def rename(self, authorization: str | None, integrator_code: int, title: str) -> None:
        """Give a partner another title (staff). UNKNOWN_PARTNER."""
        staff = await self.door.staff(authorization)
        if not await change_accounts.rename_partner(
            self.writer, integrator_code, title, actor=staff.user_id
        ):
            raise ProblemError("UNKNOWN_PARTNER")

    async def set_licence(
        self, authorization: str | None, integrator_code: int, valid_until: date | None
    ) -> None:
        """Set the last day of a partner's licence (staff). UNKNOWN_PARTNER."""
        staff = await self.door.staff(authorization)
        if not await accounts.set_licence(
            self.writer, integrator_code, valid_until, actor=staff.user_id
        ):
            raise ProblemError("UNKNOWN_PARTNER")

    async def show(self, authorization: str | None, integrator_code: int) -> PartnerInfo:
        """Return a partner (itself, staff). UNKNOWN_PARTNER."""
        await self.door.partner(authorization, integrator_code)
        found = await account_lists.list_partners(self.pool, only=integrator_code)
        if not found:
            raise ProblemError("UNKNOWN_PARTNER")
        return found[0]

    async def page(self, authorization: str | None, *, after: int, limit: int) -> list[PartnerInfo]:
        """Return a page of the partners (staff)."""
        await self.door.staff(authorization)
        return await account_lists.list_partners(self.pool, after=after, limit=limit)

"""Providers (hizmet sağlayıcı): registering, changing, listing."""

from dataclasses import dataclass

from services.registry.administration.doorkeeper import Doorkeeper
from services.registry.administration.make_users import Secret, make_user
from shared.ledger import account_lists, accounts, change_accounts
from shared.ledger.account_lists import ProviderInfo
from shared.ledger.accounts import NewProvider
from shared.ledger.failures import AlreadyExistsError
from shared.ledger.store import ReaderPool, WriterPool
from shared.web.problems import ProblemError


@dataclass(frozen=True, slots=True)
class ProviderChange:
    """What becomes different; None: nothing. `clear_exemption` takes the legal basis away."""

    title: str | None = None
    tax_number: str | None = None
    mersis: str | None = None
    exemption_basis: str | None = None
    clear_exemption: bool = False


@dataclass(frozen=True, slots=True)
class ManageProviders:
    """The use cases with what they need. Raises ProblemError as the doorkeeper does, and what is named."""

    door: Doorkeeper
    pool: ReaderPool
    writer: WriterPool

    async def add(self, authorization: str | None, provider: NewProvider) -> tuple[int, Secret]:
        """Register a provider (staff); return its number and its user's secret. ALREADY_EXISTS."""
        staff = await self.door.staff(authorization)
        secret, user = await make_user("provider")
        try:
            code = await accounts.add_provider(self.writer, provider, user, actor=staff.user_id)
        except AlreadyExistsError:
            raise ProblemError("ALREADY_EXISTS", "this iysCode is taken") from None
        return code, secret

    async def change(
        self, authorization: str | None, iys_code: int, change: ProviderChange
    ) -> ProviderInfo:
        """Change what is said about a provider (staff); return it as it is now. UNKNOWN_PROVIDER."""
        staff = await self.door.staff(authorization)
        changed = await change_accounts.change_provider(
            self.writer,
            iys_code,
            title=change.title,
            tax_number=change.tax_number,
            mersis=change.mersis,
            exemption_basis=change.exemption_basis,
            clear_exemption=change.clear_exemption,
            actor=staff.user_id,
        )
        if not changed:
            raise ProblemError("UNKNOWN_PROVIDER")
        return await self._read(iys_code)

    async def show(self, authorization: str | None, iys_code: int) -> ProviderInfo:
        """Return a provider (itself, staff). UNKNOWN_PROVIDER."""
        await self.door.provider(authorization, iys_code)
        return await self._read(iys_code)

    async def page(
        self, authorization: str | None, *, after: int, limit: int
    ) -> list[ProviderInfo]:
        """Return a page of the providers (staff)."""
        await self.door.staff(authorization)
        return await account_lists.list_providers(self.pool, after=after, limit=limit)

    async def _read(self, iys_code: int) -> ProviderInfo:
        found = await account_lists.list_providers(self.pool, only=iys_code)
        if not found:
            raise ProblemError("UNKNOWN_PROVIDER")
        return found[0]

"""Users: who signs in. Their passwords, their states; and the states of what they belong to."""

from dataclasses import dataclass

from services.registry.administration.doorkeeper import Doorkeeper
from services.registry.administration.make_users import Secret, make_user
from shared.auth.passwords import hash_secret_aside, new_secret
from shared.ledger import account_lists, accounts, change_accounts
from shared.ledger.account_lists import UserInfo
from shared.ledger.failures import AlreadyExistsError
from shared.ledger.store import ReaderPool, WriterPool
from shared.web.problems import ProblemError


@dataclass(frozen=True, slots=True)
class ManageUsers:
    """The use cases with what they need. Raises ProblemError as the doorkeeper does, and what is named."""

    door: Doorkeeper
    pool: ReaderPool
    writer: WriterPool

    async def add(self, authorization: str | None, *, username: str, role: str) -> Secret:
        """Add a user of the staff or the ministry (staff); return its secret. ALREADY_EXISTS."""
        staff = await self.door.staff(authorization)
        secret, user = await make_user(role, username=username)
        try:
            await accounts.add_user(self.writer, user, actor=staff.user_id)
        except AlreadyExistsError:
            raise ProblemError("ALREADY_EXISTS", "this username is taken") from None
        return secret

    async def page(
        self,
        authorization: str | None,
        *,
        after: str,
        limit: int,
        role: str | None,
        iys_code: int | None,
    ) -> list[UserInfo]:
        """Return a page of the users by name; staff everybody's, a provider its own."""
        user = await self.door.user(authorization)
        if user.role == "provider":
            iys_code = user.iys_code
        elif user.role != "admin":
            raise ProblemError("FORBIDDEN", "only staff and providers may do this")
        return await account_lists.list_users(
            self.pool, after=after, limit=limit, role=role, iys_code=iys_code
        )

    async def renew_password(self, authorization: str | None, username: str) -> Secret:
        """Give a user a new password (itself, staff); the old one and all tokens end. UNKNOWN_ACCOUNT."""
        user = await self.door.self_or_staff(authorization, username)
        secret = Secret(username, new_secret())
        hashed = await hash_secret_aside(secret.password)
        if not await accounts.set_secret(self.writer, username, hashed, actor=user.user_id):
            raise ProblemError("UNKNOWN_ACCOUNT")
        return secret

    async def set_user_state(
        self, authorization: str | None, username: str, *, active: bool
    ) -> None:
        """Suspend or restore a user (staff); nobody suspends itself. UNKNOWN_ACCOUNT, CONFLICT."""
        staff = await self.door.staff(authorization)
        if staff.username == username:
            raise ProblemError("CONFLICT", "somebody else has to do this to your own account")
        if not await change_accounts.set_user_state(
            self.writer, username, active=active, actor=staff.user_id
        ):
            raise ProblemError("UNKNOWN_ACCOUNT")

    async def set_state(
        self, authorization: str | None, kind: str, code: int, *, active: bool
    ) -> None:
        """Suspend or restore a provider, brand, operator or partner (staff). UNKNOWN_ACCOUNT."""
        staff = await self.door.staff(authorization)
        if not await accounts.set_state(
            self.writer, kind, code, active=active, actor=staff.user_id
        ):
            raise ProblemError("UNKNOWN_ACCOUNT")

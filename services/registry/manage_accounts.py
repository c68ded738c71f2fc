"""Registering and changing accounts: who may, and what each change means for those who ask next."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from shared.auth.directory import Directory
from shared.auth.gate import Gate, NotAuthenticatedError
from shared.auth.passwords import api_key_digest, hash_secret_aside, new_api_key, new_secret
from shared.auth.rights import may_manage
from shared.ledger import accounts
from shared.ledger.accounts import NewGrant, NewProvider, NewUser
from shared.ledger.coalesce import StateReader
from shared.ledger.directory import UserRow, provider_is_active
from shared.ledger.failures import (
    AlreadyExistsError,
    ConstraintBrokenError,
    UnknownReferenceError,
)
from shared.ledger.store import ReaderPool, WriterPool
from shared.web.problems import ProblemError


@dataclass(frozen=True, slots=True)
class Secret:
    """What is shown once; `api_key` is empty for users that have none."""

    username: str
    password: str
    api_key: str = ""


@dataclass(frozen=True, slots=True)
class ManageAccounts:
    """The use cases with what they need.

    Every method takes the caller's Authorization header first. Raises ProblemError: NOT_AUTHENTICATED,
    FORBIDDEN, ALREADY_EXISTS, UNKNOWN_…; LedgerUnavailableError.
    """

    gate: Gate
    directory: Directory
    reader: StateReader
    pool: ReaderPool
    writer: WriterPool

    async def add_provider(
        self, authorization: str | None, provider: NewProvider
    ) -> tuple[int, Secret]:
        """Register a provider; return its number and its user's secret."""
        await self._require_staff(authorization)
        secret, user = await _new_user("provider")
        try:
            code = await accounts.add_provider(self.writer, provider, user)
        except AlreadyExistsError:
            raise ProblemError("ALREADY_EXISTS", "this iysCode is taken") from None
        return code, secret

    async def add_brand(
        self, authorization: str | None, *, iys_code: int, name: str, brand_code: int | None
    ) -> int:
        """Add a brand to a provider; return its number."""
        user = await self._user(authorization)
        if user.role != "admin" and user.iys_code != iys_code:
            raise ProblemError("FORBIDDEN", "only the provider itself and staff may add its brands")
        if brand_code is not None and user.role != "admin":
            raise ProblemError("FORBIDDEN", "only staff may choose a brandCode; leave it out")
        active = await provider_is_active(self.pool, iys_code)
        if active is None:
            raise ProblemError("UNKNOWN_PROVIDER")
        if not active and user.role != "admin":
            raise ProblemError("FORBIDDEN", "this provider is suspended")
        try:
            return await accounts.add_brand(
                self.writer, iys_code=iys_code, name=name, brand_code=brand_code
            )
        except AlreadyExistsError:
            raise ProblemError("ALREADY_EXISTS", "this brandCode is taken") from None

    async def bind_header(
        self, authorization: str | None, *, brand_code: int, header: str, operators: Sequence[int]
    ) -> None:
        """Bind a header to a brand, at these operators or at all."""
        await self._require_manager(authorization, brand_code)
        try:
            bound = await accounts.bind_header(
                self.writer, brand_code=brand_code, header=header, operators=operators
            )
        except UnknownReferenceError:
            raise ProblemError("UNKNOWN_ACCOUNT", "one of the operators does not exist") from None
        except ConstraintBrokenError:
            detail = "a header neither begins nor ends with a space, and has no two in a row"
            raise ProblemError("INVALID_FIELD", detail) from None
        except AlreadyExistsError:
            bound = False
        if not bound:
            raise ProblemError(
                "CONFLICT", "this header, or one that differs in its case, is bound already"
            )

    async def unbind_header(
        self, authorization: str | None, *, brand_code: int, header: str
    ) -> None:
        """Take a header from a brand."""
        await self._require_manager(authorization, brand_code)
        if not await accounts.unbind_header(self.writer, brand_code=brand_code, header=header):
            raise ProblemError("UNKNOWN_HEADER")

    async def put_grant(
        self,
        authorization: str | None,
        *,
        brand_code: int,
        integrator_code: int,
        grant: NewGrant,
    ) -> None:
        """Set what a partner may do at a brand."""
        await self._require_manager(authorization, brand_code)
        try:
            await accounts.put_grant(
                self.writer, brand_code=brand_code, integrator_code=integrator_code, grant=grant
            )
        except UnknownReferenceError:
            raise ProblemError("UNKNOWN_PARTNER") from None

    async def remove_grant(
        self, authorization: str | None, *, brand_code: int, integrator_code: int
    ) -> None:
        """Withdraw a partner's rights at a brand."""
        await self._require_manager(authorization, brand_code)
        removed = await accounts.remove_grant(
            self.writer, brand_code=brand_code, integrator_code=integrator_code
        )
        if not removed:
            raise ProblemError("UNKNOWN_PARTNER", "this partner has no rights at the brand")

    async def add_retailer(
        self,
        authorization: str | None,
        *,
        brand_code: int,
        title: str,
        retailer_code: int | None,
    ) -> int:
        """Add a retailer to a brand; return its code."""
        await self._require_manager(authorization, brand_code)
        try:
            return await accounts.add_retailer(
                self.writer, brand_code=brand_code, title=title, retailer_code=retailer_code
            )
        except AlreadyExistsError:
            raise ProblemError("ALREADY_EXISTS", "this retailerCode is taken") from None

    async def add_operator(
        self, authorization: str | None, *, title: str, brands: Sequence[int] | None
    ) -> tuple[int, Secret]:
        """Register an operator; return its code and its secrets."""
        await self._require_staff(authorization)
        secret, user = await _new_user("operator", with_key=True)
        try:
            code = await accounts.add_operator(self.writer, title=title, brands=brands, user=user)
        except UnknownReferenceError:
            raise ProblemError("UNKNOWN_BRAND", "one of the brands does not exist") from None
        return code, secret

    async def add_partner(
        self, authorization: str | None, *, title: str, licence_valid_until: date | None
    ) -> tuple[int, Secret]:
        """Register a partner; return its code and its user's secret."""
        await self._require_staff(authorization)
        secret, user = await _new_user("partner")
        code = await accounts.add_partner(
            self.writer, title=title, licence_valid_until=licence_valid_until, user=user
        )
        return code, secret

    async def set_licence(
        self, authorization: str | None, integrator_code: int, valid_until: date | None
    ) -> None:
        """Set the last day of a partner's licence."""
        await self._require_staff(authorization)
        if not await accounts.set_licence(self.writer, integrator_code, valid_until):
            raise ProblemError("UNKNOWN_PARTNER")

    async def set_state(
        self, authorization: str | None, kind: str, code: int, *, active: bool
    ) -> None:
        """Suspend or restore a provider, brand, operator or partner."""
        await self._require_staff(authorization)
        if not await accounts.set_state(self.writer, kind, code, active=active):
            raise ProblemError("UNKNOWN_ACCOUNT")

    async def add_user(self, authorization: str | None, *, username: str, role: str) -> Secret:
        """Add a user of the staff or the ministry; return its secret."""
        await self._require_staff(authorization)
        secret = Secret(username, new_secret())
        hashed = await hash_secret_aside(secret.password)
        try:
            await accounts.add_user(self.writer, NewUser(username, hashed, role))
        except AlreadyExistsError:
            raise ProblemError("ALREADY_EXISTS", "this username is taken") from None
        return secret

    async def renew_password(self, authorization: str | None, username: str) -> Secret:
        """Give a user a new password; the old one and all tokens end with it."""
        await self._require_self_or_staff(authorization, username)
        secret = Secret(username, new_secret())
        hashed = await hash_secret_aside(secret.password)
        if not await accounts.set_secret(self.writer, username, hashed):
            raise ProblemError("UNKNOWN_ACCOUNT")
        return secret

    async def renew_key(self, authorization: str | None, username: str) -> Secret:
        """Give an operator's user a new long-lived key; the old one ends with it, and all tokens."""
        await self._require_self_or_staff(authorization, username)
        secret = Secret(username, "", new_api_key())
        digest = api_key_digest(secret.api_key)
        if not await accounts.set_api_key(self.writer, username, digest):
            raise ProblemError("UNKNOWN_ACCOUNT", "no operator has this user")
        return secret

    async def remove_key(self, authorization: str | None, username: str) -> None:
        """Take a user's long-lived key away, at once."""
        await self._require_self_or_staff(authorization, username)
        if not await accounts.set_api_key(self.writer, username, None):
            raise ProblemError("UNKNOWN_KEY", "no operator has this user")

    async def _require_self_or_staff(self, authorization: str | None, username: str) -> None:
        user = await self._user(authorization)
        if user.role != "admin" and user.username != username:
            raise ProblemError("FORBIDDEN", "only the user itself and staff may do this")

    async def _user(self, authorization: str | None) -> UserRow:
        try:
            ticket = await self.gate.identify(authorization)
            versions = await self.reader.read_head(0)
            return await self.gate.admit(ticket, versions.directory_version)
        except NotAuthenticatedError:
            raise ProblemError("NOT_AUTHENTICATED") from None

    async def _require_staff(self, authorization: str | None) -> None:
        if (await self._user(authorization)).role != "admin":
            raise ProblemError("FORBIDDEN", "only staff may do this")

    async def _require_manager(self, authorization: str | None, brand_code: int) -> None:
        user = await self._user(authorization)
        head = await self.reader.read_head(brand_code)
        brand = await self.directory.brand(brand_code, head.authority_version)
        if brand is None and user.role == "admin":
            raise ProblemError("UNKNOWN_BRAND")
        # A brand that does not exist answers a provider like somebody else's.
        if brand is None or not may_manage(user, brand):
            raise ProblemError("FORBIDDEN", "only the brand's provider and staff may do this")


async def _new_user(role: str, *, with_key: bool = False) -> tuple[Secret, NewUser]:
    """Make up a user with a fresh password and perhaps a long-lived key."""
    api_key = new_api_key() if with_key else ""
    secret = Secret(f"{role}-{new_secret()[:8].lower()}@izin.example", new_secret(), api_key)
    hashed = await hash_secret_aside(secret.password)
    digest = api_key_digest(api_key) if with_key else None
    return secret, NewUser(secret.username, hashed, role, digest)

"""The process's copy of who may do what, kept honest by versions.

Users and headers hang on the directory version, the rights at a brand on the brand's authority version.
Whoever decides has just read both versions from the ledger, in the same round trip as the data, and
hands them in: a copy that is older is dropped or read anew before it is used. So a revoked right is
refused by the next request on every process (design 5, rule 6).
"""

import asyncio
from dataclasses import replace
from typing import TypeVar

from shared.ledger import directory as ledger_directory
from shared.ledger.directory import BrandRow, UserRow
from shared.ledger.failures import LedgerUnavailableError
from shared.ledger.store import ReaderPool
from shared.telemetry import metrics

COPIES_MAX = 200_000
# A change may overtake a read now and then, but not so often: then the server is a standby that lags, or
# the ledger was restored to an older day.
READS_MAX = 20
_GONE_BACK = "the ledger is behind what it has said before"
_OF_NO_VERSION = -1
K = TypeVar("K")
V = TypeVar("V")


class Directory:
    """Copies of users, header owners and brands, read on demand."""

    def __init__(self, pool: ReaderPool) -> None:
        self._pool = pool
        self._version = -1
        self._users: dict[int, UserRow | None] = {}
        self._headers: dict[str, int | None] = {}
        self._brands: dict[int, BrandRow] = {}
        self._catching_up = asyncio.Lock()
        self._incarnation = 0

    @property
    def incarnation(self) -> int:
        """How often everything was forgotten: what was concluded from copies before is worth nothing."""
        return self._incarnation

    def forget_all(self) -> None:
        """Trust no copy any more; after the ledger was away it may have come back as an older one."""
        self._incarnation += 1
        self._version = -1
        self._users.clear()
        self._headers.clear()
        for brand_code, brand in self._brands.items():
            self._brands[brand_code] = replace(brand, authority_version=_OF_NO_VERSION)

    async def catch_up(self, version: int) -> None:
        """Drop the copies that changed up to `version`, which the caller has just read."""
        if version <= self._version:
            return
        async with self._catching_up:
            if self._version < 0:
                self._users.clear()
                self._headers.clear()
                self._version = version
            elif version > self._version:
                incarnation = self._incarnation
                reached, subjects = await ledger_directory.changes_since(self._pool, self._version)
                # Another server answered than the one that we have just read, or it was lost meanwhile.
                if reached < version or incarnation != self._incarnation:
                    self.forget_all()
                    raise LedgerUnavailableError(_GONE_BACK)
                self._version = reached
                metrics.AUTHORITY_RELOADS.add("users")
                for subject in subjects:
                    self._forget(subject)

    def _forget(self, subject: str) -> None:
        kind, _, name = subject.partition(":")
        if kind == "user":
            self._users.pop(int(name), None)
        else:
            self._headers.pop(name, None)

    async def user(self, user_id: int) -> UserRow | None:
        """Return a user as of the version that this copy has reached, or a later one."""
        if user_id in self._users:
            return self._users[user_id]
        for _ in range(READS_MAX):
            incarnation = self._incarnation
            version, user = await ledger_directory.read_user(self._pool, user_id)
            # Read before a change that this copy has already passed, or from a server that we have lost
            # since? Then it may be the old one.
            if version >= self._version and incarnation == self._incarnation:
                _remember(self._users, user_id, user)
                return user
        self.forget_all()
        raise LedgerUnavailableError(_GONE_BACK)

    async def header_owner(self, header: str) -> int | None:
        """Return the brand that a header belongs to, likewise."""
        if header in self._headers:
            return self._headers[header]
        for _ in range(READS_MAX):
            incarnation = self._incarnation
            version, brand_code = await ledger_directory.header_owner(self._pool, header)
            if version >= self._version and incarnation == self._incarnation:
                _remember(self._headers, header, brand_code)
                return brand_code
        self.forget_all()
        raise LedgerUnavailableError(_GONE_BACK)

    def current_user(self, user_id: int, version: int) -> UserRow | None:
        """Return the copy of a user if it is of just this version; None: nobody knows without a look."""
        return self._users.get(user_id) if version == self._version else None

    def known_owner(self, header: str) -> int | None:
        """Return the brand that a header belonged to when it was last looked at; None: not known."""
        return self._headers.get(header)

    def owns(self, brand_code: int, header: str, version: int) -> bool:
        """Say whether the copies know, as of just this version, that the header is the brand's."""
        return version == self._version and self._headers.get(header) == brand_code

    def current_brand(self, brand_code: int, authority_version: int) -> BrandRow | None:
        """Return the copy of a brand if it is of just this version."""
        copy = self._brands.get(brand_code)
        return copy if copy is not None and copy.authority_version == authority_version else None

    def known_brand(self, brand_code: int | None) -> BrandRow | None:
        """Return the copy of a brand, however old: only for what an outage leaves to go by."""
        return None if brand_code is None else self._brands.get(brand_code)

    async def brand(self, brand_code: int, authority_version: int | None) -> BrandRow | None:
        """Return a brand with rights at least as new as `authority_version`; None: no such brand."""
        if authority_version is None:
            return None
        copy = self._brands.get(brand_code)
        if copy is not None and copy.authority_version == authority_version:
            return copy
        brand = await self._read_brand(brand_code)
        if brand is None:
            self._brands.pop(brand_code, None)
            return None
        if brand.authority_version < authority_version:
            raise LedgerUnavailableError(_GONE_BACK)
        _remember(self._brands, brand_code, brand)
        return brand

    async def _read_brand(self, brand_code: int) -> BrandRow | None:
        """Read a brand from the server that we are connected to now."""
        for _ in range(READS_MAX):
            incarnation = self._incarnation
            brand = await ledger_directory.read_brand(self._pool, brand_code)
            metrics.AUTHORITY_RELOADS.add("brand")
            # The same version of a ledger that was restored meanwhile may mean other rights.
            if incarnation == self._incarnation:
                return brand
        raise LedgerUnavailableError(_GONE_BACK)


def _remember(copies: dict[K, V], key: K, value: V) -> None:
    """Keep a copy; the oldest goes when there are too many."""
    if len(copies) >= COPIES_MAX:
        del copies[next(iter(copies))]
    copies[key] = value

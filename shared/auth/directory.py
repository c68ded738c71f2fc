"""The process's copy of who may do what, kept honest by versions.

Users and headers hang on the directory version, the rights at a brand on the brand's authority version.
Whoever decides has just read both versions from the ledger, in the same round trip as the data, and
hands them in: a copy that is older is dropped or read anew before it is used. So a revoked right is
refused by the next request on every process (design 5, rule 6).

Who needs the same row at the same time waits for one read of it. Each checks for itself whether what was
read is new enough: the read may have begun before the change that it knows of.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Generic, TypeVar

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
        self._last_known: dict[int, BrandRow] = {}  # forgotten by nobody, and trusted by nobody
        self._user_reads = _Reads(partial(ledger_directory.read_user, pool))
        self._header_reads = _Reads(partial(ledger_directory.header_owner, pool))
        self._brand_reads = _Reads(partial(_read_brand, pool))
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
        self._brands.clear()

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
        return await self._copied(self._users, user_id, self._user_reads)

    async def header_owner(self, header: str) -> int | None:
        """Return the brand that a header belongs to, likewise."""
        return await self._copied(self._headers, header, self._header_reads)

    async def _copied(self, copies: dict[K, V], key: K, reads: "_Reads[K, tuple[int, V]]") -> V:
        """Return a copy that hangs on the directory version; read it if it is not there."""
        if key in copies:
            return copies[key]
        needed = self._version
        for _ in range(READS_MAX):
            incarnation = self._incarnation
            version, value = await reads.result(key, incarnation)
            # Read before a change that this copy has already passed, or that the caller knows of, or from a
            # server that we have lost since? Then it may be the old one.
            if version >= max(needed, self._version) and incarnation == self._incarnation:
                _remember(copies, key, value)
                return value
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
        return None if brand_code is None else self._last_known.get(brand_code)

    async def brand(self, brand_code: int, authority_version: int | None) -> BrandRow | None:
        """Return a brand with rights at least as new as `authority_version`; None: no such brand."""
        if authority_version is None:
            return None
        copy = self.current_brand(brand_code, authority_version)
        if copy is not None:
            return copy
        brand = await self._load_brand(brand_code, authority_version)
        if brand is None:
            self._brands.pop(brand_code, None)
            self._last_known.pop(brand_code, None)
            return None
        if brand.authority_version < authority_version:
            raise LedgerUnavailableError(_GONE_BACK)
        _remember(self._brands, brand_code, brand)
        _remember(self._last_known, brand_code, brand)
        return brand

    async def _load_brand(self, brand_code: int, authority_version: int) -> BrandRow | None:
        """Read a brand from the server that we are connected to now."""
        begun_before = self._brand_reads.is_under_way(brand_code, self._incarnation)
        for _ in range(READS_MAX):
            incarnation = self._incarnation
            brand = await self._brand_reads.result(brand_code, incarnation)
            is_older = brand is None or brand.authority_version < authority_version
            # The same version of a ledger that was restored meanwhile may mean other rights.
            if incarnation == self._incarnation and not (is_older and begun_before):
                return brand
            # That read is over: whichever is next has begun after we were asked.
            begun_before = False
        raise LedgerUnavailableError(_GONE_BACK)


async def _read_brand(pool: ReaderPool, brand_code: int) -> BrandRow | None:
    brand = await ledger_directory.read_brand(pool, brand_code)
    metrics.AUTHORITY_RELOADS.add("brand")
    return brand


class _Reads(Generic[K, V]):
    """Reads under way, one for each key: who asks meanwhile gets what it brings, or how it fails.

    A read that began with another incarnation is not joined: it may be of a server that was lost since.
    """

    def __init__(self, read: Callable[[K], Coroutine[object, object, V]]) -> None:
        self._read = read
        self._under_way: dict[tuple[K, int], asyncio.Task[V]] = {}

    def is_under_way(self, key: K, incarnation: int) -> bool:
        task = self._under_way.get((key, incarnation))
        return task is not None and not task.done()

    async def result(self, key: K, incarnation: int) -> V:
        task = self._under_way.get((key, incarnation))
        if task is None or task.done():
            task = asyncio.create_task(self._read(key))
            self._under_way[key, incarnation] = task
            task.add_done_callback(partial(self._forget, (key, incarnation)))
        # Whoever gives up waiting does so for itself alone.
        return await asyncio.shield(task)

    def _forget(self, name: tuple[K, int], task: asyncio.Task[V]) -> None:
        if self._under_way.get(name) is task:
            del self._under_way[name]
        if not task.cancelled():
            task.exception()  # looked at: maybe nobody waits for it any more


def _remember(copies: dict[K, V], key: K, value: V) -> None:
    """Keep a copy; the oldest goes when there are too many."""
    if key not in copies and len(copies) >= COPIES_MAX:
        del copies[next(iter(copies))]
    copies[key] = value

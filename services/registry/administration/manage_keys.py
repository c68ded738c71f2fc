"""Long-lived keys: several a user, with an end, replaced one after the other without a gap."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.registry.administration.doorkeeper import Doorkeeper
from services.registry.administration.make_users import PREFIX_CHARS
from shared.auth.passwords import api_key_digest, new_api_key
from shared.ledger import api_keys
from shared.ledger.api_keys import KEYS_MAX, KeyInfo, NewKey, TooManyKeysError
from shared.ledger.store import ReaderPool, WriterPool
from shared.web.problems import FieldError, ProblemError

_TOO_MANY = f"a user has at most {KEYS_MAX} good keys; revoke one"
_NOBODY = "no operator, provider or partner has this user"


@dataclass(frozen=True, slots=True)
class FreshKey:
    """A key that was made; `api_key` is shown once."""

    key_id: int
    api_key: str
    label: str
    expires_at: datetime | None

    @property
    def prefix(self) -> str:
        """What a person knows the key by."""
        return self.api_key[:PREFIX_CHARS]


@dataclass(frozen=True, slots=True)
class ManageKeys:
    """The use cases with what they need, for the user itself and staff.

    Raises ProblemError as the doorkeeper does, and: UNKNOWN_ACCOUNT, UNKNOWN_KEY, CONFLICT (too many keys),
    INVALID_FIELD (an end that is past).
    """

    door: Doorkeeper
    pool: ReaderPool
    writer: WriterPool
    now: Callable[[], datetime]

    async def add(
        self, authorization: str | None, username: str, *, label: str, expires_at: datetime | None
    ) -> FreshKey:
        """Give a user one more key; those that it has stay good."""
        user = await self.door.self_or_staff(authorization, username)
        api_key, key = self._make(label, expires_at)
        try:
            key_id = await api_keys.add_key(
                self.writer, username, key, now=self.now(), actor=user.user_id
            )
        except TooManyKeysError:
            raise ProblemError("CONFLICT", _TOO_MANY) from None
        if key_id is None:
            raise ProblemError("UNKNOWN_ACCOUNT", _NOBODY)
        return FreshKey(key_id, api_key, label, expires_at)

    async def rotate(
        self,
        authorization: str | None,
        username: str,
        key_id: int,
        *,
        label: str,
        expires_at: datetime | None,
        grace: timedelta,
    ) -> FreshKey:
        """Put a new key in place of one, which goes on being good for `grace`."""
        user = await self.door.self_or_staff(authorization, username)
        api_key, key = self._make(label, expires_at)
        now = self.now()
        try:
            made = await api_keys.rotate_key(
                self.writer,
                username,
                key_id,
                key,
                old_until=now + grace,
                now=now,
                actor=user.user_id,
            )
        except TooManyKeysError:
            raise ProblemError("CONFLICT", _TOO_MANY) from None
        if made is None:
            raise ProblemError("UNKNOWN_KEY", "this user has no such key, or it has ended")
        new_id, label = made
        return FreshKey(new_id, api_key, label, expires_at)

    async def revoke(self, authorization: str | None, username: str, key_id: int) -> None:
        """End a key at once, on every process."""
        user = await self.door.self_or_staff(authorization, username)
        if not await api_keys.revoke_key(
            self.writer, username, key_id, now=self.now(), actor=user.user_id
        ):
            raise ProblemError("UNKNOWN_KEY", "this user has no such key, or it was revoked before")

    async def page(self, authorization: str | None, username: str) -> list[KeyInfo]:
        """Return a user's newest hundred keys, those that have ended among them."""
        await self.door.self_or_staff(authorization, username)
        return await api_keys.list_keys(self.pool, username)

    async def replace(self, authorization: str | None, username: str) -> str:
        """End all keys and tokens of a user at once and give it one new key; return the key."""
        user = await self.door.self_or_staff(authorization, username)
        api_key, key = self._make("", None)
        if not await api_keys.replace_keys(
            self.writer, username, key, now=self.now(), actor=user.user_id
        ):
            raise ProblemError("UNKNOWN_ACCOUNT", _NOBODY)
        return api_key

    async def revoke_all(self, authorization: str | None, username: str) -> None:
        """End all keys and tokens of a user at once."""
        user = await self.door.self_or_staff(authorization, username)
        if not await api_keys.replace_keys(
            self.writer, username, None, now=self.now(), actor=user.user_id
        ):
            raise ProblemError("UNKNOWN_KEY", _NOBODY)

    def _make(self, label: str, expires_at: datetime | None) -> tuple[str, NewKey]:
        if expires_at is not None and expires_at <= self.now():
            wrong = FieldError("/expiresAt", "must be in the future")
            raise ProblemError("INVALID_FIELD", errors=[wrong])
        api_key = new_api_key()
        return api_key, NewKey(api_key_digest(api_key), api_key[:PREFIX_CHARS], label, expires_at)

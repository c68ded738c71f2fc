"""From an Authorization header to a user that may act: mostly a look-up in memory.

Two steps, with the ledger read between them. `identify` says who the caller claims to be, from memory
once it has been seen; then the caller reads its data, and with it the directory version; `admit` brings
the copy up to that version and answers for the user. What is remembered of a credential names
what it stands on: a new password, a new key or a suspension makes it worthless at once.
"""

import asyncio
import base64
import binascii
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import blake2b

from shared.auth.directory import Directory
from shared.auth.origin import require_origin
from shared.auth.passwords import API_KEY_PREFIX, api_key_digest, secret_matches
from shared.auth.tokens import TokenIssuer, TokenRefusedError
from shared.ledger import directory as ledger_directory
from shared.ledger.api_keys import meet_key
from shared.ledger.directory import KeyRow, UserRow
from shared.ledger.failures import LedgerUnavailableError
from shared.ledger.store import ReaderPool

REMEMBERED_MAX = 100_000
KEY_REMEMBERED = timedelta(days=1)
PASSWORD_WITHIN_S = 10.0
"""So long a password waits for its slow hash: else who asks and hangs up would leave a pile behind."""
_LONGEST_HEADER = 20_000


class NotAuthenticatedError(Exception):
    """No credential, or none that is good for anything; why is nobody's business."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A user that a credential was good for, and what of the user it stands on.

    `stands_on` is the epoch that a token names, a long-lived key with its end, or the hash that a
    password was verified against: when the user no longer has it, the ticket is worth nothing. So a key whose
    end is moved has to be shown anew.
    `expires_at` in seconds since 1970; `name` is where the gate remembers it.
    """

    user_id: int
    stands_on: int | KeyRow | str
    expires_at: float = float("inf")
    name: bytes = b""


class Gate:
    """Identifies callers by access token, long-lived key or HTTP Basic, and admits them."""

    def __init__(
        self,
        *,
        pool: ReaderPool,
        directory: Directory,
        tokens: TokenIssuer,
        now: Callable[[], datetime],
    ) -> None:
        self._pool = pool
        self._directory = directory
        self._tokens = tokens
        self._now = now
        self._tickets: dict[bytes, Ticket] = {}
        # Credentials are remembered under a digest that is worth nothing outside this process.
        self._salt = secrets.token_bytes(32)

    async def identify(self, authorization: str | None) -> Ticket:
        """Return the user that the header stands for; raises NotAuthenticatedError."""
        if not authorization or len(authorization) > _LONGEST_HEADER:
            raise NotAuthenticatedError
        scheme, credential, name = self._named(authorization)
        ticket = self._remembered(name)
        if ticket is not None:
            return ticket
        ticket = replace(await self._verify(scheme, credential), name=name)
        if len(self._tickets) >= REMEMBERED_MAX:
            del self._tickets[next(iter(self._tickets))]
        self._tickets[name] = ticket
        return ticket

    def known(self, authorization: str) -> Ticket | None:
        """Return the ticket of a credential that was seen before; None: `identify` must look."""
        if len(authorization) > _LONGEST_HEADER:
            return None
        _scheme, _credential, name = self._named(authorization)
        return self._remembered(name)

    def _named(self, authorization: str) -> tuple[str, str, bytes]:
        """Return scheme, credential, and the name under which it is remembered."""
        scheme, _, credential = authorization.partition(" ")
        scheme, credential = scheme.lower(), credential.strip()
        # One credential has one name, however it is spelled: else a caller could fill the memory.
        spelled = f"{scheme} {credential}".encode("utf-8", "replace")
        return scheme, credential, blake2b(spelled, key=self._salt, digest_size=16).digest()

    def _remembered(self, name: bytes) -> Ticket | None:
        ticket = self._tickets.get(name)
        if ticket is not None and ticket.expires_at > self._now().timestamp():
            return ticket
        return None

    async def admit(self, ticket: Ticket, directory_version: int) -> UserRow:
        """Return the user if it may act as of `directory_version`, and from where the request comes.

        Raises NotAuthenticatedError, AddressNotAllowedError.
        """
        await self._directory.catch_up(directory_version)
        user = await self._directory.user(ticket.user_id)
        if user is None or not still_stands(ticket, user):
            self._tickets.pop(ticket.name, None)
            raise NotAuthenticatedError
        require_origin(user)
        return user

    async def login(self, username: str, password: str) -> UserRow | None:
        """Return the active user with this name and password, or None; equally slow either way.

        Raises LedgerUnavailableError, also where too many others are asking from the same place.
        """
        user_id = None
        if _can_be_stored(username):
            user_id = await ledger_directory.user_id_by_name(self._pool, username)
        # Past the copies: a login is rare, and must see the newest secret. No user has number 0.
        _version, user = await ledger_directory.read_user(self._pool, user_id or 0)
        try:
            async with asyncio.timeout(PASSWORD_WITHIN_S):
                matches = await secret_matches(None if user is None else user.secret_hash, password)
        except TimeoutError:
            raise LedgerUnavailableError("not in time") from None
        return user if matches and user is not None and user.active else None

    async def _verify(self, scheme: str, credential: str) -> Ticket:
        match scheme:
            case "bearer" if credential.startswith(API_KEY_PREFIX):
                return await self._by_api_key(credential)
            case "bearer":
                return self._by_token(credential)
            case "basic":
                return await self._by_password(credential)
            case _:
                raise NotAuthenticatedError

    def _by_token(self, token: str) -> Ticket:
        try:
            claims = self._tokens.read_access(token, now=self._now())
        except TokenRefusedError:
            raise NotAuthenticatedError from None
        return Ticket(claims.user_id, claims.epoch, claims.expires_at)

    async def _by_api_key(self, api_key: str) -> Ticket:
        digest, now = api_key_digest(api_key), self._now()
        met = await meet_key(self._pool, digest, now=now)
        if met is None:
            raise NotAuthenticatedError
        # Met again the next day: so its last use is known to the day.
        until = now + KEY_REMEMBERED
        if met.expires_at is not None:
            until = min(until, met.expires_at)
        return Ticket(met.user_id, KeyRow(digest, met.expires_at), until.timestamp())

    async def _by_password(self, credential: str) -> Ticket:
        try:
            username, colon, password = (
                base64.b64decode(credential, validate=True).decode().partition(":")
            )
        except (binascii.Error, ValueError):
            raise NotAuthenticatedError from None
        if not colon:
            raise NotAuthenticatedError
        user = await self.login(username, password)
        if user is None:
            raise NotAuthenticatedError
        return Ticket(user.user_id, user.secret_hash)


def still_stands(ticket: Ticket, user: UserRow) -> bool:
    """Say whether the user may act, and still has what the ticket stands on."""
    proof = ticket.stands_on
    return user.active and (proof in (user.epoch, user.secret_hash) or proof in user.keys)


def _can_be_stored(name: str) -> bool:
    """Say whether Postgres can hold the text at all: it knows no NUL and no lone surrogates."""
    try:
        return b"\0" not in name.encode()
    except UnicodeEncodeError:
        return False

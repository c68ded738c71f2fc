"""Who may come in, and who no longer may: at the next request, on every process."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from shared.auth import gate as gate_module
from shared.auth import passwords
from shared.auth.directory import Directory
from shared.auth.gate import Gate, NotAuthenticatedError
from shared.auth.passwords import api_key_digest, hash_secret, new_api_key, new_secret
from shared.auth.tokens import ACCESS_LIFETIME, TokenIssuer
from shared.ledger import accounts, api_keys, refresh_tokens
from shared.ledger.api_keys import NewKey
from shared.ledger.directory import UserRow, read_user
from shared.ledger.failures import LedgerUnavailableError
from shared.ledger.read_state import Key, read_states
from shared.ledger.store import ReaderPool, WriterPool
from shared.sealing.keyring import KeyRing
from tests.auth.test_tokens import FORGERIES
from tests.support.builders import NOW, Login, World, password_of


@dataclass
class Door:
    """A process's gate, its clock, and the ledger behind it."""

    gate: Gate
    tokens: TokenIssuer
    reader: ReaderPool
    writer: WriterPool
    world: World
    now: datetime = NOW

    async def enter(self, authorization: str | None) -> UserRow:
        """Make one request: identify, read the version, admit."""
        ticket = await self.gate.identify(authorization)
        snapshots = await read_states(self.reader, [Key(1)], digest_key_id=1)
        return await self.gate.admit(ticket, snapshots[0].directory_version)

    async def token(self, login: Login) -> str:
        _, user = await read_user(self.reader, login.user_id)
        assert user is not None
        return "Bearer " + self.tokens.access_token(user, now=self.now, title=None, brands=[])


@pytest.fixture
def door(reader: ReaderPool, writer: WriterPool, world: World, key_ring: KeyRing) -> Door:
    tokens = TokenIssuer(key_ring)
    opened: Door
    gate = Gate(pool=reader, directory=Directory(reader), tokens=tokens, now=lambda: opened.now)
    opened = Door(gate, tokens, reader, writer, world)
    return opened


@pytest.fixture
def hashings(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """Note every run of the slow hash, and let it run."""
    noted: list[str | None] = []
    verify = passwords._verify

    def note(secret_hash: str, secret: str) -> bool:
        noted.append(secret_hash)
        return verify(secret_hash, secret)

    monkeypatch.setattr(passwords, "_verify", note)
    return noted


async def _credentials(door: Door) -> dict[str, tuple[str, Login]]:
    world = door.world
    return {
        "token": (await door.token(world.operator), world.operator),
        "key": (f"Bearer {world.api_key}", world.operator),
        "basic": (world.operator.basic, world.operator),
    }


KINDS = ["token", "key", "basic"]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_good_credential_is_let_in(door: Door, kind: str) -> None:
    credential, login = (await _credentials(door))[kind]
    for _ in range(2):
        user = await door.enter(credential)
        assert (user.user_id, user.role) == (login.user_id, "operator")
    scheme, _, rest = credential.partition(" ")
    assert (await door.enter(f"{scheme.lower()}   {rest} ")).user_id == login.user_id


async def test_the_slow_hash_runs_once_for_a_credential_that_comes_again(
    door: Door, hashings: list[str | None]
) -> None:
    for _ in range(5):
        await door.enter(door.world.provider.basic)
    assert len(hashings) == 1
    await door.enter(door.world.partner.basic)
    assert len(hashings) == 2


Revocation = Callable[[Door], Awaitable[object]]
SUSPEND = "UPDATE api_user SET state = 'SUSPENDED' WHERE user_id = $1"
REVOCATIONS: dict[str, Revocation] = {
    "a new password": lambda door: accounts.set_secret(
        door.writer, door.world.operator.username, hash_secret("another")
    ),
    "a suspension of the user": lambda door: door.writer.execute(
        SUSPEND, door.world.operator.user_id
    ),
    "a suspension of its firm": lambda door: accounts.set_state(
        door.writer, "operator", door.world.operator_code, active=False
    ),
    "a new key": lambda door: api_keys.replace_keys(
        door.writer,
        door.world.operator.username,
        NewKey(api_key_digest(new_api_key())),
        now=NOW,
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", REVOCATIONS)
async def test_what_was_revoked_is_refused_by_the_next_request(
    door: Door, how: str, kind: str
) -> None:
    """Each credential was remembered before; nothing but the version tells that it is worthless.

    After a new key the password is still good, and after a new password the key: what a credential
    does not stand on cannot end it.
    """
    credential, _ = (await _credentials(door))[kind]
    await door.enter(credential)
    await REVOCATIONS[how](door)
    if (how, kind) in {("a new password", "key"), ("a new key", "basic")}:
        assert (await door.enter(credential)).epoch == 1
        return
    for _again in range(2):
        with pytest.raises(NotAuthenticatedError):
            await door.enter(credential)


async def test_a_suspension_that_is_lifted_lets_the_firm_in_again(door: Door) -> None:
    await REVOCATIONS["a suspension of its firm"](door)
    with pytest.raises(NotAuthenticatedError):
        await door.enter(door.world.operator.basic)
    await accounts.set_state(door.writer, "operator", door.world.operator_code, active=True)
    assert (await door.enter(door.world.operator.basic)).active


async def test_a_remembered_token_ends_in_time(door: Door) -> None:
    token = await door.token(door.world.provider)
    await door.enter(token)
    door.now += ACCESS_LIFETIME
    with pytest.raises(NotAuthenticatedError):
        await door.enter(token)


@pytest.mark.parametrize("kind", FORGERIES)
async def test_a_token_that_is_not_ours_is_refused(door: Door, kind: str) -> None:
    with pytest.raises(NotAuthenticatedError):
        await door.enter(f"Bearer {FORGERIES[kind]}")


def _basic(text: str | bytes) -> str:
    raw = text.encode() if isinstance(text, str) else text
    return "Basic " + base64.b64encode(raw).decode()


@pytest.mark.parametrize(
    "header",
    [
        *(None, "", " ", "Bearer", "Bearer ", "Basic", "Basic !", "Digest abc", "izin_abc"),
        *("Bearer izin_", "Bearer izin_unknown", "Bearer izin_\udc80", "Bearer \x00"),
        *(_basic(""), _basic("nobody"), _basic(":"), _basic("test-admin:"), _basic("test-admin:x")),
        *(_basic("nobody:x"), _basic("a\0b:x"), _basic(b"\xff\xfe:x"), _basic("test-admin:\0")),
        *("Basic " + "QQ==" * 3, "Basic şifre", "Bearer " + "a" * 30_000),
    ],
)
async def test_what_is_no_credential_is_refused(door: Door, header: str | None) -> None:
    with pytest.raises(NotAuthenticatedError):
        await door.enter(header)


async def test_an_unknown_user_and_a_wrong_password_look_alike(
    door: Door, hashings: list[str | None]
) -> None:
    """The same exception without a word, after the same work."""
    said = []
    for header in (_basic("nobody:wrong"), _basic("test-admin:wrong")):
        with pytest.raises(NotAuthenticatedError) as refused:
            await door.enter(header)
        said.append((str(refused.value), refused.value.args))
    assert said == [("", ())] * 2
    assert len(hashings) == 2
    assert await door.gate.login("nobody", "wrong") is None
    assert await door.gate.login("test-admin", "wrong") is None
    assert len(hashings) == 4


@pytest.mark.parametrize(
    ("username", "password"),
    [("a\0b", "x"), ("\udc80", "x"), ("test-admin", "\udc80"), ("test-admin", "\0"), ("", "")],
)
async def test_a_login_with_strange_characters_fails_like_any_other(
    door: Door, username: str, password: str
) -> None:
    assert await door.gate.login(username, password) is None


async def test_a_login_sees_the_newest_password_at_once(door: Door) -> None:
    name = door.world.admin.username
    assert await door.gate.login(name, password_of("admin")) is not None
    fresh = new_secret()
    await accounts.set_secret(door.writer, name, hash_secret(fresh))
    assert await door.gate.login(name, password_of("admin")) is None
    user = await door.gate.login(name, fresh)
    assert user is not None
    assert user.epoch == 1


async def test_a_suspended_user_does_not_log_in(door: Door) -> None:
    await door.writer.execute(SUSPEND, door.world.admin.user_id)
    assert await door.gate.login(door.world.admin.username, password_of("admin")) is None


async def test_a_refresh_token_works_once(door: Door) -> None:
    """The race: a stolen token and its owner's are spent at once; the ledger lets one of them."""
    user = await door.enter(door.world.provider.basic)
    _, token_id = door.tokens.refresh_token(user, now=NOW)
    await refresh_tokens.save_refresh_token(
        door.writer,
        token_id,
        user_id=user.user_id,
        expires_at=NOW + timedelta(hours=4),
        now=NOW,
    )
    spent = await asyncio.gather(
        *(refresh_tokens.spend_refresh_token(door.writer, token_id, now=NOW) for _ in range(8))
    )
    assert sorted(spent, key=str) == [user.user_id, *[None] * 7]


async def test_an_expired_refresh_token_is_worth_nothing_and_swept(door: Door) -> None:
    user_id = door.world.provider.user_id
    _, old = door.tokens.refresh_token(await door.enter(door.world.provider.basic), now=NOW)
    _, new = door.tokens.refresh_token(await door.enter(door.world.provider.basic), now=NOW)
    await refresh_tokens.save_refresh_token(
        door.writer, old, user_id=user_id, expires_at=NOW, now=NOW
    )
    assert await refresh_tokens.spend_refresh_token(door.writer, old, now=NOW) is None
    later = NOW + timedelta(seconds=1)
    await refresh_tokens.save_refresh_token(
        door.writer, new, user_id=user_id, expires_at=later + timedelta(hours=1), now=later
    )
    left = await door.writer.fetch("SELECT token_id FROM refresh_token")
    assert [row["token_id"] for row in left] == [new]


async def test_a_gate_remembers_only_so_many(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.auth.gate.REMEMBERED_MAX", 2)
    tokens = [await door.token(door.world.admin) for _ in range(5)]
    for token in tokens:
        await door.enter(token)
    assert len(door.gate._tickets) == 2
    assert (await door.enter(tokens[0])).role == "admin"


async def test_secrets_are_fresh_and_their_digest_is_none_of_them() -> None:
    assert new_secret() != new_secret()
    key = new_api_key()
    assert key.startswith("izin_")
    assert key.encode() not in api_key_digest(key)
    assert await passwords.secret_matches("not a hash", "x") is False
    assert await passwords.secret_matches(None, "x") is False


async def test_a_password_that_waits_too_long_for_its_turn_is_given_up(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate_module, "PASSWORD_WITHIN_S", 0.0)
    with pytest.raises(LedgerUnavailableError):
        await door.gate.login("nobody@izin.example", "guess")

"""Credentials of a check: what is remembered, and for how long."""

import asyncio
import base64

import httpx
import pytest

from shared.auth import gate
from shared.auth.passwords import secret_matches
from tests.registry.doors import Town, new_phone
from tests.support.builders import Login


@pytest.fixture
def slow_hashes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the passwords that the slow hash was asked about, as it is asked."""
    asked: list[str] = []

    async def spy(secret_hash: str | None, secret: str) -> bool:
        asked.append(secret)
        return await secret_matches(secret_hash, secret)

    monkeypatch.setattr(gate, "secret_matches", spy)
    return asked


async def check(town: Town, who: str, at: httpx.AsyncClient | None = None) -> int:
    body = {"type": "MESAJ", "recipient": new_phone()}
    return (await town.check(body, who=who, at=at)).status_code


async def test_basic_passes_the_slow_hash_once(town: Town, slow_hashes: list[str]) -> None:
    basic = town.world.operator.basic
    assert [await check(town, basic) for _ in range(5)] == [200] * 5
    assert slow_hashes == [town.world.operator.password]
    assert await check(town, f"Bearer {town.world.api_key}") == 200
    assert len(slow_hashes) == 1


async def test_a_wrong_password_is_never_remembered(town: Town, slow_hashes: list[str]) -> None:
    credential = base64.b64encode(b"test-operator:wrong").decode()
    assert [await check(town, f"Basic {credential}") for _ in range(2)] == [401, 401]
    assert slow_hashes == ["wrong", "wrong"]


async def test_nobody_takes_as_long_as_somebody(town: Town, slow_hashes: list[str]) -> None:
    credential = base64.b64encode(b"nobody:x").decode()
    assert await check(town, f"Basic {credential}") == 401
    assert slow_hashes == ["x"]


async def test_a_password_may_hold_a_colon_and_turkish_letters(town: Town) -> None:
    new = (await town.post("/accounts/operators", {"title": "Yeni"}, who="admin")).json()
    from_hash = "UPDATE api_user SET secret_hash = $2 WHERE username = $1"
    from shared.auth.passwords import hash_secret  # noqa: PLC0415

    await town.owner.execute(from_hash, new["username"], hash_secret("şifre:ğü"))
    credential = base64.b64encode(f"{new['username']}:şifre:ğü".encode()).decode()
    assert await check(town, f"Basic {credential}") == 200


async def test_a_changed_password_ends_what_was_remembered(
    town: Town, slow_hashes: list[str]
) -> None:
    async with town.another_process() as other:
        new = (await town.post("/accounts/operators", {"title": "Yeni"}, who="admin")).json()
        login = Login(0, new["username"], new["password"])
        slow_hashes.clear()  # the staff signed in
        for client in (town.client, other):
            assert [await check(town, login.basic, client) for _ in range(3)] == [200] * 3
        assert slow_hashes == [login.password] * 2
        path = f"/accounts/users/{login.username}/password"
        renewed = (await town.post(path, b"", who="admin")).json()
        for client in (town.client, other):
            assert await check(town, login.basic, client) == 401
            again = Login(0, login.username, renewed["password"])
            assert await check(town, again.basic, client) == 200
        # The long-lived key is a credential of its own, and stays.
        assert await check(town, f"Bearer {new['apiKey']}", other) == 200


async def test_many_first_calls_at_once_all_get_in(town: Town) -> None:
    new = (await town.post("/accounts/operators", {"title": "Yeni"}, who="admin")).json()
    basic = Login(0, new["username"], new["password"]).basic
    answers = await asyncio.gather(*(check(town, basic) for _ in range(12)))
    assert answers == [200] * 12

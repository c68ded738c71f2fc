"""From where an account may act: kept over HTTP, heeded everywhere and at once."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from services.check import plain_check
from shared.domain.networks import read_network
from shared.ledger import networks as ledger_networks
from tests.check.cached import open_cached_town
from tests.registry.doors import Answer, Town, codes, consent, new_phone, question, sign_in
from tests.support.builders import Login
from tests.support.ledger import database

PROXY = "127.0.0.1"
OFFICE = ["203.0.113.0/24", "2001:db8::/48"]
INSIDE, OUTSIDE = "203.0.113.7", "198.51.100.7"


@pytest.fixture(scope="module")
async def far(town: Town) -> AsyncIterator[httpx.AsyncClient]:
    """Return another process, behind a proxy."""
    async with town.another_process(trusted_proxies=PROXY) as client:
        yield client


@pytest.fixture
async def login(town: Town) -> AsyncIterator[Login]:
    """Return the provider's user, whose list is taken away again."""
    yield town.world.provider
    await ledger_networks.set_networks(
        town.writer, town.world.provider.username, (), actor=town.world.admin.user_id
    )


async def put(town: Town, login: Login, networks: Any, *, who: Any = "admin") -> Answer:
    path = f"/accounts/users/{login.username}/networks"
    return await town.post(path, {"networks": networks}, who=who, method="PUT")


async def ask(
    town: Town, at: httpx.AsyncClient, method: str, path: str, body: Any, *, from_: str, who: Any
) -> Answer:
    headers = await town.authorization(who) | {"X-Forwarded-For": from_}
    return await at.request(method, path, json=body, headers=headers)


async def test_a_list_is_heeded_by_the_next_request_of_every_process(
    town: Town, far: httpx.AsyncClient, login: Login
) -> None:
    async def add(address: str) -> Answer:
        path = f"{town.brand}/consents"
        return await ask(town, far, "POST", path, consent(), from_=address, who=login)

    assert (await add(OUTSIDE)).status_code == 200
    answer = await put(town, login, OFFICE)
    assert answer.json() == {"username": login.username, "networks": OFFICE}
    refused = await add(OUTSIDE)
    assert (refused.status_code, codes(refused)) == (403, ["H353"])
    assert refused.json()["errors"][0]["message"].endswith("IP adresi")
    assert (await add(INSIDE)).status_code == 200
    assert (await add("2001:db8::5")).status_code == 200
    assert (await add(f"{INSIDE}, {OUTSIDE}")).status_code == 403, "a made-up address comes first"
    assert (await put(town, login, [])).status_code == 200
    assert (await add(OUTSIDE)).status_code == 200


async def test_everything_heeds_it(town: Town, far: httpx.AsyncClient, login: Login) -> None:
    number = new_phone()
    await put(town, login, OFFICE)
    brand, code = town.brand, town.world.brand_code
    about = {"brandCode": code, "type": "MESAJ"}
    requests: list[tuple[str, str, Any, str]] = [
        ("POST", f"{brand}/consents/status", question(number), "H353"),
        ("POST", f"{brand}/consents/history", question(number), "H353"),
        ("GET", f"/sps/{town.world.iys_code}/brands", None, "H353"),
        ("GET", "/info/city", None, "H353"),
        ("POST", "/check", {**about, "recipient": number}, "ADDRESS_NOT_ALLOWED"),
        ("POST", "/check/batch", {**about, "recipients": [number]}, "ADDRESS_NOT_ALLOWED"),
        ("POST", f"/check/stream?brandCode={code}&type=MESAJ", None, "ADDRESS_NOT_ALLOWED"),
        ("POST", f"/accounts/users/{login.username}/password", None, "ADDRESS_NOT_ALLOWED"),
        ("GET", f"/accounts/users/{login.username}/networks", None, "ADDRESS_NOT_ALLOWED"),
        ("GET", "/limits", None, "ADDRESS_NOT_ALLOWED"),
    ]
    rejected = f"/brands/{code}/consents/BIREYSEL/rejected/MESAJ"
    requests.append(("POST", rejected, {"recipients": [number]}, "H353"))
    for method, path, body, said in requests:
        for who in (login, login.basic):
            answer = await ask(town, far, method, path, body, from_=OUTSIDE, who=who)
            told = answer.json()
            code_said = told["code"] if "code" in told else told["errors"][0]["code"]
            assert (answer.status_code, code_said) == (403, said), path


async def test_a_token_is_not_had_from_elsewhere_and_none_is_spent(
    town: Town, far: httpx.AsyncClient, login: Login
) -> None:
    pair = (await sign_in(town.client, login.username, login.password)).json()
    await put(town, login, OFFICE)
    password = {"grant_type": "password", "username": login.username, "password": login.password}
    refresh = {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"]}
    for body in (password, refresh):
        refused = await ask(town, far, "POST", "/oauth2/token", body, from_=OUTSIDE, who=None)
        assert (refused.status_code, refused.json()["error"]) == (403, "unauthorized_client")
    wrong = {**password, "password": "guess"}
    refused = await ask(town, far, "POST", "/oauth2/token", wrong, from_=OUTSIDE, who=None)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    for body in (refresh, password):
        given = await ask(town, far, "POST", "/oauth2/token", body, from_=INSIDE, who=None)
        assert given.status_code == 200


async def test_an_account_keeps_its_own_list_and_does_not_lock_itself_out(
    town: Town, login: Login
) -> None:
    refused = await put(town, login, OFFICE, who=login)
    assert (refused.status_code, refused.json()["code"]) == (409, "CONFLICT")
    kept = await put(town, login, ["127.0.0.1", *OFFICE, "127.0.0.1"], who=login)
    assert kept.json()["networks"] == ["127.0.0.1/32", *OFFICE]
    path = f"/accounts/users/{login.username}/networks"
    assert (await town.get(path, who=login)).json() == kept.json()
    assert (await town.get(path, who="admin")).json() == kept.json()
    assert (await town.get(path, who="partner")).status_code == 403
    assert (await put(town, login, [], who="partner")).status_code == 403
    assert (await put(town, login, [], who=None)).status_code == 401
    assert (await put(town, login, [], who=login)).json()["networks"] == []


async def test_what_is_no_list_of_networks_is_told_where(town: Town, login: Login) -> None:
    refused = await put(town, login, ["203.0.113.7/24", "203.0.113.0/24", "office"])
    assert (refused.status_code, refused.json()["code"]) == (422, "INVALID_FIELD")
    assert [(one["pointer"], one["detail"]) for one in refused.json()["errors"]] == [
        ("/networks/0", "'203.0.113.7/24' is not a network: it has host bits set"),
        ("/networks/2", "'office' is not a network: write it as 203.0.113.0/24"),
    ]
    for networks in ("203.0.113.0/24", None, [1], [f"192.0.2.{n}" for n in range(101)]):
        assert (await put(town, login, networks)).status_code == 422
    path = f"/accounts/users/{login.username}/networks"
    assert (await town.get(path, who="admin")).json()["networks"] == []
    nobody = Login(0, "nobody-at-all", "")
    for answer in (
        await put(town, nobody, OFFICE),
        await town.get("/accounts/users/nobody-at-all/networks", who="admin"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "UNKNOWN_ACCOUNT")


async def test_the_hot_path_leaves_such_an_account_to_the_app(
    server_dsn: str,
    template: str,
    valkey_url: str,
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(plain_check, "LEFT_TO_APP_S", 0.2)
    async with (
        database(server_dsn, template=template) as dsn,
        open_cached_town(dsn, valkey_url, tmp_path) as cached,
    ):
        town = cached.town
        body = {"brandCode": town.world.brand_code, "type": "MESAJ", "recipient": new_phone()}
        await cached.caught_up()
        answered = await cached.plainly(body)
        assert isinstance(answered, bytes)
        operator = town.world.operator.username

        async def allow(*networks: str) -> None:
            allowed = [read_network(text) for text in networks]
            await ledger_networks.set_networks(
                town.writer, operator, allowed, actor=town.world.admin.user_id
            )

        await allow("203.0.113.0/24")
        assert await cached.plainly(body) is None, "a version has moved"
        refused = await cached.ask(body)
        assert (refused.status_code, refused.json()["code"]) == (403, "ADDRESS_NOT_ALLOWED")
        assert await cached.plainly(body) is None, "judged anew, and left to the app"
        assert await cached.plainly(body) is False, "which is not even asked about then"
        await allow("127.0.0.0/8")
        assert (await cached.ask(body)).content == answered
        await cached.ask(body, who="provider")
        assert isinstance(await cached.plainly(body, who="provider"), bytes), "others are as before"
        await allow()
        async with asyncio.timeout(20):
            while not isinstance(await cached.plainly(body), bytes):
                await cached.ask(body)

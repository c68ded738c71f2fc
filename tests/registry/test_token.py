import asyncio
import json
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest

from shared.sealing.keyring import new_key_ring
from tests.registry.doors import Answer, Town, sign_in

FORM = "application/x-www-form-urlencoded"
LIFETIMES = {"expires_in": 7200, "refresh_expires_in": 14400, "token_type": "bearer"}


async def ask(town: Town, fields: object, **headers: str) -> Answer:
    """Send JSON, without a Content-Type unless one is given."""
    content = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
    return await town.client.post("/oauth2/token", content=content, headers=headers)


def by_password(town: Town, **changes: Any) -> dict[str, Any]:
    login = town.world.provider
    return {
        "grant_type": "password",
        "username": login.username,
        "password": login.password,
        **changes,
    }


async def new_pair(town: Town) -> dict[str, Any]:
    answer = await ask(town, by_password(town))
    assert answer.status_code == 200
    return dict(answer.json())


async def works(town: Town, access_token: str) -> bool:
    answer = await town.get(f"/sps/{town.world.iys_code}/brands", who=f"Bearer {access_token}")
    return answer.status_code == 200


async def test_a_password_gives_a_pair_of_tokens_with_the_documented_claims(town: Town) -> None:
    answer = await ask(town, by_password(town), **{"Content-Type": "application/json"})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    access, refresh = body.pop("access_token"), body.pop("refresh_token")
    assert body == LIFETIMES
    claims = jwt.decode(access, town.ring.token_public, algorithms=["EdDSA"])
    assert "API_USER" in claims["realm_access"]["roles"]
    assert claims["preferred_username"] == town.world.provider.username
    assert claims["serviceProvider"] == {"title": "Deneme", "iysCode": town.world.iys_code}
    assert [brand["brandCode"] for brand in claims["brands"]] == [
        town.world.brand_code,
        town.world.second_brand_code,
    ]
    assert claims["exp"] - claims["iat"] == 7200
    assert refresh != access
    assert await works(town, access)


@pytest.mark.parametrize("content_type", [FORM, f"{FORM}; charset=utf-8", "", "text/plain"])
async def test_a_form_is_as_good_as_json_however_it_is_labelled(
    town: Town, content_type: str
) -> None:
    form = urlencode(by_password(town)).encode()
    headers = {"Content-Type": content_type} if content_type else {}
    answer = await ask(town, form, **headers)
    assert answer.status_code == 200, answer.text
    assert await works(town, answer.json()["access_token"])


async def test_json_without_content_type_and_fields_of_no_interest(town: Town) -> None:
    answer = await ask(town, by_password(town, iysCode=1, brandCode="2", status=None, extra=[{}]))
    assert answer.status_code == 200


async def test_a_refresh_token_works_once_and_its_successor_next(town: Town) -> None:
    first = await new_pair(town)
    spend = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    second = await ask(town, spend)
    assert second.status_code == 200
    body = second.json()
    assert {name: body[name] for name in LIFETIMES} == LIFETIMES
    assert body["refresh_token"] != first["refresh_token"]
    assert await works(town, body["access_token"])
    spent = await ask(town, spend)
    assert (spent.status_code, spent.json()["error"]) == (400, "invalid_grant")
    form = urlencode({**spend, "refresh_token": body["refresh_token"]}).encode()
    third = await ask(town, form, **{"Content-Type": FORM})
    assert third.status_code == 200


async def test_of_many_who_spend_one_refresh_token_at_once_one_gets_a_pair(town: Town) -> None:
    # The race: all find the token unspent, then all spend it. Its row is deleted by one of them only.
    pair = await new_pair(town)
    spend = {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"]}
    answers = await asyncio.gather(*(ask(town, spend) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200, *[400] * 7]


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"grant_type": None}, "invalid_request"),
        ({"grant_type": "PASSWORD"}, "invalid_request"),
        ({"grant_type": "letmein"}, "invalid_request"),
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
        ({"grant_type": ""}, "invalid_grant"),
        ({"grant_type": "authorization_code"}, "unsupported_grant_type"),
        ({"grant_type": ["password"]}, "invalid_request"),
        ({"username": ""}, "invalid_grant"),
        ({"password": ""}, "invalid_grant"),
        ({"username": None}, "invalid_request"),
        ({"password": None}, "invalid_request"),
        ({"username": 5}, "invalid_request"),
        ({"password": ["x"]}, "invalid_request"),
        ({"password": "wrong"}, "invalid_request"),
        ({"username": "nobody"}, "invalid_request"),
        ({"username": "x" * 100_000}, "invalid_request"),
        ({"password": "x" * 100_000}, "invalid_request"),
        ({"username": "test-provider\0"}, "invalid_request"),
        ({"password": "\0"}, "invalid_request"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": ""}, "invalid_grant"),
        ({"grant_type": "refresh_token", "refresh_token": 7}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "no token"}, "invalid_grant"),
        ({"grant_type": "refresh_token", "refresh_token": "ş" * 50}, "invalid_grant"),
        ({"grant_type": "refresh_token", "refresh_token": "a.b.c"}, "invalid_grant"),
        ({"grant_type": "refresh_token", "refresh_token": "x" * 100_000}, "invalid_grant"),
    ],
)
async def test_every_documented_error_has_its_word(
    town: Town, fields: dict[str, Any], error: str
) -> None:
    answer = await ask(town, by_password(town, **fields))
    assert answer.status_code == 400
    body = answer.json()
    assert sorted(body) == ["error", "error_description"]
    assert body["error"] == error
    assert body["error_description"]


@pytest.mark.parametrize("missing", ["grant_type", "username", "password"])
async def test_a_missing_field_is_an_invalid_request(town: Town, missing: str) -> None:
    fields = by_password(town)
    del fields[missing]
    answer = await ask(town, fields)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    form = await ask(town, urlencode(fields).encode(), **{"Content-Type": FORM})
    assert (form.status_code, form.json()) == (400, answer.json())


@pytest.mark.parametrize("empty", ["grant_type", "username", "password"])
async def test_an_empty_field_of_a_form_is_an_invalid_grant(town: Town, empty: str) -> None:
    form = urlencode(by_password(town, **{empty: ""})).encode()
    answer = await ask(town, form, **{"Content-Type": FORM})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'"password"',
        b"{",
        b"\xff\xfe",
        b'{"grant_type":"password","username":"\\ud800","password":"x"}',
        b'{"grant_type":"password","username":"x","password":"\\ud800"}',
        b"[" * 100_000,
        b'{"grant_type":NaN}',
    ],
)
async def test_a_body_that_is_no_object_is_an_invalid_request(town: Town, body: bytes) -> None:
    answer = await ask(town, body)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    "body",
    [
        b"grant_type=password&username=%ff&password=x",
        b"grant_type=password&username=%ed%a0%80&password=x",
        b"grant_type=password&username=\xff&password=x",
        b"grant_type=password&" + b"a=1&" * 1000,
    ],
)
async def test_a_form_that_cannot_be_read_is_an_invalid_request(town: Town, body: bytes) -> None:
    answer = await ask(town, body, **{"Content-Type": FORM})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_nothing_tells_a_wrong_user_from_a_wrong_password(town: Town) -> None:
    wrong_password = await ask(town, by_password(town, password="wrong"))
    wrong_user = await ask(town, by_password(town, username="nobody"))
    other_case = await ask(town, by_password(town, username="TEST-PROVIDER"))
    assert wrong_password.status_code == wrong_user.status_code == other_case.status_code == 400
    assert wrong_password.content == wrong_user.content == other_case.content
    volatile = {"x-request-id", "ratelimit"}
    assert {k: v for k, v in wrong_user.headers.items() if k not in volatile} == {
        k: v for k, v in wrong_password.headers.items() if k not in volatile
    }


async def test_a_suspended_user_gets_the_answer_of_a_wrong_password(town: Town) -> None:
    _code, login = await town.new_provider()
    suspend = "UPDATE api_user SET state = 'SUSPENDED' WHERE user_id = $1"
    pair = (await sign_in(town.client, login.username, login.password)).json()
    await town.owner.execute(suspend, login.user_id)
    refused = await sign_in(town.client, login.username, login.password)
    wrong = await sign_in(town.client, login.username, "wrong")
    assert (refused.status_code, refused.content) == (400, wrong.content)
    spend = {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"]}
    assert (await ask(town, spend)).json()["error"] == "invalid_grant"
    assert not await works(town, pair["access_token"])


async def test_a_refresh_token_dies_with_the_password_that_it_came_from(town: Town) -> None:
    pair = await new_pair(town)
    touch = (
        "UPDATE api_user SET secret_hash = secret_hash || '' , epoch = epoch + 1 WHERE user_id = $1"
    )
    await town.owner.execute(touch, town.world.provider.user_id)
    spend = {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"]}
    assert (await ask(town, spend)).json()["error"] == "invalid_grant"
    assert not await works(town, pair["access_token"])
    assert await works(town, (await new_pair(town))["access_token"])


async def test_tokens_of_another_key_time_or_kind_are_no_refresh_tokens(town: Town) -> None:
    pair = await new_pair(town)
    other_key = await town.forged(new_key_ring())
    no_algorithm = jwt.encode({"sub": "1", "typ": "Refresh"}, key="", algorithm="none")
    expire = "UPDATE refresh_token SET expires_at = now() - interval '1 second'"
    for token in (pair["access_token"], other_key.removeprefix("Bearer "), no_algorithm):
        answer = await ask(town, {"grant_type": "refresh_token", "refresh_token": token})
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    await town.owner.execute(expire)
    expired = {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"]}
    assert (await ask(town, expired)).json()["error"] == "invalid_grant"


async def test_a_refresh_token_is_no_access_token(town: Town) -> None:
    pair = await new_pair(town)
    assert not await works(town, pair["refresh_token"])

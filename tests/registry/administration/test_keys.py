"""Long-lived keys: several at once, with an end, replaced without a gap, ended everywhere at once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.registry.administration.make_users import PREFIX_CHARS
from shared.clock import utc_now
from tests.registry.administration.papers import delete, everything, problem
from tests.registry.doors import Town, consent, new_phone
from tests.support.builders import API_KEY, Login


def keys_of(login: Login) -> str:
    return f"/accounts/users/{login.username}/keys"


async def new_operator(town: Town) -> tuple[str, str]:
    """Register an operator; return the path of its user's keys and its first key's header."""
    made = (await town.post("/accounts/operators", {"title": "Op"}, who="admin")).json()
    return f"/accounts/users/{made['username']}/keys", f"Bearer {made['apiKey']}"


async def fresh(town: Town, path: str, body: dict[str, Any], *, who: Any) -> tuple[int, str]:
    """Make a key; return its number and its header."""
    answer = await town.post(path, body, who=who)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made["apiKey"].startswith(made["prefix"])
    return made["keyId"], f"Bearer {made['apiKey']}"


async def may_ask(town: Town, key: str, *, at: Any = None) -> bool:
    answer = await town.check({"type": "MESAJ", "recipient": new_phone()}, who=key, at=at)
    assert answer.status_code in {200, 401}
    return answer.status_code == 200


async def test_several_keys_are_good_at_once_and_one_ends_alone(town: Town) -> None:
    path, first = await new_operator(town)
    number, second = await fresh(town, path, {"label": "yedek"}, who=first)
    assert await may_ask(town, first)
    assert await may_ask(town, second)
    assert (await delete(town, f"{path}/{number}", who=first)).status_code == 204
    assert await may_ask(town, first)
    assert not await may_ask(town, second)
    assert problem(await delete(town, f"{path}/{number}", who=first)) == (404, "UNKNOWN_KEY")


async def test_a_revoked_key_is_refused_by_the_next_request_on_every_process(town: Town) -> None:
    path, first = await new_operator(town)
    number, second = await fresh(town, path, {}, who=first)
    async with town.another_process() as elsewhere:
        assert await may_ask(town, second, at=elsewhere)
        await delete(town, f"{path}/{number}", who="admin")
        assert not await may_ask(town, second, at=elsewhere)
        assert await may_ask(town, first, at=elsewhere)


async def test_a_rotated_key_is_good_until_its_grace_is_over(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, first = await new_operator(town)
    (old,) = (await town.get(path, who=first)).json()["items"]
    number, second = await fresh(
        town, f"{path}/{old['keyId']}/rotation", {"graceHours": 1}, who=first
    )
    assert await may_ask(town, first)
    assert await may_ask(town, second)
    listed = {item["keyId"]: item for item in (await town.get(path, who=second)).json()["items"]}
    assert listed[number]["label"] == old["label"] == "first key"
    ends = datetime.fromisoformat(listed[old["keyId"]]["expiresAt"])
    assert timedelta(minutes=59) < ends - utc_now() <= timedelta(hours=1)
    await town.owner.execute(
        "UPDATE api_key SET expires_at = now() - interval '1 second' WHERE key_id = $1",
        old["keyId"],
    )
    assert not await may_ask(town, first)
    assert await may_ask(town, second)
    again = await town.post(f"{path}/{old['keyId']}/rotation", {}, who=second)
    assert problem(again) == (404, "UNKNOWN_KEY")


async def test_without_grace_the_old_key_ends_at_once(town: Town) -> None:
    path, first = await new_operator(town)
    assert await may_ask(town, first)
    (old,) = (await town.get(path, who=first)).json()["items"]
    _, second = await fresh(town, f"{path}/{old['keyId']}/rotation", {"graceHours": 0}, who="admin")
    assert not await may_ask(town, first)
    assert await may_ask(town, second)


async def test_a_rotation_never_lengthens_a_key_s_life(town: Town) -> None:
    path, first = await new_operator(town)
    soon = (utc_now() + timedelta(minutes=5)).replace(microsecond=0)
    number, _ = await fresh(town, path, {"expiresAt": soon.isoformat()}, who=first)
    await fresh(town, f"{path}/{number}/rotation", {"graceHours": 24}, who=first)
    (old,) = [
        item
        for item in (await town.get(path, who=first)).json()["items"]
        if item["keyId"] == number
    ]
    assert datetime.fromisoformat(old["expiresAt"]) == soon


async def test_a_key_ends_with_its_hour_although_it_is_remembered(town: Town) -> None:
    path, first = await new_operator(town)
    soon = utc_now() + timedelta(seconds=0.4)
    _, key = await fresh(town, path, {"expiresAt": soon.isoformat()}, who=first)
    assert await may_ask(town, key)
    while (
        utc_now() < soon
    ):  # asks all the while: the credential is remembered, and ends all the same
        await may_ask(town, key)
    assert not await may_ask(town, key)


@pytest.mark.parametrize(
    "body",
    [
        {"expiresAt": "2020-01-01T00:00:00Z"},
        {"expiresAt": "2030-01-01T00:00:00"},
        {"expiresAt": 1893456000},
        {"label": "x" * 65},
        {"label": "a\nb"},
        {"graceHours": 1},
    ],
)
async def test_a_bad_key_is_not_made(town: Town, body: dict[str, Any]) -> None:
    answer = await town.post(keys_of(town.world.operator), body, who="operator")
    assert problem(answer) == (422, "INVALID_FIELD")


async def test_a_user_has_at_most_ten_good_keys(town: Town) -> None:
    path, first = await new_operator(town)
    numbers = [(await fresh(town, path, {}, who=first))[0] for _ in range(9)]
    assert problem(await town.post(path, {}, who=first)) == (409, "CONFLICT")
    rotation = f"{path}/{numbers[0]}/rotation"
    assert problem(await town.post(rotation, {}, who=first)) == (409, "CONFLICT")
    await fresh(town, rotation, {"graceHours": 0}, who=first)
    await delete(town, f"{path}/{numbers[1]}", who=first)
    await fresh(town, path, {}, who=first)
    assert len(await everything(town, path, who=first, limit=100)) == 12


async def test_a_provider_s_and_a_partner_s_key_opens_the_wire(town: Town) -> None:
    for role in ("provider", "partner"):
        login: Login = getattr(town.world, role)
        _, key = await fresh(town, keys_of(login), {}, who=role)
        assert (await town.add(consent(), who=key)).status_code == 200
        assert (await town.get(keys_of(login), who=key)).status_code == 200


@pytest.mark.parametrize("role", ["admin", "ministry"])
async def test_staff_and_ministry_have_no_keys(town: Town, role: str) -> None:
    answer = await town.post(keys_of(getattr(town.world, role)), {}, who="admin")
    assert problem(answer) == (404, "UNKNOWN_ACCOUNT")


async def test_keys_are_looked_after_by_the_user_itself_and_staff(town: Town) -> None:
    path = keys_of(town.world.operator)
    for who in ("provider", "partner", "ministry"):
        assert problem(await town.get(path, who=who)) == (403, "FORBIDDEN")
        assert problem(await town.post(path, {}, who=who)) == (403, "FORBIDDEN")
        assert problem(await delete(town, f"{path}/1", who=who)) == (403, "FORBIDDEN")
    assert problem(await town.get(path, who=None)) == (401, "NOT_AUTHENTICATED")


async def test_a_key_of_somebody_else_is_not_there(town: Town) -> None:
    path, first = await new_operator(town)
    (key,) = (await town.get(path, who=first)).json()["items"]
    own = keys_of(town.world.operator)
    assert problem(await delete(town, f"{own}/{key['keyId']}", who="operator")) == (
        404,
        "UNKNOWN_KEY",
    )
    rotation = f"{own}/{key['keyId']}/rotation"
    assert problem(await town.post(rotation, {}, who="operator")) == (404, "UNKNOWN_KEY")
    assert await may_ask(town, first)


async def test_the_list_shows_prefixes_ends_and_days_of_use_and_no_key(town: Town) -> None:
    path, first = await new_operator(town)
    number, second = await fresh(town, path, {"label": "yedek"}, who=first)
    answer = await town.get(path, who="admin")
    for key in (first, second):
        assert key.removeprefix("Bearer ")[PREFIX_CHARS:] not in answer.text
    newest, oldest = answer.json()["items"]
    assert (newest["keyId"], newest["label"], newest["lastUsedOn"]) == (number, "yedek", None)
    assert first.startswith(f"Bearer {oldest['prefix']}")
    assert await may_ask(town, second)
    newest, oldest = (await town.get(path, who="admin")).json()["items"]
    assert (
        newest["lastUsedOn"] == oldest["lastUsedOn"] == utc_now().astimezone(UTC).date().isoformat()
    )


async def test_a_replaced_key_ends_every_other_and_the_tokens(town: Town) -> None:
    made = (await town.post("/accounts/operators", {"title": "Op"}, who="admin")).json()
    user = f"/accounts/users/{made['username']}"
    login = Login(0, made["username"], made["password"])
    token = f"Bearer {await town.token(login)}"
    first = f"Bearer {made['apiKey']}"
    _, second = await fresh(town, f"{user}/keys", {}, who=first)
    third = f"Bearer {(await town.post(f'{user}/key', {}, who='admin')).json()['apiKey']}"
    assert [await may_ask(town, who) for who in (first, second, token, third)] == [
        *(False, False, False, True)
    ]
    assert (await delete(town, f"{user}/key", who="admin")).status_code == 204
    assert not await may_ask(town, third)
    assert problem(await delete(town, "/accounts/users/nobody/key", who="admin")) == (
        404,
        "UNKNOWN_KEY",
    )


async def test_a_key_of_the_last_release_is_good_and_goes_with_its_copy(town: Town) -> None:
    """Code of the last release looks at the user's own row; what ends here must end there."""
    owner, user_id = town.owner, town.world.operator.user_id
    await owner.execute(
        "UPDATE api_user SET api_key_digest = k.digest FROM api_key AS k"
        " WHERE k.user_id = api_user.user_id AND api_user.user_id = $1 AND k.label = 'first key'",
        user_id,
    )
    assert await may_ask(town, f"Bearer {API_KEY}")
    await town.post(f"/accounts/users/{town.world.operator.username}/key", {}, who="admin")
    assert not await may_ask(town, f"Bearer {API_KEY}")
    left = "SELECT api_key_digest FROM api_user WHERE user_id = $1"
    assert await owner.fetchval(left, user_id) is None

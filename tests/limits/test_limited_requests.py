"""What a client meets over HTTP: codes, fields, and what is never held up."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from tests.cache.valkey import OwnServer
from tests.registry.doors import (
    Answer,
    Town,
    ago,
    codes,
    consent,
    new_phone,
    question,
    refusal,
    sign_in,
)

ONE: dict[str, Any] = {"quota": 1, "window_s": 3600}
FIELD = re.compile(r'"(\w+)";r=(\d+);t=(\d+)')
POLICY = re.compile(r'"(\w+)";q=(\d+);w=(\d+)')


@asynccontextmanager
async def door(town: Town, server: OwnServer, **settings: Any) -> AsyncGenerator[httpx.AsyncClient]:
    """Open a registry that counts in a server of its own."""
    async with town.another_process(redis_url=SecretStr(server.url), **settings) as client:
        yield client


def left(answer: Answer) -> dict[str, int]:
    return {name: int(n) for name, n, _ in FIELD.findall(answer.headers["RateLimit"])}


async def retry(town: Town, at: httpx.AsyncClient, after_s: int) -> bool:
    """Ask again and again, as badly written clients do, until it is allowed; not much longer."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while (await town.add(consent(), at=at)).status_code == 429:
        if loop.time() - began > after_s + 1:
            return False
    return True


async def test_the_official_second(town: Town, server: OwnServer) -> None:
    async with door(town, server, limit_profile="official") as client:
        await town.token(town.world.provider)
        adds = [town.add(consent(), at=client) for _ in range(11)]
        answers = await asyncio.gather(*adds)
        (refused,) = [one for one in answers if one.status_code != 200]
        assert (refused.status_code, codes(refused)) == (429, ["H124"])
        assert refused.headers["Retry-After"] == "1"
        assert POLICY.findall(refused.headers["RateLimit-Policy"]) == [("requests", "10", "1")]
        assert left(refused) == {"requests": 0}
        assert 0 <= min(left(one)["requests"] for one in answers) < 10
        assert await retry(town, client, after_s=1), "asking meanwhile prolongs nothing"


async def test_questions_have_their_hours(town: Town, server: OwnServer) -> None:
    numbers = {"status": {"quota": 2}, "history": {"quota": 1}, "requests": {"quota": 1000}}
    number = new_phone()
    assert (await town.add(consent(number))).status_code == 200
    async with door(town, server, limit_profile="official", limits_file=numbers) as client:
        asked = [await town.status(question(number), at=client) for _ in range(3)]
        assert [one.status_code for one in asked] == [200, 200, 429]
        assert codes(asked[2]) == ["H086"]
        assert 3300 < int(asked[2].headers["Retry-After"]) <= 3600
        assert left(asked[0]) == {"requests": 999, "status": 1}
        assert left(asked[2]) == {"requests": 998, "status": 0}, "what is refused costs nothing"
        path = f"{town.brand}/consents/history"
        asked = [await town.post(path, question(number), at=client) for _ in range(2)]
        assert [one.status_code for one in asked] == [200, 429]
        assert codes(asked[1]) == ["H089"]
        assert (await town.granted([number], at=client)).status_code == 200


async def test_reference_data_have_a_code_of_their_own(town: Town, server: OwnServer) -> None:
    async with door(town, server, limits_file={"info": ONE}) as client:
        assert (await town.get("/info/city", at=client)).status_code == 200
        refused = await town.get("/info/city/34", at=client)
        assert (refused.status_code, codes(refused)) == (429, ["H083"])


async def test_tokens_have_an_hour(town: Town, server: OwnServer) -> None:
    who = town.world.provider
    async with door(
        town, server, limit_profile="official", limits_file={"token": {"quota": 2}}
    ) as at:
        pair = (await sign_in(at, who.username, who.password)).json()
        assert (await sign_in(at, who.username, "wrong")).status_code == 400, "it counts, too"
        refused = await sign_in(at, who.username, who.password)
        body = refused.json()
        assert refused.status_code == 429
        assert body["code"] == body["errors"][0]["code"] == "H084"
        assert body["error"] == "temporarily_unavailable"
        assert 3300 < int(refused.headers["Retry-After"]) <= 3600
        refresh = {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"]}
        refreshed = await at.post("/oauth2/token", json=refresh)
        assert refreshed.status_code == 200, "a refresh is never refused"
        assert "RateLimit" not in refreshed.headers


async def test_by_default_accounts_are_counted_and_not_addresses(
    town: Town, server: OwnServer
) -> None:
    async with door(town, server, limits_file={"adds": ONE, "requests": ONE}) as client:
        assert (await town.add(consent(), at=client)).status_code == 200
        refused = await town.add_v2(consent(), at=client)
        assert (refused.status_code, codes(refused)) == (429, ["H124"])
        assert (await town.add(consent(), who="partner", at=client)).status_code == 200
        assert (await town.get(f"/sps/{town.world.iys_code}/brands", at=client)).status_code == 200
        refused = await town.granted([new_phone()], at=client)
        assert (refused.status_code, codes(refused)) == (429, ["H124"])


async def test_on_our_own_surfaces_it_is_a_problem(town: Town, server: OwnServer) -> None:
    async with door(town, server, limits_file={"requests": ONE}) as client:
        path = f"/accounts/users/{town.world.provider.username}/networks"
        assert (await town.get(path, at=client)).status_code == 200
        refused = await town.get(path, at=client)
        assert (refused.status_code, refused.json()["code"]) == (429, "TOO_MANY_REQUESTS")
        assert int(refused.headers["Retry-After"]) > 3300
        assert refused.headers["content-type"] == "application/problem+json"


@asynccontextmanager
async def nothing_left(
    town: Town, server: OwnServer, profile: str
) -> AsyncGenerator[httpx.AsyncClient]:
    """Open a registry at which every limit is used up, by everybody who asks here."""
    who = town.world.provider
    names = {"izin": ("adds", "requests"), "official": ("requests",)}[profile]
    everything = dict.fromkeys((*names, "token", "info", "wrong_passwords"), ONE)
    async with door(town, server, limit_profile=profile, limits_file=everything) as client:
        for statuses in ({200, 400, 429}, {429}):
            asked = [
                await town.add(consent(), at=client),
                await town.granted([new_phone()], at=client),
                await town.get("/info/city", at=client),
                await sign_in(client, who.username, "wrong"),
            ]
            assert {one.status_code for one in asked} <= statuses
        yield client


@pytest.mark.parametrize("profile", ["izin", "official"])
async def test_a_refusal_passes_when_all_is_used_up(
    town: Town, server: OwnServer, profile: str
) -> None:
    number, other = new_phone(), new_phone()
    assert (await town.add(consent(number, consentDate=ago(hours=2)))).status_code == 200
    async with nothing_left(town, server, profile) as client:
        said = refusal(number)
        withdrawn = await town.add(said, at=client)
        assert withdrawn.status_code == 200
        assert "RateLimit" not in withdrawn.headers
        assert (await town.add_v2(said, at=client)).status_code == 200
        malformed = await town.add(refusal(number, consentDate="2001"), at=client)
        assert malformed.status_code == 422
        path = f"{town.brand}/consents/request"
        assert (await town.post(path, [consent()], at=client)).status_code == 429
        mixed = [consent(), refusal(other)]
        assert (await town.post(path, mixed, at=client)).status_code == 202
        assert await town.reason(number) == "REFUSED"
        lines: dict[str, Any] = {"lines": []}
        closed = await town.post("/operators/line-closures", lines, who="operator", at=client)
        assert closed.status_code != 429


@pytest.mark.parametrize("profile", ["izin", "official"])
async def test_checks_and_refreshes_pass_when_all_is_used_up(
    town: Town, server: OwnServer, profile: str
) -> None:
    who, number = town.world.provider, new_phone()
    pair = (await sign_in(town.client, who.username, who.password)).json()
    async with nothing_left(town, server, profile) as client:
        for _ in range(3):
            check = await town.check({"type": "MESAJ", "recipient": number}, at=client)
            assert check.json()["reason"] == "NO_RECORD"
        rejected = f"/brands/{town.world.brand_code}/consents/BIREYSEL/rejected/MESAJ"
        asked = await town.post(rejected, {"recipients": [number]}, who="operator", at=client)
        assert asked.json() == {"list": [number]}
        refresh = {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"]}
        assert (await client.post("/oauth2/token", json=refresh)).status_code == 200
        for path in ("/healthz", "/readyz", "/metrics", "/version", "/limits"):
            assert (await client.get(path)).status_code == 200, path


async def test_what_is_left_is_shown_to_who_asks(town: Town, server: OwnServer) -> None:
    async with door(town, server) as client:
        await town.add(consent(), at=client)
        nobody = (await client.get("/limits")).json()
        shown = (await town.get("/limits", at=client)).json()
        again = (await town.get("/limits", at=client)).json()
        other = (await town.get("/limits", who="partner", at=client)).json()
        wrong = await town.get("/limits", who="Bearer nonsense", at=client)
    rows = {row["name"]: row for row in shown["limits"]}
    assert shown["profile"] == "izin"
    assert rows["adds"] | {"resetSeconds": 0} == {
        "name": "adds",
        "per": "account",
        "quota": 100_000,
        "windowSeconds": 10,
        "code": "H124",
        "remaining": 99_999,
        "resetSeconds": 0,
    }
    assert {row["name"]: row.get("remaining") for row in nobody["limits"]} == {
        "adds": None,
        "requests": None,
        "info": None,
        "token": 600,
        "wrong_passwords": None,
    }
    assert [row.get("remaining") for row in again["limits"]] == [
        row.get("remaining") for row in shown["limits"]
    ], "looking costs nothing"
    assert {row["name"]: row.get("remaining") for row in other["limits"]}["adds"] == 100_000
    assert (wrong.status_code, wrong.json()["code"]) == (401, "NOT_AUTHENTICATED")


async def test_sizes_are_the_settings_themselves(town: Town, server: OwnServer) -> None:
    async with door(town, server, bulk_status_max=7) as client:
        sizes = {size["name"]: size for size in (await client.get("/limits")).json()["sizes"]}
        assert sizes["bulkStatusRecipients"] == {
            "name": "bulkStatusRecipients",
            "max": 7,
            "code": "H127",
            "setting": "IZIN_BULK_STATUS_MAX",
        }
        refused = await town.granted([new_phone() for _ in range(8)], at=client)
        assert codes(refused) == ["H127"]

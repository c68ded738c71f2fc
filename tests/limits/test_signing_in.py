"""Guessing passwords, and who is not locked out by it."""

from typing import Any

import httpx

from tests.registry.doors import Answer, Town, sign_in

PROXY = "127.0.0.1"
THREE = {"wrong_passwords": {"quota": 3, "window_s": 3600}}


async def try_from(at: httpx.AsyncClient, address: str, username: str, password: str) -> Answer:
    body = {"grant_type": "password", "username": username, "password": password}
    return await at.post("/oauth2/token", json=body, headers={"X-Forwarded-For": address})


async def test_a_name_is_tried_so_often_and_no_more(town: Town) -> None:
    who = town.world.provider
    async with town.another_process(trusted_proxies=PROXY, limits_file=THREE) as at:
        tries = [await try_from(at, f"192.0.2.{n}", who.username, "guess") for n in range(5)]
        assert [one.status_code for one in tries] == [400, 400, 400, 429, 429]
        assert tries[3].json()["code"] == "H084"
        assert 3300 < int(tries[3].headers["Retry-After"]) <= 3600
        right = await try_from(at, "192.0.2.9", who.username, who.password)
        assert right.status_code == 429, "else the guesser would have been told"
        nobody = [await try_from(at, "192.0.2.1", "nobody@x.example", "guess") for _ in range(5)]
        assert [one.status_code for one in nobody] == [400, 400, 400, 429, 429]
        partner = town.world.partner
        assert (await sign_in(at, partner.username, partner.password)).status_code == 200


async def test_nobody_is_locked_out_by_somebody_else_s_guesses(town: Town) -> None:
    who = town.world.provider
    home = "203.0.113.7"
    async with town.another_process(trusted_proxies=PROXY, limits_file=THREE) as at:
        assert (await try_from(at, home, who.username, who.password)).status_code == 200
        for n in range(6):
            await try_from(at, f"192.0.2.{n}", who.username, "guess")
        assert (await try_from(at, "192.0.2.9", who.username, who.password)).status_code == 429
        assert (await try_from(at, home, who.username, who.password)).status_code == 200
        wrong = await try_from(at, home, who.username, "slip")
        assert wrong.status_code == 400, "from there also a slip is told as one"


async def test_right_passwords_are_no_tries(town: Town) -> None:
    who: Any = town.world.provider
    async with town.another_process(limits_file=THREE) as at:
        answers = [await sign_in(at, who.username, who.password) for _ in range(6)]
        assert {one.status_code for one in answers} == {200}


async def test_a_request_that_is_no_try_is_not_counted(town: Town) -> None:
    async with town.another_process(limits_file={"token": {"quota": 1}}) as at:
        for body in ({"grant_type": "password"}, {"grant_type": "nonsense"}, {}):
            for _ in range(3):
                assert (await at.post("/oauth2/token", json=body)).status_code == 400

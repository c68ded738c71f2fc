"""A list whose end is not known yet: what is answered when, what changes meanwhile, who leaves or stalls."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from services.check.answer import GROUP
from services.check.routes import CheckSurface
from shared.sealing.addresses import Digester
from tests.check.island import FAULTS, Fault, Island, Stopwatch, open_island
from tests.check.lists import Conversation, open_surface
from tests.registry.doors import Town, consent, new_phone, refusal

PATIENCE_S = 2.0  # the deadline is a quarter of a second; the machine may be busy


@pytest.fixture(scope="module")
async def surface(town: Town) -> AsyncIterator[CheckSurface]:
    async with open_surface(town) as opened:
        yield opened


def about(town: Town, **more: object) -> dict[str, object]:
    return {"brandCode": town.world.brand_code, "type": "MESAJ", **more}


async def test_who_sends_a_line_and_waits_is_answered(town: Town, surface: CheckSurface) -> None:
    key = f"Bearer {town.world.api_key}"
    async with Conversation(surface).about(about(town), key) as talk:
        for line in range(1, 4):
            talk.send(f"{new_phone()}\n")
            assert await talk.answers() == [{"line": line, "allowed": False, "reason": "NO_RECORD"}]
        talk.send("half of ")
        talk.send("one\nand a ")
        assert await talk.reasons() == ["INVALID_RECIPIENT"]
        talk.end()
        assert await talk.reasons() == ["INVALID_RECIPIENT"]
        [end] = await talk.answers()
        counts = {"NO_RECORD": 3, "INVALID_RECIPIENT": 2}
        assert end == {"end": True, "position": await town.head(), "counts": counts}


async def test_a_full_group_does_not_wait_and_none_is_larger(
    town: Town, surface: CheckSurface
) -> None:
    key = f"Bearer {town.world.api_key}"
    async with Conversation(surface).about(about(town), key, gather_s=60, idle_s=60) as talk:
        talk.send("x\n" * (2 * GROUP + 1))
        assert [len(await talk.answers()) for _ in range(2)] == [GROUP, GROUP]
        assert talk.nothing_written
        talk.end()
        assert len(await talk.answers()) == 1


async def test_who_trickles_is_answered_too(town: Town, surface: CheckSurface) -> None:
    """A group counts from its first line: a client that never pauses would else wait for the thousandth."""
    key = f"Bearer {town.world.api_key}"
    async with Conversation(surface).about(about(town), key, gather_s=0.2) as talk:
        with Stopwatch() as watch:
            while talk.nothing_written:
                talk.send("x\n")
                await asyncio.sleep(0.01)
        assert watch.seconds < PATIENCE_S


async def test_a_line_reflects_what_was_written_before_it_was_sent(
    town: Town, surface: CheckSurface
) -> None:
    number = new_phone()
    key = f"Bearer {town.world.api_key}"
    async with Conversation(surface).about(about(town), key) as talk:
        for write, reason in (
            (None, "NO_RECORD"),
            (consent(number), "CONSENT"),
            (refusal(number), "REFUSED"),
        ):
            if write:
                await town.add(write)
            talk.send(f"{number}\n")
            assert await talk.reasons() == [reason]
        talk.end()
        assert (await talk.answers())[0]["position"] == await town.head()


async def test_a_right_that_is_lost_on_the_way_denies(town: Town, surface: CheckSurface) -> None:
    await town.add(consent(number := new_phone()))
    partner = (await town.post("/accounts/partners", {"title": "Yeni"}, who="admin")).json()
    grants = f"/accounts/brands/{town.world.brand_code}/grants/{partner['integratorCode']}"
    await town.post(grants, {"MESAJ": "read"}, who="admin", method="PUT")
    login = await town.login(partner["username"], "partner")
    signed = {
        "grant_type": "password",
        "username": login.username,
        "password": partner["password"],
    }
    token = (await town.client.post("/oauth2/token", json=signed)).json()["access_token"]
    async with Conversation(surface).about(about(town), f"Bearer {token}") as talk:
        talk.send(f"{number}\n")
        assert await talk.reasons() == ["CONSENT"]
        await town.post(grants, b"", who="admin", method="DELETE")
        talk.send(f"{number}\n")
        assert await talk.reasons() == ["NOT_AUTHORISED"]


async def test_a_credential_that_is_taken_away_ends_it(town: Town, surface: CheckSurface) -> None:
    new = (await town.post("/accounts/operators", {"title": "Yeni"}, who="admin")).json()
    async with Conversation(surface).about(about(town), f"Bearer {new['apiKey']}") as talk:
        talk.send(f"{new_phone()}\n")
        assert await talk.reasons() == ["NO_RECORD"]
        await town.post(f"/accounts/users/{new['username']}/key", b"", who="admin")
        talk.send(f"{new_phone()}\n")
        assert await talk.broken_off() == "credential taken away"
        assert talk.nothing_written


async def test_who_leaves_gets_no_end(town: Town, surface: CheckSurface) -> None:
    async with Conversation(surface).about(about(town), f"Bearer {town.world.api_key}") as talk:
        talk.send(f"{new_phone()}\n")
        assert await talk.reasons() == ["NO_RECORD"]
        talk.leave()
        assert await talk.broken_off() == "client left"
        assert talk.nothing_written


async def test_silence_is_not_waited_for_for_ever(town: Town, surface: CheckSurface) -> None:
    key = f"Bearer {town.world.api_key}"
    async with Conversation(surface).about(about(town), key, idle_s=0.2) as talk:
        talk.send("x\n")
        assert await talk.reasons() == ["INVALID_RECIPIENT"]
        assert await talk.broken_off() == "nothing sent"
        assert talk.nothing_written


async def test_who_takes_nothing_is_not_read_from(town: Town, surface: CheckSurface) -> None:
    key = f"Bearer {town.world.api_key}"
    async with Conversation(surface).about(about(town), key, idle_s=5) as talk:
        talk.taking.clear()
        for _ in range(50):
            talk.send("x\n" * GROUP)
        async with asyncio.timeout(PATIENCE_S):
            while talk.unread > 48:  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert talk.unread >= 47  # one group is being written, one waits, one is read ahead
        talk.taking.set()
        for _ in range(50):
            assert len(await talk.answers()) == GROUP


async def test_who_takes_nothing_for_long_is_given_up(town: Town, surface: CheckSurface) -> None:
    key = f"Bearer {town.world.api_key}"
    async with Conversation(surface).about(about(town), key, idle_s=0.2) as talk:
        talk.taking.clear()
        talk.send("x\n")
        assert await talk.broken_off() == "nothing taken"


@pytest.fixture(scope="module")
async def island() -> AsyncIterator[Island]:
    with TemporaryDirectory(prefix="izin-test-", dir="/tmp") as path:
        async with open_island(Path(path)) as opened:
            yield opened


async def position_of(island: Island) -> object:
    select = "SELECT position FROM brand_head WHERE brand_code = $1"
    [row] = await island.rows(select, island.town.world.brand_code)
    return row[0]  # type: ignore[index]  # a record


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_ledger_that_goes_and_comes_back(island: Island, fault: Fault) -> None:
    town = island.town
    await town.add(consent(granted := new_phone()))
    key = f"Bearer {town.world.api_key}"
    two = f"{granted}\nx\n"
    async with open_surface(town, check_deadline_s=0.25) as surface:
        commercial, exempt = Conversation(surface), Conversation(surface)
        async with (
            commercial.about(about(town), key),
            exempt.about(about(town, messageClass="LEGAL_NOTICE"), key),
        ):
            for talk, reason in ((commercial, "CONSENT"), (exempt, "EXEMPT")):
                talk.send(two)
                assert await talk.reasons() == [reason, "INVALID_RECIPIENT"]
            async with island.silent(fault):
                for talk, reason in (
                    (commercial, "UNVERIFIED"),
                    (exempt, "EXEMPT_UNVERIFIED"),
                    (commercial, "UNVERIFIED"),
                ):
                    with Stopwatch() as watch:
                        talk.send(two)
                        assert await talk.reasons() == [reason, "INVALID_RECIPIENT"]
                    assert watch.seconds < PATIENCE_S
            for talk, reason in ((commercial, "CONSENT"), (exempt, "EXEMPT")):
                async with asyncio.timeout(20):  # until its connections are made anew
                    talk.send(two)
                    while await talk.reasons() != [reason, "INVALID_RECIPIENT"]:
                        talk.send(two)
                talk.end()
                [end] = await talk.answers()
                assert end["position"] == await position_of(island)
    rows = await island.rows(
        "SELECT FROM check_evidence WHERE digest = $1", Digester(town.ring).digest(granted)
    )
    assert len(rows) >= 3  # before, meanwhile, and after


async def test_nobody_is_let_in_while_nobody_can_tell_who_it_is(island: Island) -> None:
    town = island.town
    new = (await town.post("/accounts/operators", {"title": "Yeni"}, who="admin")).json()
    path = f"/check/stream?brandCode={town.world.brand_code}&type=MESAJ"
    async with island.silent("stopped"):
        headers = {"Authorization": f"Bearer {new['apiKey']}"}
        answer = await town.client.post(path, content=b"x\n", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (503, "LEDGER_UNAVAILABLE")
    assert answer.headers["retry-after"] == "1"

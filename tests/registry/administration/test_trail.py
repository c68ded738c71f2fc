"""Who changed which account when: nothing is forgotten, nothing is secret, nobody else's is shown."""

from typing import Any

import asyncpg
import pytest

from shared.ledger import accounts
from tests.registry.administration.papers import application, everything, file, problem
from tests.registry.doors import Town
from tests.support.ledger import owner_connection


async def newest(town: Town, count: int = 1, *, who: Any = "admin") -> list[dict[str, Any]]:
    """Return the newest changes, the oldest of them first."""
    answer = await town.get(f"/accounts/events?limit={count}", who=who)
    assert answer.status_code == 200, answer.text
    return list(reversed(answer.json()["items"]))


def said(event: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(event[name] for name in ("actor", "kind", "name", "action", "facts"))


async def test_every_change_names_who_made_it(town: Town) -> None:
    world, staff = town.world, town.world.admin.username
    brand = f"/accounts/brands/{world.second_brand_code}"
    await town.post(f"{brand}/headers/IZLER", {}, method="PUT")
    header = {"brand_code": world.second_brand_code}
    assert [said(event) for event in await newest(town)] == [
        (world.provider.username, "header", "IZLER", "added", header)
    ]
    limited = {"operators": [world.operator_code]}
    await town.post(f"{brand}/headers/IZLER", limited, method="PUT")
    assert [said(event) for event in await newest(town)] == [
        (world.provider.username, "header_operators", "IZLER", "added", limited)
    ]
    await town.post(f"{brand}/state", {"state": "SUSPENDED"}, who="admin", method="PUT")
    (event,) = await newest(town)
    name = str(world.second_brand_code)
    assert said(event) == (staff, "brand", name, "changed", {"state": "SUSPENDED"})
    assert event["iysCode"] == world.iys_code
    await town.post(f"{brand}/state", {"state": "ACTIVE"}, who="admin", method="PUT")


async def test_what_changes_nothing_leaves_no_trail(town: Town) -> None:
    before = await newest(town)
    state = {"state": "ACTIVE"}
    path = f"/accounts/partners/{town.world.integrator_code}/state"
    assert (await town.post(path, state, who="admin", method="PUT")).status_code == 204
    assert await newest(town) == before


async def test_a_grant_leaves_its_rights_and_its_end(town: Town) -> None:
    world = town.world
    path = f"/accounts/brands/{world.second_brand_code}/grants/{world.integrator_code}"
    await town.post(path, {"MESAJ": "read"}, method="PUT")
    await town.post(path, {"MESAJ": "write"}, method="PUT")
    headers = await town.authorization("provider")
    await town.client.delete(path, headers=headers)
    name = f"{world.second_brand_code}/{world.integrator_code}"
    given, changed, withdrawn = await newest(town, 3)
    assert (given["name"], given["action"], given["facts"]["sms_right"]) == (name, "added", "read")
    assert (changed["action"], changed["facts"]) == ("changed", {"sms_right": "write"})
    assert (withdrawn["action"], withdrawn["facts"]) == ("removed", {})
    assert {event["iysCode"] for event in (given, changed, withdrawn)} == {world.iys_code}


async def test_a_new_secret_is_told_and_not_shown(town: Town) -> None:
    made = (await town.post("/accounts/operators", {"title": "Op"}, who="admin")).json()
    user = f"/accounts/users/{made['username']}"
    renewed = (await town.post(f"{user}/password", {}, who="admin")).json()
    (event,) = await newest(town)
    assert (event["kind"], event["facts"]) == ("user", {"secret": "renewed"})
    fresh = (await town.post(f"{user}/keys", {"label": "yeni"}, who="admin")).json()
    (event,) = await newest(town)
    assert (event["kind"], event["name"], event["action"]) == ("key", fresh["prefix"], "added")
    rows = await town.owner.fetch("SELECT account_event::text AS line FROM account_event")
    trail = "\n".join(row["line"] for row in rows)
    hashes = await town.owner.fetch("SELECT secret_hash FROM api_user")
    digests = await town.owner.fetch("SELECT encode(digest, 'hex') AS digest FROM api_key")
    secrets = [made["password"], made["apiKey"], renewed["password"], fresh["apiKey"]]
    for secret in [*secrets, *(row[0] for row in hashes), *(row[0] for row in digests)]:
        assert secret not in trail


async def test_subscriptions_and_networks_are_on_the_trail(town: Town) -> None:
    world, staff = town.world, town.world.admin.username
    path = f"/accounts/partners/{world.integrator_code}/subscription"
    await town.post(path, {"package": "Deneme"}, who="admin", method="PUT")
    (event,) = await newest(town)
    assert (event["actor"], event["kind"], event["name"], event["facts"]["package"]) == (
        *(staff, "subscription", str(world.integrator_code)),
        "Deneme",
    )
    path = f"/accounts/users/{world.ministry.username}/networks"
    await town.post(path, {"networks": ["192.0.2.0/24"]}, who="admin", method="PUT")
    assert [said(event) for event in await newest(town)] == [
        (staff, "user", world.ministry.username, "changed", {"allowed_networks": ["192.0.2.0/24"]})
    ]
    await town.post(path, {"networks": []}, who="admin", method="PUT")


async def test_an_application_leaves_its_way_and_not_its_contact(town: Town) -> None:
    path, _ = await file(town, application(title="İzli A.Ş."))
    await town.post(f"{path}/approval", {}, who="admin")
    listed = await everything_about(town, "application", path.rpartition("/")[2])
    assert [(event["actor"], event["action"], event["facts"].get("state")) for event in listed] == [
        (None, "added", "OPEN"),
        (town.world.admin.username, "changed", "APPROVED"),
    ]
    assert listed[0]["facts"] == {"kind": "PROVIDER", "state": "OPEN", "title": "İzli A.Ş."}


async def everything_about(town: Town, kind: str, name: str) -> list[dict[str, Any]]:
    answer = await town.get(f"/accounts/events?kind={kind}&name={name}", who="admin")
    return list(reversed(answer.json()["items"]))


async def test_a_provider_reads_what_concerns_it_and_nothing_else(town: Town) -> None:
    code, login = await town.new_provider()
    await town.new_brand("Başkasının")
    events = (await town.get("/accounts/events?limit=100", who=login)).json()["items"]
    assert {event["iysCode"] for event in events} == {code}
    assert {event["kind"] for event in events} >= {"provider", "brand", "user"}
    asked = f"/accounts/events?iysCode={town.world.iys_code}"
    assert (await town.get(asked, who=login)).json()["items"][0]["iysCode"] == code
    for who in ("partner", "operator", "ministry"):
        assert problem(await town.get("/accounts/events", who=who)) == (403, "FORBIDDEN")


async def test_the_trail_is_read_backwards_page_by_page(town: Town) -> None:
    whole = (await town.get("/accounts/events?limit=100", who="admin")).json()["items"]
    paged: list[Any] = []
    before = ""
    while len(paged) < len(whole):
        page = (await town.get(f"/accounts/events?limit=7{before}", who="admin")).json()
        paged += page["items"]
        before = f"&before={page['next']}"
        if page["next"] is None:
            break
    assert paged[: len(whole)] == whole
    assert len(await everything(town, f"/accounts/providers/{town.world.iys_code}/brands")) >= 2


async def test_the_trail_only_grows(town: Town) -> None:
    async with owner_connection(town.dsn) as owner:
        for statement in (
            "UPDATE account_event SET actor = 1",
            "DELETE FROM account_event",
            "TRUNCATE account_event",
        ):
            with pytest.raises(asyncpg.PostgresError, match="append-only"):
                await owner.execute(statement)


async def test_a_change_that_fails_leaves_nothing(town: Town) -> None:
    before = await newest(town)
    path = f"/accounts/operators/{town.world.operator_code}"
    answer = await town.post(path, {"title": "x", "brands": [1]}, who="admin", method="PUT")
    assert problem(answer) == (404, "UNKNOWN_BRAND")
    assert await newest(town) == before


async def test_who_uses_the_owner_s_tools_is_nobody(town: Town) -> None:
    await accounts.set_licence(town.writer, town.world.integrator_code, None)
    await accounts.add_brand(town.writer, iys_code=town.world.iys_code, name="Araçla")
    (event,) = await newest(town)
    assert (event["actor"], event["facts"]["name"]) == (None, "Araçla")

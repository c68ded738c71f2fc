"""What is registered is listed page by page, shown and changed: by staff, and by everybody for their own."""

from typing import Any

import pytest

from tests.registry.administration.papers import everything, problem
from tests.registry.doors import Town, new_phone, sign_in
from tests.support.national_ids import mersis, vkn


async def put(town: Town, path: str, body: dict[str, Any], *, who: Any = "admin") -> Any:
    return await town.post(path, body, who=who, method="PUT")


async def test_lists_show_everybody_once_in_order(town: Town) -> None:
    for _ in range(2):
        await town.new_provider()
        await town.post("/accounts/operators", {"title": "Op"}, who="admin")
        await town.post("/accounts/partners", {"title": "Or"}, who="admin")
        await town.new_brand()
    for path, name, table, column in (
        ("/accounts/providers", "iysCode", "provider", "iys_code"),
        ("/accounts/operators", "operatorCode", "operator", "operator_code"),
        ("/accounts/partners", "integratorCode", "partner", "integrator_code"),
        ("/accounts/users", "username", "api_user", "username"),
    ):
        listed = [item[name] for item in await everything(town, path)]
        rows = await town.owner.fetch(f"SELECT {column} AS name FROM {table} ORDER BY 1")  # noqa: S608
        assert listed == [row["name"] for row in rows]
    path = f"/accounts/providers/{town.world.iys_code}/brands"
    brands = await everything(town, path, who="provider")
    assert [brand["master"] for brand in brands] == [True] + [False] * (len(brands) - 1)
    assert (await town.get("/accounts/providers?limit=100", who="admin")).json()["next"] is None


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "after=-1", "after=x"])
async def test_a_page_has_bounds(town: Town, query: str) -> None:
    answer = await town.get(f"/accounts/providers?{query}", who="admin")
    assert problem(answer) == (422, "INVALID_FIELD")


async def test_lists_of_everybody_are_for_staff(town: Town) -> None:
    for path in ("providers", "operators", "partners"):
        for who in ("provider", "partner", "operator", "ministry"):
            answer = await town.get(f"/accounts/{path}", who=who)
            assert problem(answer) == (403, "FORBIDDEN")
    assert problem(await town.get("/accounts/users", who="operator")) == (403, "FORBIDDEN")


async def test_everybody_sees_what_is_registered_of_its_own(town: Town) -> None:
    world = town.world
    own = {
        f"/accounts/providers/{world.iys_code}": "provider",
        f"/accounts/providers/{world.iys_code}/brands": "provider",
        f"/accounts/brands/{world.brand_code}/headers": "provider",
        f"/accounts/brands/{world.brand_code}/grants": "provider",
        f"/accounts/partners/{world.integrator_code}": "partner",
        f"/accounts/operators/{world.operator_code}": "operator",
        f"/accounts/operators/{world.operator_code}/brands": "operator",
    }
    for path, role in own.items():
        assert (await town.get(path, who=role)).status_code == 200
        assert (await town.get(path, who="admin")).status_code == 200
        for other in {"provider", "partner", "operator", "ministry"} - {role}:
            assert problem(await town.get(path, who=other)) == (403, "FORBIDDEN")
        assert problem(await town.get(path, who=None)) == (401, "NOT_AUTHENTICATED")


async def test_a_provider_s_users_are_its_own_alone(town: Town) -> None:
    await town.new_provider()
    listed = await everything(town, "/accounts/users", who="provider")
    assert [user["username"] for user in listed] == [town.world.provider.username]
    other = (await town.get("/accounts/users?iysCode=1", who="provider")).json()["items"]
    assert [user["iysCode"] for user in other] == [town.world.iys_code]
    staff = await everything(town, "/accounts/users?role=ministry")
    assert {user["role"] for user in staff} == {"ministry"}


async def test_what_is_not_registered_is_said_so_to_staff(town: Town) -> None:
    for path, code in (
        ("/accounts/providers/1", "UNKNOWN_PROVIDER"),
        ("/accounts/providers/1/brands", "UNKNOWN_PROVIDER"),
        ("/accounts/brands/1/headers", "UNKNOWN_BRAND"),
        ("/accounts/brands/1/grants", "UNKNOWN_BRAND"),
        ("/accounts/partners/1", "UNKNOWN_PARTNER"),
        ("/accounts/operators/1", "UNKNOWN_ACCOUNT"),
        ("/accounts/operators/1/brands", "UNKNOWN_ACCOUNT"),
    ):
        assert problem(await town.get(path, who="admin")) == (404, code)
    for path, body, code in (
        ("/accounts/providers/1", {}, "UNKNOWN_PROVIDER"),
        ("/accounts/brands/1/name", {"name": "x"}, "UNKNOWN_BRAND"),
        ("/accounts/partners/1", {"title": "x"}, "UNKNOWN_PARTNER"),
        ("/accounts/operators/1", {}, "UNKNOWN_ACCOUNT"),
        ("/accounts/users/nobody/state", {"state": "ACTIVE"}, "UNKNOWN_ACCOUNT"),
    ):
        assert problem(await put(town, path, body)) == (404, code)


async def test_grants_are_listed_with_their_partners(town: Town) -> None:
    path = f"/accounts/brands/{town.world.brand_code}/grants"
    (grant,) = await everything(town, path, who="provider")
    assert grant == {
        "integratorCode": town.world.integrator_code,
        "title": "Ortak",
        **dict.fromkeys(("ARAMA", "MESAJ", "EPOSTA"), "write"),
        "reconciliation": True,
        "via": True,
    }


async def test_staff_changes_a_provider_field_by_field(town: Town) -> None:
    code, login = await town.new_provider()
    path = f"/accounts/providers/{code}"
    new = {"title": "Yeni A.Ş.", "taxNumber": vkn(91), "mersis": mersis(91)}
    changed = (await put(town, path, {**new, "exemptionBasis": "BROADCASTER"})).json()
    assert {name: changed[name] for name in new} == new
    assert changed["exemptionBasis"] == "BROADCASTER"
    kept = (await put(town, path, {"title": "Daha Yeni A.Ş."})).json()
    assert (kept["mersis"], kept["exemptionBasis"]) == (new["mersis"], "BROADCASTER")
    cleared = (await put(town, path, {"exemptionBasis": None})).json()
    assert (cleared["exemptionBasis"], cleared["title"]) == (None, "Daha Yeni A.Ş.")
    assert (await town.get(path, who=login)).json() == cleared
    assert problem(await put(town, path, {"title": "x"}, who=login)) == (403, "FORBIDDEN")
    assert problem(await put(town, path, {"mersis": "1"})) == (422, "INVALID_FIELD")


async def test_a_brand_and_a_partner_get_other_names(town: Town) -> None:
    brand = await town.new_brand("Eski")
    answer = await put(town, f"/accounts/brands/{brand}/name", {"name": "Yeni"})
    assert answer.json() == {"brandCode": brand, "name": "Yeni"}
    path = f"/accounts/providers/{town.world.iys_code}/brands"
    assert (await everything(town, path))[-1]["name"] == "Yeni"
    refused = await put(town, f"/accounts/brands/{brand}/name", {"name": "x"}, who="provider")
    assert problem(refused) == (403, "FORBIDDEN")
    partner = f"/accounts/partners/{town.world.integrator_code}"
    assert (await put(town, partner, {"title": "Yeni Ortak"})).status_code == 204
    assert (await town.get(partner, who="partner")).json()["title"] == "Yeni Ortak"


async def test_an_operator_asks_for_the_brands_on_its_list(town: Town) -> None:
    made = (await town.post("/accounts/operators", {"title": "Op"}, who="admin")).json()
    key, path = f"Bearer {made['apiKey']}", f"/accounts/operators/{made['operatorCode']}"
    first, second = town.world.brand_code, town.world.second_brand_code

    async def reasons() -> list[str]:
        return [
            await town.reason(new_phone(), who=key, brandCode=brand) for brand in (first, second)
        ]

    assert await reasons() == ["NO_RECORD", "NO_RECORD"]
    limited = (await put(town, path, {"brands": [second, second]})).json()
    assert limited["brands"] == 1
    assert await reasons() == ["NOT_AUTHORISED", "NO_RECORD"]
    assert (await put(town, path, {"title": "Yeni Op"})).json()["brands"] == 1
    await put(town, path, {"brands": [first, second]})
    assert await everything(town, f"{path}/brands", who=key, limit=1) == [first, second]
    assert problem(await put(town, path, {"brands": [first, 1]})) == (404, "UNKNOWN_BRAND")
    assert len(await everything(town, f"{path}/brands")) == 2
    assert (await put(town, path, {"brands": []})).json()["brands"] == 0
    assert await reasons() == ["NOT_AUTHORISED", "NOT_AUTHORISED"]
    assert (await put(town, path, {"brands": None})).json()["brands"] is None
    assert await reasons() == ["NO_RECORD", "NO_RECORD"]


async def test_a_suspended_user_is_out_at_once_and_nobody_suspends_itself(town: Town) -> None:
    new = (
        await town.post("/accounts/users", {"username": "ikinci", "role": "admin"}, who="admin")
    ).json()
    token = (await sign_in(town.client, new["username"], new["password"])).json()["access_token"]
    path = "/accounts/users/ikinci/state"
    itself = await put(town, path, {"state": "SUSPENDED"}, who=f"Bearer {token}")
    assert problem(itself) == (409, "CONFLICT")
    assert (await put(town, path, {"state": "SUSPENDED"})).status_code == 204
    assert problem(await town.get("/accounts/users", who=f"Bearer {token}")) == (
        401,
        "NOT_AUTHENTICATED",
    )
    assert (await sign_in(town.client, new["username"], new["password"])).status_code == 400
    await put(town, path, {"state": "ACTIVE"})
    assert (await sign_in(town.client, new["username"], new["password"])).status_code == 200
    refused = await put(town, path, {"state": "ACTIVE"}, who="provider")
    assert problem(refused) == (403, "FORBIDDEN")

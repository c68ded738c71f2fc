"""Headers and brands that a provider asks for: with a proof, and approved by staff where that is set."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.registry.administration.papers import PDF, everything, problem, put
from tests.registry.doors import Town, new_phone

HEADER: dict[str, object] = {
    "header": "KUZEY",
    "proof": "TRADEMARK",
    "proofReference": "2026 00017",
}


@pytest.fixture(scope="module")
async def strict(town: Town) -> AsyncIterator[httpx.AsyncClient]:
    """Return a door behind which staff approves what providers want."""
    async with town.another_process(header_approval=True, brand_approval=True) as client:
        yield client


def headers_of(brand: int) -> str:
    return f"/accounts/brands/{brand}/headers"


async def apply(town: Town, body: dict[str, object], *, brand: int | None = None) -> str:
    """File an application for a header; return its path."""
    code = town.world.brand_code if brand is None else brand
    answer = await town.post(f"/accounts/brands/{code}/header-applications", body)
    assert answer.status_code == 201, answer.text
    return f"/accounts/applications/{answer.json()['reference']}"


async def test_a_header_counts_once_staff_has_approved_it(town: Town) -> None:
    path = await apply(town, HEADER)
    assert (await put(town, path, PDF, who="provider")).status_code == 200
    asked = {"header": "KUZEY", "type": "MESAJ", "recipient": new_phone()}
    before = await town.post("/check", asked, who="operator")
    assert before.json()["reason"] == "HEADER_MISMATCH"
    assert (await town.post(f"{path}/approval", {}, who="admin")).status_code == 200
    after = await town.post("/check", asked, who="operator")
    assert after.json()["reason"] == "NO_RECORD"
    (bound,) = [
        item
        for item in await everything(town, headers_of(town.world.brand_code))
        if item["header"] == "KUZEY"
    ]
    assert (bound["proof"], bound["proofReference"]) == ("TRADEMARK", "2026 00017")
    assert bound["application"] == path.rpartition("/")[2]


async def test_operators_of_an_approved_header_change_without_losing_its_proof(town: Town) -> None:
    path = await apply(town, {"header": "BAGLI", "proof": "TRADE_NAME"})
    await town.post(f"{path}/approval", {}, who="admin")
    limited = {"operators": [town.world.operator_code]}
    header = f"{headers_of(town.world.brand_code)}/BAGLI"
    assert (await town.post(header, limited, method="PUT")).status_code == 200
    (bound,) = [
        item
        for item in await everything(town, headers_of(town.world.brand_code), who="provider")
        if item["header"] == "BAGLI"
    ]
    assert (bound["operators"], bound["proof"]) == ([town.world.operator_code], "TRADE_NAME")


async def test_where_approval_is_asked_a_provider_applies_and_staff_binds(
    town: Town, strict: httpx.AsyncClient
) -> None:
    header = f"{headers_of(town.world.brand_code)}/ONAYLI"
    answer = await town.post(header, {}, method="PUT", at=strict)
    assert problem(answer) == (403, "FORBIDDEN")
    assert "apply" in answer.json()["detail"]
    assert (await town.post(header, {}, method="PUT", who="admin", at=strict)).status_code == 200
    # It is its own by now: where it may be used is the provider's to say.
    limited = {"operators": [town.world.operator_code]}
    assert (await town.post(header, limited, method="PUT", at=strict)).status_code == 200


async def test_where_approval_is_asked_a_provider_applies_for_a_brand(
    town: Town, strict: httpx.AsyncClient
) -> None:
    brands = f"/accounts/providers/{town.world.iys_code}"
    refused = await town.post(f"{brands}/brands", {"name": "Yeni Marka"}, at=strict)
    assert problem(refused) == (403, "FORBIDDEN")
    body = {"name": "Yeni Marka", "trademark": "2026 00018"}
    answer = await town.post(f"{brands}/brand-applications", body, at=strict)
    path = f"/accounts/applications/{answer.json()['reference']}"
    assert (await put(town, path, PDF, who="provider")).status_code == 200
    made = (await town.post(f"{path}/approval", {}, who="admin")).json()
    listed = await everything(town, f"{brands}/brands", who="provider")
    assert [item["name"] for item in listed if item["brandCode"] in made["brandCodes"]] == [
        "Yeni Marka"
    ]


async def test_the_second_of_two_who_want_a_header_is_told_that_it_is_taken(town: Town) -> None:
    _code, other = await town.new_provider()
    theirs = await town.post(
        f"/accounts/brands/{_code}/header-applications",
        {"header": "cift", "proof": "TRADE_NAME"},
        who=other,
    )
    first = await apply(town, {"header": "CIFT", "proof": "TRADE_NAME"})
    await town.post(f"{first}/approval", {}, who="admin")
    second = f"/accounts/applications/{theirs.json()['reference']}"
    assert problem(await town.post(f"{second}/approval", {}, who="admin")) == (409, "CONFLICT")
    assert (await town.get(second, who=other)).json()["state"] == "OPEN"
    assert problem(await town.get(second)) == (404, "UNKNOWN_APPLICATION")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"proofReference": None}, "/proofReference"),
        ({"proof": "DOMAIN", "proofReference": "no domain"}, "/proofReference"),
        ({"proof": "DOMAIN", "proofReference": "-a.example"}, "/proofReference"),
        ({"proof": "NONE"}, "/proof"),
        ({"header": "KÜZEY"}, "/header"),
        ({"header": " KUZEY"}, "/header"),
        ({"header": "AB"}, "/header"),
        ({"header": "A  B"}, "/header"),
        ({"header": "A" * 12}, "/header"),
        ({"operators": [True]}, "/operators/0"),
    ],
)
async def test_a_bad_application_for_a_header_is_refused(
    town: Town, change: dict[str, object], pointer: str
) -> None:
    path = f"/accounts/brands/{town.world.brand_code}/header-applications"
    answer = await town.post(path, HEADER | change)
    assert problem(answer) == (422, "INVALID_FIELD")
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_a_domain_is_a_proof(town: Town) -> None:
    path = await apply(
        town, {"header": "ALAN", "proof": "DOMAIN", "proofReference": "deneme.example"}
    )
    assert (await town.get(path)).json()["asked"]["proofReference"] == "deneme.example"


async def test_an_operator_that_is_none_leaves_the_application_open(town: Town) -> None:
    path = await apply(town, {"header": "HICYOK", "proof": "TRADE_NAME", "operators": [1]})
    assert problem(await town.post(f"{path}/approval", {}, who="admin")) == (
        404,
        "UNKNOWN_ACCOUNT",
    )
    assert (await town.get(path)).json()["state"] == "OPEN"


@pytest.mark.parametrize("who", ["partner", "operator", "ministry"])
async def test_only_the_brand_s_provider_applies_for_it(town: Town, who: str) -> None:
    path = f"/accounts/brands/{town.world.brand_code}/header-applications"
    assert problem(await town.post(path, HEADER, who=who)) == (403, "FORBIDDEN")
    path = f"/accounts/providers/{town.world.iys_code}/brand-applications"
    assert problem(await town.post(path, {"name": "x"}, who=who)) == (403, "FORBIDDEN")


async def test_a_suspended_provider_applies_for_nothing(town: Town) -> None:
    code, login = await town.new_provider()
    state = f"/accounts/providers/{code}/state"
    await town.post(state, {"state": "SUSPENDED"}, who="admin", method="PUT")
    paths = {
        f"/accounts/providers/{code}/brand-applications": {"name": "x"},
        f"/accounts/brands/{code}/header-applications": HEADER,
    }
    for path, body in paths.items():
        assert problem(await town.post(path, body, who=login)) == (403, "FORBIDDEN")


async def test_a_provider_has_so_many_applications_open(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.ledger.applications.OPEN_OF_PROVIDER_MAX", 1)
    code, login = await town.new_provider()
    path = f"/accounts/providers/{code}/brand-applications"
    assert (await town.post(path, {"name": "x"}, who=login)).status_code == 201
    assert problem(await town.post(path, {"name": "y"}, who=login)) == (429, "TOO_MANY_REQUESTS")

"""Retailers on the wire: recorded, shown, listed, removed (iys-api 5)."""

import asyncio
from typing import Any

import pytest

from shared.ledger.failures import AlreadyExistsError
from shared.ledger.verify import verify
from tests.registry.doors import Town, codes, consent, new_phone, only_error
from tests.registry.retailers.scenes import (
    access,
    add,
    change_of,
    grant,
    grant_of,
    list_access,
    reach,
    recorded,
    remove,
    replace,
    retailer,
    set_status,
    show,
    take,
)

PERSONAL = ("name", "tckn", "tin", "mersis", "mobile")


async def test_a_retailer_is_shown_as_it_was_recorded(town: Town) -> None:
    body = retailer(status="passive")
    answer = await town.post(f"{town.brand}/retailers", body)
    assert answer.status_code == 201
    assert list(answer.json()) == ["retailerCode"]
    code = answer.json()["retailerCode"]
    assert 10_000_000 <= code <= 99_999_999
    shown = await show(town, code)
    assert shown.status_code == 200
    expected = {"retailerCode": code, "retailerAccessCount": 0, "canBeDeleted": True}
    assert shown.json() == {**body, **expected}


async def test_what_was_left_out_is_not_shown(town: Town) -> None:
    body = {name: value for name, value in retailer().items() if name not in {"mobile", "alias"}}
    del body["mersis"]
    code = (await town.post(f"{town.brand}/retailers", body)).json()["retailerCode"]
    shown = (await show(town, code)).json()
    assert not {"mobile", "alias", "mersis"} & shown.keys()
    assert shown["status"] == "active"


async def test_a_retailer_of_a_title_alone_is_shown_with_it(town: Town) -> None:
    assert (await show(town, town.world.retailer_code)).json() == {
        "title": "Bayi",
        "retailerCode": town.world.retailer_code,
        "status": "active",
        "retailerAccessCount": 0,
        "canBeDeleted": True,
    }


@pytest.mark.parametrize("code", ["12345678", "1", "abc", "0", "99999999999999999999", "%00"])
async def test_a_code_that_nobody_has_shows_nothing(town: Town, code: str) -> None:
    answer = await show(town, code)
    assert (answer.status_code, answer.json()) == (200, {})


async def test_nothing_personal_lies_in_clear(town: Town) -> None:
    body = retailer()
    code = (await town.post(f"{town.brand}/retailers", body)).json()["retailerCode"]
    row = await town.owner.fetchrow("SELECT * FROM retailer WHERE retailer_code = $1", code)
    assert row is not None
    lies = b"|".join(
        value if isinstance(value, bytes) else str(value).encode() for value in row.values()
    )
    for name in PERSONAL:
        assert str(body[name]).encode() not in lies, name


async def test_the_list_has_pages(town: Town) -> None:
    brand = town.brand_path(await town.new_brand())
    made = [await add(town, brand=brand) for _ in range(5)]
    first = (await town.get(f"{brand}/retailers?limit=2")).json()
    assert first["pagination"] == {"offset": 0, "pageSize": 2, "totalCount": 5, "currentPage": 1}
    seen: list[int] = []
    for offset in range(0, 6, 2):
        page = (await town.get(f"{brand}/retailers?limit=2&offset={offset}")).json()
        assert page["pagination"]["currentPage"] == offset // 2 + 1
        seen += [one["retailerCode"] for one in page["list"]]
    assert seen == made
    assert (await town.get(f"{brand}/retailers?offset=99")).json()["list"] == []


async def test_an_empty_brand_has_an_empty_list(town: Town) -> None:
    brand = town.brand_path(await town.new_brand())
    assert (await town.get(f"{brand}/retailers")).json() == {
        "pagination": {"offset": 0, "pageSize": 100, "totalCount": 0, "currentPage": 1},
        "list": [],
    }


async def test_short_leaves_out_what_is_personal(town: Town) -> None:
    brand = town.brand_path(await town.new_brand())
    code = await add(town, brand=brand, title="Kuzey Bayi")
    (short,) = (await town.get(f"{brand}/retailers?short=true")).json()["list"]
    assert short == {
        "title": "Kuzey Bayi",
        "city": {"name": "İstanbul", "code": "34"},
        "town": {"name": "Kadıköy", "code": "429"},
        "retailerAccessCount": 0,
        "retailerCode": code,
        "status": "active",
    }
    for query in ("", "?short=false", "?all=true", "?short=true&all=true", "?short="):
        (whole,) = (await town.get(f"{brand}/retailers{query}")).json()["list"]
        assert set(PERSONAL) | short.keys() <= whole.keys(), query


async def test_a_retailer_is_its_brands_alone(town: Town) -> None:
    code = await add(town)
    other = town.brand_path(await town.new_brand())
    assert (await show(town, code, brand=other)).json() == {}
    assert codes(await remove(town, code, brand=other)) == ["H058"]
    assert (await show(town, code)).json()["retailerCode"] == code


async def test_counters_of_the_brand_know_its_retailers(town: Town) -> None:
    brand_code = await town.new_brand()
    brand = town.brand_path(brand_code)
    gone = await add(town, brand=brand)
    await add(town, brand=brand, status="suspended")
    await remove(town, gone, brand=brand)
    brands = (await town.get(f"/sps/{town.world.iys_code}/brands")).json()
    (stats,) = [one["stats"] for one in brands if one["brandCode"] == brand_code]
    assert stats["retailers"] == {"total": 1}


async def test_a_removed_retailer_leaves_nothing_but_its_title(town: Town) -> None:
    code = await add(town)
    answer = await remove(town, code)
    assert (answer.status_code, answer.text) == (200, "Başarı")
    assert answer.headers["content-type"].startswith("text/plain")
    assert (await show(town, code)).json() == {}
    assert codes(await remove(town, code)) == ["H058"]
    row = await town.owner.fetchrow(
        "SELECT sealed, tckn_digest, mersis_digest, title FROM retailer WHERE retailer_code = $1",
        code,
    )
    assert row is not None
    assert [value is None for value in row.values()] == [True, True, True, False]


async def test_the_numbers_of_a_removed_retailer_are_free_again(town: Town) -> None:
    body = retailer()
    code = (await town.post(f"{town.brand}/retailers", body)).json()["retailerCode"]
    await remove(town, code)
    again = await town.post(f"{town.brand}/retailers", body)
    assert again.status_code == 201
    assert again.json()["retailerCode"] != code


async def test_a_retailer_that_a_consent_names_stays(town: Town) -> None:
    code = await add(town)
    collected = await recorded(town, retailerCode=code)
    shown = (await show(town, code)).json()
    assert (shown["retailerAccessCount"], shown["canBeDeleted"]) == (1, False)
    answer = await remove(town, code)
    assert answer.status_code == 400
    assert only_error(answer) == {"code": "H061"}
    assert (await show(town, code)).json() == shown
    assert (await town.status(grant_of(collected))).json()["retailerCode"] == code
    await take(town, change_of([collected], code))
    assert (await remove(town, code)).status_code == 200


async def test_a_removed_retailer_is_of_no_use_at_once(town: Town) -> None:
    code = await add(town)
    address = await recorded(town)
    async with town.another_process() as other:
        assert (await grant(town, grant_of(address, code), at=other)).status_code == 200
        await take(town, change_of([address], code))
        await remove(town, code)
        assert codes(await town.add(consent(retailerCode=code), at=other)) == ["H353"]
        assert codes(await grant(town, grant_of(address, code), at=other)) == ["H180"]
        assert codes(await take(town, change_of([address], code), at=other)) == ["H058"]


async def test_consents_are_counted_by_whom_they_name(town: Town) -> None:
    one, two = await add(town), await add(town)
    both = await recorded(town, retailerCode=one, retailerAccess=[one, two])
    await recorded(town, retailerCode=one)
    listed = await recorded(town, retailerAccess=[two])
    assert (await reach(town, one), await reach(town, two)) == (2, 2)
    # A refusal leaves no retailers but those that it names itself.
    withdrawn = consent(both, status="RET", consentDate=consent()["consentDate"])
    withdrawn["consentDate"] = later(withdrawn["consentDate"])
    assert (await town.add(withdrawn)).status_code == 200
    assert (await reach(town, one), await reach(town, two)) == (1, 1)
    await replace(town, change_of([listed], one))
    assert (await reach(town, one), await reach(town, two)) == (2, 0)
    assert (await verify(town.dsn)).differences == []


def later(moment: str) -> str:
    """Return the date a minute later."""
    minute = (int(moment[14:16]) + 1) % 60
    return f"{moment[:14]}{minute:02d}{moment[16:]}"


async def test_who_adds_at_the_same_time_keeps_the_limit(town: Town) -> None:
    brand = town.brand_path(await town.new_brand())
    async with town.another_process(retailers_max=5) as at:
        answers = await asyncio.gather(
            *(town.post(f"{brand}/retailers", retailer(), at=at) for _ in range(12))
        )
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses == [201] * 5 + [400] * 7
        assert {tuple(codes(a)) for a in answers if a.status_code == 400} == {("H067",)}
        full = (await town.get(f"{brand}/retailers")).json()
        await remove(town, full["list"][0]["retailerCode"], brand=brand)
        assert (await town.post(f"{brand}/retailers", retailer(), at=at)).status_code == 201


async def test_who_adds_below_accounts_keeps_the_limit_too(town: Town) -> None:
    path = f"/accounts/brands/{await town.new_brand()}/retailers"
    async with town.another_process(retailers_max=2) as at:
        answers = await asyncio.gather(
            *(town.post(path, {"title": "Bayi"}, at=at, who="admin") for _ in range(5))
        )
        assert sorted(answer.status_code for answer in answers) == [201] * 2 + [409] * 3


async def test_no_two_get_the_same_number_at_the_same_time(town: Town) -> None:
    body = retailer()
    answers = await asyncio.gather(*(town.post(f"{town.brand}/retailers", body) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201] + [400] * 5
    refused = [codes(answer) for answer in answers if answer.status_code == 400]
    assert refused == [["H231", "H230"]] * 5


async def test_a_code_that_is_drawn_twice_is_drawn_again(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shared.ledger import retailers as ledger  # noqa: PLC0415  # to be looked at while it runs

    tried: list[int] = []
    really = ledger._add

    async def collide(*arguments: Any, **options: Any) -> int | None:
        tried.append(1)
        if len(tried) == 1:
            raise AlreadyExistsError("retailer_pkey")
        return await really(*arguments, **options)

    monkeypatch.setattr(ledger, "_add", collide)
    await add(town)
    assert len(tried) == 2


async def test_the_account_surface_still_adds_a_title(town: Town) -> None:
    path = f"/accounts/brands/{town.world.brand_code}/retailers"
    answer = await town.post(path, {"title": "Yalnız unvan"})
    assert answer.status_code == 201
    code = answer.json()["retailerCode"]
    assert (await show(town, code)).json()["title"] == "Yalnız unvan"
    assert (await remove(town, code)).status_code == 200


@pytest.mark.parametrize("status", ["passive", "suspended"])
async def test_only_an_active_retailer_may_be_used(town: Town, status: str) -> None:
    code = await add(town)
    address = await recorded(town, retailerAccess=[code])
    async with town.another_process() as other:
        asked = {"recipient": address, "type": "MESAJ", "retailerCode": code}
        assert (await town.check(asked, at=other)).json()["reason"] == "CONSENT"
        assert (await set_status(town, code, status)).json() == {
            "retailerCode": code,
            "status": status,
        }
        assert (await show(town, code)).json()["status"] == status
        assert (await town.check(asked, at=other)).json()["reason"] == "NOT_AUTHORISED"
        assert codes(await town.add(consent(retailerCode=code), at=other)) == ["H353"]
        assert codes(await town.add(consent(retailerAccess=[code]), at=other)) == ["H180"]
        assert codes(await grant(town, grant_of(address, code), at=other)) == ["H180"]
        assert codes(await replace(town, change_of([address], code), at=other)) == ["H180"]
        assert await access(town, address) == {code}
        await set_status(town, code, "active")
        assert (await town.check(asked, at=other)).json()["reason"] == "CONSENT"
        await set_status(town, code, status)
        # What may not be used may be taken away.
        assert (await take(town, change_of([address], code), at=other)).status_code == 202
        assert await access(town, address) == set()


async def test_a_retailer_may_be_recorded_without_being_of_use_yet(town: Town) -> None:
    for status in ("passive", "suspended"):
        code = await add(town, status=status)
        assert codes(await town.add(consent(retailerCode=code))) == ["H353"]


async def test_only_who_manages_the_brand_sets_a_status(town: Town) -> None:
    code = await add(town)
    for who, expected in (("partner", 403), ("operator", 403), ("ministry", 403), ("admin", 200)):
        assert (await set_status(town, code, "passive", who=who)).status_code == expected
    path = f"/accounts/brands/{town.world.brand_code}/retailers/{{}}/status"
    nobody = await town.post(path.format(code), {"status": "active"}, method="PUT", who=None)
    assert nobody.json()["code"] == "NOT_AUTHENTICATED"
    unknown = await town.post(path.format(10_000_000), {"status": "active"}, method="PUT")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "UNKNOWN_ACCOUNT")
    wrong = await town.post(path.format(code), {"status": "gone"}, method="PUT")
    assert wrong.json()["code"] == "INVALID_FIELD"
    for brand_code, who, problem in (
        (999, "admin", "UNKNOWN_BRAND"),
        (999, "provider", "FORBIDDEN"),
    ):
        elsewhere = f"/accounts/brands/{brand_code}/retailers/{code}/status"
        answer = await town.post(elsewhere, {"status": "active"}, method="PUT", who=who)
        assert answer.json()["code"] == problem


async def test_the_list_of_an_unknown_consent_is_empty(town: Town) -> None:
    assert (await list_access(town, new_phone())).json() == {
        "pagination": {"offset": 0, "pageSize": 100, "totalCount": 0},
        "list": [],
    }

"""Access of retailers to consents: granted, replaced, removed, each change a movement (iys-api 6)."""

import asyncio
from typing import Any

import pytest

from shared.ledger.tail import read_tail
from shared.ledger.verify import verify
from tests.registry.doors import Town, ago, consent, new_phone
from tests.registry.retailers.scenes import (
    access,
    add,
    change_of,
    grant,
    grant_of,
    list_access,
    reach,
    recorded,
    replace,
    take,
    take_all,
)


@pytest.fixture
async def three(town: Town) -> list[int]:
    return [await add(town) for _ in range(3)]


async def movements(town: Town, *, after: int) -> list[Any]:
    return await read_tail(town.owner, town.world.brand_code, after=after, limit=1000)


async def test_a_grant_adds_to_those_who_may(town: Town, three: list[int]) -> None:
    one, two, collector = three
    address = await recorded(town, retailerCode=collector, retailerAccess=[one])
    answer = await grant(town, grant_of(address, two))
    assert answer.status_code == 200
    assert set(answer.json()) == {"transactionId", "creationDate"}
    assert len(answer.json()["transactionId"]) == 64
    assert await access(town, address) == {one, two, collector}
    status = (await town.status(grant_of(address))).json()
    assert (status["retailerCode"], status["retailerAccessCount"]) == (collector, 2)


async def test_digits_as_text_are_codes_too(town: Town, three: list[int]) -> None:
    address = await recorded(town)
    assert (await grant(town, grant_of(address, str(three[0])))).status_code == 200
    assert await access(town, address) == {three[0]}


async def test_a_replacement_leaves_nobody_else(town: Town, three: list[int]) -> None:
    one, two, collector = three
    addresses = [await recorded(town, retailerCode=collector, retailerAccess=[one]), new_phone()]
    answer = await replace(town, change_of(addresses, two))
    assert (answer.status_code, answer.json()) == (202, 1)
    assert await access(town, addresses[0]) == {two}
    assert await access(town, addresses[1]) == set()
    assert "retailerCode" not in (await town.status(grant_of(addresses[0]))).json()


async def test_a_removal_takes_those_that_it_names(town: Town, three: list[int]) -> None:
    one, two, collector = three
    address = await recorded(town, retailerCode=collector, retailerAccess=[one, two])
    answer = await take(town, change_of([address], two))
    assert (answer.status_code, answer.json()) == (202, 1)
    assert await access(town, address) == {one, collector}
    await take(town, change_of([address], collector))
    assert await access(town, address) == {one}


async def test_a_removal_of_all_leaves_nobody(town: Town, three: list[int]) -> None:
    address = await recorded(town, retailerCode=three[2], retailerAccess=three)
    body = change_of([address])
    del body["retailerAccess"]
    answer = await take_all(town, body)
    assert (answer.status_code, answer.json()) == (202, 1)
    assert await access(town, address) == set()


async def test_the_addresses_of_older_clients_answer_alike(town: Town, three: list[int]) -> None:
    address = await recorded(town, retailerCode=three[0], retailerAccess=three)
    question = grant_of(address)
    old = await town.post(f"{town.brand}/consents/retailers/access/list", question)
    new = await town.post(f"{town.brand}/consent/retailers/access/list", question)
    assert (old.status_code, old.json()) == (200, new.json())
    path = f"{town.brand}/consents/retailer/access/remove"
    assert (await town.post(path, change_of([address], three[1]))).status_code == 202
    assert await access(town, address) == {three[0], three[2]}
    assert (await town.post(f"{path}/all", change_of([address]))).status_code == 202
    assert await access(town, address) == set()


async def test_the_list_shows_who_they_are_page_by_page(town: Town) -> None:
    codes = sorted([await add(town, title=f"Bayi {n}") for n in range(3)])
    address = await recorded(town, retailerCode=codes[0], retailerAccess=codes[1:])
    first = (await list_access(town, address, query="?limit=2")).json()
    assert first["pagination"] == {"offset": 0, "pageSize": 2, "totalCount": 3}
    second = (await list_access(town, address, query="?limit=2&offset=2")).json()
    assert [one["retailerCode"] for one in first["list"] + second["list"]] == codes
    names = {"title", "mersis", "alias", "name", "tckn", "mobile", "city", "town", "retailerCode"}
    assert all(set(one) == names for one in first["list"])


async def test_each_changed_address_has_a_movement_that_repeats_the_record(
    town: Town, three: list[int]
) -> None:
    one, two, collector = three
    addresses = [await recorded(town, retailerCode=collector) for _ in range(3)]
    untouched = await recorded(town)
    before = await town.head()
    await replace(town, change_of([*addresses, untouched, new_phone()], one, two))
    made = await movements(town, after=before)
    assert len(made) == 4
    assert await town.head() == before + 4
    for movement in made:
        assert movement.kind == "ACCESS"
        assert (movement.status, movement.source) == ("ONAY", "HS_WEB")
        assert movement.retailer_code is None
        assert movement.retailer_access == tuple(sorted([one, two]))
        assert movement.previous is not None
    assert [movement.position for movement in made] == list(range(before + 1, before + 5))
    assert (await verify(town.dsn)).differences == []


async def test_what_changes_nothing_writes_nothing(town: Town, three: list[int]) -> None:
    one, two, _collector = three
    address = await recorded(town, retailerAccess=[one])
    first = (await grant(town, grant_of(address, two))).json()
    before = await town.head()
    assert (await grant(town, grant_of(address, two, one))).json() == first
    for answer in (
        await replace(town, change_of([address], two, one)),
        await take(town, change_of([address], three[2])),
        await take(town, change_of([new_phone()], one)),
        await take_all(town, change_of([await recorded(town), new_phone()])),
    ):
        assert answer.status_code == 202
    assert await town.head() == before + 1  # the one that was recorded in between


async def test_a_grant_that_stands_already_is_that_of_the_consent(
    town: Town, three: list[int]
) -> None:
    address = new_phone()
    answer = await town.add(consent(address, retailerAccess=three))
    assert (await grant(town, grant_of(address, three[0]))).json() == answer.json()
    # A refusal that was turned away leaves a block; it says nothing of access.
    late = consent(address, status="RET", consentDate=ago(days=40))
    assert (await town.add(late)).status_code == 422
    assert (await grant(town, grant_of(address, three[0]))).json() == answer.json()


async def test_the_record_and_the_state_stay_as_they_were(town: Town, three: list[int]) -> None:
    address = new_phone()
    recorded_as = (await town.add(consent(address))).json()
    before = (await town.status(grant_of(address))).json()
    counters = await town.stats()
    await grant(town, grant_of(address, *three))
    after = (await town.status(grant_of(address))).json()
    assert after == before | {"retailerAccessCount": 3}
    assert after["transactionId"] == recorded_as["transactionId"]
    assert await town.stats() == counters


async def test_later_decisions_are_judged_as_if_nothing_had_happened(
    town: Town, three: list[int]
) -> None:
    address = await recorded(town, consentDate=ago(hours=3))
    await grant(town, grant_of(address, *three))
    again = consent(address, consentDate=ago(hours=3))
    assert (await town.add(again)).status_code == 400  # H178: as new, not newer
    assert (await town.add_v2(again)).status_code == 200
    assert (await town.add(consent(address, consentDate=ago(hours=2)))).status_code == 200
    assert await access(town, address) == set(three)
    withdrawn = consent(address, status="RET", consentDate=ago(hours=1))
    assert (await town.add(withdrawn)).status_code == 200
    assert await access(town, address) == set()


async def test_a_refused_consent_may_get_and_lose_retailers(town: Town, three: list[int]) -> None:
    address = await recorded(town, consentDate=ago(hours=2))
    await town.add(consent(address, status="RET"))
    assert (await grant(town, grant_of(address, three[0]))).status_code == 200
    assert await access(town, address) == {three[0]}
    assert (await town.status(grant_of(address))).json()["status"] == "RET"
    assert (await take(town, change_of([address], three[0]))).status_code == 202


async def test_a_merchant_without_date_and_source_gets_them_too(
    town: Town, three: list[int]
) -> None:
    address = new_phone()
    body = consent(address, recipientType="TACIR")
    del body["consentDate"], body["source"]
    assert (await town.add(body)).status_code == 200
    made = await grant(town, grant_of(address, three[0], recipientType="TACIR"))
    assert made.status_code == 200
    assert await access(town, address, recipientType="TACIR") == {three[0]}
    assert await access(town, address) == set()
    assert (await verify(town.dsn)).differences == []


async def test_an_address_that_stands_twice_is_changed_once(town: Town, three: list[int]) -> None:
    address = await recorded(town, "iki.kere@posta.example", type="EPOSTA")
    before = await town.head()
    twice = ["iki.kere@posta.example", "IKI.kere@posta.example"]
    assert (await replace(town, change_of(twice, three[0], type="EPOSTA"))).status_code == 202
    assert await town.head() == before + 1
    assert await access(town, address, type="EPOSTA") == {three[0]}


async def test_a_hundred_addresses_and_a_hundred_retailers(town: Town) -> None:
    codes = [await add(town) for _ in range(100)]
    addresses = [new_phone() for _ in range(100)]
    await asyncio.gather(*(town.add(consent(address)) for address in addresses))
    before = await town.head()
    assert (await replace(town, change_of(addresses, *codes))).status_code == 202
    assert await town.head() == before + 100
    assert await access(town, addresses[99]) == set(codes)
    assert [await reach(town, code) for code in (codes[0], codes[99])] == [100, 100]
    assert (await take_all(town, change_of(addresses))).status_code == 202
    assert [await reach(town, code) for code in (codes[0], codes[99])] == [0, 0]


async def test_changes_of_one_consent_at_the_same_time_all_happen(town: Town) -> None:
    codes = [await add(town) for _ in range(8)]
    address = await recorded(town)
    async with town.another_process() as other:
        answers = await asyncio.gather(
            *(
                grant(town, grant_of(address, code), at=other if n % 2 else None)
                for n, code in enumerate(codes)
            )
        )
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["transactionId"] for answer in answers}) == len(codes)
    assert await access(town, address) == set(codes)
    assert (await verify(town.dsn)).differences == []


async def test_consents_and_access_change_beside_each_other(town: Town, three: list[int]) -> None:
    addresses = [await recorded(town, consentDate=ago(hours=9)) for _ in range(5)]

    async def decide(n: int) -> None:
        for hours in range(8, 0, -1):
            status = "RET" if hours % 2 else "ONAY"
            body = consent(addresses[n], status=status, consentDate=ago(hours=hours))
            await town.add(body)

    async def move(call: Any, *codes: int) -> None:
        for _ in range(4):
            assert (await call(town, change_of(addresses, *codes))).status_code == 202

    await asyncio.gather(
        *(decide(n) for n in range(5)),
        move(replace, three[0]),
        move(take, three[0]),
        move(replace, three[1], three[2]),
    )
    assert (await verify(town.dsn)).differences == []

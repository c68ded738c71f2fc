"""How many addresses may be on record, what counts, and how exact it is (iys-api 10.3, R16)."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.registry.doors import Town, ago, codes, consent, new_phone, refusal
from tests.registry.partners.scenes import subscribe
from tests.support.builders import Login

AT_ONCE = 40


async def used(town: Town, code: int, who: Login) -> int:
    count: int = (await town.get(f"/sps/{code}/subscription", who=who)).json()["usedConsentLimit"]
    return count


async def test_a_full_quota_takes_no_new_address_and_everything_else(town: Town) -> None:
    code, login = await town.new_provider()
    options: dict[str, Any] = {"brand": town.brand_path(code, code), "who": login}
    await subscribe(town, code, consentLimit=2)
    first, second = new_phone(), new_phone()
    for number in (first, second):
        approval = consent(number, consentDate=ago(hours=9))
        assert (await town.add(approval, **options)).status_code == 200
    head = await town.head(code)
    for add in (town.add, town.add_v2):
        answer = await add(consent(), **options)
        assert (answer.status_code, codes(answer)) == (422, ["H525"])
        same_address = await add(consent(first, type="ARAMA"), **options)
        assert codes(same_address) == ["H525"]
    assert await town.head(code) == head  # nothing was written
    assert await used(town, code, login) == 2
    # A repeat, a newer approval, a refusal, and an approval after it need no room.
    repeat = consent(second, consentDate=ago(hours=8))
    answers = [
        await town.add_v2(repeat, **options),
        await town.add_v2(repeat, **options),
        await town.add(refusal(first, consentDate=ago(hours=7)), **options),
        await town.add(consent(first, consentDate=ago(hours=6)), **options),
    ]
    assert [answer.status_code for answer in answers] == [200] * 4
    assert answers[0].json() == answers[1].json()
    # A refusal of an address that is not on record is kept as ever.
    unknown = new_phone()
    assert codes(await town.add(refusal(unknown), **options)) == ["H175"]
    assert await town.reason(unknown, brandCode=code) == "REFUSED"
    assert await used(town, code, login) == 2
    await subscribe(town, code, consentLimit=3)
    assert (await town.add(consent(), **options)).status_code == 200
    assert codes(await town.add(consent(), **options)) == ["H525"]


async def test_what_is_said_of_a_body_comes_before_the_quota(town: Town) -> None:
    code, login = await town.new_provider()
    options: dict[str, Any] = {"brand": town.brand_path(code, code), "who": login}
    await subscribe(town, code, consentLimit=0)
    assert codes(await town.add(consent(source="HS_KARAR"), **options)) == ["H408"]
    assert codes(await town.add(consent(type="?"), **options)) == ["H117"]
    assert codes(await town.add(consent(), **options)) == ["H525"]


async def test_all_brands_of_a_provider_share_its_quota(town: Town) -> None:
    code, login = await town.new_provider()
    more = await town.post(f"/accounts/providers/{code}/brands", {"name": "İkinci"}, who=login)
    brands = [town.brand_path(code, code), town.brand_path(more.json()["brandCode"], code)]
    await subscribe(town, code, consentLimit=2)
    number = new_phone()
    for brand in brands:
        assert (await town.add(consent(number), brand=brand, who=login)).status_code == 200
    for brand in brands:
        assert codes(await town.add(consent(), brand=brand, who=login)) == ["H525"]


async def test_a_limit_that_may_be_exceeded_is_only_shown(town: Town) -> None:
    code, login = await town.new_provider()
    await subscribe(town, code, consentLimit=0, mayExceed=True)
    answer = await town.add(consent(), brand=town.brand_path(code, code), who=login)
    assert answer.status_code == 200
    shown = (await town.get(f"/sps/{code}/subscription", who=login)).json()
    assert (shown["consentLimit"], shown["consentLimitExceed"]) == (0, True)
    assert shown["usedConsentLimit"] == 1


async def test_an_installation_may_have_a_limit_of_its_own(town: Town) -> None:
    code, login = await town.new_provider()
    options: dict[str, Any] = {"brand": town.brand_path(code, code), "who": login}
    async with town.another_process(consent_limit=1) as limited:
        assert (await town.add(consent(), at=limited, **options)).status_code == 200
        assert codes(await town.add(consent(), at=limited, **options)) == ["H525"]
        shown = (await town.get(f"/sps/{code}/subscription", who=login, at=limited)).json()
        assert (shown["consentLimit"], shown["consentLimitExceed"]) == (1, False)
        await subscribe(town, code, consentLimit=2)
        assert (await town.add(consent(), at=limited, **options)).status_code == 200
        assert codes(await town.add(consent(), at=limited, **options)) == ["H525"]


async def flood(
    town: Town, code: int, who: Login, doors: list[httpx.AsyncClient]
) -> list[list[int]]:
    """Add new addresses at every door at once; return by door what the answers were."""
    brand = town.brand_path(code, code)

    async def at(door: httpx.AsyncClient) -> list[int]:
        answers = await asyncio.gather(
            *(town.add(consent(), brand=brand, who=who, at=door) for _ in range(AT_ONCE))
        )
        assert {answer.status_code for answer in answers} <= {200, 422}
        return [answer.status_code for answer in answers]

    return await asyncio.gather(*(at(door) for door in doors))


@pytest.mark.parametrize("limit", [0, 1, 7, AT_ONCE - 1])
async def test_one_process_fills_a_quota_exactly(town: Town, limit: int) -> None:
    code, login = await town.new_provider()
    await town.token(login)
    await subscribe(town, code, consentLimit=limit)
    (answers,) = await flood(town, code, login, [town.client])
    assert answers.count(200) == limit
    assert await used(town, code, login) == limit


async def test_two_exceed_it_by_no_more_than_the_other_has_under_way(town: Town) -> None:
    code, login = await town.new_provider()
    await town.token(login)
    await subscribe(town, code, consentLimit=30)
    async with town.another_process() as other:
        answers = await flood(town, code, login, [town.client, other])
        stored = sum(of.count(200) for of in answers)
        assert 30 <= stored <= 30 + 30
        assert await used(town, code, login) == stored
        # And once it is full, it is full everywhere.
        full = await flood(town, code, login, [town.client, other])
        assert not any(of.count(200) for of in full)

"""What retailers were granted and lost over the wire is what the next check says, on every process."""

import pytest

from tests.check.cached import CachedCheck, from_cache
from tests.registry.doors import Answer, new_phone
from tests.registry.retailers.scenes import (
    add,
    change_of,
    grant,
    grant_of,
    recorded,
    replace,
    take,
    take_all,
)


async def reasons(cached: CachedCheck, recipient: str, retailer: int) -> set[str]:
    """Ask every process: with a cache, without one, one by one and as a list."""
    asked = {
        "brandCode": cached.town.world.brand_code,
        "type": "MESAJ",
        "retailerCode": retailer,
    }
    one = await cached.both({**asked, "recipient": recipient})
    many = await cached.both({**asked, "recipients": [recipient]}, path="/check/batch")
    return {answer.json()["reason"] for answer in one} | {
        answer.json()["results"][0] for answer in many
    }


async def test_every_change_of_access_is_the_next_checks_answer(cached: CachedCheck) -> None:
    town = cached.town
    collector, other = await add(town), await add(town)
    address = await recorded(town, retailerCode=collector)
    yes, no = {"CONSENT"}, {"NOT_AUTHORISED"}

    async def may() -> tuple[set[str], set[str]]:
        return await reasons(cached, address, collector), await reasons(cached, address, other)

    async def done(answer: Answer) -> None:
        assert answer.is_success, answer.text

    assert await may() == (yes, no)
    await done(await grant(town, grant_of(address, other)))
    assert await may() == (yes, yes)
    await done(await take(town, change_of([address], collector)))
    assert await may() == (no, yes)
    await done(await replace(town, change_of([address], collector)))
    assert await may() == (yes, no)
    await done(await replace(town, change_of([address], other)))
    assert await may() == (no, yes)
    await done(await take_all(town, change_of([address])))
    assert await may() == (no, no)
    assert await town.reason(address) == "CONSENT"  # of the provider itself


@pytest.mark.parametrize("asked", ["the address that moved", "another one"])
async def test_a_check_comes_from_the_cache_again_after_a_change_of_access(
    cached: CachedCheck, asked: str
) -> None:
    town = cached.town
    code, moved = await add(town), await recorded(town)
    address = moved if asked == "the address that moved" else await recorded(town)
    await cached.caught_up()
    assert (await grant(town, grant_of(moved, code))).status_code == 200
    await cached.caught_up()
    body = {"brandCode": town.world.brand_code, "type": "MESAJ", "recipient": address}
    before = from_cache()
    with_cache, without = await cached.both(body)
    assert from_cache() == before + 1
    assert with_cache.content == without.content
    assert with_cache.json()["position"] == await town.head()
    unknown = {**body, "recipient": new_phone()}
    assert (await cached.ask(unknown)).json()["reason"] == "NO_RECORD"

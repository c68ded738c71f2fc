"""A person's refusal holds, whatever has become of the retailer that took it (promise 3)."""

import pytest

from tests.registry.doors import Town, ago, codes, consent, new_phone, refusal
from tests.registry.retailers.scenes import retailer

PLACES = {"H353": "retailerCode", "H180": "retailerAccess"}


async def _new_retailer(town: Town) -> int:
    answer = await town.post(f"{town.brand}/retailers", retailer())
    assert answer.status_code == 201, answer.text
    return int(answer.json()["retailerCode"])


async def _retire(town: Town, code: int, *, to: str) -> None:
    """Make a retailer one that nobody may name any more."""
    if to == "removed":
        answer = await town.post(f"{town.brand}/retailers/{code}", b"", method="DELETE")
    else:
        path = f"/accounts/brands/{town.world.brand_code}/retailers/{code}/status"
        answer = await town.post(path, {"status": to}, method="PUT")
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("fault", ["H353", "H180"])
@pytest.mark.parametrize("state", ["passive", "suspended", "removed"])
async def test_a_refusal_that_names_a_retired_retailer_is_told_so_and_denies(
    town: Town, state: str, fault: str
) -> None:
    code, number = await _new_retailer(town), new_phone()
    assert (await town.add(consent(number, consentDate=ago(hours=2)))).status_code == 200
    await _retire(town, code, to=state)
    named = code if fault == "H353" else [code]
    assert codes(await town.add(refusal(number, **{PLACES[fault]: named}))) == [fault]
    assert await town.reason(number) == "REFUSED"


async def test_an_old_refusal_by_a_retired_retailer_leaves_nothing(town: Town) -> None:
    code, number = await _new_retailer(town), new_phone()
    assert (await town.add(consent(number, consentDate=ago(hours=2)))).status_code == 200
    await _retire(town, code, to="passive")
    head = await town.head()
    old = refusal(number, retailerCode=code, consentDate=ago(hours=3))
    assert codes(await town.add(old)) == ["H353"]
    grant = consent(number, retailerCode=code, consentDate=ago(hours=1))
    assert codes(await town.add(grant)) == ["H353"]
    assert await town.head() == head
    assert await town.reason(number) == "CONSENT"

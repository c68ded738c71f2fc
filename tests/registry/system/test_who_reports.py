"""Whose word closes lines: that of operators which ask for every brand, since it holds at all of them."""

from tests.registry.doors import Town, new_phone
from tests.registry.system.calls import report

FEW_BRANDS = "UPDATE operator SET every_brand = false WHERE operator_code = $1"
EVERY_BRAND = "UPDATE operator SET every_brand = true WHERE operator_code = $1"


async def test_an_operator_with_a_list_of_brands_closes_no_lines(town: Town) -> None:
    operator = town.world.operator_code
    await town.owner.execute(FEW_BRANDS, operator)
    try:
        answer = await report(town, [new_phone()])
        assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")
    finally:
        await town.owner.execute(EVERY_BRAND, operator)
    assert (await report(town, [new_phone()])).status_code == 202

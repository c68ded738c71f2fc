from services.registry.schemas import BrandAnswer
from shared.ledger import accounts
from tests.registry.doors import Town, ago, codes, consent, new_phone, refusal


async def test_a_provider_sees_its_brands_in_the_published_shape(town: Town) -> None:
    answer = await town.get(f"/sps/{town.world.iys_code}/brands")
    assert answer.status_code == 200
    first, second, *_ = answer.json()
    assert first == {
        "brandCode": town.world.iys_code,
        "name": "Deneme",
        "master": True,
        "stats": {
            "consents": {"approval": 0, "rejection": 0, "total": 0},
            "retailers": {"total": 1},
        },
    }
    assert (second["brandCode"], second["master"]) == (town.world.second_brand_code, False)
    for brand in answer.json():
        BrandAnswer.model_validate(brand, strict=True)


async def test_the_counters_follow_every_transition_and_no_block(town: Town) -> None:
    brand_code = await town.new_brand()
    brand, number = town.brand_path(brand_code), new_phone()
    history: list[tuple[dict[str, object], int, tuple[int, int, int]]] = [
        (consent(number, consentDate=ago(hours=9)), 200, (1, 0, 1)),
        (consent(number, consentDate=ago(hours=8)), 200, (1, 0, 1)),
        (consent(number, consentDate=ago(hours=8)), 400, (1, 0, 1)),
        (refusal(number, consentDate=ago(hours=7)), 200, (0, 1, 1)),
        (refusal(number, consentDate=ago(hours=6)), 400, (0, 1, 1)),  # a block
        (consent(number, consentDate=ago(hours=5)), 200, (1, 0, 1)),
        (refusal(number, consentDate=ago(hours=5)), 400, (1, 0, 1)),  # a block
        (refusal(consentDate=ago(hours=5)), 400, (1, 0, 1)),  # a block without a record
        (refusal(number, consentDate=ago(days=30)), 422, (1, 0, 1)),  # a late block
        (consent(number, recipientType="TACIR"), 200, (2, 0, 2)),
        (consent(number, type="ARAMA"), 200, (3, 0, 3)),
        (consent(), 200, (4, 0, 4)),
    ]
    for body, status, expected in history:
        assert (await town.add(body, brand=brand)).status_code == status
        assert await town.stats(brand_code) == expected
    assert await town.head(brand_code) > 8  # blocks have positions of their own


async def test_a_partner_sees_the_brands_at_which_it_has_a_right(town: Town) -> None:
    path = f"/sps/{town.world.iys_code}/brands"
    seen = (await town.get(path, who="partner")).json()
    assert [brand["brandCode"] for brand in seen] == [town.world.brand_code]
    await accounts.remove_grant(
        town.writer,
        brand_code=town.world.brand_code,
        integrator_code=town.world.integrator_code,
    )
    refused = await town.get(path, who="partner")
    assert (refused.status_code, codes(refused)) == (403, ["H353"])


async def test_somebody_elses_brands_and_nobodys(town: Town) -> None:
    other, _login = await town.new_provider()
    answer = await town.get(f"/sps/{other}/brands")
    assert (answer.status_code, codes(answer)) == (403, ["H353"])
    for nobody in (4, 2**31 - 1, 2**31, 10**19):
        answer = await town.get(f"/sps/{nobody}/brands")
        assert (answer.status_code, codes(answer)) == (404, ["H001"])

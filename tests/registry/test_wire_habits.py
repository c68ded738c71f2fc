"""What existing clients do to a wire, and must keep doing (iys-api 3 and 16)."""

import pytest

from services.registry.routes_wire import VERSION
from tests.registry.doors import Town, codes, consent, new_phone, question


async def test_version_needs_no_credentials(town: Town) -> None:
    answer = await town.get("/version", who=None)
    assert (answer.status_code, answer.json()) == (200, {"version": VERSION})
    assert (await town.get("/version/", who="Bearer nonsense")).status_code == 200


@pytest.mark.parametrize(
    "spelt",
    [
        "/{brand}/consents/status",
        "//{brand}//consents/status",
        "/{brand}/consents/status/",
        "/{brand}/consents/status?",
        "/{brand}/consents/status?&",
        "///{brand}/consents///status//?&&",
        "/{brand}/consents/status?limit=&offset=",
    ],
)
async def test_badly_glued_addresses_mean_the_plain_one(town: Town, spelt: str) -> None:
    number = new_phone()
    assert (await town.add(consent(number))).status_code == 200
    path = spelt.format(brand=town.brand.removeprefix("/"))
    # httpx would take `//sps` for a host, so the whole address is given.
    answer = await town.post(f"http://izin.example{path}", question(number))
    assert answer.status_code == 200, answer.text
    assert answer.json()["recipient"] == number


@pytest.mark.parametrize(
    "content_type", [None, "", "text/plain", "application/xml; x=y", "a" * 999]
)
async def test_the_content_type_is_of_no_interest(town: Town, content_type: str | None) -> None:
    headers = await town.authorization("provider")
    if content_type is not None:
        headers["Content-Type"] = content_type
    for path in (f"{town.brand}/consents", f"/v2{town.brand}/consents"):
        answer = await town.client.post(path, json=None, content=_consent(), headers=headers)
        assert answer.status_code == 200, answer.text


def _consent() -> bytes:
    number = new_phone()
    return (
        f'{{"recipient":"{number}","type":"MESAJ","source":"HS_2015","status":"ONAY",'
        '"consentDate":"2015-05-01 00:00:00"}'
    ).encode()


async def test_retailers_may_be_text(town: Town) -> None:
    code = str(town.world.retailer_code)
    number = new_phone()
    answer = await town.add(consent(number, retailerCode=code, retailerAccess=[code]))
    assert answer.status_code == 200
    shown = (await town.status(question(number))).json()
    assert shown["retailerCode"] == town.world.retailer_code
    assert shown["retailerAccessCount"] == 1


async def test_a_byte_order_mark_and_repeated_keys_are_read(town: Town) -> None:
    answer = await town.add(b"\xef\xbb\xbf" + _consent())
    assert answer.status_code == 200
    answer = await town.add(_consent().replace(b'"status"', b'"status":"YOK","status"'))
    assert answer.status_code == 200


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer  "])
async def test_the_word_bearer_in_any_spelling(town: Town, scheme: str) -> None:
    token = await town.token(town.world.provider)
    answer = await town.get(f"/sps/{town.world.iys_code}/brands", who=f"{scheme} {token}")
    assert answer.status_code == 200


async def test_leading_zeros_of_a_code_change_nothing(town: Town) -> None:
    answer = await town.add(
        consent(), brand=f"/sps/000{town.world.iys_code}/brands/0{town.world.brand_code}"
    )
    assert answer.status_code == 200


@pytest.mark.parametrize("code", ["١٢٣", "1.0", "-1", "+5", "1e3", "0x10", "%20", "null", "9" * 21])
async def test_what_is_no_number_is_said_to_be_none(town: Town, code: str) -> None:
    assert codes(await town.add(consent(), brand=f"/sps/{code}/brands/1")) == ["H190"]
    path = f"/sps/{town.world.iys_code}/brands/{code}"
    assert codes(await town.add(consent(), brand=path)) == ["H191"]


async def test_every_answer_has_an_id_and_is_not_cached(town: Town) -> None:
    answer = await town.add(consent())
    assert answer.headers["x-request-id"]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
async def test_another_method_is_405_in_the_envelope(town: Town, method: str) -> None:
    answer = await town.post(f"{town.brand}/consents", consent(), method=method)
    assert (answer.status_code, codes(answer)) == (405, ["H363"])
    assert answer.headers["allow"] == "POST"

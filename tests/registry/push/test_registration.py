"""Registering, listing and removing receivers on the wire, and looking after them on our own surface."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.sealing.keyring import new_key_ring, write_key_file
from tests.registry.doors import DROP, Answer, Town, codes, open_door
from tests.registry.push.receiver import (
    PASSWORD,
    TEST_ADDRESS,
    USERNAME,
    WHO_ARE_YOU,
    Authority,
    Receiver,
    cut,
    hang,
    open_receiver,
    status,
)
from tests.registry.push.registering import (
    connection,
    connections,
    own,
    register,
    unregister,
    with_other_sealing_keys,
)


@pytest.fixture(autouse=True)
async def nobody_is_registered(town: Town) -> AsyncIterator[None]:
    yield
    await town.owner.execute("TRUNCATE push_registration")


@pytest.fixture(scope="module")
async def strict(town: Town) -> AsyncIterator[httpx.AsyncClient]:
    """Open a door as it is without the settings for tests."""
    async with open_door(town.dsn, town.keys_file, town.data_dir) as door:
        yield door


@pytest.fixture
async def another(authority: Authority) -> AsyncIterator[Receiver]:
    async with open_receiver(authority.server) as opened:
        yield opened


async def test_a_receiver_is_tested_and_then_listed(town: Town, receiver: Receiver) -> None:
    answer = await register(town, connection(receiver))
    assert (answer.status_code, answer.json()) == (200, {"message": "Bağlantı oluşturuldu"})
    [tested] = receiver.received
    assert tested.movements == [
        {
            "iysCode": 121212,
            "brandCode": 121212,
            "consentDate": "2015-05-01 15:00:00",
            "creationDate": "2015-05-01 15:00:00",
            "source": "IYS_MOBIL",
            "recipient": TEST_ADDRESS,
            "recipientType": "BIREYSEL",
            "status": "ONAY",
            "type": "EPOSTA",
            "transactionId": "e52ee30512adfcd2a41fb3b4682f5bd61eee5b1c92bda665fc0b7e56644d429d",
        }
    ]
    [listed] = await connections(town)
    assert listed.pop("registerTime").startswith("20")
    assert listed == {"url": receiver.url, "type": "MESAJ", "status": "Bağlantı Oluşturuldu"}


async def test_several_are_registered_at_once_or_none(
    town: Town, receiver: Receiver, another: Receiver
) -> None:
    both = [connection(receiver), connection(another, type="EPOSTA")]
    another.otherwise = status(500)
    answer = await register(town, *both)
    assert (answer.status_code, codes(answer)) == (422, ["H530"])
    assert await connections(town) == []
    another.otherwise = status(204, body=b"")
    assert (await register(town, *both)).status_code == 200
    assert [listed["type"] for listed in await connections(town)] == ["MESAJ", "EPOSTA"]


async def test_a_wrong_one_of_several_is_named(town: Town, receiver: Receiver) -> None:
    answer = await register(town, connection(receiver), connection(receiver, type="SMS"))
    [error] = answer.json()["errors"]
    assert (error["code"], error["location"]) == ("H117", ["connection", 1, "type"])
    assert not receiver.connections


REFUSED: dict[str, tuple[dict[str, Any], str, list[str] | None, Any]] = {
    "no url": ({"url": DROP}, "H531", ["url"], None),
    "http": ({"url": "http://kayit.example.com/iys"}, "H531", None, None),
    "no https at all": ({"url": "kayit.example.com/iys"}, "H531", None, None),
    "no text": ({"url": 17}, "H531", None, None),
    "credentials in the url": ({"url": "https://a:b@kayit.example.com/"}, "H531", None, None),
    "a number for a host": ({"url": "https://2130706433/"}, "H531", None, None),
    "no type": ({"type": DROP}, "H111", ["type"], None),
    "an unknown type": ({"type": "EPOSTAa"}, "H117", ["type"], "EPOSTAa"),
    "no user name": ({"username": DROP}, "H093", ["username"], None),
    "an empty user name": ({"username": ""}, "H093", ["username"], None),
    "a colon in the user name": ({"username": "a:b"}, "H093", ["username"], None),
    "no password": ({"password": DROP}, "H093", ["password"], None),
    "a password that is no text": ({"password": ["geheim"]}, "H093", ["password"], None),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("operation", ["registration", "unregistration"])
async def test_a_request_with(
    name: str, operation: str, town: Town, receiver: Receiver, strict: httpx.AsyncClient
) -> None:
    changes, code, location, value = REFUSED[name]
    body = connection(receiver, **changes)
    sent = {"connection": [body]} if operation == "registration" else body
    answer = await town.post(f"{town.brand}/push/{operation}", sent, at=strict)
    [error] = answer.json()["errors"]
    assert (answer.status_code, error["code"]) == (422, code)
    assert error.get("location") == location
    assert error.get("value") == value
    assert "geheim" not in answer.text
    assert not receiver.connections


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        {},
        {"connection": []},
        {"connection": {}},
        {"connection": ["https://a.example.com"]},
    ],
)
async def test_a_body_that_is_no_registration(town: Town, body: Any) -> None:
    answer = await town.post(f"{town.brand}/push/registration", body)
    assert (answer.status_code, codes(answer)) == (400, ["H014"])


@pytest.mark.parametrize("body", [b"{", b"[]", b"17"])
async def test_a_body_that_is_no_unregistration(town: Town, body: Any) -> None:
    answer = await town.post(f"{town.brand}/push/unregistration", body)
    assert (answer.status_code, codes(answer)) == (400, ["H014"])


async def test_everything_that_is_wrong_is_named_at_once(town: Town) -> None:
    answer = await town.post(f"{town.brand}/push/registration", {"connection": [{}]})
    assert codes(answer) == ["H531", "H111", "H093", "H093"]


async def test_who_does_not_answer_is_not_registered(town: Town, receiver: Receiver) -> None:
    receiver.otherwise = hang
    answer = await register(town, connection(receiver))
    assert (answer.status_code, codes(answer)) == (422, ["H191"])
    assert "brandCode" not in answer.text
    receiver.to_nobody = hang
    assert codes(await register(town, connection(receiver))) == ["H191"]
    assert await connections(town) == []


@pytest.mark.parametrize(
    "behaviour",
    [
        status(500),
        status(404),
        status(307, "Location: https://localhost/"),
        status(410),
        cut,
    ],
)
async def test_who_does_not_take_the_test_is_not_registered(
    town: Town, receiver: Receiver, behaviour: Any
) -> None:
    receiver.otherwise = behaviour
    answer = await register(town, connection(receiver))
    assert (answer.status_code, codes(answer)) == (422, ["H530"])
    assert await connections(town) == []


async def test_who_lets_everybody_in_is_not_registered(town: Town, receiver: Receiver) -> None:
    receiver.to_nobody = status(200)
    assert codes(await register(town, connection(receiver))) == ["H530"]
    assert not receiver.tested, "the pair was shown to somebody who does not ask for it"


async def test_a_wrong_pair_is_not_registered(town: Town, receiver: Receiver) -> None:
    receiver.to_nobody = WHO_ARE_YOU
    assert codes(await register(town, connection(receiver, password="yanlış"))) == ["H530"]


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1:{}/", "https://localhost:{}/", "https://[::1]:{}/"]
)
async def test_nobody_inside_is_called(
    town: Town, receiver: Receiver, strict: httpx.AsyncClient, url: str
) -> None:
    body = {"connection": [connection(receiver, url=url.format(receiver.port))]}
    answer = await town.post(f"{town.brand}/push/registration", body, at=strict)
    assert (answer.status_code, codes(answer)) == (422, ["H530"])
    assert not receiver.connections


async def test_a_channel_has_room_for_two(
    town: Town, receiver: Receiver, another: Receiver, authority: Authority
) -> None:
    for one in (receiver, another):
        assert (await register(town, connection(one))).status_code == 200
    async with open_receiver(authority.server) as third:
        assert codes(await register(town, connection(third))) == ["H530"]
        assert not third.connections, "called for nothing"
        assert (await register(town, connection(third, type="ARAMA"))).status_code == 200
        assert (await unregister(town, connection(another))).status_code == 200
        assert (await register(town, connection(third))).status_code == 200
    seven = [connection(receiver) for _ in range(7)]
    assert codes(await register(town, *seven)) == ["H530"]


async def test_the_same_address_again_is_the_same_connection(
    town: Town, receiver: Receiver
) -> None:
    for _ in range(3):
        assert (await register(town, connection(receiver))).status_code == 200
    assert len(await connections(town)) == 1
    assert receiver.tested == 3


async def test_who_removes_says_the_pair(town: Town, receiver: Receiver, another: Receiver) -> None:
    assert (await register(town, connection(receiver))).status_code == 200
    for wrong in (
        connection(receiver, password="yanlış"),
        connection(receiver, username="yanlış"),
        connection(receiver, type="EPOSTA"),
        connection(another),
    ):
        answer = await unregister(town, wrong)
        assert (answer.status_code, codes(answer)) == (422, ["H530"])
    answer = await unregister(town, connection(receiver))
    assert (answer.status_code, answer.json()) == (200, {"message": "Bağlantı Kaldırıldı"})
    assert await connections(town) == []
    assert codes(await unregister(town, connection(receiver))) == ["H530"]


async def test_a_partner_registers_where_it_may_read(town: Town, receiver: Receiver) -> None:
    brand, second = town.brand, town.brand_path(town.world.second_brand_code)
    assert (await register(town, connection(receiver), who="partner")).status_code == 200
    assert len(await connections(town, who="partner")) == 1
    # The provider sees who receives its consents; the partner does not see the provider's.
    assert (await register(town, connection(receiver))).status_code == 200
    assert len(await connections(town)) == 2
    assert len(await connections(town, who="partner")) == 1
    for path in (brand, second):
        for who, expected in (("operator", "H363"), ("admin", "H363"), (None, "H351")):
            answer = await register(town, connection(receiver), who=who, brand=path)
            assert codes(answer) == [expected]
    answer = await register(town, connection(receiver), who="partner", brand=second)
    assert (answer.status_code, codes(answer)) == (403, ["H353"])
    for method in ("GET", "POST"):
        operation = "registration" if method == "GET" else "unregistration"
        path = f"{second}/push/{operation}"
        answer = await town.post(path, connection(receiver), who="partner", method=method)
        assert (answer.status_code, codes(answer)) == (403, ["H353"])


async def test_a_partner_needs_the_right_of_the_channel(town: Town, receiver: Receiver) -> None:
    grants = f"/accounts/brands/{town.world.brand_code}/grants/{town.world.integrator_code}"
    assert (await town.post(grants, {"EPOSTA": "read"}, method="PUT")).status_code == 200
    answer = await register(town, connection(receiver), who="partner")
    assert (answer.status_code, codes(answer)) == (403, ["H353"])
    answer = await register(town, connection(receiver, type="EPOSTA"), who="partner")
    assert answer.status_code == 200
    rights = {"ARAMA": "write", "MESAJ": "write", "EPOSTA": "write"}
    assert (await town.post(grants, rights, method="PUT")).status_code == 200


async def test_somebody_else_s_brand(town: Town, receiver: Receiver) -> None:
    code, stranger = await town.new_provider()
    for brand in (town.brand, town.brand_path(999_999)):
        answer = await register(town, connection(receiver), who=stranger, brand=brand)
        assert (answer.status_code, codes(answer)) == (403, ["H353"])
    answer = await register(town, connection(receiver), brand=town.brand_path(code, code))
    assert codes(answer) == ["H353"]
    assert not receiver.connections
    answer = await town.get(f"/sps/x/brands/{code}/push/registration")
    assert (answer.status_code, codes(answer)) == (422, ["H190"])
    answer = await town.get(f"/sps/{code}/brands/x/push/registration")
    assert (answer.status_code, codes(answer)) == (422, ["H191"])


async def test_addresses_and_secrets_are_sealed_at_rest(town: Town, receiver: Receiver) -> None:
    assert (await register(town, connection(receiver))).status_code == 200
    secret = (await own(town, "GET", "{}/secret")).json()["secret"]
    [row] = await town.owner.fetch("SELECT to_jsonb(p)::text AS all FROM push_registration AS p")
    sealed = await town.owner.fetchval("SELECT sealed FROM push_registration")
    for clear in (receiver.url, "localhost", USERNAME, PASSWORD, secret):
        assert clear not in row["all"]
        assert clear.encode() not in sealed
        assert clear.encode().hex() not in row["all"]


async def test_what_our_keys_do_not_open(town: Town, receiver: Receiver, tmp_path: Path) -> None:
    assert (await register(town, connection(receiver))).status_code == 200
    keys_file = tmp_path / "keys.json"
    write_key_file(keys_file, with_other_sealing_keys(town.ring, new_key_ring()))
    async with open_door(town.dsn, keys_file, town.data_dir, push_admit_loopback=True) as door:
        for operation in ("registration", "unregistration"):
            body: Any = connection(receiver)
            sent = {"connection": [body]} if operation == "registration" else body
            answer = await town.post(f"{town.brand}/push/{operation}", sent, at=door)
            assert (answer.status_code, codes(answer)) == (500, ["H412"])
        answer = await town.get(f"{town.brand}/push/registration", at=door)
        assert (answer.status_code, codes(answer)) == (500, ["H015"])


async def test_one_looks_after_one_s_connections(town: Town, receiver: Receiver) -> None:
    assert (await register(town, connection(receiver))).status_code == 200
    [shown] = (await own(town, "GET", "")).json()
    assert shown["url"] == receiver.url
    assert (shown["type"], shown["state"], shown["integratorCode"]) == ("MESAJ", "ACTIVE", None)
    assert shown["position"] == shown["head"] == await town.head()
    first = (await own(town, "GET", "{}/secret")).json()["secret"]
    assert first == (await own(town, "GET", "{}/secret")).json()["secret"]
    renewed = (await own(town, "POST", "{}/secret")).json()
    assert renewed["secret"].startswith("whsec_")
    assert renewed["secret"] != first
    assert (await own(town, "GET", "{}/secret")).json()["secret"] == renewed["secret"]
    # The secret is the address's, so that registering again changes nothing that was agreed on.
    assert (await register(town, connection(receiver))).status_code == 200
    assert (await own(town, "GET", "{}/secret")).json()["secret"] == renewed["secret"]
    assert (await own(town, "POST", "{}/resume")).status_code == 204
    assert (await own(town, "DELETE", "{}")).status_code == 204
    assert await connections(town) == []
    for method, path in (
        ("GET", "1/secret"),
        ("POST", "1/secret"),
        ("POST", "1/resume"),
        ("DELETE", "1"),
    ):
        assert problem(await own(town, method, path)) == (404, "UNKNOWN_CONNECTION")


async def test_who_may_look_after_what(town: Town, receiver: Receiver) -> None:
    assert (await register(town, connection(receiver), who="partner")).status_code == 200
    [shown] = (await own(town, "GET", "", who="partner")).json()
    assert shown["integratorCode"] == town.world.integrator_code
    number = shown["id"]
    # The provider and staff see it, may resume and remove it, but not see its secret.
    for who in ("provider", "admin"):
        assert [one["id"] for one in (await own(town, "GET", "", who=who)).json()] == [number]
        assert problem(await own(town, "GET", f"{number}/secret", who=who)) == (403, "FORBIDDEN")
        assert problem(await own(town, "POST", f"{number}/secret", who=who)) == (403, "FORBIDDEN")
        assert (await own(town, "POST", f"{number}/resume", who=who)).status_code == 204
    assert (await own(town, "GET", f"{number}/secret", who="partner")).status_code == 200
    refused: tuple[tuple[str | None, int], ...] = (
        ("operator", 403),
        ("ministry", 403),
        (None, 401),
    )
    for nobody, expected in refused:
        assert (await own(town, "GET", "", who=nobody)).status_code == expected
    assert (await register(town, connection(receiver, type="ARAMA"))).status_code == 200
    [_, of_provider] = (await own(town, "GET", "")).json()
    partner_s = await own(town, "DELETE", str(of_provider["id"]), who="partner")
    assert problem(partner_s) == (404, "UNKNOWN_CONNECTION")
    assert (await own(town, "DELETE", str(number))).status_code == 204
    nowhere = await town.get("/accounts/brands/999999/push/registrations", who="admin")
    assert problem(nowhere) == (404, "UNKNOWN_BRAND")
    nowhere = await town.get("/accounts/brands/999999/push/registrations")
    assert problem(nowhere) == (403, "FORBIDDEN")


def problem(answer: Answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]

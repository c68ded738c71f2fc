"""Where a request comes from, and who is believed about it."""

from ipaddress import ip_address
from typing import Any

import pytest
from pydantic import ValidationError

from services.registry.settings import RegistrySettings
from shared.domain.networks import read_network
from shared.web.client_address import ClientAddress, Origin, origin_of
from tests.registry.doors import Town, sign_in

PROXIES = [read_network("10.0.0.0/8"), read_network("192.0.2.1")]
EVIL = "203.0.113.66"


def origin(peer: str | None, *headers: tuple[str, str]) -> str:
    scope: dict[str, Any] = {
        "type": "http",
        "client": None if peer is None else (peer, 4711),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
    }
    return str(Origin(scope, PROXIES)())


@pytest.mark.parametrize(
    ("peer", "forwarded", "believed"),
    [
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),  # nobody whom we know says so
        ("10.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", f"{EVIL}, 203.0.113.7", "203.0.113.7"),  # what the client wrote stands first
        ("10.0.0.1", f"10.0.0.9, {EVIL}, 203.0.113.7, 10.0.0.2", "203.0.113.7"),
        ("192.0.2.1", "203.0.113.7, 10.0.0.2", "203.0.113.7"),  # two proxies of ours
        ("10.0.0.1", "10.0.0.7, 10.0.0.2", "10.0.0.7"),  # a client of the inner network
        ("10.0.0.1", "203.0.113.7:4711", "203.0.113.7"),
        ("10.0.0.1", "[2001:db8::7]:4711", "2001:db8::7"),
        ("::ffff:10.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", f"{EVIL}, unknown", "None"),  # nobody knows, so nobody is believed
        ("10.0.0.1", "", "10.0.0.1"),
    ],
)
def test_a_forwarded_address(peer: str, forwarded: str, believed: str) -> None:
    assert origin(peer, ("X-Forwarded-For", forwarded)) == believed


def test_several_headers_are_one_list() -> None:
    headers = [("X-Forwarded-For", EVIL), ("X-Forwarded-For", "203.0.113.7")]
    assert origin("10.0.0.1", *headers) == "203.0.113.7"


def test_a_real_ip_is_second_best() -> None:
    real = ("X-Real-IP", "203.0.113.7")
    assert origin("10.0.0.1", real) == "203.0.113.7"
    assert origin("203.0.113.9", real) == "203.0.113.9"
    assert origin("10.0.0.1", ("X-Forwarded-For", "203.0.113.8"), real) == "203.0.113.8"


def test_a_unix_socket_has_no_address() -> None:
    assert origin(None, ("X-Forwarded-For", EVIL)) == "None"


async def test_the_edge_tells_it_to_whoever_knows_no_request() -> None:
    told: list[Any] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        told.append(origin_of(scope))

    edge = ClientAddress(app, trusted=(), tell=told.append)
    scope = {"type": "http", "client": ("203.0.113.7", 1), "headers": []}
    await edge(scope, None, None)  # type: ignore[arg-type]  # nothing is read or sent
    assert (told[0](), told[1]) == (ip_address("203.0.113.7"),) * 2
    assert origin_of({"type": "http"}) is None


async def test_an_address_that_a_client_makes_up_changes_nothing(town: Town) -> None:
    who = town.world.provider
    body = {"grant_type": "password", "username": who.username, "password": "guess"}
    limits = {"token": {"quota": 3, "window_s": 3600}}
    async with town.another_process(limits_file=limits) as at:
        for n in range(6):
            made_up = {"X-Forwarded-For": f"198.51.100.{n}", "X-Real-IP": f"198.51.100.{n}"}
            answer = await at.post("/oauth2/token", json=body, headers=made_up)
            assert answer.status_code == (400 if n < 3 else 429)
    async with town.another_process(limits_file=limits, trusted_proxies="127.0.0.0/8") as at:
        for n in range(6):
            seen = {"X-Forwarded-For": f"198.51.100.{n}, 203.0.113.7"}
            answer = await at.post("/oauth2/token", json=body, headers=seen)
            assert answer.status_code == (400 if n < 3 else 429)
        assert (await sign_in(at, who.username, who.password)).status_code == 200


def test_networks_of_proxies_are_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IZIN_TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.1")
    assert RegistrySettings().trusted_proxies == tuple(PROXIES)
    monkeypatch.setenv("IZIN_TRUSTED_PROXIES", "")
    assert RegistrySettings().trusted_proxies is None
    monkeypatch.setenv("IZIN_TRUSTED_PROXIES", "10.0.0.0/8,10.0.0.1/8")
    with pytest.raises(ValidationError, match="it has host bits set"):
        RegistrySettings()

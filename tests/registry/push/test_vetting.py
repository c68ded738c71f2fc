"""Nobody inside is called, whatever a name or a number pretends to be."""

import socket
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

import pytest

from shared.domain.webhook_url import WebhookUrl, read_webhook_url
from shared.webhooks.vet_address import (
    AddressRefusedError,
    is_public,
    system_look_up,
    vetted_addresses,
)

PUBLIC = ("8.8.8.8", "1.1.1.1", "185.15.59.224", "2a00:1450:4017:80b::200e", "2606:4700::1111")
NOT_PUBLIC = (
    # this machine, and whatever is beside it
    *("127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "::1", "::"),  # noqa: S104  # nobody binds
    *("10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fd12:3456::1"),
    *("169.254.169.254", "169.254.0.1", "fe80::1", "fec0::1"),
    # carriers' NAT, benchmarks, protocol assignments, relays, documentation
    *("100.64.0.1", "100.127.255.255", "198.18.0.1", "198.19.255.255", "192.0.0.8", "192.0.0.170"),
    *("192.88.99.1", "192.0.2.1", "198.51.100.1", "203.0.113.1", "192.31.196.1", "192.175.48.1"),
    *("2001:db8::1", "3fff::1", "2001::1", "2001:20::1", "100::1", "5f00::1", "2620:4f:8000::1"),
    # many, all, and what is reserved
    *("224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1", "240.0.0.1", "255.255.255.255"),
    # an IPv4 address inside an IPv6 one
    *("::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::7f00:1"),
    *("2002:7f00:1::", "2001:0:7f00:1::"),
)


@pytest.mark.parametrize("text", PUBLIC)
def test_a_machine_of_the_internet_may_be_called(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.mark.parametrize("text", NOT_PUBLIC)
def test_nobody_else_may_be_called(text: str) -> None:
    assert not is_public(ip_address(text))


def url(text: str) -> WebhookUrl:
    read = read_webhook_url(text)
    assert read is not None
    return read


async def vetted(text: str, *answers: str, admit_loopback: bool = False) -> list[str]:
    async def look_up(_host: str, _port: int) -> list[str]:
        return list(answers)

    return await vetted_addresses(url(text), look_up, admit_loopback=admit_loopback)


async def test_a_name_stands_for_what_it_resolves_to() -> None:
    found = await vetted("https://kayit.example.com/", "8.8.8.8", "2606:4700::1111")
    assert found == ["8.8.8.8", "2606:4700::1111"]
    assert len(await vetted("https://kayit.example.com/", *(f"8.8.8.{n}" for n in range(9)))) == 4


@pytest.mark.parametrize("answers", [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["::ffff:7f00:1"], []])
async def test_a_name_with_one_address_inside_is_refused_whole(answers: list[str]) -> None:
    with pytest.raises(AddressRefusedError):
        await vetted("https://tuzak.example.com/", *answers)


@pytest.mark.parametrize("port", [22, 25, 80, 1023])
async def test_the_port_of_another_service_is_refused(port: int) -> None:
    with pytest.raises(AddressRefusedError):
        await vetted(f"https://kayit.example.com:{port}/", "8.8.8.8")
    assert await vetted("https://kayit.example.com:1024/", "8.8.8.8")


async def test_without_tls_nobody_is_called() -> None:
    for admit_loopback in (False, True):
        with pytest.raises(AddressRefusedError):
            await vetted("http://kayit.example.com/", "8.8.8.8", admit_loopback=admit_loopback)


async def test_a_test_may_call_this_machine_and_this_machine_alone() -> None:
    assert await vetted("http://localhost:81/", "127.0.0.1", "::1", admit_loopback=True)
    for answers in (["10.0.0.1"], ["127.0.0.1", "10.0.0.1"]):
        with pytest.raises(AddressRefusedError):
            await vetted("https://localhost/", *answers, admit_loopback=True)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]"])
async def test_the_system_s_own_resolver_does_not_get_around_it(host: str) -> None:
    with ThreadPoolExecutor(1) as threads:
        look_up = system_look_up(threads)
        with pytest.raises(AddressRefusedError):
            await vetted_addresses(url(f"https://{host}/"), look_up, admit_loopback=False)


@pytest.mark.parametrize(
    "host", ["2130706433", "0177.0.0.1", "127.1", "0x7f.1", "0x7f000001", "127.0.0.01"]
)
def test_numbers_that_resolvers_take_for_this_machine_are_no_hosts(host: str) -> None:
    assert read_webhook_url(f"https://{host}/") is None
    try:
        taken = socket.inet_aton(host)
    except OSError:
        return
    assert taken == bytes([127, 0, 0, 1]), "why it is refused"

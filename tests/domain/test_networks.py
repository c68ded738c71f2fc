"""Addresses and networks as they are written."""

import pytest

from shared.domain.networks import customer_of, is_within, read_address, read_network


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        (" 203.0.113.7 ", "203.0.113.7"),
        ("203.0.113.7:4711", "203.0.113.7"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
    ],
)
def test_an_address_is_read_with_or_without_a_port(text: str, address: str) -> None:
    assert str(read_address(text)) == address


@pytest.mark.parametrize(
    "text", ["", "unknown", "203.0.113", "x" * 1000, "203.0.113.7/24", "[", ":"]
)
def test_what_is_no_address_is_none(text: str) -> None:
    assert read_address(text) is None


def test_a_network_may_be_one_address() -> None:
    assert str(read_network(" 203.0.113.0/24 ")) == "203.0.113.0/24"
    assert str(read_network("2001:db8::7")) == "2001:db8::7/128"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("203.0.113.7/24", "'203.0.113.7/24' is not a network: it has host bits set"),
        ("office", "'office' is not a network: write it as 203.0.113.0/24"),
    ],
)
def test_what_is_no_network_is_told_why(text: str, said: str) -> None:
    with pytest.raises(ValueError, match="is not a network") as refused:
        read_network(text)
    assert str(refused.value) == said


def test_an_address_is_within_networks_of_its_kind() -> None:
    networks = [read_network("203.0.113.0/24"), read_network("2001:db8::/48")]
    assert is_within(read_address("203.0.113.9"), networks)
    assert is_within(read_address("::ffff:203.0.113.9"), networks)
    assert is_within(read_address("2001:db8::5"), networks)
    assert not is_within(read_address("203.0.114.9"), networks)
    assert not is_within(None, networks)
    assert not is_within(read_address("203.0.113.9"), [])


def test_a_customer_is_an_address_or_a_64() -> None:
    assert customer_of(read_address("203.0.113.9")) == "203.0.113.9"
    assert customer_of(read_address("2001:db8:1:2:3:4:5:6")) == "2001:db8:1:2::/64"
    assert customer_of(None) == "unknown"

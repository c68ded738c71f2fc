import pytest
from redis.asyncio.connection import parse_url

from shared.cache.address import CacheAddressError, ServerAddress, read_address
from shared.cache.slots import read_slots

URLS = [
    "redis://localhost",
    "redis://cache.example:7000/3",
    "redis://:s%40crt@cache.example:7000",
    "redis://projector:word@cache.example/0",
    "rediss://cache.example:6380?ssl_ca_certs=/etc/ca.pem",
    "redis://cache.example?db=4",
    "redis://[::1]:7000/1",
    "unix:///run/valkey.sock",
    "unix:///run/a%20b.sock?db=2",
    "unix://:word@/run/valkey.sock",
]


@pytest.mark.parametrize("url", URLS)
def test_a_url_means_what_it_means_to_the_client_library(url: str) -> None:
    ours = read_address(url)
    theirs = parse_url(url)
    assert ours.path == theirs.get("path")
    if ours.path is None:
        assert ours.host == theirs["host"]
        assert ours.port == theirs.get("port", 6379)
    assert ours.database == int(theirs.get("db") or 0)
    assert (ours.username, ours.password) == (theirs.get("username"), theirs.get("password"))
    assert ours.tls == ("connection_class" in theirs and ours.path is None)
    assert ours.ca_file == theirs.get("ssl_ca_certs")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://cache.example", "begins with"),
        ("cache.example:6379", "begins with"),
        ("redis://cache.example:port", "malformed"),
        ("redis://cache.example/one", "number"),
        ("redis://cache.example?retry=3", "unknown option"),
        ("redis://[::1", "malformed"),
    ],
)
def test_a_url_that_makes_no_sense_is_refused_with_the_reason(url: str, why: str) -> None:
    with pytest.raises(CacheAddressError, match=why):
        read_address(url)


def test_an_address_shows_no_password() -> None:
    address = read_address("redis://projector:hush@cache.example:7000")
    assert "hush" not in f"{address} {address!r}"


ASKED = ServerAddress(host="10.0.0.1", port=7000, password="word", database=0)


def test_the_map_of_a_cluster_is_read_from_what_a_node_says() -> None:
    slot_map = read_slots(
        [
            [0, 8191, [b"10.0.0.2", 7001, b"id", []], [b"10.0.0.9", 7009, b"replica"]],
            [8192, 16383, [None, 7000, b"id"]],
        ],
        ASKED,
    )
    assert slot_map.is_whole
    assert {(node.host, node.port) for node in slot_map.nodes} == {
        ("10.0.0.2", 7001),
        ("10.0.0.1", 7000),
    }
    assert all(node.password == "word" for node in slot_map.nodes)
    assert slot_map.node_of(123_456_789) == ASKED  # slot 12739


def test_slots_of_nobody_are_of_nobody() -> None:
    slot_map = read_slots([[0, 100, [b"10.0.0.2", 7001, b"id"]]], ASKED)
    assert not slot_map.is_whole
    assert slot_map.node_of(123_456_789) is None
    assert read_slots([], ASKED).node_of(123_456_789) is None


@pytest.mark.parametrize(
    "reply",
    [None, b"no", 5, [None], [[0]], [[0, 5, b"x"]], [[0, 5, [b"?", 7000]]], [[0, 5, [7, 7000]]]],
)
def test_a_map_that_makes_no_sense_maps_nothing(reply: object) -> None:
    assert read_slots(reply, ASKED).nodes == frozenset()

"""Reading push connections, and the addresses in them."""

from typing import Any

import pytest

from shared.domain.consent import Channel
from shared.domain.read_push import (
    CONNECTIONS_MAX,
    PushConnection,
    read_connection,
    read_connections,
)
from shared.domain.webhook_url import WebhookUrl, read_webhook_url

URL = "https://kayit.example.com/iys"
GOOD = {"url": URL, "type": "MESAJ", "username": "u", "password": "p: ğ"}
Faults = list[tuple[str, tuple[str | int, ...]]]


def without(name: str) -> dict[str, Any]:
    return {field: value for field, value in GOOD.items() if field != name}


def faults(body: object) -> Faults:
    read = read_connections(body, admit_http=False)
    assert isinstance(read, tuple)
    return [(fault.code, fault.location) for fault in read]


def test_a_connection_is_read() -> None:
    expected = PushConnection(
        URL, WebhookUrl("https", "kayit.example.com", 443, "/iys"), Channel.SMS, "u", "p: ğ"
    )
    assert read_connections({"connection": [GOOD]}, admit_http=False) == [expected]
    assert read_connection({**GOOD, "more": 1}, admit_http=False) == expected
    assert "p: ğ" not in repr(expected)


@pytest.mark.parametrize("body", [None, [], {}, {"connection": []}, {"connection": [GOOD, 1]}])
def test_no_connections(body: object) -> None:
    assert faults(body) == [("H014", ())]


def test_no_connection() -> None:
    read = read_connection([], admit_http=False)
    assert isinstance(read, tuple)
    assert [fault.code for fault in read] == ["H014"]


def test_more_than_there_can_be() -> None:
    assert faults({"connection": [GOOD] * (CONNECTIONS_MAX + 1)}) == [("H530", ("connection",))]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (without("url"), [("H531", ("url",))]),
        ({**GOOD, "url": None}, [("H531", ())]),
        ({**GOOD, "url": "http://kayit.example.com"}, [("H531", ())]),
        (without("type"), [("H111", ("type",))]),
        ({**GOOD, "type": "SMS"}, [("H117", ("type",))]),
        (without("username"), [("H093", ("username",))]),
        ({**GOOD, "username": "a:b"}, [("H093", ("username",))]),
        ({**GOOD, "username": "a\n"}, [("H093", ("username",))]),
        ({**GOOD, "password": ""}, [("H093", ("password",))]),
        ({**GOOD, "password": "p" * 257}, [("H093", ("password",))]),
        ({}, [("H531", ("url",)), ("H111", ("type",)), ("H093", ("username",)), ("H093", ("password",))]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_one(body: dict[str, Any], expected: Faults) -> None:
    assert faults({"connection": [body]}) == expected
    placed = [(code, ("connection", 1, *location)) for code, location in expected]
    assert faults({"connection": [GOOD, body]}) == placed


def test_a_test_may_do_without_tls() -> None:
    read = read_connection({**GOOD, "url": "http://localhost:81"}, admit_http=True)
    assert isinstance(read, PushConnection)
    assert read.url == WebhookUrl("http", "localhost", 81, "/")


@pytest.mark.parametrize(
    ("text", "expected", "authority"),
    [
        ("HTTPS://Kayit.Example.com", ("https", "kayit.example.com", 443, "/"), "kayit.example.com"),
        ("https://a.example:443/x?y=1", ("https", "a.example", 443, "/x?y=1"), "a.example"),
        ("https://a.example:8443?y", ("https", "a.example", 8443, "/?y"), "a.example:8443"),
        ("http://a.example:80", ("http", "a.example", 80, "/"), "a.example"),
        ("https://8.8.8.8/", ("https", "8.8.8.8", 443, "/"), "8.8.8.8"),
        ("https://[2001:DB8::0:1]:444/", ("https", "2001:db8::1", 444, "/"), "[2001:db8::1]:444"),
    ],
)  # fmt: skip
def test_an_address_is_taken_apart(
    text: str, expected: tuple[str, str, int, str], authority: str
) -> None:
    url = read_webhook_url(text)
    assert url == WebhookUrl(*expected)
    assert url.authority == authority


@pytest.mark.parametrize(
    "text",
    [
        *(None, 17, "", "https://", "https:///x", "kayit.example.com", "ftp://a.example/"),
        *("https://a.example/ x", "https://a.example/\n", "https://ö.example/", "https://a..b/"),
        *("https://a.example:0/", "https://a.example:65536/", "https://a.example:x/"),
        *("https://u@a.example/", "https://u:p@a.example/", "https://a.example/#x"),
        *("https://a.example\\@b.example/", "https://[::1", "https://[x]/", "https://[fe80::1%25a]/"),
        *("https://2130706433/", "https://0177.0.0.1/", "https://127.1/", "https://0x7f.1/"),
        *("https://a.example./", "https://-a.example/", "https://" + "a" * 64 + ".example/"),
        "https://a.example/" + "x" * 2048,
    ],
)  # fmt: skip
def test_what_is_no_address(text: object) -> None:
    assert read_webhook_url(text) is None

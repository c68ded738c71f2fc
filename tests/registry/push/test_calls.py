"""A call of a receiver ends within its time and tells what came of it, whatever the receiver does."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from shared.domain.webhook_url import read_webhook_url
from shared.webhooks import call_receiver
from shared.webhooks.call_receiver import Line, Outcome, Receivers, Reply
from tests.registry.push.receiver import (
    BASIC,
    TAKE,
    Answer,
    Authority,
    Receiver,
    cut,
    endless_body,
    hang,
    open_receiver,
    raw,
    status,
)

BODY = b'{"list":[]}'


@pytest.fixture
def receivers(authority: Authority) -> Iterator[Receivers]:
    opened = Receivers(ca_file=authority.ca_file, admit_loopback=True, answer_within_s=0.5)
    yield opened
    opened.close()


def line_to(receivers: Receivers, text: str) -> Line:
    url = read_webhook_url(text)
    assert url is not None
    return receivers.line(url)


async def call(receivers: Receivers, text: str) -> Reply:
    line = line_to(receivers, text)
    try:
        return await line.post(BODY, {"Authorization": BASIC})
    finally:
        line.close()


CASES: dict[str, tuple[Answer, Reply]] = {
    "takes it": (TAKE, Reply(Outcome.DELIVERED, 200)),
    "takes it without a word": (status(204, body=b""), Reply(Outcome.DELIVERED, 204)),
    "is broken": (status(500), Reply(Outcome.REFUSED, 500)),
    "is busy": (status(503, "Retry-After: 120"), Reply(Outcome.REFUSED, 503, 120)),
    "is busy for long": (status(429, "Retry-After: 999999"), Reply(Outcome.REFUSED, 429, 3600)),
    "is busy until": (status(503, "Retry-After: Fri, 31 Dec"), Reply(Outcome.REFUSED, 503)),
    "is gone": (status(410), Reply(Outcome.GONE, 410)),
    "sends us elsewhere": (
        status(307, "Location: https://localhost:1/"),
        Reply(Outcome.REDIRECTED, 307),
    ),
    "hangs": (hang, Reply(Outcome.TIMED_OUT)),
    "hangs up": (cut, Reply(Outcome.CUT_OFF)),
    "hangs up in its head": (raw(b"HTTP/1.1 200 OK\r\nContent-Le"), Reply(Outcome.CUT_OFF)),
    "hangs up in its body": (
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab"),
        Reply(Outcome.DELIVERED, 200),
    ),
    "speaks no HTTP": (raw(b"220 mail.example.com ESMTP\r\n"), Reply(Outcome.CUT_OFF)),
    "has an endless head": (raw(b"HTTP/1.1 200 OK\r\nA: " + b"a" * 99_999), Reply(Outcome.CUT_OFF)),
    "has an endless body": (endless_body, Reply(Outcome.DELIVERED, 200)),
    "thinks aloud first": (
        raw(b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        Reply(Outcome.DELIVERED, 200),
    ),
}


@pytest.mark.parametrize("name", CASES)
async def test_a_receiver_that(name: str, receivers: Receivers, receiver: Receiver) -> None:
    receiver.otherwise, expected = CASES[name]
    assert await call(receivers, receiver.url) == expected
    [one] = receiver.received
    assert (one.target, one.raw) == ("/iys?from=izin", BODY)
    assert one.headers["host"] == f"localhost:{receiver.port}"
    assert one.headers["content-type"] == "application/json"


async def test_one_connection_serves_several_calls(
    receivers: Receivers, receiver: Receiver
) -> None:
    line = line_to(receivers, receiver.url)
    for _ in range(3):
        assert (await line.post(BODY, {"Authorization": BASIC})).outcome is Outcome.DELIVERED
    line.close()
    assert (len(receiver.received), receiver.connections) == (3, 1)


async def test_a_receiver_may_hang_up_between_two_calls(
    receivers: Receivers, receiver: Receiver
) -> None:
    # The call that finds the connection closed is made again on a new one; nobody was told anything yet.
    receiver.next_ones.extend([TAKE, cut, TAKE])
    line = line_to(receivers, receiver.url)
    for _ in range(2):
        assert (await line.post(BODY, {"Authorization": BASIC})).outcome is Outcome.DELIVERED
    line.close()
    assert receiver.connections == 2


async def test_nobody_listens(receivers: Receivers) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        reply = await call(receivers, f"https://localhost:{port}/")
    assert reply == Reply(Outcome.UNREACHABLE)


async def test_a_name_that_is_nobody_s(receivers: Receivers) -> None:
    async def look_up(_host: str, _port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    receivers.look_up = look_up
    assert await call(receivers, "https://yok.example.com/") == Reply(Outcome.UNREACHABLE)


async def test_a_resolver_that_hangs(receivers: Receivers) -> None:
    async def look_up(_host: str, _port: int) -> list[str]:
        await asyncio.Event().wait()
        return []

    receivers.look_up = look_up
    assert await call(receivers, "https://kayit.example.com/") == Reply(Outcome.TIMED_OUT)


async def test_a_name_that_points_inside_is_not_called(
    authority: Authority, receiver: Receiver
) -> None:
    strict = Receivers(ca_file=authority.ca_file, admit_loopback=False, answer_within_s=5)
    assert await call(strict, receiver.url) == Reply(Outcome.ADDRESS_REFUSED)
    strict.close()
    assert receiver.connections == 0


async def test_a_name_is_looked_up_once_for_a_connection_and_anew_for_the_next(
    receivers: Receivers, receiver: Receiver
) -> None:
    """What was vetted is what is called: a name that changes its mind in between gains nothing."""
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])

    async def look_up(_host: str, _port: int) -> list[str]:
        return next(answers)

    receivers.look_up = look_up
    receiver.next_ones.append(status(200, "Connection: close"))
    line = line_to(receivers, receiver.url)
    assert (await line.post(BODY, {"Authorization": BASIC})).outcome is Outcome.DELIVERED
    assert (await line.post(BODY, {"Authorization": BASIC})).outcome is Outcome.ADDRESS_REFUSED
    assert receiver.connections == 1


async def test_the_next_address_is_tried(receivers: Receivers, receiver: Receiver) -> None:
    async def look_up(_host: str, _port: int) -> list[str]:
        return ["127.0.0.2", "127.0.0.1"]  # the server listens on the second one alone

    receivers.look_up = look_up
    assert (await call(receivers, receiver.url)).outcome is Outcome.DELIVERED


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_certificate_of_an_authority_that_we_trust(
    host: str, receivers: Receivers, receiver: Receiver
) -> None:
    text = f"https://{host}:{receiver.port}/"
    assert (await call(receivers, text)).outcome is Outcome.DELIVERED


async def test_a_certificate_for_another_name_is_refused(
    receivers: Receivers, receiver: Receiver
) -> None:
    async def look_up(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    receivers.look_up = look_up
    text = f"https://kayit.example.com:{receiver.port}/"
    assert await call(receivers, text) == Reply(Outcome.TLS_FAILED)
    assert not receiver.received


async def test_a_certificate_of_nobody_s_is_refused(receiver: Receiver) -> None:
    trusting_the_system = Receivers(ca_file=None, admit_loopback=True, answer_within_s=5)
    assert await call(trusting_the_system, receiver.url) == Reply(Outcome.TLS_FAILED)
    trusting_the_system.close()


@pytest.fixture
async def plain_receiver() -> AsyncIterator[Receiver]:
    async with open_receiver(None) as opened:
        yield opened


async def test_a_test_may_do_without_tls(receivers: Receivers, plain_receiver: Receiver) -> None:
    text = plain_receiver.url.replace("https", "http")
    assert (await call(receivers, text)).outcome is Outcome.DELIVERED
    # But https means TLS.
    assert (await call(receivers, plain_receiver.url)).outcome is not Outcome.DELIVERED


async def test_a_proxy_of_the_environment_is_not_asked(
    receivers: Receivers, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert (await call(receivers, receiver.url)).outcome is Outcome.DELIVERED


def test_a_file_of_authorities_that_is_none_ends_the_start(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    with pytest.raises(ssl.SSLError):
        Receivers(ca_file=tmp_path / "ca.pem", admit_loopback=False, answer_within_s=5)


def test_five_seconds_are_what_is_published() -> None:
    assert call_receiver.ANSWER_WITHIN_S == 5

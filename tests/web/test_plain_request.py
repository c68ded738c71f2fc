"""Which requests are plain: those that the server's parser leaves no doubt about."""

import pytest
from httptools import HttpRequestParser
from hypothesis import given
from hypothesis import strategies as st

from shared.web.plain_request import authorization_of_plain

BODY = b'{"a":1}'
LINES = (
    b"POST /check HTTP/1.1",
    b"Host: x",
    b"Authorization: Bearer \xe9",
    b"Content-Length: 7",
)
HEAD = b"\r\n".join(LINES) + b"\r\n\r\n"


def with_line(line: bytes) -> bytes:
    return HEAD.replace(b"Host: x", b"Host: x\r\n" + line)


def plain(head: bytes, body: bytes = BODY) -> str | None:
    return authorization_of_plain(head, body, path=b"/check")


@pytest.mark.parametrize(
    "head",
    [
        HEAD,
        with_line(b"Connection: keep-alive"),
        with_line(b"connection: Keep-Alive"),
        with_line(b"Accept: */*\r\nAccept: text/plain"),
        HEAD.replace(b"Content-Length", b"cOnTeNt-LeNgTh"),
        HEAD.replace(b"Length: 7", b"Length:7"),
        HEAD.replace(b"Length: 7", b"Length: \t7"),
        with_line(b"X-Empty:"),
    ],
)
def test_a_plain_request_is_recognised(head: bytes) -> None:
    assert plain(head) == "Bearer \xe9"


@pytest.mark.parametrize(
    "head",
    [
        HEAD.replace(b"POST", b"PUT"),
        HEAD.replace(b"POST", b"post"),
        HEAD.replace(b"/check", b"/check/"),
        HEAD.replace(b"/check", b"/check?a"),
        HEAD.replace(b"/check", b"/check#a"),
        HEAD.replace(b"/check", b"/%63heck"),
        HEAD.replace(b"/check", b"http://x/check"),
        HEAD.replace(b"1.1", b"1.0"),
        HEAD.replace(b"1.1", b"2.0"),
        HEAD.replace(b"Length: 7", b"Length: 8"),
        HEAD.replace(b"Length: 7", b"Length: 6"),
        HEAD.replace(b"Length: 7", b"Length: 07"),
        HEAD.replace(b"Length: 7", b"Length: 7 "),
        HEAD.replace(b"Length: 7", b"Length: +7"),
        HEAD.replace(b"Length: 7", b"Length: -7"),
        HEAD.replace(b"Length: 7", b"Length: 7,7"),
        HEAD.replace(b"Length: 7", b"Length:"),
        HEAD.replace(b"Content-Length: 7", b"X-None: 7"),
        HEAD.replace(b"Authorization", b"X-None"),
        HEAD.replace(b"\r\n", b"\n"),
        HEAD[:-2] + b"\n",
        HEAD[:-1],
        HEAD[:-4],
        HEAD + b"\r\n",
        HEAD + BODY[:1],
        b"\r\n" + HEAD[:-5] + b"\n\r\n\r\n",
        with_line(b"Content-Length: 7"),
        with_line(b"Content-Length: 6"),
        with_line(b"Authorization: Bearer other"),
        with_line(b"Transfer-Encoding: chunked"),
        with_line(b"Transfer-Encoding: identity"),
        with_line(b"Expect: 100-continue"),
        with_line(b"Upgrade: websocket"),
        with_line(b"Connection: upgrade\r\nUpgrade: h2c"),
        with_line(b"Connection: close"),
        with_line(b"Connection: keep-alive, close"),
        with_line(b"Connection: keep-alive\r\nConnection: keep-alive"),
        with_line(b"Connection:"),
        with_line(b"Proxy-Connection: close"),
        with_line(b"Content-Encoding: gzip"),
        with_line(b"X-Request-Id: mine"),
        with_line(b" folded"),
        with_line(b"X-Nul: \0"),
        with_line(b"X Space: 1"),
        with_line(b"X-Space : 1"),
        b"",
        b"\r\n\r\n",
    ],
)
def test_any_other_is_not(head: bytes) -> None:
    assert plain(head) is None


@pytest.mark.parametrize("body", [b"", BODY[:-1], BODY + b" ", BODY + b"\r\n", BODY + HEAD])
def test_a_body_is_all_there_and_nothing_follows(body: bytes) -> None:
    assert plain(HEAD, body) is None


class _Recorder:
    def __init__(self) -> None:
        self.said: list[tuple[bytes, ...]] = []

    def on_url(self, url: bytes) -> None:
        self.said.append((b"url", url))

    def on_header(self, name: bytes, value: bytes) -> None:
        self.said.append((name, value))

    def on_body(self, body: bytes) -> None:
        self.said.append((b"body", body))

    def on_message_complete(self) -> None:
        self.said.append((b"end",))


def said_of(request: bytes) -> list[tuple[bytes, ...]]:
    recorder = _Recorder()
    HttpRequestParser(recorder).feed_data(request)
    return recorder.said


PIECES = st.sampled_from(
    [*LINES, b"\r\n", b"\n", b"\r", b" ", b"X: 1", b":", b"\0", BODY, b"Connection"]
)
DAMAGE = st.lists(st.tuples(st.integers(0, len(HEAD)), st.integers(0, 3), PIECES), max_size=3)


@given(DAMAGE, st.binary(min_size=7, max_size=7))
def test_what_is_plain_means_the_same_with_any_body(
    damage: list[tuple[int, int, bytes]], other: bytes
) -> None:
    head = HEAD
    for at, length, piece in damage:
        head = head[:at] + piece + head[at + length :]
    if plain(head) is not None:
        assert said_of(head + BODY)[:-2] == said_of(head + other)[:-2]
        assert said_of(head + other)[-2:] == [(b"body", other), (b"end",)]

"""The shell of the hot path alone: a real server, a stand-in behind it, and clients of every kind."""

import re
import socket
import struct
from collections.abc import Iterator
from threading import Thread

import pytest

from services.check import hot_path
from services.check.hot_door import ASKED_AT, CACHE_MISSED
from shared.telemetry import metrics
from tests.support.hot_server import (
    HotServer,
    answer_to,
    eventually,
    hot_server,
    masked,
    question,
    read_answers,
    request,
)

PLAIN = request(question())
ODD = {
    "an id of the caller's": request(question(), "X-Request-Id: mine"),
    "closes": request(question(), "Connection: close"),
    "upgrades": request(question(), "Connection: upgrade", "Upgrade: h2c"),
    "expects": request(question(), "Expect: 100-continue"),
    "encoded": request(question(), "Content-Encoding: identity"),
    "two credentials": request(question(), "Authorization: Bearer other"),
    "a stranger": request(question(), authorization="Bearer unknown"),
    "a query": PLAIN.replace(b"/check", b"/check?"),
    "a slash too many": PLAIN.replace(b"/check", b"//check"),
    "whole address": PLAIN.replace(b"/check", b"http://x/check"),
    "two lengths": request(question(), f"Content-Length: {len(question())}"),
    "zeros before the length": PLAIN.replace(b"Length: ", b"Length: 00"),
    "a large head": request(question(), "X-Long: " + "x" * 5000),
    "a large body": request(question() + b" " * 1100),
    "a line before": b"\r\n" + PLAIN,
    "a line after": PLAIN + b"\r\n",
    "not a plain question": request(question(retailerCode=66000001)),
    "two at once": request(question(2)) + PLAIN,
    "half of the next": PLAIN + PLAIN[:40],
}


@pytest.fixture(scope="module")
def server() -> Iterator[HotServer]:
    with hot_server() as made:
        yield made


@pytest.fixture
def client(server: HotServer) -> Iterator[socket.socket]:
    """Return a connection to a server that has forgotten everything."""
    server.plain.__init__()  # type: ignore[misc]  # as new
    server.app.__init__()  # type: ignore[misc]
    server.protocol._shared.request_heads.clear()
    with server.connect() as connection:
        eventually(lambda: len(server.connections) == 1)
        yield connection
    eventually(lambda: not server.connections)


def counted(name: str, **labels: str) -> float:
    return metrics.REGISTRY.get_sample_value(name, labels) or 0.0


def test_a_plain_request_never_reaches_the_app(server: HotServer, client: socket.socket) -> None:
    for n in range(1, 20):
        client.sendall(request(question(n)))
        assert read_answers(client)[0].endswith(answer_to(question(n)))
    assert server.ways() == (19, 0)
    assert server.plain.tickets == ["Bearer known"]  # looked up once, and then remembered


def test_an_answer_is_the_app_s_byte_for_byte(server: HotServer, client: socket.socket) -> None:
    answers = {}
    for way, sent in {"hot": PLAIN, "long": PLAIN.replace(b"Host", b"Expect: x\r\nHost")}.items():
        client.sendall(sent)
        [answers[way]] = read_answers(client)
    assert server.ways() == (1, 1)
    assert masked(answers["hot"]) == masked(answers["long"])
    assert b"\r\ndate: *\r\n" in masked(answers["hot"])
    assert b"\r\nx-request-id: *\r\n" in masked(answers["hot"])


def test_no_request_id_is_given_twice(client: socket.socket) -> None:
    seen = set()
    for _ in range(600):
        client.sendall(PLAIN)
        seen.add(re.search(rb"x-request-id: ([0-9a-f]{32})\r", read_answers(client)[0])[1])  # type: ignore[index]
    assert len(seen) == 600


@pytest.mark.parametrize("kind", ODD)
def test_an_odd_request_goes_to_the_app_as_it_is(
    server: HotServer, client: socket.socket, kind: str
) -> None:
    client.sendall(ODD[kind])
    if kind == "two lengths":
        assert client.recv(1000).startswith(b"HTTP/1.1 400")
        return
    count = ODD[kind].count(b"Host: ")
    if kind == "half of the next":
        client.sendall(PLAIN[40:])
    if kind == "expects":
        assert client.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
    answers = read_answers(client, count)
    assert server.ways() == (0, count)
    assert all(answer.startswith(b"HTTP/1.1 200") for answer in answers)
    lost = kind == "upgrades"  # the server does not read the body of such a request
    assert answers[-1].endswith(answer_to(b"" if lost else question()))
    if kind == "closes":
        assert client.recv(1) == b""
        return
    client.sendall(PLAIN)  # and the next one is answered here again
    assert read_answers(client)[0].endswith(answer_to(question()))
    assert server.ways() == (1, count)


def test_a_request_in_pieces_goes_to_the_app(server: HotServer, client: socket.socket) -> None:
    [connection] = server.connections
    for cut in (1, 20, PLAIN.index(b"\r\n\r\n") + 2, PLAIN.index(b"{"), len(PLAIN) - 1):
        server.app.asked.clear()
        client.sendall(PLAIN[:cut])
        eventually(lambda: connection._long_way)
        client.sendall(PLAIN[cut:])
        read_answers(client)
        assert server.app.asked[0][0] == question()
    assert server.plain.asked == []


def test_a_body_may_come_behind_a_head_that_is_known(
    server: HotServer, client: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hot_path, "BODY_WAIT_S", 5.0)
    cut = PLAIN.index(b"{")
    [connection] = server.connections
    for n in range(1, 6):  # the first one teaches the head
        client.sendall(request(question(n))[:cut])
        eventually(lambda: connection._begun or connection._long_way)
        client.sendall(question(n))
        assert read_answers(client)[0].endswith(answer_to(question(n)))
        if n == 1:
            client.sendall(PLAIN)
            read_answers(client)
    assert server.ways() == (5, 1)
    client.sendall(PLAIN[:cut])  # and anything else behind it goes to the app with it
    eventually(lambda: connection._begun)
    client.sendall(PLAIN[cut:] + PLAIN)
    read_answers(client, 2)
    assert server.ways() == (5, 3)


def test_a_body_is_waited_for_a_moment(server: HotServer, client: socket.socket) -> None:
    cut = PLAIN.index(b"{")
    client.sendall(PLAIN)
    read_answers(client)
    [connection] = server.connections
    client.sendall(PLAIN[:cut])
    eventually(lambda: connection._long_way == 2)
    client.sendall(PLAIN[cut:])
    read_answers(client)
    assert server.ways() == (1, 1)
    with server.connect() as other:  # which leaves in that moment
        other.sendall(PLAIN[:cut])


def test_what_comes_meanwhile_waits_for_its_turn(server: HotServer, client: socket.socket) -> None:
    server.plain.holds_back = True
    [connection] = server.connections
    client.sendall(PLAIN)
    eventually(lambda: server.plain.waiting)
    for n in (2, 3):
        client.sendall(request(question(n)))
    client.sendall(request(question(4))[:50])
    eventually(lambda: len(connection._held) > 2 * len(PLAIN))
    server.on_loop(server.plain.release)
    client.sendall(request(question(4))[50:])
    answers = read_answers(client, 4)
    assert [answer[-2:-1] for answer in answers] == [b"1", b"2", b"3", b"4"]
    assert server.ways() == (1, 3)


def test_one_request_that_came_meanwhile_is_answered_here(
    server: HotServer, client: socket.socket
) -> None:
    server.plain.holds_back = True
    [connection] = server.connections
    client.sendall(PLAIN)
    eventually(lambda: len(server.plain.asked) == 1)
    client.sendall(request(question(2)))
    eventually(lambda: connection._held)
    for n in (1, 2):
        eventually(lambda: server.plain.waiting)
        server.on_loop(server.plain.release)
        assert read_answers(client)[0].endswith(answer_to(question(n)))
    assert server.ways() == (2, 0)


def test_no_more_than_a_bounded_number_of_bytes_waits(
    server: HotServer, client: socket.socket
) -> None:
    server.plain.holds_back = True
    [connection] = server.connections
    client.sendall(PLAIN)
    eventually(lambda: server.plain.waiting)
    count = 5000
    sending = Thread(target=client.sendall, args=(PLAIN * count,))
    sending.start()
    eventually(lambda: connection.flow.read_paused)
    assert len(connection._held) < hot_path.HELD_BYTES_MAX + 300_000
    server.plain.holds_back = False
    server.on_loop(server.plain.release)
    assert len(read_answers(client, count + 1)) == count + 1
    sending.join()


def test_a_question_waits_for_an_answer_that_the_app_makes(
    server: HotServer, client: socket.socket
) -> None:
    server.app.holds_back = True
    [connection] = server.connections
    client.sendall(request(question(1), "X-Request-Id: mine"))
    eventually(lambda: connection._long_way == 1)  # read, and not answered
    client.sendall(request(question(2)))
    eventually(lambda: connection._long_way == 2)
    server.app.holds_back = False
    answers = read_answers(client, 2)
    assert [answer[-2:-1] for answer in answers] == [b"1", b"2"]
    assert server.ways() == (0, 2)


@pytest.mark.parametrize("line", ["X-Request-Id: mine", "Authorization: Bearer other", "Host: y"])
def test_a_body_that_looks_like_a_request_is_none(
    server: HotServer, client: socket.socket, line: str
) -> None:
    head = request(PLAIN, line).removesuffix(PLAIN)
    [connection] = server.connections
    for _again in range(2):
        client.sendall(head)
        eventually(lambda: connection._long_way)
        client.sendall(PLAIN)
        read_answers(client)
    assert server.ways() == (0, 2)
    assert {body for body, _scope in server.app.asked} == {PLAIN}


def test_a_client_that_left_is_not_written_to(server: HotServer, client: socket.socket) -> None:
    server.plain.holds_back = True
    shared, state = server.protocol._shared, server.server.server_state
    eventually(lambda: shared.answered == 0)  # what is counted, is counted a few times a second
    before = state.total_requests
    for how in ("closes", "resets"):
        with server.connect() as other:
            other.sendall(PLAIN)
            eventually(lambda: server.plain.waiting)
            if how == "resets":
                other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        eventually(lambda: len(server.connections) == 1)
        server.on_loop(server.plain.release)
    server.plain.holds_back = False
    client.sendall(PLAIN)
    read_answers(client)
    eventually(lambda: shared.answered == 0)
    assert state.total_requests == before + 1


def test_a_miss_is_handed_over_with_what_the_app_must_know(
    server: HotServer, client: socket.socket
) -> None:
    server.plain.misses = True
    asked_after = server.on_loop(server.loop.time)
    client.sendall(PLAIN)
    assert read_answers(client)[0].endswith(answer_to(question()))
    server.plain.misses = False
    client.sendall(request(question(), "X-Request-Id: mine"))
    read_answers(client)
    (body, handed_over), (_body, odd) = server.app.asked
    assert body == question()
    assert asked_after <= handed_over[ASKED_AT] <= server.on_loop(server.loop.time)
    assert handed_over[CACHE_MISSED] is True
    assert {ASKED_AT, CACHE_MISSED}.isdisjoint(odd)  # of that one request alone


def test_what_came_while_a_miss_was_found_is_answered_after_it(
    server: HotServer, client: socket.socket
) -> None:
    server.plain.holds_back = server.plain.misses = True
    [connection] = server.connections
    client.sendall(PLAIN)
    eventually(lambda: server.plain.waiting)
    client.sendall(request(question(2)) + request(question(3)))
    eventually(lambda: connection._held)
    server.on_loop(server.plain.release)
    answers = read_answers(client, 3)
    assert [answer[-2:-1] for answer in answers] == [b"1", b"2", b"3"]
    assert [ASKED_AT in scope for _body, scope in server.app.asked] == [True, False, False]


@pytest.mark.parametrize("slip", ["ticket", "question", "answer"])
def test_a_slip_ends_one_connection_and_is_logged(
    server: HotServer, client: socket.socket, slip: str, capfd: pytest.CaptureFixture[str]
) -> None:
    server.plain.fails_at = slip
    with server.connect() as other:
        other.sendall(PLAIN)
        assert other.recv(100) == b""
    assert "check.hot_path.failed" in capfd.readouterr().err
    server.plain.fails_at = ""
    client.sendall(PLAIN)
    read_answers(client)


def test_a_closed_door_leaves_everything_to_the_app(
    server: HotServer, client: socket.socket
) -> None:
    server.door.plain = None
    client.sendall(PLAIN)
    read_answers(client)
    assert server.ways() == (0, 1)
    server.door.plain = server.plain
    client.sendall(PLAIN)
    read_answers(client)
    assert server.ways() == (1, 1)


def test_heads_are_remembered_of_those_who_are_known_and_so_many_at_most(
    server: HotServer, client: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hot_path, "HEADS_MAX", 5)
    heads = server.protocol._shared.request_heads
    for n in range(8):
        for authorization in ("Bearer known", "Bearer unknown"):
            client.sendall(request(question(), f"X-Number: {n}", authorization=authorization))
            read_answers(client)
    assert len(heads) == 5
    assert all(b"Bearer known" in block for block in heads)


def test_a_head_that_is_known_means_nothing_for_a_body_of_another_length(
    server: HotServer, client: socket.socket
) -> None:
    client.sendall(PLAIN)
    read_answers(client)
    client.sendall(PLAIN[:-1])
    [connection] = server.connections
    eventually(lambda: connection._long_way)
    client.sendall(PLAIN[-1:])
    read_answers(client)
    assert server.ways() == (1, 1)


def test_after_a_miss_the_credential_is_looked_up_again(
    server: HotServer, client: socket.socket
) -> None:
    for misses in (False, True, False):
        server.plain.misses = misses
        client.sendall(PLAIN)
        read_answers(client)
    assert server.plain.tickets == ["Bearer known"] * 2


def test_requests_are_counted_as_the_app_counts_them(
    server: HotServer, client: socket.socket
) -> None:
    series = {"service": "check", "route": "/check", "method": "POST", "status": "200"}
    eventually(lambda: server.protocol._shared.answered == 0)
    requests = counted("izin_http_requests_total", **series)
    answered = counted("izin_check_hot_path_total", outcome="answered")
    handed_over = counted("izin_check_hot_path_total", outcome="handed_over")
    total = server.server.server_state.total_requests
    for _ in range(7):
        client.sendall(PLAIN)
        read_answers(client)
    eventually(lambda: server.protocol._shared.answered == 0)
    server.plain.misses = True
    client.sendall(PLAIN)
    read_answers(client)
    eventually(lambda: server.server.server_state.total_requests == total + 8)
    assert counted("izin_http_requests_total", **series) == requests + 7
    assert counted("izin_check_hot_path_total", outcome="answered") == answered + 7
    assert counted("izin_check_hot_path_total", outcome="handed_over") == handed_over + 1

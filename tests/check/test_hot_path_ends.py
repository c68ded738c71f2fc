"""Connections that are slow or come to an end, while checks are answered on them without the app."""

import socket
from threading import Thread
from time import monotonic

import pytest

from services.check import hot_path
from shared.web import bounded_http
from tests.support.hot_server import (
    answer_to,
    eventually,
    hot_server,
    masked,
    question,
    read_answers,
    request,
)

PLAIN = request(question())


def test_a_reader_who_is_slow_holds_up_himself_alone() -> None:
    """His answers fill all buffers; then his requests wait on his side, and our memory stays bounded."""
    sent = 0
    with hot_server() as server, server.connect() as client, socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", server.port))
        slow.settimeout(60)
        eventually(lambda: len(server.connections) == 2)
        [his] = [one for one in server.connections if one.client == slow.getsockname()]
        his.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)

        def all_answered() -> bool:
            return len(server.plain.asked) == sent and his._asked is None

        while not his.flow.write_paused:
            slow.sendall(PLAIN)
            sent += 1
            eventually(all_answered)
        slow.sendall(PLAIN)  # and now the app's turn has come, which waits for the reader
        eventually(lambda: server.app.asked)
        assert len(server.plain.asked) == sent
        sending = Thread(target=slow.sendall, args=(PLAIN * 3000,))
        sending.start()
        for n in range(1, 50):
            client.sendall(request(question(n)))
            assert read_answers(client)[0].endswith(answer_to(question(n)))
        assert his.transport.get_write_buffer_size() < 400_000
        sent += 3001
        client.sendall(PLAIN)
        [answer] = read_answers(client)
        received = bytearray()
        while sending.is_alive() or len(received) < sent * len(answer):
            received += slow.recv(65_536)
    assert masked(received) == masked(answer) * sent


def test_an_idle_connection_is_closed_and_a_busy_one_is_not() -> None:
    with hot_server(timeout_keep_alive=0.4) as server, server.connect() as client:
        started_at = monotonic()
        while monotonic() < started_at + 1.2:
            client.sendall(PLAIN)
            answered_at = monotonic()
            read_answers(client)
        server.plain.holds_back = True
        client.sendall(PLAIN)
        eventually(lambda: server.plain.waiting)
        eventually(lambda: monotonic() > answered_at + 0.9)  # a question is not idleness
        server.on_loop(server.plain.release)
        read_answers(client)
        answered_at = monotonic()
        assert client.recv(1) == b""
        assert 0.35 < monotonic() - answered_at < 5


def test_a_head_is_waited_for_so_long_and_an_answered_client_for_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bounded_http, "HEAD_SECONDS_MAX", 0.3)
    with hot_server() as server, server.connect() as client, server.connect() as silent:
        client.sendall(PLAIN)
        read_answers(client)
        assert silent.recv(1) == b""
        client.sendall(PLAIN)
        read_answers(client)
        client.sendall(PLAIN[:30])
        assert client.recv(1) == b""


@pytest.mark.parametrize("misses", [False, True], ids=["answered", "handed over"])
def test_a_server_that_stops_answers_what_it_has_begun(*, misses: bool) -> None:
    with hot_server() as server, server.connect() as client, server.connect() as idle:
        server.plain.holds_back, server.plain.misses = True, misses
        client.sendall(PLAIN)
        eventually(lambda: server.plain.waiting)
        [connection] = [one for one in server.connections if one.client == client.getsockname()]
        client.sendall(PLAIN)
        eventually(lambda: connection._held)
        server.server.should_exit = True
        assert idle.recv(1) == b""
        server.on_loop(server.plain.release)
        [answer] = read_answers(client)
        assert answer.endswith(b"\r\nconnection: close\r\n\r\n" + answer_to(question()))
        assert client.recv(1) == b""


def test_a_server_that_stops_waits_for_a_body_that_was_announced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hot_path, "BODY_WAIT_S", 5.0)
    cut = PLAIN.index(b"{")
    with hot_server() as server, server.connect() as client:
        client.sendall(PLAIN)
        read_answers(client)
        client.sendall(PLAIN[:cut])
        [connection] = server.connections
        eventually(lambda: connection._begun)
        server.server.should_exit = True
        eventually(lambda: connection._long_way)
        client.sendall(PLAIN[cut:])
        [answer] = read_answers(client)
        assert answer.endswith(b"\r\nconnection: close\r\n\r\n" + answer_to(question()))


@pytest.mark.parametrize("requests", [1, 2, 3])
def test_an_answer_that_nobody_can_read_is_no_error(
    requests: int, capfd: pytest.CaptureFixture[str]
) -> None:
    """Trash behind requests ends the connection while they are being answered, in any turn of the loop."""
    with hot_server() as server:
        for turns in range(12):
            server.app.turns = turns
            with server.connect() as client:
                client.sendall(PLAIN.replace(b"Host", b"Expect: no\r\nHost") * requests + b"\0")
                assert b"400 Bad Request" in client.recv(10_000)
    logged = capfd.readouterr().err
    assert "Invalid HTTP request received" in logged
    assert '"level":"error"' not in logged

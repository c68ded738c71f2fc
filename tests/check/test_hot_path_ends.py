"""How connections end on which checks are answered without the app: idle, too slow, or because we stop."""

from time import monotonic

import pytest

from shared.web import bounded_http
from tests.support.hot_server import (
    answer_to,
    eventually,
    hot_server,
    question,
    read_answers,
    request,
)

PLAIN = request(question())


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

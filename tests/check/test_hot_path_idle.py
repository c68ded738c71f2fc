"""Clients that were answered without the app, and then send what begins no request."""

from time import monotonic

import pytest

from tests.support.hot_server import hot_server, question, read_answers, request

IDLE_S = 0.5


@pytest.mark.parametrize("earlier", [0, 3])
def test_empty_lines_after_an_answer_hold_no_connection(earlier: int) -> None:
    with hot_server(timeout_keep_alive=IDLE_S) as server, server.connect() as client:
        for n in range(earlier + 1):
            client.sendall(request(question(n)))
            read_answers(client)
        assert server.ways() == (earlier + 1, 0)
        answered_at = monotonic()
        client.settimeout(IDLE_S / 10)
        is_open = True
        while is_open and monotonic() < answered_at + 10 * IDLE_S:
            try:
                client.sendall(b"\r\n")
                is_open = client.recv(1) != b""
            except TimeoutError:
                continue
            except ConnectionError:
                is_open = False
        assert IDLE_S / 2 < monotonic() - answered_at < 4 * IDLE_S

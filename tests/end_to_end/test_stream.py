"""`POST /check/stream` of a real process, over real connections: both ways at once, whole or cut."""

import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.end_to_end.raw_list import open_list
from tests.end_to_end.running import ROOT, Api, Izin, eventually, minutes_ago
from tests.support.servers import free_port

GRANTED = "+905990000601"


@pytest.fixture(scope="module")
def granted(running: Izin) -> str:
    with Api(running) as api:
        api.record(GRANTED, "ONAY", date=minutes_ago(5))
    return GRANTED


@pytest.fixture(params=["direct", "nginx"])
def port(request: pytest.FixtureRequest, running: Izin, tmp_path: Path) -> Iterator[int]:
    """Return a port that leads to the running system: its own, or that of the production proxy."""
    if request.param == "direct":
        yield running.port
        return
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        pytest.skip("there is no nginx")
    listening = free_port()
    conf = (ROOT / "deploy" / "nginx.conf").read_text()
    for old, new in (
        ("listen 8080;", f"listen 127.0.0.1:{listening};"),
        ("server registry:8081;", f"server 127.0.0.1:{running.port};"),
        ("server check:8082;", f"server 127.0.0.1:{running.port};"),
        ("server ingest:8083;", f"server 127.0.0.1:{running.port};"),
        ("include /etc/nginx/izin.d/*.conf;", ""),
        ("/tmp/nginx.pid", f"{tmp_path}/nginx.pid"),  # noqa: S108  # where the image keeps it
        ("/dev/stdout", f"{tmp_path}/access.log"),
        ("/dev/stderr", f"{tmp_path}/error.log"),
    ):
        assert old in conf
        conf = conf.replace(old, new)
    (tmp_path / "nginx.conf").write_text(f"daemon off;\n{conf}")
    process = subprocess.Popen(
        [program, "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")],
        stderr=subprocess.DEVNULL,
    )
    try:
        eventually(lambda: answers(listening), timeout_s=10)
        yield listening
    finally:
        process.terminate()
        process.wait(10)


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).is_success
    except httpx.HTTPError:
        return False


@pytest.mark.parametrize("framing", ["chunks", "length"])
def test_each_line_is_answered_before_the_next_is_sent(
    running: Izin, granted: str, port: int, framing: str
) -> None:
    asked = {granted: "CONSENT", "+905990000602": "NO_RECORD", "x": "INVALID_RECIPIENT"}
    announced = sum(len(line) + 1 for line in asked) if framing == "length" else None
    with open_list(running, port=port, announced=announced) as talk:
        assert talk.head() == 200
        for number, (address, reason) in enumerate(asked.items(), 1):
            talk.send(f"{address}\n".encode())
            answer = talk.line()
            assert (answer["line"], answer["reason"]) == (number, reason)
        talk.finish()
        end = talk.line()
        assert end["counts"] == dict.fromkeys(asked.values(), 1)
        assert end["position"] >= 1
        assert not talk.is_cut()


def test_a_client_that_waits_to_be_told_to_send_is_told(running: Izin, granted: str) -> None:
    with open_list(running, expect=True) as talk:
        assert [talk.head(), talk.head()] == [100, 200]
        talk.send(f"{granted}\n".encode())
        assert talk.line()["reason"] == "CONSENT"
    with open_list(running, expect=True, key="izin_nobody") as talk:
        assert talk.head() == 401


def test_a_short_list_needs_no_special_client(running: Izin, granted: str, port: int) -> None:
    world = running.demo
    answer = httpx.post(
        f"http://127.0.0.1:{port}/check/stream",
        params={"header": world["brands"][0]["header"], "type": "MESAJ"},
        content=f"{granted}\r\n+905990000603\r\n".encode(),
        headers={"Authorization": f"Bearer {world['operator']['api_key']}"},
        trust_env=False,
    )
    assert answer.headers["content-type"] == "application/x-ndjson"
    *lines, end = map(json.loads, answer.text.splitlines())
    assert [line["reason"] for line in lines] == ["CONSENT", "NO_RECORD"]
    assert end["end"] is True


def test_a_cut_looks_like_one(running: Izin, granted: str, port: int) -> None:
    """Here: the key is taken away. Neither the last line nor the end of the answer may come."""
    operator = running.tell("operator", "add", "Kesilecek")
    with (
        open_list(running, port=port, key=operator["apiKey"]) as talk,
        Api(running, role="admin") as api,
    ):
        assert talk.head() == 200
        talk.send(f"{granted}\n".encode())
        assert talk.line()["reason"] == "CONSENT"
        api.send("POST", f"/accounts/users/{operator['username']}/key").raise_for_status()
        talk.send(f"{granted}\n".encode())
        assert talk.is_cut()


def test_a_server_that_stops_cuts_the_list(izin: Izin) -> None:
    izin.settings = {"IZIN_DRAIN_TIMEOUT_S": "1"}
    izin.start()
    with open_list(izin) as talk:
        assert talk.head() == 200
        talk.send(b"+905990000601\n")
        assert talk.line()["reason"] == "NO_RECORD"
        assert izin.end(signal.SIGTERM) == 0
        assert talk.is_cut()
    assert '"event":"check.list.broken_off"' in web_log(izin)


def test_the_log_says_how_many_and_not_who(running: Izin, granted: str) -> None:
    with open_list(running) as talk:
        talk.send(f"{granted}\n+905990000604\n".encode())
        talk.finish()
        assert talk.head() == 200
        assert talk.rest()[0] == 3
    said = '"lines":2,"counts":{"CONSENT":1,"NO_RECORD":1}'
    eventually(lambda: said in web_log(running))
    assert "905990000604" not in web_log(running)


def web_log(izin: Izin) -> str:
    return (izin.data_dir / "log" / "web.log").read_text()

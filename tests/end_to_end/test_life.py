"""Starting, stopping, starting again, and what a person at the terminal is told meanwhile."""

import json
import signal
import subprocess

from tests.end_to_end.running import Api, Izin, descendants, minutes_ago
from tests.support.servers import free_port

PHONE = "+905990000301"


def test_it_stops_cleanly_and_goes_on_where_it_was(izin: Izin) -> None:
    izin.start()
    world = izin.demo
    with Api(izin) as api:
        stored = api.record(PHONE, "ONAY", date=minutes_ago(5)).json()
    assert izin.end(signal.SIGTERM) == 0

    izin.start()
    assert izin.demo == world
    with Api(izin) as api:
        assert api.state(PHONE)["transactionId"] == stored["transactionId"]
        assert api.reason(PHONE) == "CONSENT"
    assert izin.end(signal.SIGINT) == 0

    log = (izin.data_dir / "log" / "postgres.log").read_text()
    assert "not properly shut down" not in log
    said = izin.output.read_text()
    assert "unexpectedly" not in said
    assert "Traceback" not in said


def test_the_printed_request_works_as_it_is_printed(running: Izin) -> None:
    printed = running.output.read_text().splitlines()
    [command] = [line.strip() for line in printed if line.strip().startswith("curl ")]
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=True)
    assert json.loads(done.stdout)["allowed"] is False
    assert set(json.loads(done.stdout)) == {"allowed", "reason", "status", "position"}


def test_a_second_one_on_the_same_data_says_so(running: Izin) -> None:
    assert running.process is not None
    for port in (running.port, free_port()):
        done = running.run("up", "--demo", as_user={"IZIN_PORT": str(port)})
        assert done.returncode == 1
        assert f"already running (pid {running.process.pid}) on this data directory" in done.stderr
        assert "Traceback" not in done.stderr
    assert running.is_ready()


def test_its_children_are_the_servers_and_one_web_process(running: Izin) -> None:
    assert running.process is not None
    family = descendants(running.process.pid)
    assert running.web_pid() in family
    assert running.postgres_pid() in family

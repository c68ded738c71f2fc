"""`izin up` as real processes: servers, supervision, demo world."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.support.measured import coverage_variables
from tests.support.servers import free_port

ROOT = Path(__file__).resolve().parents[2]
OURS = {
    b"services.cli.serve": "web",
    b"services.check.projector": "projector",
    b"services.registry.worker": "worker",
    b"services.ingest.worker": "ingest",
}


def eventually(claim: Callable[[], object], *, timeout_s: float = 30.0) -> None:
    deadline = monotonic() + timeout_s
    while not claim():
        assert monotonic() < deadline, "it did not become true in time"
        sleep(0.02)


def processes_on(path: Path) -> dict[str, int]:
    """Return name and id of the processes that were told about a data directory."""
    found: dict[str, int] = {}
    for folder in Path("/proc").iterdir():
        try:
            name = (folder / "comm").read_text().strip()
            about = (folder / "cmdline").read_bytes()
            if name.startswith("python"):
                about = (folder / "environ").read_bytes()
        except OSError:
            continue
        if os.fsencode(path) in about:
            command = _command(folder)
            ours = (short for module, short in OURS.items() if module in command)
            found.setdefault(next(ours, name), int(folder.name))
    return found


def _command(folder: Path) -> bytes:
    try:
        return (folder / "cmdline").read_bytes()
    except OSError:
        return b""


@dataclass
class World:
    data_dir: Path
    port: int

    def environment(self) -> dict[str, str]:
        inherited = {"PATH": os.defpath, "PYTHONPATH": str(ROOT)} | coverage_variables()
        return inherited | {"IZIN_DATA_DIR": str(self.data_dir), "IZIN_PORT": str(self.port)}

    def start(self) -> "Up":
        return Up(
            subprocess.Popen(
                [sys.executable, "-m", "services.cli.main", "up", "--demo"],
                env=self.environment(),
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )


@dataclass
class Up:
    process: subprocess.Popen[str]
    said: str = ""

    def until_ready(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line
            if "Ctrl-C" in line:
                return
        raise AssertionError(self.process.communicate()[1])

    def end(self, number: signal.Signals | None = None) -> tuple[int, str]:
        """Send a signal, if any, and return exit code and standard error."""
        if number is not None:
            self.process.send_signal(number)
        _, err = self.process.communicate(timeout=60)
        return self.process.returncode, err


@pytest.fixture
def world() -> Generator[World]:
    # Under a long path the sockets stand elsewhere, and the processes could not be told from others.
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder) / "data", free_port())
        yield world
        eventually(lambda: not processes_on(world.data_dir))


def test_it_serves_makes_the_demo_world_and_stops_cleanly(world: World) -> None:
    up = world.start()
    up.until_ready()
    assert set(processes_on(world.data_dir)) >= {
        "postgres",
        "valkey-server",
        "web",
        "projector",
        "worker",
    }
    demo = world.data_dir / "demo.json"
    assert demo.stat().st_mode & 0o777 == 0o600
    content = json.loads(demo.read_text())
    assert content["base_url"] == f"http://127.0.0.1:{world.port}"
    assert [set(brand) for brand in content["brands"]] == [{"brand_code", "name", "header"}] * 2
    parts = {name: set(part) for name, part in content.items() if isinstance(part, dict)}
    user = {"username", "password"}
    assert parts == {
        "provider": user | {"iys_code"},
        "partner": user | {"integrator_code"},
        "operator": user | {"api_key"},
        "ministry": user,
        "admin": user,
    }
    [curl] = [line.strip() for line in up.said.splitlines() if "curl" in line]
    answer = subprocess.run(["/bin/sh", "-c", curl], capture_output=True, check=True).stdout
    assert json.loads(answer)["reason"] == "NO_RECORD"
    assert up.end(signal.SIGTERM)[0] == 0
    assert not processes_on(world.data_dir)


def test_data_and_demo_world_survive_a_restart(world: World) -> None:
    kept: list[tuple[str, ...]] = []
    for _ in range(2):
        up = world.start()
        up.until_ready()
        assert up.end(signal.SIGINT)[0] == 0
        names = ("demo.json", "keys.json")
        kept.append(tuple((world.data_dir / name).read_text() for name in names))
    assert kept[0] == kept[1]
    log = (world.data_dir / "log" / "postgres.log").read_text()
    assert log.count("database system is shut down") == len(kept)
    assert "not properly shut down" not in log


def test_a_second_one_says_so_and_leaves_the_first_alone(world: World) -> None:
    up = world.start()
    up.until_ready()
    for port in (world.port, free_port()):
        code, err = World(world.data_dir, port).start().end()
        assert code == 1
        assert f"already running (pid {up.process.pid}) on this data directory" in err
        assert "Traceback" not in err
    assert up.end(signal.SIGTERM)[0] == 0


def test_a_taken_port_is_said_before_anything_is_started(world: World) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", world.port))
        taken.listen()
        code, err = world.start().end()
    assert code == 1
    assert f"port {world.port} is taken" in err
    assert "set IZIN_PORT" in err
    assert not (world.data_dir / "postgres").exists()
    assert not (world.data_dir / "keys.json").exists()


@pytest.mark.parametrize(
    "name", ["postgres", "valkey-server", "web", "projector", "worker", "ingest"]
)
def test_a_child_that_dies_is_started_again(world: World, name: str) -> None:
    up = world.start()
    up.until_ready()
    before = processes_on(world.data_dir)[name]
    os.kill(before, signal.SIGKILL)
    eventually(lambda: processes_on(world.data_dir).get(name, before) != before)
    code, err = up.end(signal.SIGTERM)
    assert code == 0
    assert "stopped unexpectedly (code -9); starting it again" in err


def test_killed_outright_it_leaves_no_children_and_can_start_again(world: World) -> None:
    up = world.start()
    up.until_ready()
    up.end(signal.SIGKILL)
    again = world.start()
    again.until_ready()
    assert again.end(signal.SIGTERM)[0] == 0


def test_stopped_while_starting_it_leaves_nothing(world: World) -> None:
    up = world.start()
    eventually(lambda: "postgres" in processes_on(world.data_dir))
    eventually((world.data_dir / "log" / "postgres.log").exists)
    code, err = up.end(signal.SIGTERM)
    assert code == 0
    assert "Traceback" not in err


def test_lost_keys_are_not_replaced_by_new_ones(world: World) -> None:
    up = world.start()
    up.until_ready()
    up.end(signal.SIGTERM)
    (world.data_dir / "keys.json").unlink()
    code, err = world.start().end()
    assert code == 1
    assert "restore it from your backup" in err
    assert not (world.data_dir / "keys.json").exists()

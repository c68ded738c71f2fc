"""The product as it runs: `izin up` on a data directory, and check processes beside it."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from loadtests.kit.tools import ROOT, program

# The server that is measured has a core for itself; load, Valkey, Postgres and projector share the other.
SERVER_CORE: Final = 0
LOAD_CORE: Final = 1
READY_S: Final = 120
STOP_S: Final = 120


@dataclass(frozen=True, slots=True)
class Product:
    """A running product: where it answers, whom we are, where its servers' sockets are."""

    base_url: str
    directory: Path
    demo: dict[str, object]

    @property
    def run(self) -> Path:
        """Return the directory of the sockets; a long path has its sockets elsewhere."""
        elsewhere = self.directory / "run.path"
        return Path(elsewhere.read_text()) if elsewhere.exists() else self.directory / "run"

    @property
    def dsn(self) -> str:
        """Return the owner's DSN."""
        return f"postgresql://izin_owner@/izin?host={quote(str(self.run), safe='')}&port=5432"

    @property
    def valkey(self) -> Path:
        """Return the socket of the cache."""
        return self.run / "valkey.sock"

    @property
    def keys_file(self) -> Path:
        """Return the file of the keys."""
        return self.directory / "keys.json"

    def demo_text(self, part: str, name: str) -> str:
        """Return one text or number of demo.json."""
        found = self.demo[part]
        assert isinstance(found, dict)  # noqa: S101  # the shape of demo.json
        return str(found[name])


@dataclass(frozen=True, slots=True)
class Server:
    """A process that is measured."""

    port: int
    pid: int

    def cpu_seconds(self) -> float:
        """Return the CPU time that it and its children have used so far."""
        ticks = os.sysconf("SC_CLK_TCK")
        return sum(_ticks(pid) for pid in (self.pid, *_children(self.pid))) / ticks


def pinned(core: int | None, command: Sequence[str]) -> list[str]:
    """Return the command on one core, and ending with this process; as far as this machine can."""
    before: list[str] = []
    if setpriv := program("setpriv"):
        before += [setpriv, "--pdeathsig", "TERM"]
    if core is not None and (os.cpu_count() or 1) > 1 and (taskset := program("taskset")):
        before += [taskset, "-c", str(core)]
    return [*before, *command]


@contextmanager
def running(
    name: str,
    command: Sequence[str],
    *,
    log: Path,
    core: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a program until the block ends; its output goes to `log`."""
    inherited = os.environ  # noqa: TID251  # what we start finds its own settings in it
    with log.open("ab") as output:
        process = subprocess.Popen(
            pinned(core, command),
            cwd=ROOT,
            env={**inherited, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            print(f"{name} did not stop and was killed; see {log}", file=sys.stderr)


@contextmanager
def product(
    directory: Path,
    *,
    web_workers: int = 1,
    shared_buffers_mb: int = 256,
    core: int | None = None,
) -> Iterator[Product]:
    """Run `izin up --demo` on a data directory; it is made there if it is not one yet."""
    directory.mkdir(parents=True, exist_ok=True)
    port = free_port()
    environment = {
        "IZIN_PORT": str(port),
        "IZIN_DATA_DIR": str(directory),
        "IZIN_WEB_WORKERS": str(web_workers),
        "IZIN_POSTGRES_SHARED_BUFFERS_MB": str(shared_buffers_mb),
    }
    command = [sys.executable, "-m", "services.cli.main", "up", "--demo"]
    log = directory / "up.log"
    log.unlink(missing_ok=True)
    with running("izin up", command, log=log, core=core, environment=environment) as process:
        # The demo world's file is written last, and "is ready" printed after that.
        wait_until(lambda: b"izin is ready" in log.read_bytes(), process, log)
        demo: dict[str, object] = json.loads((directory / "demo.json").read_text())
        yield Product(f"http://127.0.0.1:{port}", directory, demo)


@contextmanager
def check_process(running_product: Product, *, core: int | None = SERVER_CORE) -> Iterator[Server]:
    """Run one check process beside the product, on its ledger and cache."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="izin-check-") as directory:
        environment = {
            "IZIN_POSTGRES_DSN": running_product.dsn,
            "IZIN_REDIS_URL": f"unix://{quote(str(running_product.valkey))}",
            "IZIN_KEYS_FILE": str(running_product.keys_file),
            "IZIN_DATA_DIR": directory,
            "IZIN_CHECK_PORT": str(port),
            "IZIN_ADMIT_TEST_RANGE": "true",
        }
        command = [sys.executable, "-m", "services.check"]
        log = Path(directory) / "check.log"
        with running("check", command, log=log, core=core, environment=environment) as process:
            wait_until(lambda: answers(f"http://127.0.0.1:{port}/readyz"), process, log)
            yield Server(port, process.pid)


def wait_until(
    is_ready: Callable[[], bool],
    process: "subprocess.Popen[bytes]",
    log: Path,
    seconds: float = READY_S,
) -> None:
    """Wait for a process to be ready; ends the bench with the end of its log when it is not."""
    for _attempt in range(round(seconds * 20)):
        if is_ready():
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    sys.exit(f"not ready after {seconds} s, or gone:\n{log.read_text(errors='replace')[-4000:]}")


def answers(url: str) -> bool:
    """Tell whether a GET is answered with 200."""
    with suppress(OSError), urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310  # our own
        return bool(response.status == 200)
    return False


def listens(port: int) -> bool:
    """Tell whether somebody listens on a port of the loopback interface."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """Return a TCP port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def access_token(running_product: Product, part: str = "provider") -> str:
    """Sign in as somebody of the demo world."""
    fields = {name: running_product.demo_text(part, name) for name in ("username", "password")}
    request = urllib.request.Request(  # noqa: S310  # our own server
        f"{running_product.base_url}/oauth2/token",
        json.dumps({"grant_type": "password", **fields}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as response:  # noqa: S310  # our own server
        return str(json.load(response)["access_token"])


def metric(port: int, name: str) -> dict[str, float]:
    """Return one metric of a check process, by its labels as they are printed; empty if it has none."""
    url = f"http://127.0.0.1:{port}/metrics"
    with urllib.request.urlopen(url, timeout=10) as response:
        lines = response.read().decode().splitlines()
    values: dict[str, float] = {}
    for line in lines:
        labelled, _, value = line.rpartition(" ")
        key, _, labels = labelled.partition("{")
        if key == name:
            values[labels.rstrip("}")] = float(value)
    return values


def _children(pid: int) -> list[int]:
    try:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [int(child) for child in found]


def _ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])

"""The whole system as real processes: `izin up --demo`, its children, its command line, its pages."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Self

import httpx

from shared.clock import utc_now
from shared.domain.wire_time import consent_date_to_wire
from tests.support.measured import coverage_variables
from tests.support.servers import free_port

ROOT = Path(__file__).resolve().parents[2]
POLL_S = 0.02


def eventually(claim: Callable[[], object], *, timeout_s: float = 30.0) -> None:
    """Wait until the claim holds."""
    deadline = monotonic() + timeout_s
    while not claim():
        assert monotonic() < deadline, "it did not become true in time"
        sleep(POLL_S)


def minutes_ago(minutes: int) -> str:
    """Return a date of the wire in the recent past."""
    return consent_date_to_wire(utc_now() - timedelta(minutes=minutes))


@dataclass
class Izin:
    """One data directory, and the `izin up` that runs on it, if one does."""

    directory: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    settings: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def data_dir(self) -> Path:
        return self.directory / "data"

    @property
    def output(self) -> Path:
        """Everything that `izin up` has said, in all its runs."""
        return self.directory / "output.txt"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def demo(self) -> dict[str, Any]:
        """The demo world's file."""
        world: dict[str, Any] = json.loads((self.data_dir / "demo.json").read_text())
        return world

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.defpath,
            "PYTHONPATH": str(ROOT),
            "IZIN_DATA_DIR": str(self.data_dir),
            "IZIN_PORT": str(self.port),
            **self.settings,
            **coverage_variables(),
        }

    def start(self) -> None:
        """Start it and wait until it says that it is ready."""
        said_before = self.output.stat().st_size if self.output.exists() else 0
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                self.command("up", "--demo"),
                env=self.environment,
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        eventually(lambda: self._is_announced(said_before), timeout_s=60)

    def end(self, number: signal.Signals) -> int:
        """Send a signal; return the exit code when the process and all its children are gone."""
        assert self.process is not None
        family = descendants(self.process.pid)
        self.process.send_signal(number)
        code = self.process.wait(timeout=60)
        self.process = None
        eventually(lambda: not any(map(is_alive, family)))
        return code

    @staticmethod
    def command(*arguments: str) -> list[str]:
        return [sys.executable, "-P", "-m", "services.cli.main", *arguments]

    def run(
        self, *arguments: str, as_user: Mapping[str, str] | None = None, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of the command line to its end."""
        return subprocess.run(
            self.command(*arguments),
            env=self.environment | dict(as_user or {}),
            cwd=self.directory,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def tell(self, *arguments: str) -> dict[str, Any]:
        """Run a command that succeeds; return what it prints with --json."""
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        facts: dict[str, Any] = json.loads(done.stdout)
        return facts

    def web_pid(self) -> int:
        """Return the process id of the web process."""
        assert self.process is not None
        [pid] = [pid for pid in descendants(self.process.pid) if b"services.cli.serve" in said(pid)]
        return pid

    def postgres_pid(self) -> int:
        """Return the process id of the database server itself."""
        file = self.data_dir / "postgres" / "cluster" / "postmaster.pid"
        return int(file.read_text().split()[0])

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def _is_announced(self, after: int) -> bool:
        assert self.process is not None
        text = self.output.read_bytes()[after:].decode()
        assert self.process.poll() is None, text
        return "Ctrl-C stops it." in text


@contextmanager
def own_izin() -> Generator[Izin]:
    """Make a place for one; whatever runs there at the end is killed."""
    with tempfile.TemporaryDirectory(prefix="izin-e2e-", dir="/tmp") as path:
        izin = Izin(Path(path), free_port())
        try:
            yield izin
        finally:
            if izin.process is not None:
                izin.end(signal.SIGKILL)


def descendants(pid: int) -> list[int]:
    """Return the process, its children, their children and so on."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (fields := _stat(int(folder.name))):
            children.setdefault(int(fields[1]), []).append(int(folder.name))
    found = [pid]
    for parent in found:
        found += children.get(parent, [])
    return found


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that is dead and only not yet collected does not."""
    fields = _stat(pid)
    return bool(fields) and fields[0] != "Z"


def said(pid: int) -> bytes:
    """Return the command line of a process."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _stat(pid: int) -> list[str]:
    """Return state, parent and more; the name before them may hold anything."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


class Api:
    """Somebody who is signed in at a running system."""

    def __init__(self, izin: Izin, *, role: str = "provider") -> None:
        self._http = httpx.Client(base_url=izin.url, trust_env=False, timeout=20)
        world = izin.demo
        self.brand = world["brands"][0]["brand_code"]
        self._iys_code = world["provider"]["iys_code"]
        self._account = world[role]
        self._key = world["operator"]["api_key"]
        self.sign_in()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_unused: object) -> None:
        self._http.close()

    def sign_in(self) -> None:
        account = {name: self._account[name] for name in ("username", "password")}
        answer = self._http.post("/oauth2/token", json={"grant_type": "password", **account})
        self._token = answer.raise_for_status().json()["access_token"]

    def post(self, path: str, body: object, *, key: str | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key or self._token}"}
        return self._http.post(path, json=body, headers=headers)

    def send(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Send anything at all, with the token unless other credentials are given."""
        headers = {"Authorization": f"Bearer {self._token}"} | request.pop("headers", {})
        return self._http.request(method, path, headers=headers, **request)

    def record(
        self, recipient: str, status: str, *, date: str, version: str = "", channel: str = "MESAJ"
    ) -> httpx.Response:
        """Record one consent at the first brand."""
        body = {
            "recipient": recipient,
            "type": channel,
            "source": "HS_WEB",
            "status": status,
            "consentDate": date,
            "recipientType": "BIREYSEL",
        }
        return self.post(f"{version}{self.at_brand}/consents", body)

    def state(self, recipient: str, *, channel: str = "MESAJ") -> dict[str, Any]:
        """Return the single status."""
        body = {"recipient": recipient, "type": channel, "recipientType": "BIREYSEL"}
        shown: dict[str, Any] = (
            self.post(f"{self.at_brand}/consents/status", body).raise_for_status().json()
        )
        return shown

    def granted(self, recipients: list[str]) -> list[str]:
        """Return the bulk status: those in ONAY."""
        answer = self.post(
            f"{self.at_brand}/consents/BIREYSEL/status/MESAJ", {"recipients": recipients}
        )
        listed: list[str] = answer.raise_for_status().json()["list"]
        return listed

    def brands(self) -> list[dict[str, Any]]:
        """Return the provider's brands with their counters."""
        headers = {"Authorization": f"Bearer {self._token}"}
        answer = self._http.get(f"/sps/{self._iys_code}/brands", headers=headers)
        shown: list[dict[str, Any]] = answer.raise_for_status().json()
        return shown

    def ask(self, recipient: str, *, channel: str = "MESAJ") -> httpx.Response:
        """Ask as the operator, with its long-lived key, whether a message may go out."""
        question = {"brandCode": self.brand, "type": channel, "recipient": recipient}
        return self.post("/check", question, key=self._key)

    def reason(self, recipient: str, *, channel: str = "MESAJ") -> str:
        """Return the reason of the decision."""
        reason: str = self.ask(recipient, channel=channel).raise_for_status().json()["reason"]
        return reason

    @property
    def at_brand(self) -> str:
        """Where the first brand is on the wire."""
        return f"/sps/{self._iys_code}/brands/{self.brand}"

"""The whole system as processes of its own, each of which may be killed, frozen and started again.

Two registries, two checks, two projectors, one ledger, one cache. Each service process listens on a port of
its own, so that a question reaches the process that it is meant for.
"""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import Any

import asyncpg
import redis.asyncio as redis

from services.cli.embedded.binaries import find_postgres, find_valkey
from services.cli.embedded.child import ChildSpec, last_lines, open_log
from services.cli.embedded.data_dir import DataDir, open_data_dir
from services.cli.embedded.postgres import postgres_dsn, postgres_spec
from services.cli.embedded.valkey import valkey_spec, valkey_url
from services.cli.probe import is_serving
from shared.auth.passwords import hash_secret
from shared.ledger.accounts import NewUser
from shared.ledger.bootstrap import put_first_users
from shared.ledger.migrate import migrate
from shared.sealing.keyring import create_key_file
from tests.end_to_end.running import ROOT
from tests.support.servers import NOT_DURABLE, free_port

CHECK_DEADLINE_S = 1.0
REGISTRY_DEADLINE_S = 2.0
REDIS_TIMEOUT_S = 10.0
STARTS_MAX = 20
POLL_S = 0.02
STAFF, STAFF_PASSWORD = "staff", "the password of the staff"

# What is acknowledged must survive the server's death, though not the machine's: the log is written
# before a commit is told, and not flushed to disk.
LEDGER_OPTIONS = {**NOT_DURABLE, "synchronous_commit": "on"}


@dataclass
class Child:
    """One process of the system."""

    spec: ChildSpec
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def launch(self) -> None:
        log = open_log(self.spec.log_file)
        self.process = subprocess.Popen(
            self.spec.launch_command(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=ROOT,
            env=_unmeasured(self.spec.launch_environment()),
            start_new_session=True,
        )
        os.close(log)

    async def start(self) -> None:
        """Start it and wait until it is ready; once more if it ends before.

        After a kill the ledger's own children may hold its shared memory for a moment, and a service that
        finds no ledger refuses to start.
        """
        for _ in range(STARTS_MAX):
            self.launch()
            if await self._is_ready():
                return
            await asyncio.sleep(0.1)  # what a supervisor does
        raise RuntimeError(f"{self.name} did not start: {last_lines(self.spec.log_file)}")

    async def kill(self) -> None:
        """Kill it without a word, and wait until it is gone."""
        assert self.process is not None
        self.process.kill()
        await asyncio.to_thread(self.process.wait)

    async def stop(self) -> None:
        """Stop it as an operator does."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(self.spec.stop_signal)
        try:
            await asyncio.to_thread(self.process.wait, self.spec.stop_timeout_s)
        except subprocess.TimeoutExpired:
            await self.kill()

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def state(self) -> str:
        """Return the kernel's letter for its state; T is stopped, empty is gone."""
        try:
            return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return ""

    async def _is_ready(self) -> bool:
        assert self.process is not None
        deadline = monotonic() + self.spec.ready_timeout_s
        while self.process.poll() is None and monotonic() < deadline:
            if await asyncio.to_thread(self.spec.is_ready, self.pid):
                return True
            await asyncio.sleep(POLL_S)
        return False


@dataclass
class System:
    """All processes, and the ways to look at the two servers from outside."""

    data_dir: DataDir
    environment: Mapping[str, str]
    postgres: Child
    valkey: Child
    registries: list[Child]
    checks: list[Child]
    projectors: list[Child]

    @property
    def dsn(self) -> str:
        return postgres_dsn(self.data_dir)

    @property
    def dump_file(self) -> Path:
        """What the cache loads when it starts, if it is there."""
        return self.data_dir.valkey / "dump.rdb"

    def redis_client(self) -> redis.Redis:
        """Return a client of the cache, to be closed.

        It has no time-out of its own: with one the driver sends through `asyncio.wait_for`, which in
        Python 3.11 loses a cancellation now and then.
        """
        return redis.Redis.from_url(valkey_url(self.data_dir), socket_timeout=None)

    async def redis(self, *command: str | bytes) -> Any:
        """Send one command to the cache, over a connection of its own."""
        async with asyncio.timeout(REDIS_TIMEOUT_S), self.redis_client() as client:
            return await client.execute_command(*command)  # type: ignore[no-untyped-call]  # untyped there

    async def info(self) -> dict[str, str]:
        """Return what the cache says about itself."""
        told: dict[str, Any] = await self.redis("INFO", "everything")
        return {name: str(value) for name, value in told.items()}

    async def ledger_started_at(self) -> str:
        """Return when the ledger's server was started, by its own clock."""
        connection = await asyncpg.connect(self.dsn, timeout=10)
        try:
            return str(await connection.fetchval("SELECT pg_postmaster_start_time()"))
        finally:
            await connection.close()

    def describe_check(self, name: str, *, module: str = "services.check") -> Child:
        """Describe a check process; whoever starts one stops it."""
        keys = {"IZIN_KEYS_FILE": str(self.data_dir.path / "check_keys.json")}
        return _service(self.data_dir, name, module, {**self.environment, **keys}, "CHECK")

    async def stop(self) -> None:
        """Stop everything, the servers last."""
        ours = [*self.checks, *self.registries, *self.projectors]
        await asyncio.gather(*(child.stop() for child in ours))
        await self.valkey.stop()
        await self.postgres.stop()


@asynccontextmanager
async def open_system(*, check_deadline_s: float = CHECK_DEADLINE_S) -> AsyncGenerator[System]:
    """Start the system on a directory of its own; stop it and remove the directory at the end."""
    with ExitStack() as stack:
        path = Path(tempfile.mkdtemp(prefix="izin-torture-", dir="/tmp"))
        stack.callback(shutil.rmtree, path, ignore_errors=True)
        data_dir = stack.enter_context(open_data_dir(path))
        system = _describe(data_dir, check_deadline_s=check_deadline_s)
        try:
            await _start(system)
            yield system
        finally:
            await system.stop()


def _describe(data_dir: DataDir, *, check_deadline_s: float) -> System:
    _make_keys(data_dir.path)
    environment = {
        "IZIN_POSTGRES_DSN": postgres_dsn(data_dir),
        "IZIN_REDIS_URL": valkey_url(data_dir),
        "IZIN_KEYS_FILE": str(data_dir.path / "keys.json"),
        "IZIN_DATA_DIR": str(data_dir.path),
        "IZIN_ADMIT_TEST_RANGE": "true",
        "IZIN_THREE_DAY_RULE": "false",  # dates of a key grow by seconds, from long ago
        "IZIN_REGISTRY_DEADLINE_S": str(REGISTRY_DEADLINE_S),
        "IZIN_CHECK_DEADLINE_S": str(check_deadline_s),
        "PYTHONPATH": str(ROOT),
    }
    system = System(
        data_dir=data_dir,
        environment=environment,
        postgres=Child(postgres_spec(find_postgres(), data_dir, options=LEDGER_OPTIONS)),
        valkey=Child(valkey_spec(find_valkey(), data_dir)),
        registries=[
            _service(data_dir, f"registry-{n}", "services.registry", environment, "REGISTRY")
            for n in (1, 2)
        ],
        checks=[],
        projectors=[_projector(data_dir, f"projector-{n}", environment) for n in (1, 2)],
    )
    system.checks += [system.describe_check(f"check-{n}") for n in (1, 2)]
    return system


async def _start(system: System) -> None:
    await asyncio.gather(system.postgres.start(), system.valkey.start())
    await migrate(system.dsn)
    staff = NewUser(STAFF, await asyncio.to_thread(hash_secret, STAFF_PASSWORD), "admin")
    await put_first_users(system.dsn, [staff])
    # The first registry leaves the proof of the digest key; the others compare.
    await system.registries[0].start()
    others = [*system.registries[1:], *system.checks, *system.projectors]
    await asyncio.gather(*(child.start() for child in others))


def _unmeasured(environment: Mapping[str, str]) -> dict[str, str]:
    """Leave out what makes a coverage run measure its children: these must be as quick as they are."""
    return {name: value for name, value in environment.items() if "COVERAGE" not in name}


def _make_keys(path: Path) -> None:
    """Make the installation's keys, and the smaller file that a check is given."""
    create_key_file(path / "keys.json")
    keys = json.loads((path / "keys.json").read_text())
    reduced = {name: keys[name] for name in ("digest", "token_public")}
    (path / "check_keys.json").write_text(json.dumps(reduced))


def _service(
    data_dir: DataDir, name: str, module: str, environment: Mapping[str, str], prefix: str
) -> Child:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    spec = _python(data_dir, name, module, lambda _pid: is_serving(url))
    own = {f"IZIN_{prefix}_PORT": str(port)}
    return Child(replace(spec, environment={**environment, **own}), port)


def _projector(data_dir: DataDir, name: str, environment: Mapping[str, str]) -> Child:
    """Describe a projector; it is ready once it has looked at all brands for the first time."""
    heartbeat = data_dir.run / f"{name}.heartbeat"
    spec = _python(
        data_dir, name, "services.check.projector", lambda pid: _reads(heartbeat) == str(pid)
    )
    own = {"IZIN_PROJECTOR_HEARTBEAT_FILE": str(heartbeat)}
    return Child(replace(spec, environment={**environment, **own}))


def _reads(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _python(
    data_dir: DataDir, name: str, module: str, is_ready: Callable[[int], bool]
) -> ChildSpec:
    return ChildSpec(
        name=name,
        command=(sys.executable, "-P", "-m", module),
        log_file=data_dir.log(name),
        is_ready=is_ready,
        ready_timeout_s=60.0,
        stop_timeout_s=5.0,
    )

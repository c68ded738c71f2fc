"""Real PostgreSQL and Valkey for the tests, embedded if the environment names no others.

TEST_POSTGRES_DSN and TEST_REDIS_URL name others. Each starts once per run, in a temporary
directory that goes away with it. What is stored there is worth nothing, so nothing is flushed to
disk.
"""

import os
import socket
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

from services.cli.embedded.binaries import find_postgres, find_valkey
from services.cli.embedded.child import ChildSpec, last_lines, open_log
from services.cli.embedded.data_dir import open_data_dir
from services.cli.embedded.postgres import postgres_dsn, postgres_spec
from services.cli.embedded.valkey import valkey_spec, valkey_url

NOT_DURABLE = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "200",
}
POLL_S = 0.02

_POSTGRES = "TEST_POSTGRES_DSN"
_REDIS = "TEST_REDIS_URL"


def has_given_servers() -> bool:
    """Tell whether the environment names a server that the tests are to use."""
    return any(os.environ.get(name) for name in (_POSTGRES, _REDIS))  # noqa: TID251  # as below


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def postgres_server() -> Generator[str]:
    """Run a PostgreSQL server and yield its owner's DSN."""
    given = os.environ.get(_POSTGRES)  # noqa: TID251  # a test run has no settings class
    if given:
        yield given
        return
    with (
        _directory() as path,
        open_data_dir(path) as data_dir,
        running(postgres_spec(find_postgres(), data_dir, options=NOT_DURABLE)),
    ):
        yield postgres_dsn(data_dir)


@contextmanager
def valkey_server() -> Generator[str]:
    """Run a Valkey server and yield its URL."""
    given = os.environ.get(_REDIS)  # noqa: TID251  # a test run has no settings class
    if given:
        yield given
        return
    with (
        _directory() as path,
        open_data_dir(path) as data_dir,
        running(valkey_spec(find_valkey(), data_dir)),
    ):
        yield valkey_url(data_dir)


@contextmanager
def running(spec: ChildSpec) -> Generator[subprocess.Popen[bytes]]:
    """Run a child from ready to stopped; for tests that kill and restart it themselves."""
    process = start(spec)
    try:
        yield process
    finally:
        stop(spec, process)


def start(spec: ChildSpec) -> subprocess.Popen[bytes]:
    """Start a child and wait until it is ready."""
    log = open_log(spec.log_file)
    process = subprocess.Popen(
        spec.launch_command(),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env=spec.launch_environment(),
        start_new_session=True,
    )
    os.close(log)
    deadline = monotonic() + spec.ready_timeout_s
    while not spec.is_ready(process.pid):
        if process.poll() is not None or monotonic() > deadline:
            stop(spec, process)
            raise RuntimeError(f"{spec.name} did not start: {last_lines(spec.log_file)}")
        sleep(POLL_S)
    return process


def stop(spec: ChildSpec, process: subprocess.Popen[bytes]) -> None:
    """Stop a child, and wait until it is gone."""
    if process.poll() is not None:
        return
    process.send_signal(spec.stop_signal)
    try:
        process.wait(timeout=spec.stop_timeout_s)
    except subprocess.TimeoutExpired:
        process.send_signal(spec.hasten_signal)
        process.wait()


@contextmanager
def _directory() -> Generator[Path]:
    with tempfile.TemporaryDirectory(prefix="izin-test-", dir="/tmp") as path:
        yield Path(path)

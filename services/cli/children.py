"""The processes of ours that `izin up` runs on top of the servers, in starting order.

A worker is one more line in `WORKERS`.
"""

import shutil
import sys
from pathlib import Path

from services.cli.embedded.child import ChildSpec
from services.cli.embedded.data_dir import DataDir
from services.cli.embedded.servers import Servers
from services.cli.key_file import keys_file
from services.cli.probe import is_serving
from services.cli.settings import UpSettings

CHECKOUT = Path(__file__).resolve().parents[2]
DRAIN_MARGIN_S = 2.0
WORKERS = (
    ("projector", "services.check.projector", "IZIN_PROJECTOR"),
    ("worker", "services.registry.worker", "IZIN_REGISTRY_WORKER"),
    ("ingest", "services.ingest.worker", "IZIN_INGEST_WORKER"),
)
"""Processes without a port: their name, their module, and how their settings begin."""
WORKER_STOP_TIMEOUT_S = 5.0


def our_children(
    settings: UpSettings, data_dir: DataDir, servers: Servers, *, demo: bool
) -> list[ChildSpec]:
    """Return the specs of our own processes; a demo world's numbers are of the test range."""
    environment = child_environment(settings, data_dir, servers)
    if demo:
        environment["IZIN_ADMIT_TEST_RANGE"] = "true"
    if settings.web_workers == 1:
        return [
            _web("web", settings, data_dir, environment),
            *_workers(data_dir, environment),
        ]
    # Their numbers are added up in files of this directory, whichever of them is asked.
    metrics = data_dir.run / "metrics"
    shutil.rmtree(metrics, ignore_errors=True)
    metrics.mkdir(mode=0o700)
    environment["PROMETHEUS_MULTIPROC_DIR"] = str(metrics)
    names = [f"web-{n}" for n in range(1, settings.web_workers + 1)]
    web = [_web(name, settings, data_dir, environment) for name in names]
    return [*web, *_workers(data_dir, environment)]


def base_url(settings: UpSettings) -> str:
    """Return the address at which a person on this machine finds the web process."""
    anywhere = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104  # compared, not bound
    host = anywhere.get(settings.host, settings.host)
    return f"http://{f'[{host}]' if ':' in host and host[0] != '[' else host}:{settings.port}"


def _web(
    name: str, settings: UpSettings, data_dir: DataDir, environment: dict[str, str]
) -> ChildSpec:
    url = base_url(settings)
    return ChildSpec(
        name=name,
        command=(sys.executable, "-P", "-m", "services.cli.serve"),
        log_file=data_dir.log(name),
        is_ready=lambda _pid: is_serving(url),
        environment=environment,
        ready_timeout_s=60.0,
        stop_timeout_s=settings.drain_timeout_s + DRAIN_MARGIN_S,
    )


def _workers(data_dir: DataDir, environment: dict[str, str]) -> list[ChildSpec]:
    return [
        _worker(name, module, f"{setting}_HEARTBEAT_FILE", data_dir, environment)
        for name, module, setting in WORKERS
    ]


def _worker(
    name: str, module: str, variable: str, data_dir: DataDir, environment: dict[str, str]
) -> ChildSpec:
    """Return the spec of a process without a port: it shows by a file that it lives."""
    heartbeat = data_dir.run / f"{name}.alive"
    return ChildSpec(
        name=name,
        command=(sys.executable, "-P", "-m", module),
        log_file=data_dir.log(name),
        # The file of an earlier process names that one.
        is_ready=lambda pid: _says(heartbeat, str(pid)),
        environment={**environment, variable: str(heartbeat)},
        ready_timeout_s=60.0,
        stop_timeout_s=WORKER_STOP_TIMEOUT_S,
    )


def _says(path: Path, text: str) -> bool:
    try:
        return path.read_text() == text
    except OSError:
        return False


def child_environment(settings: UpSettings, data_dir: DataDir, servers: Servers) -> dict[str, str]:
    """Return the variables that tell a process of ours where everything is."""
    return {
        "IZIN_POSTGRES_DSN": servers.postgres_dsn,
        "IZIN_REDIS_URL": servers.redis_url,
        "IZIN_KEYS_FILE": str(keys_file(settings, data_dir)),
        "IZIN_DATA_DIR": str(data_dir.path),
        "PYTHONPATH": str(CHECKOUT),  # the project is not installed into the environment
    }

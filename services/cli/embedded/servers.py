"""Which PostgreSQL and Valkey serve: the ones that the settings name, or embedded ones of ours."""

import errno
import socket
from dataclasses import dataclass
from time import monotonic, sleep

from services.cli.embedded.binaries import find_postgres, find_valkey
from services.cli.embedded.child import ChildSpec
from services.cli.embedded.data_dir import DataDir, record_version
from services.cli.embedded.postgres import live_leftover, postgres_dsn, postgres_spec
from services.cli.embedded.valkey import valkey_spec, valkey_url
from services.cli.errors import CliError
from services.cli.settings import UpSettings

LEFTOVER_WAIT_S = 15.0


@dataclass(frozen=True, slots=True)
class Servers:
    """Addresses of ledger and cache, and the children to start for them, in order."""

    postgres_dsn: str
    redis_url: str
    children: tuple[ChildSpec, ...]


def prepare_servers(settings: UpSettings, data_dir: DataDir) -> Servers:
    """Decide which servers serve, and make an embedded cluster ready to start."""
    children: list[ChildSpec] = []
    if settings.postgres_dsn is None:
        children.append(prepare_postgres(settings, data_dir))
        dsn = postgres_dsn(data_dir)
    else:
        record_version(data_dir, postgres_major=None)
        dsn = settings.postgres_dsn.get_secret_value()
    if settings.redis_url is None:
        children.append(
            valkey_spec(find_valkey(), data_dir, memory_mb_max=settings.valkey_memory_mb_max)
        )
        url = valkey_url(data_dir)
    else:
        url = settings.redis_url.get_secret_value()
    return Servers(dsn, url, tuple(children))


def prepare_postgres(settings: UpSettings, data_dir: DataDir) -> ChildSpec:
    """Return the embedded PostgreSQL as a child, on a cluster that nobody else runs."""
    programs = find_postgres()
    record_version(data_dir, postgres_major=programs.major)
    _outwait_leftover(data_dir)
    return postgres_spec(
        programs,
        data_dir,
        options={"shared_buffers": f"{settings.postgres_shared_buffers_mb}MB"},
    )


def check_port_is_free(host: str, port: int) -> None:
    """Raise, before anything is started, if the port cannot be listened on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise CliError(f"port {port} is taken ({error.strerror}); set IZIN_PORT") from None
            raise CliError(
                f"cannot listen on {host} port {port} ({error.strerror}); "
                "set IZIN_HOST or IZIN_PORT"
            ) from None


def _outwait_leftover(data_dir: DataDir) -> None:
    """Wait for the server of a killed `izin up`: we hold the lock, so it is on its way out."""
    deadline = monotonic() + LEFTOVER_WAIT_S
    while (pid := live_leftover(data_dir)) is not None:
        if monotonic() > deadline:
            raise CliError(
                f"a PostgreSQL of an earlier run (pid {pid}) still uses {data_dir.path}; "
                f"stop it with: kill -INT {pid}"
            )
        sleep(0.1)

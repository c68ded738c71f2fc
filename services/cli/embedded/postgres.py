"""The embedded PostgreSQL: its cluster is made once, its process described for the supervisor.

It listens on a Unix socket in a directory that only we can enter, and trusts whoever gets there.
"""

import os
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

from services.cli.embedded.binaries import PostgresPrograms
from services.cli.embedded.child import ChildSpec, Identity, run_once
from services.cli.embedded.data_dir import DataDir
from services.cli.embedded.identity import choose_identity
from services.cli.errors import CliError

DATABASE = "izin"
OWNER = "izin_owner"
PORT = 5432  # only a part of the socket's name
NO_OPTIONS: Mapping[str, str] = MappingProxyType({})

OPTIONS = {
    "listen_addresses": "",
    "port": str(PORT),
    "max_connections": "100",
    "fsync": "on",
    "synchronous_commit": "on",
    "wal_level": "replica",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # No address may reach the log: neither statements, nor parameters, nor the row that an error is
    # about.
    "log_statement": "none",
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}


def postgres_spec(
    programs: PostgresPrograms, data_dir: DataDir, *, options: Mapping[str, str] = NO_OPTIONS
) -> ChildSpec:
    """Make the cluster if there is none (about a second), and return the server as a child."""
    data_dir.postgres.mkdir(mode=0o700, exist_ok=True)
    identity = choose_identity(programs.postgres, owned=data_dir.postgres, reach=(data_dir.run,))
    _make_cluster(programs, data_dir, identity)
    return ChildSpec(
        name="postgres",
        command=(
            *(str(programs.postgres), "-D", str(_cluster(data_dir))),
            *_as_flags(
                OPTIONS | {"unix_socket_directories": _quoted(data_dir.run)} | dict(options)
            ),
        ),
        log_file=data_dir.log("postgres"),
        is_ready=lambda pid: _ready_pid(data_dir) == pid,
        identity=identity,
        ready_timeout_s=120,  # it may have a crash to recover from
        stop_signal=signal.SIGINT,  # fast: open transactions are rolled back, then a checkpoint
        hasten_signal=signal.SIGQUIT,  # immediate: the next start replays the log
        death_signal=signal.SIGQUIT,
        stop_timeout_s=60,
    )


def postgres_dsn(data_dir: DataDir) -> str:
    """Return the owner's DSN of the embedded server."""
    return f"postgresql://{OWNER}@/{DATABASE}?host={quote(str(data_dir.run), safe='')}&port={PORT}"


def is_serving(data_dir: DataDir) -> bool:
    """Tell whether a server is up and ready on this data directory, whoever started it."""
    return _ready_pid(data_dir) is not None


def live_leftover(data_dir: DataDir) -> int | None:
    """Return the process id of a server that an earlier, killed `izin up` left behind, or None."""
    lines = _pid_file_lines(data_dir)
    if not lines or not lines[0].isdigit():
        return None
    pid = int(lines[0])
    try:
        os.kill(pid, 0)
        name = Path(f"/proc/{pid}/comm")
        return pid if not name.exists() or name.read_text().strip() == "postgres" else None
    except PermissionError:
        return pid
    except (ProcessLookupError, FileNotFoundError):
        return None


def _make_cluster(programs: PostgresPrograms, data_dir: DataDir, identity: Identity) -> None:
    """Make the cluster beside its place and move it there: a crash leaves none, not half."""
    if _cluster(data_dir).exists():
        return
    draft = data_dir.postgres / "cluster.new"
    shutil.rmtree(draft, ignore_errors=True)
    _run(
        (
            *(str(programs.initdb), "-D", str(draft), "-U", OWNER, "--auth=trust"),
            *("--encoding=UTF8", "--data-checksums"),
            # its own C.UTF-8 does not depend on the locales that happen to be installed
            *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        ),
        identity,
    )
    _run(
        (str(programs.postgres), "--single", "-D", str(draft), "template1"),
        identity,
        stdin=f"CREATE DATABASE {DATABASE}\n",
    )
    draft.rename(_cluster(data_dir))


def _run(command: tuple[str, ...], identity: Identity, *, stdin: str = "") -> None:
    done = run_once(command, identity=identity, stdin=stdin)
    if done.returncode != 0 or "ERROR:" in done.stdout or "FATAL:" in done.stdout:
        said = " | ".join(done.stdout.strip().splitlines()[-3:])
        raise CliError(
            f"{Path(command[0]).name} failed ({said or done.returncode}); "
            "correct that and start again"
        )


def _cluster(data_dir: DataDir) -> Path:
    return data_dir.postgres / "cluster"


def _as_flags(options: Mapping[str, str]) -> list[str]:
    return [part for name, value in options.items() for part in ("-c", f"{name}={value}")]


def _quoted(path: Path) -> str:
    """Quote one element of a PostgreSQL list setting."""
    return '"' + str(path).replace('"', '""') + '"'


def _ready_pid(data_dir: DataDir) -> int | None:
    """Return the server's process id once its pid file says `ready` (what pg_ctl looks at, too)."""
    lines = _pid_file_lines(data_dir)
    status_line = 7
    if len(lines) > status_line and lines[status_line].strip() == "ready" and lines[0].isdigit():
        return int(lines[0])
    return None


def _pid_file_lines(data_dir: DataDir) -> list[str]:
    try:
        return (_cluster(data_dir) / "postmaster.pid").read_text().splitlines()
    except OSError:
        return []

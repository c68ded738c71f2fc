"""What a child process is: its command, how one sees that it is ready, and how it is stopped."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from services.cli.settings import inherited_environment

LAUNCHER = Path(__file__).with_name("launcher.py")
LOG_BYTES_MAX = 50_000_000


@dataclass(frozen=True, slots=True)
class Identity:
    """Under which user a child runs; `launcher.py` explains the three kinds."""

    kind: Literal["self", "namespace", "drop"] = "self"
    uid: int = 0
    gid: int = 0


AS_WE_ARE = Identity()


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """One long-running child.

    `is_ready` is asked again and again with the child's process id; it must be cheap and not raise.
    `death_signal` is what the kernel sends if we are killed and cannot stop the child ourselves
    (Linux).
    """

    name: str
    command: tuple[str, ...]
    log_file: Path
    is_ready: Callable[[int], bool]
    identity: Identity = AS_WE_ARE
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    ready_timeout_s: float = 30.0
    stop_signal: signal.Signals = signal.SIGTERM
    hasten_signal: signal.Signals = signal.SIGKILL
    death_signal: signal.Signals = signal.SIGKILL
    stop_timeout_s: float = 10.0

    def launch_command(self) -> list[str]:
        """Return the command as it is started, through the launcher."""
        return launched(
            self.command, identity=self.identity, death_signal=self.death_signal, reach=()
        )

    def launch_environment(self) -> dict[str, str]:
        """Return our environment with the child's own variables on top."""
        return {**inherited_environment(), **self.environment}


def launched(
    command: tuple[str, ...],
    *,
    identity: Identity,
    death_signal: signal.Signals = signal.SIGKILL,
    reach: tuple[Path, ...],
) -> list[str]:
    """Return `command` wrapped so that it takes `identity` and dies with this process."""
    reachable = [argument for path in reach for argument in ("--reach", str(path))]
    # -I and -S: nothing from the environment or the current directory is imported as a stranger
    return [
        *(sys.executable, "-I", "-S", str(LAUNCHER)),
        *("--parent", str(os.getpid()), "--death-signal", str(int(death_signal))),
        *("--identity", identity.kind, "--uid", str(identity.uid), "--gid", str(identity.gid)),
        *reachable,
        "--",
        *command,
    ]


def run_once(
    command: tuple[str, ...],
    *,
    identity: Identity = AS_WE_ARE,
    reach: tuple[Path, ...] = (),
    stdin: str = "",
    timeout_s: float = 120.0,
) -> subprocess.CompletedProcess[str]:
    """Run a short command to its end, under `identity`; the caller looks at the exit code."""
    return subprocess.run(  # noqa: S603  # the commands are our own constants and found binaries
        launched(command, identity=identity, reach=reach),
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=inherited_environment(),
        start_new_session=True,  # Ctrl-C at the terminal reaches us alone; we pass it on
        timeout=timeout_s,
        check=False,
    )


def open_log(path: Path) -> int:
    """Return a descriptor that appends to a private log; a big log is set aside first."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LOG_BYTES_MAX:
        path.replace(path.with_suffix(".log.1"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def last_lines(path: Path, *, count: int = 3) -> str:
    """Return the end of a log in one line, for an error message."""
    try:
        with path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - 4096))
            lines = log.read().decode(errors="replace").split("\n")
    except OSError:
        return ""
    return " | ".join([line.strip() for line in lines if line.strip()][-count:])

"""The embedded Valkey. It is only ever a cache, so nothing of it is kept on disk."""

import socket
from pathlib import Path
from urllib.parse import quote

from services.cli.embedded.child import ChildSpec
from services.cli.embedded.data_dir import DataDir


def valkey_spec(program: Path, data_dir: DataDir, *, memory_mb_max: int = 0) -> ChildSpec:
    """Return the server as a child."""
    data_dir.valkey.mkdir(mode=0o700, exist_ok=True)
    return ChildSpec(
        name="valkey",
        command=(
            *(str(program), "--port", "0"),
            *("--unixsocket", str(_socket(data_dir)), "--unixsocketperm", "700"),
            *("--dir", str(data_dir.valkey), "--save", "", "--appendonly", "no"),
            # evicted entries would read as "no record" (a full cache must refuse writes instead)
            *("--maxmemory", f"{memory_mb_max}mb", "--maxmemory-policy", "noeviction"),
            *("--daemonize", "no"),
        ),
        log_file=data_dir.log("valkey"),
        is_ready=lambda _pid: _answers(_socket(data_dir)),
    )


def valkey_url(data_dir: DataDir) -> str:
    """Return the URL of the embedded server."""
    return f"unix://{quote(str(_socket(data_dir)))}"


def _socket(data_dir: DataDir) -> Path:
    return data_dir.run / "valkey.sock"


def _answers(path: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1.0)
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
    except OSError:
        return False

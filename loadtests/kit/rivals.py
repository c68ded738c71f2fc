"""The rivals as processes: each on the measured server's core, on the product's own Valkey.

What they do and what they leave out stands in `rivals/README.md`.
"""

import json
import os
import pwd
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from loadtests.kit.cache import Watermark
from loadtests.kit.digests import Keys
from loadtests.kit.stack import (
    LOAD_CORE,
    SERVER_CORE,
    Product,
    Server,
    answers,
    free_port,
    listens,
    running,
    wait_until,
)
from loadtests.kit.tools import ROOT, found, lua_modules

RIVALS: Final = ROOT / "loadtests" / "rivals"


def write_facts(folder: Path, product: Product, layout: Mapping[int, Watermark]) -> Path:
    """Write what the rivals know from the start: keys, callers, and where each brand's entries lie."""
    brands = {
        code: {
            "active": True,
            "generation": watermark.generation.decode(),
            "bits": watermark.bits,
            "position": watermark.position,
        }
        for code, watermark in layout.items()
    }
    facts = {
        "valkey": str(product.valkey),
        "phone_key": Keys(product.keys_file).phone_key.hex(),
        "tokens": {product.demo_text("operator", "api_key"): {"every_brand": True}},
        "brands": brands,
    }
    path = folder / "facts.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps(facts))
    return path


@contextmanager
def nginx_lua(folder: Path, facts: Path) -> Iterator[Server]:
    """Run nginx with the check in Lua at `/check` and a constant at `/constant`."""
    port = free_port()
    config = _filled(
        RIVALS / "nginx_lua" / "nginx.conf",
        folder / "nginx_lua.conf",
        modules="\n".join(f"load_module {path};" for path in lua_modules()),
        user=pwd.getpwuid(os.geteuid()).pw_name,
        folder=str(folder),
        source=str(RIVALS / "nginx_lua"),
        facts=str(facts),
        port=str(port),
    )
    with _nginx("nginx + Lua", config, folder / "error.log", port, SERVER_CORE) as server:
        yield server


@contextmanager
def webdis(folder: Path, product: Product) -> Iterator[Server]:
    """Run webdis."""
    port = free_port()
    config = _filled(
        RIVALS / "webdis" / "webdis.json",
        folder / "webdis.json",
        valkey=str(product.valkey),
        folder=str(folder),
        port=str(port),
    )
    log = folder / "webdis.log"
    command = [found("webdis"), str(config)]
    with running("webdis", command, log=log, core=SERVER_CORE) as process:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/PING"), process, log, 20)
        yield Server(port, process.pid)


@contextmanager
def fastapi_plain(folder: Path, facts: Path) -> Iterator[Server]:
    """Run the plain FastAPI rival with one worker."""
    port = free_port()
    log = folder / "fastapi.log"
    command = [
        *(sys.executable, "-m", "uvicorn", "loadtests.rivals.fastapi_plain.app:app"),
        *("--host", "127.0.0.1", "--port", str(port), "--loop", "uvloop", "--http", "httptools"),
        *("--no-access-log", "--log-level", "warning"),
    ]
    environment = {"RIVAL_FACTS": str(facts)}
    with running("FastAPI", command, log=log, core=SERVER_CORE, environment=environment) as process:
        wait_until(lambda: listens(port), process, log, 30)
        yield Server(port, process.pid)


@contextmanager
def front_door(folder: Path, product: Product, check_port: int) -> Iterator[Server]:
    """Run the nginx of `deploy/` with one worker, before this check.

    Changed are addresses and paths alone, and it shares the load's core.
    """
    port = free_port()
    text = (ROOT / "deploy" / "nginx.conf").read_text()
    registry = product.base_url.removeprefix("http://")
    for pattern, ours in (
        (r"worker_processes auto;", "worker_processes 1;\ndaemon off;"),
        (r"pid /tmp/nginx.pid;", f"pid {folder}/front.pid;"),
        (r"error_log /dev/stderr crit;", f"error_log {folder}/front.log crit;"),
        (r"access_log /dev/stdout izin;", f"access_log {folder}/access.log izin;"),
        (r"server check:\d+;", f"server 127.0.0.1:{check_port};"),
        (r"server (?:registry|ingest):\d+;", f"server {registry};"),
        (r"listen 8080;", f"listen 127.0.0.1:{port};"),
        (r"include /etc/nginx/izin.d/\*.conf;", ""),
    ):
        text, count = re.subn(pattern, ours, text)
        if not count:
            sys.exit(f"deploy/nginx.conf has no {pattern!r} any more; adapt the bench")
    config = folder / "front.conf"
    config.write_text(text)
    with _nginx("front door", config, folder / "front.log", port, LOAD_CORE) as server:
        yield server


@contextmanager
def _nginx(name: str, config: Path, log: Path, port: int, core: int) -> Iterator[Server]:
    log.touch()
    command = [found("nginx"), "-c", str(config), "-e", str(log)]
    with running(name, command, log=log, core=core) as process:
        wait_until(lambda: listens(port), process, log, 20)
        yield Server(port, process.pid)


def _filled(template: Path, target: Path, **values: str) -> Path:
    text = template.read_text()
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    target.write_text(text)
    return target

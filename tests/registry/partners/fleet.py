"""Two registries and two checks as processes of their own, over one ledger and one cache."""

import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from tests.end_to_end.running import ROOT, eventually
from tests.hostile.twins import play
from tests.registry.doors import Town, as_json
from tests.support.builders import Login
from tests.support.measured import coverage_variables
from tests.support.servers import free_port

_HOT = re.compile(r'^izin_check_hot_path_total\{outcome="answered"\} (\d+)', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Fleet:
    """The processes by their ports, and the town that they serve."""

    town: Town
    registries: tuple[int, ...]
    checks: tuple[int, ...]
    client: httpx.AsyncClient

    async def send(
        self, port: int, method: str, path: str, *, who: Login, body: object = None
    ) -> httpx.Response:
        """Ask one process, with a credential that no clock ends."""
        content = None if body is None else as_json(body)
        headers = {"Authorization": who.basic, "Content-Type": "application/json"}
        url = f"http://127.0.0.1:{port}{path}"
        return await self.client.request(method, url, content=content, headers=headers)

    async def reason(self, port: int, body: Mapping[str, Any], *, who: Login) -> str:
        """Ask a check in one plain request, which is what the hot path takes."""
        content = json.dumps(body)
        head = [
            "POST /check HTTP/1.1",
            "Host: izin.example",
            f"Authorization: {who.basic}",
            "Content-Type: application/json",
            f"Content-Length: {len(content)}",
        ]
        request = "\r\n".join(head) + "\r\n\r\n" + content
        answer = await play(port, [request.encode(), 1], 0)
        return str(json.loads(answer.partition(b"\r\n\r\n")[2])["reason"])

    async def hot(self, port: int) -> int:
        """Return how many checks took the hot path."""
        text = (await self.client.get(f"http://127.0.0.1:{port}/metrics")).text
        found = _HOT.search(text)
        return int(found[1]) if found else 0


@asynccontextmanager
async def open_fleet(town: Town, redis_url: str, path: Path) -> AsyncGenerator[Fleet]:
    """Start everything at once, and wait until all of it is ready."""
    settings = {
        "IZIN_POSTGRES_DSN": town.dsn,
        "IZIN_KEYS_FILE": str(town.keys_file),
        "IZIN_ADMIT_TEST_RANGE": "true",
    }
    of_check = settings | {
        "IZIN_REDIS_URL": redis_url,
        "IZIN_CHECK_DEADLINE_S": "5",
        "IZIN_CHECK_CACHE_TIMEOUT_S": "1",
    }
    of_projector = {"IZIN_POSTGRES_DSN": town.dsn, "IZIN_REDIS_URL": redis_url}
    ports = [free_port() for _ in range(4)]
    with ExitStack() as stack:
        stack.enter_context(_process("services.check.projector", of_projector))
        for port in ports[:2]:
            own = {"IZIN_REGISTRY_PORT": str(port)}
            stack.enter_context(_process("services.registry", settings | own))
        for n, port in enumerate(ports[2:]):
            own = {"IZIN_CHECK_PORT": str(port), "IZIN_DATA_DIR": str(path / f"check-{n}")}
            stack.enter_context(_process("services.check", of_check | own))
        for port in ports:
            eventually(partial(_is_ready, port))
        async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
            yield Fleet(town, tuple(ports[:2]), tuple(ports[2:]), client)


def _is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).is_success
    except httpx.TransportError:
        return False


@contextmanager
def _process(module: str, settings: Mapping[str, str]) -> Generator[None]:
    environment = {"PATH": os.defpath, **settings, **coverage_variables()}
    process = subprocess.Popen(
        [sys.executable, "-m", module],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)

"""Two servers of the same check, as processes of their own: one with the hot path, one without.

Whatever a client does is done to both, and what comes back is compared. Both have the same ledger and the
same cache, which a projector keeps up to date.
"""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx
import orjson

from tests.end_to_end.running import eventually
from tests.registry.doors import Town, consent, open_town, refusal
from tests.support.builders import HEADER
from tests.support.ledger import database
from tests.support.measured import coverage_variables
from tests.support.servers import free_port, valkey_server

ROOT = Path(__file__).parents[2]
WITH_HOT_PATH = ("-m", "services.check")
WITHOUT = (
    "-c",
    """
from services.check.app import create_app, create_edge
from services.check.settings import CheckSettings
from shared.telemetry.logs import configure_logging
from shared.web.serving import serve_app
settings = CheckSettings()
configure_logging("check")
serve_app(create_edge(create_app(settings), settings), host="127.0.0.1", port=settings.check_port)
""",
)
PROJECTOR = ("-m", "services.check.projector")
QUIET_S = (0.5, 2.0, 2.0, 2.0)
ANSWER_S = 10.0
# What differs from one answer to the next: the date, and the request id, which problems repeat.
_OWN = re.compile(rb"(\r\ndate: )[^\r]+|[0-9a-f]{32}")

Step = bytes | int | float
"""Bytes are sent; a whole number waits for so many answers, a fraction for so many seconds."""


@dataclass(frozen=True)
class Twins:
    town: Town
    hot: int
    cold: int
    # Requests by the reason that they are answered with.
    bodies: dict[str, dict[str, Any]]
    authorizations: dict[str, str]
    # Many numbers, and the reason that each is answered with.
    known_numbers: dict[str, str]

    def request(
        self, body: object, *lines: str, who: str = "operator", length: str | None = None
    ) -> bytes:
        """Return a plain request, with further header lines, or another length."""
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        head = [
            "POST /check HTTP/1.1",
            "Host: izin.example",
            f"Authorization: {self.authorizations[who]}",
            "Content-Type: application/json",
            *lines,
            f"Content-Length: {len(content) if length is None else length}",
        ]
        return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + content

    async def same(self, *steps: Step) -> bytes:
        """Do it to both, until they close; they must answer the same."""
        hot, cold = await self._both(steps, ANSWER_S)
        assert hot == cold, steps
        return hot

    async def alike(self, *steps: Step) -> bytes:
        """Do to both what may not end well; what one answers the other must answer, sooner or later.

        What becomes of a request with trash behind it depends on how the network cuts what was sent; and
        where a server waits for more, we cannot wait for ever.
        """
        seen: tuple[set[bytes], set[bytes]] = (set(), set())
        for quiet_s in QUIET_S:
            for answers, answer in zip(seen, await self._both(steps, quiet_s), strict=True):
                answers.add(answer)
            if common := seen[0] & seen[1]:
                return common.pop()
        raise AssertionError(f"{steps}\nwith the hot path: {seen[0]}\nwithout: {seen[1]}")

    async def _both(self, steps: Sequence[Step], quiet_s: float) -> tuple[bytes, bytes]:
        hot, cold = await asyncio.gather(
            *(play(port, steps, quiet_s) for port in (self.hot, self.cold))
        )
        return masked(hot), masked(cold)

    def document(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        answer = httpx.get(f"http://127.0.0.1:{self.hot}/openapi.json", trust_env=False)
        document: dict[str, Any] = answer.json()
        return document

    def counted(self, port: int, outcome: str = "answered") -> int:
        """Return how many checks took the hot path, or were handed over."""
        text = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
        pattern = rf'^izin_check_hot_path_total\{{outcome="{outcome}"\}} (\d+)'
        found = re.search(pattern, text, re.MULTILINE)
        assert found is not None
        return int(found[1])


def masked(answers: bytes) -> bytes:
    """Return answers without what differs from one to the next."""
    return _OWN.sub(rb"\1*", answers)


def count_of(data: bytes | bytearray) -> int:
    """Return how many whole answers these bytes begin with."""
    count = at = 0
    while (end := data.find(b"\r\n\r\n", at)) >= 0:
        length = re.search(rb"content-length: (\d+)", data[at:end])
        at = end + 4 + (int(length[1]) if length else 0)
        if at > len(data):
            break
        count += 1
    return count


async def play(port: int, steps: Sequence[Step], quiet_s: float) -> bytes:
    """Do it to one; return everything it said, until it closed or was quiet for so long."""
    client = await _Client.connect(port)
    with suppress(ConnectionError):  # it has closed; what it said before counts
        for step in steps:
            await client.take(step)
    while await client.read(quiet_s):
        pass
    client.writer.transport.abort()
    return bytes(client.received)


@dataclass
class _Client:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    received: bytearray = field(default_factory=bytearray)

    @classmethod
    async def connect(cls, port: int) -> Self:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def take(self, step: Step) -> None:
        if isinstance(step, bytes):
            self.writer.write(step)
            await self.writer.drain()
        elif isinstance(step, float):
            await asyncio.sleep(step)
        else:
            while count_of(self.received) < step and await self.read(ANSWER_S):
                pass

    async def read(self, patience_s: float) -> bool:
        """Read more; False if there is none."""
        try:
            async with asyncio.timeout(patience_s):
                more = await self.reader.read(65_536)
        except (TimeoutError, ConnectionError):
            return False
        self.received += more
        return bool(more)


@asynccontextmanager
async def open_twins(server_dsn: str, template: str, path: Path) -> AsyncGenerator[Twins]:
    """Make a world with an address for each reason, and start everything."""
    with valkey_server() as redis_url:
        async with database(server_dsn, template=template) as dsn, open_town(dsn, path) as town:
            bodies, known_numbers = await _furnish(town), await _record_many(town)
            settings = {
                "IZIN_POSTGRES_DSN": dsn,
                "IZIN_REDIS_URL": redis_url,
                "IZIN_KEYS_FILE": str(town.keys_file),
                "IZIN_ADMIT_TEST_RANGE": "true",
                "IZIN_CHECK_DEADLINE_S": "5",
                "IZIN_CHECK_CACHE_TIMEOUT_S": "1",
            }
            with (
                _process(PROJECTOR, _without_check(settings), path / "projector.log"),
                _check(WITH_HOT_PATH, settings, path / "hot") as hot,
                _check(WITHOUT, settings, path / "cold") as cold,
            ):
                world = town.world
                authorizations = {
                    "operator": f"Bearer {world.api_key}",
                    "partner": world.partner.basic,
                    "provider": (await town.authorization("provider"))["Authorization"],
                    "nobody": "Bearer nobody",
                    "ministry": (await town.authorization("ministry"))["Authorization"],
                }
                twins = Twins(town, hot, cold, bodies, authorizations, known_numbers)
                await _warm_up(twins)
                yield twins


async def _furnish(town: Town) -> dict[str, dict[str, Any]]:
    """Write one address for each reason; return the questions."""
    world = town.world
    tacir = {"recipientType": "TACIR"}
    for written in (
        consent("+905990000101"),
        refusal("+905990000102"),
        consent("+905990000103", **tacir),
        refusal("+905990000104", **tacir),
        consent("kisi@posta.example", type="EPOSTA"),
    ):
        answer = await town.add(written)
        assert answer.status_code == 200 or "H175" in answer.text
    asked = {"brandCode": world.brand_code, "type": "MESAJ"}
    unknown = {"recipient": "+905990000199"}
    return {
        "CONSENT": {**asked, "recipient": "+905990000101"},
        "REFUSED": {**asked, "recipient": "+905990000102"},
        "NO_RECORD": {**asked, **unknown},
        "MERCHANT_ON_RECORD": {**asked, "recipient": "+905990000103", **tacir},
        "REGISTER_ADDRESS_FIRST": {**asked, **unknown, **tacir},
        "EXEMPT": {**asked, **unknown, "messageClass": "LEGAL_NOTICE"},
        "SENDER_NOT_REGISTERED": {**asked, **unknown, "brandCode": 999_999},
        "HEADER_MISMATCH": {**asked, **unknown, "header": "BASKASI"},
        "HEADER_OF_NOBODY": {"type": "MESAJ", **unknown, "header": "BASKASI"},
        "BY_HEADER": {"type": "MESAJ", "recipient": "+905990000101", "header": HEADER},
        "BY_BOTH": {**asked, "recipient": "+905990000101", "header": HEADER},
        "BY_MAIL": {**asked, "type": "EPOSTA", "recipient": "kisi@posta.example"},
        "OF_A_RETAILER": {**asked, **unknown, "retailerCode": world.retailer_code},
        "OTHER_BRAND": {**asked, **unknown, "brandCode": world.second_brand_code},
    }


async def _record_many(town: Town) -> dict[str, str]:
    known = {f"+90599000{n}": ("CONSENT", "REFUSED", "NO_RECORD")[n % 3] for n in range(1001, 1091)}
    for number, reason in known.items():
        if reason != "NO_RECORD":
            await town.add(consent(number) if reason == "CONSENT" else refusal(number))
    return known


async def _warm_up(twins: Twins) -> None:
    """Wait until the cache is filled and everybody is known."""
    async with asyncio.timeout(30):
        for who in ("operator", "partner", "provider"):
            request = twins.request(twins.bodies["CONSENT"], "Connection: keep-alive", who=who)
            before = twins.counted(twins.hot)
            while twins.counted(twins.hot) == before:
                await play(twins.cold, (request, 1), 0)
                await play(twins.hot, (request, 1), 0)


@contextmanager
def _check(how: tuple[str, ...], settings: dict[str, str], data_dir: Path) -> Generator[int]:
    port = free_port()
    data_dir.mkdir()
    own = {"IZIN_CHECK_PORT": str(port), "IZIN_DATA_DIR": str(data_dir)}

    def is_ready() -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).is_success
        except httpx.TransportError:
            return False

    with _process(how, settings | own, data_dir / "log"):
        eventually(is_ready)
        yield port


def _without_check(settings: dict[str, str]) -> dict[str, str]:
    ours = ("IZIN_POSTGRES_DSN", "IZIN_REDIS_URL")
    return {name: settings[name] for name in ours}


@contextmanager
def _process(how: tuple[str, ...], settings: dict[str, str], log: Path) -> Generator[None]:
    environment = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), **settings, **coverage_variables()}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *how], cwd=ROOT, env=environment, stdout=output, stderr=output
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)
        errors = [line for line in log.read_text().splitlines() if '"level":"error"' in line]
        assert not errors, errors[0]

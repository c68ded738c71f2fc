"""A receiver of pushes: a real HTTPS server with a certificate of the test's own authority.

It does what it is told to with each delivery, in the order of `next_ones`, and otherwise takes it. What
came without the pair for HTTP Basic is answered with 401 and not counted.
"""

import asyncio
import base64
import json
import ssl
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from shared.clock import utc_now

USERNAME, PASSWORD = "bildirim-hesabi", "the password of the receiver: ğ"
BASIC = "Basic " + base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
TEST_ADDRESS = "pushtest@iys.org.tr"
BOUND_S = 10.0


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority, and a server's certificate of it for `localhost` and 127.0.0.1."""

    ca_file: Path
    server: ssl.SSLContext


def make_authority(path: Path) -> Authority:
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "The test's own")])
    ca = _certificate(
        ca_name, ca_name, ca_key, ca_key, x509.BasicConstraints(ca=True, path_length=None)
    )
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    own = _certificate(name, ca_name, key, ca_key, x509.SubjectAlternativeName(names))
    pem = serialization.Encoding.PEM
    ca_file, chain = path / "ca.pem", path / "receiver.pem"
    ca_file.write_bytes(ca.public_bytes(pem))
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    chain.write_bytes(own.public_bytes(pem) + key.private_bytes(pem, *plain))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(chain)
    return Authority(ca_file, server)


def _certificate(
    name: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    extension: x509.ExtensionType,
) -> x509.Certificate:
    public, now = key.public_key(), utc_now()
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )


@dataclass(frozen=True, slots=True)
class Received:
    """One request that came with the pair."""

    target: str
    headers: dict[str, str]
    raw: bytes

    @property
    def movements(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = json.loads(self.raw)["list"]
        return listed

    @property
    def recipients(self) -> list[str]:
        return [movement["recipient"] for movement in self.movements]


Answer = Callable[["Receiver", asyncio.StreamWriter], Awaitable[None]]


def status(code: int, *lines: str, body: bytes = b"{}") -> Answer:
    """Answer with a status, more header lines, and a body."""

    async def answer(_receiver: "Receiver", writer: asyncio.StreamWriter) -> None:
        head = [f"HTTP/1.1 {code} X", f"Content-Length: {len(body)}", *lines, "", ""]
        writer.write("\r\n".join(head).encode() + body)
        await writer.drain()

    return answer


async def cut(_receiver: "Receiver", writer: asyncio.StreamWriter) -> None:
    """Hang up without a word."""
    writer.transport.abort()


def raw(text: bytes) -> Answer:
    """Send these bytes and hang up."""

    async def answer(_receiver: "Receiver", writer: asyncio.StreamWriter) -> None:
        writer.write(text)
        await writer.drain()
        writer.close()

    return answer


async def endless_body(_receiver: "Receiver", writer: asyncio.StreamWriter) -> None:
    """Say 200 and then never stop."""
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not writer.is_closing():
        writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
        await writer.drain()


TAKE = status(200)
WHO_ARE_YOU = status(401, "WWW-Authenticate: Basic")


async def hang(receiver: "Receiver", writer: asyncio.StreamWriter) -> None:
    """Say nothing until the test lets go, and then yes."""
    await receiver.let_go.wait()
    await TAKE(receiver, writer)


@dataclass
class Receiver:
    """What came, and what is to be answered next; `otherwise` to all that `next_ones` is silent about."""

    port: int = 0
    received: list[Received] = field(default_factory=list)
    next_ones: deque[Answer] = field(default_factory=deque)
    otherwise: Answer = TAKE
    to_nobody: Answer = WHO_ARE_YOU
    basic: str = BASIC
    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}/iys?from=izin"

    @property
    def tested(self) -> int:
        """How often the published test record came."""
        return sum(one.recipients == [TEST_ADDRESS] for one in self.received)

    @property
    def deliveries(self) -> list[Received]:
        """The requests that were no test."""
        return [one for one in self.received if one.recipients != [TEST_ADDRESS]]

    @property
    def recipients(self) -> list[str]:
        """Everybody who was told of, in order, repeats included."""
        return [recipient for one in self.deliveries for recipient in one.recipients]

    async def until(self, claim: Callable[[], object]) -> None:
        async with asyncio.timeout(BOUND_S):
            while not claim():  # noqa: ASYNC110  # what is polled tells nobody
                await asyncio.sleep(0.002)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while (one := await _read(reader)) is not None and not writer.is_closing():
                if one.headers.get("authorization") != self.basic:
                    await self.to_nobody(self, writer)
                    continue
                self.received.append(one)
                answer = self.next_ones.popleft() if self.next_ones else self.otherwise
                await answer(self, writer)
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.transport.abort()


async def _read(reader: asyncio.StreamReader) -> Received | None:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")[:-2]
    pairs = (line.partition(": ") for line in lines)
    headers = {name.lower(): value for name, _, value in pairs}
    body = await reader.readexactly(int(headers["content-length"]))
    return Received(first.split()[1], headers, body)


@asynccontextmanager
async def open_receiver(server_tls: ssl.SSLContext | None) -> AsyncGenerator[Receiver]:
    """Serve a receiver on a free port of this machine."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=server_tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        receiver.let_go.set()
        server.close()
        await server.wait_closed()

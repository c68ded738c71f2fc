"""A time-stamping authority beside us, as others build one: openssl behind a small HTTP server."""

import subprocess
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from typing_extensions import override

_CONFIG = """
[tsa]
default_tsa = one
[one]
serial = {folder}/serial
signer_cert = {folder}/leaf.pem
signer_key = {folder}/leaf.key
certs = {folder}/root.pem
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1, millisecs:500
ordering = yes
tsa_name = yes
ess_cert_id_alg = {ess}
"""
_PURPOSE = "basicConstraints=CA:FALSE\nextendedKeyUsage=critical,timeStamping\n"

Answer = tuple[int, bytes]


@dataclass(frozen=True)
class Authority:
    """The files of an authority; `reply` answers a query as it is told to."""

    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "root.pem"

    def reply(self, query: bytes) -> Answer:
        asked, answered = self.folder / "asked.tsq", self.folder / "answered.tsr"
        asked.write_bytes(query)
        run(
            *("ts", "-reply", "-config", str(self.folder / "tsa.cnf")),
            *("-queryfile", str(asked), "-out", str(answered)),
        )
        return 200, answered.read_bytes()


def run(*arguments: str) -> None:
    done = subprocess.run(["openssl", *arguments], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


def make_authority(
    folder: Path,
    *,
    key: str = "rsa:2048",
    ess: str = "sha256",
    usage: str = "critical,timeStamping",
) -> Authority:
    """Make keys and certificates with openssl, a root and a leaf."""
    folder.mkdir()
    root, root_key = str(folder / "root.pem"), str(folder / "root.key")
    leaf, leaf_key, wanted = (str(folder / f"leaf.{end}") for end in ("pem", "key", "csr"))
    made = ("-nodes", "-newkey", *key.split())
    run(
        *("req", "-x509", *made, "-keyout", root_key, "-out", root),
        *("-days", "30", "-subj", "/CN=Authority root"),
    )
    run("req", *made, "-keyout", leaf_key, "-out", wanted, "-subj", "/CN=Authority")
    (folder / "purpose").write_text(_PURPOSE)
    run(
        *("x509", "-req", "-in", wanted, "-CA", root, "-CAkey", root_key, "-CAcreateserial"),
        *("-days", "20", "-extfile", str(folder / "purpose"), "-out", leaf),
    )
    (folder / "serial").write_text("01\n")
    (folder / "tsa.cnf").write_text(_CONFIG.format(folder=folder, ess=ess))
    return Authority(folder)


@dataclass
class Served:
    """Where the authority listens, what it was sent, and how it answers."""

    url: str
    answer: Callable[[bytes], Answer]
    headers: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def serving(answer: Callable[[bytes], Answer]) -> Generator[Served]:
    """Serve on a free port of this machine until left."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            served.headers.append(dict(self.headers))
            status, content = served.answer(query)
            self.send_response(status)
            self.send_header("Content-Type", "application/timestamp-reply")
            if status in {301, 307}:
                self.send_header("Location", served.url)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            with suppress(ConnectionError):  # the client may have given up
                self.wfile.write(content)

        @override
        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = Served(f"http://127.0.0.1:{server.server_port}/tsa", answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

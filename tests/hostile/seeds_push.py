"""Requests about push that succeed, and the receiver that they need: its own thread, plain HTTP."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from typing_extensions import override

from services.registry.push.receiver_secrets import PURPOSE, receiver_of, seal_receiver
from shared.clock import utc_now
from shared.domain.read_push import PushConnection, read_connection
from shared.ledger.push_registrations import NewRegistration, changing
from shared.sealing.secret_texts import SecretSealer
from tests.registry.doors import Town

SETTINGS: dict[str, Any] = {"push_admit_loopback": True}
_servers: list[ThreadingHTTPServer] = []


class _Receiver(BaseHTTPRequestHandler):
    """Asks who it is, and says yes."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204 if "Authorization" in self.headers else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    @override
    def log_message(self, format: str, *args: Any) -> None:
        pass


def _connection(port: int, **changes: str) -> dict[str, str]:
    body = {"url": f"http://127.0.0.1:{port}/", "type": "MESAJ", "username": "u", "password": "p"}
    return body | changes


async def prepare(town: Town) -> None:
    """Start the receiver, and register two connections that the seeds name."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Receiver)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    _servers.append(server)
    sealer, brand_code = SecretSealer(town.ring, purpose=PURPOSE), town.world.brand_code
    read = read_connection(_connection(1, type="EPOSTA"), admit_http=True)
    assert isinstance(read, PushConnection)
    sealed = seal_receiver(sealer, receiver_of(read, None), brand_code=brand_code)
    user_id = town.world.provider.user_id
    async with changing(town.writer, brand_code) as registrations:
        for _ in range(2):
            new = NewRegistration("EPOSTA", None, user_id, sealer.key_id, sealed)
            assert await registrations.add(new, now=utc_now())


def finish() -> None:
    """Stop the receiver."""
    for server in _servers:
        server.shutdown()
        server.server_close()
    _servers.clear()


def seeds(town: Town) -> dict[str, tuple[str, dict[str, Any], Any]]:
    """Return by operation who succeeds with what: role, values of the path, body."""
    brand = {"iysCode": town.world.iys_code, "brandCode": town.world.brand_code}
    own = {"brand_code": town.world.brand_code}
    wire, below = "/sps/{iysCode}/brands/{brandCode}/push", "/accounts/brands/{brand_code}/push"
    one = _connection(_servers[-1].server_address[1])
    kept, removed = {**own, "number": 1}, {**own, "number": 2}
    return {
        f"POST {wire}/registration": ("provider", brand, {"connection": [one]}),
        f"GET {wire}/registration": ("provider", brand, None),
        f"POST {wire}/unregistration": ("provider", brand, one),
        f"GET {below}/registrations": ("provider", own, None),
        f"GET {below}/registrations/{{number}}/secret": ("provider", kept, None),
        f"POST {below}/registrations/{{number}}/secret": ("provider", kept, None),
        f"POST {below}/registrations/{{number}}/resume": ("admin", kept, None),
        f"DELETE {below}/registrations/{{number}}": ("provider", removed, None),
    }

"""Serving an app: the server's options, said once for every process that listens."""

import gc
import socket
import sys
from typing import Final, TypeVar

import uvicorn
from pydantic import ValidationError
from pydantic_settings import BaseSettings
from starlette.types import ASGIApp

from shared.web.bounded_http import BoundedHttp

Settings = TypeVar("Settings", bound=BaseSettings)
DRAIN_TIMEOUT_S: Final = 10.0
GC_THRESHOLDS: Final = (20_000, 50, 100)
BACKLOG: Final = 2048


def settings_or_exit(kind: type[Settings]) -> Settings:
    """Build settings from the environment; a bad value ends the process with one readable line."""
    try:
        return kind()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = "IZIN_" + "_".join(str(part) for part in first["loc"]).upper()
        sys.exit(f"izin: {name}: {first['msg']}; correct this variable or unset it")


def serve_app(
    app: ASGIApp,
    *,
    host: str,
    port: int,
    drain_timeout_s: float = DRAIN_TIMEOUT_S,
    shares_port: bool = False,
    protocol: type[BoundedHttp] = BoundedHttp,
) -> None:
    """Serve until SIGTERM or Ctrl-C, then give open requests `drain_timeout_s` to finish.

    With `shares_port` several processes listen on the port, and the kernel deals out the connections.
    A `protocol` of a service's own may answer before the app is asked.

    The server writes no log of its own: its access log would hold raw paths (`shared.web.access_log`
    writes ours), and forwarded headers are not believed, because nothing here hangs on them.
    """
    # What was imported lives as long as the process, and requests leave no cycles worth a search every
    # few milliseconds: a rarer collection is a tenth of the time of a busy process.
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http=protocol,
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=round(drain_timeout_s),
    )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server(
        (host, port), family=family, backlog=BACKLOG, reuse_port=shares_port
    ) as listening:
        uvicorn.Server(config).run(sockets=[listening])

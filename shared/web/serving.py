"""Serving an app: the server's options, said once for every process that listens."""

import gc
from typing import Final

import uvicorn
from starlette.types import ASGIApp

DRAIN_TIMEOUT_S: Final = 10.0
GC_THRESHOLDS: Final = (20_000, 50, 100)


def serve_app(
    app: ASGIApp, *, host: str, port: int, drain_timeout_s: float = DRAIN_TIMEOUT_S
) -> None:
    """Serve until SIGTERM or Ctrl-C, then give open requests `drain_timeout_s` to finish.

    The server writes no log of its own: its access log would hold raw paths (`shared.web.access_log`
    writes ours), and forwarded headers are not believed, because nothing here hangs on them.
    """
    # What was imported lives as long as the process, and requests leave no cycles worth a search every
    # few milliseconds: a rarer collection is a tenth of the time of a busy process.
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    uvicorn.run(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=round(drain_timeout_s),
    )

"""Logs: one JSON object a line, for our own events and for the libraries' alike.

Event names are dotted and past tense (`registry.consent.recorded`). Context bound to the request
(`request_id`) is merged in. A traceback is text, without local variables: they hold addresses.
No one logs an address; `redaction` removes those that slip through.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import BinaryIO, Final

import orjson
import structlog
from typing_extensions import override

from shared.telemetry.redaction import safe_value

LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}

# uvicorn's access log holds the raw path; ours is `shared.web.access_log`.
_SILENCED: Final = ("uvicorn.access",)
# An HTTP client's line for every request holds the whole address of the other side.
_QUIET: Final = ("httpx", "httpcore")
# uvicorn's word for an answer that was broken off on purpose. Whoever did it has logged why.
_BROKEN_OFF: Final = ("uvicorn.error", "ASGI callable returned without completing response.")


class _Output:
    """Where lines go. Loggers are cached for speed, so they hold this and not the stream itself."""

    def __init__(self) -> None:
        self.stream: BinaryIO | None = None
        self.service = ""

    def write(self, line: bytes) -> int:
        return (self.stream or sys.stderr.buffer).write(line)

    def flush(self) -> None:
        (self.stream or sys.stderr.buffer).flush()


_output: Final = _Output()


class _LibraryLog(logging.Handler):
    """Takes what libraries log through the standard library and writes it as a line of ours."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        log: structlog.typing.FilteringBoundLogger = structlog.get_logger()
        try:
            message = record.getMessage()
        except (TypeError, ValueError):  # a library's slip in its own format string
            message = record.msg
        is_known = (record.name, message) == _BROKEN_OFF
        log.log(
            logging.INFO if is_known else record.levelno,
            "library.logged",
            logger=record.name,
            message=message,
            exc_info=record.exc_info or None,
        )


def configure_logging(service: str, *, level: str = "info", stream: BinaryIO | None = None) -> None:
    """Send every log line of the process, as JSON, to the stream (default: standard error).

    Called once, by the process entry; uvicorn gets `log_config=None` there. A later call changes
    stream and service at once, and the level for loggers that were not used yet.
    """
    _output.stream, _output.service = stream, service
    structlog.configure(
        processors=_PROCESSORS,
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.BytesLoggerFactory(file=_output),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # BytesLogger only writes and flushes
        cache_logger_on_first_use=True,
    )
    _route_library_logs(LEVELS[level])


def _finish(_logger: object, _method: str, event: MutableMapping[str, object]) -> dict[str, object]:
    """Name the service, and make every value safe to show and to encode."""
    event.setdefault("service", _output.service)
    return {key: safe_value(value) for key, value in event.items()}


# One list for all calls: loggers that were used before keep it.
_PROCESSORS: Final[list[structlog.typing.Processor]] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
    _finish,
    structlog.processors.JSONRenderer(serializer=orjson.dumps),
]


def _route_library_logs(level: int) -> None:
    root = logging.getLogger()
    root.handlers = [*(h for h in root.handlers if not isinstance(h, _LibraryLog)), _LibraryLog()]
    root.setLevel(max(level, logging.INFO))
    for name in ("uvicorn", "uvicorn.error", "asyncpg"):
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _SILENCED:
        silenced = logging.getLogger(name)
        silenced.handlers.clear()
        silenced.propagate = False

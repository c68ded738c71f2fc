"""Every metric of the system, with its unit in its name and a closed set of label values.

A label value never comes from a request: routes are templates, methods and codes are checked, and a
value outside its set counts as `other`. So no caller can make the number of series grow.
"""

import re
from collections.abc import Mapping
from itertools import product
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    values,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

OTHER: Final = "other"
ROUTES_MAX: Final = 500

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
SERVICES: Final = frozenset({"registry", "check", "ingest", "front"})
CHANNELS: Final = frozenset({"ARAMA", "MESAJ", "EPOSTA"})
STATUSES: Final = frozenset({"ONAY", "RET"})
MOVEMENT_KINDS: Final = frozenset({"CONSENT", "BLOCK", "ACCESS"})
REASONS: Final = frozenset(
    {
        "CONSENT",
        "REFUSED",
        "NO_RECORD",
        "MERCHANT_ON_RECORD",
        "REGISTER_ADDRESS_FIRST",
        "EXEMPT",
        "EXEMPT_UNVERIFIED",
        "UNVERIFIED",
        "SENDER_NOT_REGISTERED",
        "NOT_AUTHORISED",
        "HEADER_MISMATCH",
        "INVALID_RECIPIENT",
    }
)
LEDGER_ERRORS: Final = frozenset({"unavailable", "timeout", "conflict", "commit_unknown"})
AUTHORITIES: Final = frozenset({"brand", "users"})
HOT_PATH_OUTCOMES: Final = frozenset({"answered", "handed_over"})
ANSWER_SOURCES: Final = frozenset({"cache", "ledger", "none"})
CACHE_MISS_REASONS: Final = frozenset(
    {
        *("behind", "ahead", "unsettled", "other_movement", "no_watermark", "digest_key"),
        *("no_heads", "unknown_brand", "rights", "late", "busy"),
    }
)
LIMITS_COUNTED: Final = frozenset({"together", "alone"})
LIMIT_NAMES: Final = frozenset(
    {"adds", "requests", "info", "token", "status", "history", "wrong_passwords"}
)
TOKEN_OUTCOMES: Final = frozenset({"issued", "refreshed", "refused"})
SYSTEM_OUTCOMES: Final = frozenset({"RECORDED", "KEPT", "UNCHANGED"})
LINE_OUTCOMES: Final = frozenset({"done", "delayed"})
PROJECTOR_OUTCOMES: Final = frozenset(
    {"settled", "paged", "idle", "begun", "filled", "promoted", "put_off", "overtaken", "failed"}
)
PUSH_OUTCOMES: Final = frozenset(
    {
        *("delivered", "timed_out", "unreachable", "address_refused", "tls_failed", "cut_off"),
        *("redirected", "refused", "gone", "not_entitled", "unreadable"),
    }
)

INGEST_STATES: Final = ("UPLOADING", "QUEUED", "DONE", "FAILED", "CANCELLED")
INGEST_OUTCOMES: Final = frozenset({"accepted", "unchanged", "refused"})

_SECONDS: Final = (
    *(0.0001, 0.0002, 0.0003, 0.0005, 0.00075, 0.001, 0.0015, 0.002, 0.003, 0.005),
    *(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0),
)
_PUSH_SECONDS: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 30.0, 300.0, 3_600.0, 86_400.0, 604_800.0)
_GROUP_SIZES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
_BATCH_SIZES: Final = (1, 10, 30, 100, 300, 1_000, 3_000, 10_000, 50_000)
_CODE: Final = re.compile(r"H\d{3,4}")

REGISTRY: Final = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)


class ClosedCounter:
    """A counter whose label values form closed sets; every combination is bound at import."""

    def __init__(self, name: str, text: str, labels: Mapping[str, frozenset[str]]) -> None:
        counter = Counter(name, text, tuple(labels), registry=REGISTRY)
        self._sets = tuple(labels.values())
        self._children = {
            values: counter.labels(*values)
            for values in product(*({*known, OTHER} for known in self._sets))
        }

    def add(self, *values: str, amount: float = 1) -> None:
        """Count once more; one value per label, in the order of the declaration."""
        child = self._children.get(values)
        if child is None:
            pairs = zip(values, self._sets, strict=True)
            child = self._children[tuple(v if v in known else OTHER for v, known in pairs)]
        child.inc(amount)


CHECKS: Final = ClosedCounter(
    "izin_checks_total", "Recipients that were asked about, by reason.", {"reason": REASONS}
)
CHECK_SECONDS: Final = Histogram(
    "izin_check_duration_seconds",
    "One single check that went through the app.",
    buckets=_SECONDS,
    registry=REGISTRY,
)
CHECK_ANSWERS: Final = ClosedCounter(
    "izin_check_answers_total",
    "Recipients that were asked about, by what the answer stands on.",
    {"source": ANSWER_SOURCES},
)
CHECK_ROUND_SECONDS: Final = Histogram(
    "izin_check_round_seconds",
    "From the arrival of a round's oldest plain check to its answer.",
    buckets=_SECONDS,
    registry=REGISTRY,
)
CACHE_MISSES: Final = ClosedCounter(
    "izin_cache_misses_total",
    "Recipients that the cache was asked about in vain, by why.",
    {"why": CACHE_MISS_REASONS},
)
MOVEMENTS_WRITTEN: Final = ClosedCounter(
    "izin_movements_written_total",
    "Movements committed to the ledger.",
    {"channel": CHANNELS, "status": STATUSES, "kind": MOVEMENT_KINDS},
)
WRITE_GROUP_MOVEMENTS: Final = Histogram(
    "izin_write_group_movements",
    "Movements that shared one transaction.",
    buckets=_GROUP_SIZES,
    registry=REGISTRY,
)
LEDGER_READ_KEYS: Final = Histogram(
    "izin_ledger_read_keys",
    "Keys that shared one read of the ledger.",
    buckets=_BATCH_SIZES,
    registry=REGISTRY,
)
LEDGER_ERRORS_TOTAL: Final = ClosedCounter(
    "izin_ledger_errors_total", "Failed calls of the ledger.", {"kind": LEDGER_ERRORS}
)
AUTHORITY_RELOADS: Final = ClosedCounter(
    "izin_authority_reloads_total", "Rights read anew from the ledger.", {"what": AUTHORITIES}
)
EVIDENCE_ROWS_WRITTEN: Final = Counter(
    "izin_evidence_rows_written_total", "Evidence rows stored.", registry=REGISTRY
)
EVIDENCE_ROWS_BUFFERED: Final = Gauge(
    "izin_evidence_rows_buffered",
    "Evidence rows that wait for the ledger.",
    registry=REGISTRY,
    multiprocess_mode="livesum",
)
HOT_PATH: Final = ClosedCounter(
    "izin_check_hot_path_total",
    "Single checks that were asked about without the app: answered so, or handed over to it.",
    {"outcome": HOT_PATH_OUTCOMES},
)
LIMIT_QUESTIONS: Final = ClosedCounter(
    "izin_limit_questions_total",
    "Requests that were counted: for all processes together, or for this one alone.",
    {"counted": LIMITS_COUNTED},
)
LIMITED: Final = ClosedCounter(
    "izin_requests_limited_total", "Requests that a limit has turned away.", {"limit": LIMIT_NAMES}
)
SYSTEM_ACTIONS: Final = ClosedCounter(
    "izin_system_actions_total",
    "Decisions of citizens that the registry was told of itself, by what became of them.",
    {"outcome": SYSTEM_OUTCOMES},
)
LINES_CLOSED: Final = ClosedCounter(
    "izin_lines_closed_total",
    "Numbers of closed lines: done, or delayed because something of them could not be written.",
    {"outcome": LINE_OUTCOMES},
)
TOKENS_ISSUED: Final = ClosedCounter(
    "izin_tokens_issued_total", "Answers of the token endpoint.", {"outcome": TOKEN_OUTCOMES}
)

CACHE_UP: Final = Gauge(
    "izin_cache_up",
    "1 if every server of the cache is connected and fit, 0 if one is not.",
    registry=REGISTRY,
    multiprocess_mode="livemin",
)

PROJECTOR_ROUNDS: Final = ClosedCounter(
    "izin_projector_rounds_total",
    "Steps of projecting a brand into the cache, by how they ended.",
    {"outcome": PROJECTOR_OUTCOMES},
)
PROJECTOR_MOVEMENTS: Final = Counter(
    "izin_projector_movements_total", "Movements followed into the cache.", registry=REGISTRY
)
PROJECTOR_LAG_SECONDS: Final = Histogram(
    "izin_projector_lag_seconds",
    "From the commit of a movement until the cache reflects it.",
    buckets=_SECONDS,
    registry=REGISTRY,
)

PUSH_DELIVERIES: Final = ClosedCounter(
    "izin_push_deliveries_total",
    "Attempts to deliver movements to a receiver, by how they ended.",
    {"outcome": PUSH_OUTCOMES},
)
PUSH_MOVEMENTS: Final = Counter(
    "izin_push_movements_total", "Movements that receivers have taken.", registry=REGISTRY
)
PUSH_SUSPENSIONS: Final = Counter(
    "izin_push_suspensions_total", "Connections that were given up.", registry=REGISTRY
)
PUSH_LAG_SECONDS: Final = Histogram(
    "izin_push_lag_seconds",
    "From the commit of a delivery's oldest movement until its receiver took it.",
    buckets=_PUSH_SECONDS,
    registry=REGISTRY,
)

INGEST_OLDEST_SECONDS: Final = Gauge(
    "izin_ingest_oldest_seconds",
    "How long the oldest batch or file that is not done waits, by lane; 0 where none does.",
    ("lane",),
    registry=REGISTRY,
    multiprocess_mode="livemax",
)
INGEST_FILES: Final = Gauge(
    "izin_ingest_files",
    "Files that are known of, by state.",
    ("state",),
    registry=REGISTRY,
    multiprocess_mode="livemax",
)
INGEST_ROWS: Final = ClosedCounter(
    "izin_ingest_rows_total",
    "Rows of batches and files that were worked off, by how they ended.",
    {"outcome": INGEST_OUTCOMES},
)

_requests: Final = Counter(
    "izin_http_requests_total",
    "Answered requests.",
    ("service", "route", "method", "status"),
    registry=REGISTRY,
)
_request_seconds: Final = Histogram(
    "izin_http_request_duration_seconds",
    "From the first byte of the request to the last of the answer.",
    ("service", "route"),
    buckets=_SECONDS,
    registry=REGISTRY,
)
_refused: Final = Counter(
    "izin_consents_refused_total", "Faults, by public code.", ("code",), registry=REGISTRY
)
_routes_seen: Final[set[str]] = set()


def closed_method(method: str) -> str:
    """Return the method if it is one that we know; a client may send any word."""
    return method if method in METHODS else OTHER


def count_request(service: str, route: str, method: str, *, status: int, seconds: float) -> None:
    """Count one answered request; `route` is a template of the route table, never a path."""
    if route not in _routes_seen:
        if len(_routes_seen) >= ROUTES_MAX:
            route = OTHER
        _routes_seen.add(route)
    service = service if service in SERVICES else OTHER
    _requests.labels(service, route, closed_method(method), str(status)).inc()
    _request_seconds.labels(service, route).observe(seconds)


def count_requests(service: str, route: str, method: str, *, status: int, amount: int) -> None:
    """Count requests that were answered without the app, many at once; how long is measured there."""
    _requests.labels(service, route, method, str(status)).inc(amount)


def count_refusal(code: str) -> None:
    """Count one fault that was shown to a caller."""
    _refused.labels(code if _CODE.fullmatch(code) else OTHER).inc()


def render() -> tuple[bytes, str]:
    """Return all metrics in Prometheus' text format, and its media type.

    Where several processes share a port (PROMETHEUS_MULTIPROC_DIR is set when they start, and the
    library keeps its values in files there), the sums over all of them.
    """
    if values.ValueClass is values.MutexValue:
        return generate_latest(REGISTRY), CONTENT_TYPE_LATEST
    everybody = CollectorRegistry()
    MultiProcessCollector(everybody)  # type: ignore[no-untyped-call]  # the library has no types here
    return generate_latest(everybody), CONTENT_TYPE_LATEST

"""Which requests are counted, and which of them apart: data, by method and path, beside the route table.

Never counted: checks and operators' questions, what operators and the system report (lines that were
closed are refusals), files (there may be refusals in them), health and documents, and the table of limits
itself. Of a token only the one who reads its request knows whether it counts: a refresh does not.
"""

import re
from typing import Final

from shared.domain.limits import Operation

_NEVER: Final = re.compile(
    "/(check|brands|operators|system|ingest|oauth2|limits|version|healthz|readyz|metrics"
    "|docs|redoc|openapi[.]json|static-offline-docs)(/.*)?"
)
_BRAND: Final = "(/v2)?/sps/[^/]+/brands/[^/]+"
_PLACES: Final = tuple(
    (method, re.compile(pattern), operation)
    for method, pattern, operation in (
        ("POST", f"{_BRAND}/consents", Operation.ADD),
        ("POST", f"{_BRAND}/consents/request", Operation.BATCH),
        ("POST", f"{_BRAND}/consents/status", Operation.STATUS),
        ("POST", f"{_BRAND}/consents/history", Operation.HISTORY),
        ("GET", "/info/.*", Operation.INFO),
    )
)
DECIDED_BY_THE_BODY: Final = frozenset({Operation.ADD, Operation.BATCH})
"""What may be a refusal: whether it counts is not known before its body is read."""


def operation_of(method: str, path: str) -> Operation | None:
    """Return what a request counts as; None: for nothing."""
    for of_method, pattern, operation in _PLACES:
        if method == of_method and pattern.fullmatch(path):
            return operation
    return None if _NEVER.fullmatch(path) else Operation.OTHER

"""What the wire calls each limit that is used up. H084 and H124 stand with the other faults.

Two more of the same kind: H083 is the published code of the services that are not about consents, which
here is the reference data, and the two hours' limits of questions have a code each (iys-api 11).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from shared.domain.faults import Fault, RequestLimitReached, TokenLimitReached


@dataclass(frozen=True, kw_only=True)
class InfoLimitReached(Fault, code="H083"):
    """Too many requests for reference data in this second."""

    retry_after_s: int


@dataclass(frozen=True, kw_only=True)
class StatusLimitReached(Fault, code="H086"):
    """Too many questions about a single consent in this hour."""

    retry_after_s: int


@dataclass(frozen=True, kw_only=True)
class HistoryLimitReached(Fault, code="H089"):
    """Too many questions about the history of a consent in this hour."""

    retry_after_s: int


LimitFault: TypeAlias = (
    InfoLimitReached
    | TokenLimitReached
    | StatusLimitReached
    | HistoryLimitReached
    | RequestLimitReached
)
LIMIT_FAULTS: Final[Mapping[str, type[LimitFault]]] = {
    "H083": InfoLimitReached,
    "H084": TokenLimitReached,
    "H086": StatusLimitReached,
    "H089": HistoryLimitReached,
    "H124": RequestLimitReached,
}
"""The fault of a limit's code."""

"""What a caller can do wrong when asking for changes (iys-api 12.3)."""

from shared.domain.faults import Fault


class ChangeSourceUnknown(Fault, code="H506"):
    """`source` is neither HS nor IYS."""


class ChangesLimitUnfit(Fault, code="H507"):
    """`limit` is no number from 1 to what a page of changes holds."""

"""What is wrong with a list of consents, or with the question about one (iys-api 4.4, 4.5, 12.3)."""

from dataclasses import dataclass

from shared.domain.faults import Fault


class BatchUnusable(Fault, code="H092"):
    """The body is JSON, but no list of consents, or an empty one."""


@dataclass(frozen=True, kw_only=True)
class TooManyConsents(Fault, code="H091"):
    """The list is longer than the installation allows."""

    allowed: int


class RequestIdTooLong(Fault, code="H198"):
    """`requestId` has more than 36 characters."""


class RequestIdOfLetters(Fault, code="H199"):
    """`requestId` has letters only."""


class RequestIdOfDigits(Fault, code="H400"):
    """`requestId` has digits only."""

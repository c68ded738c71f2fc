"""The numbers in the wire's paths: `iysCode` and `brandCode` (H190, H191)."""

from dataclasses import dataclass

from shared.domain.faults import (
    BrandCodeNotInteger,
    Fault,
    ProviderCodeNotInteger,
    RuleBrokenError,
)

# The largest number that the ledger's columns hold; a larger one is nobody's.
_NUMBER_MAX = 2**31 - 1
_DIGITS_MAX = 20


@dataclass(frozen=True, slots=True)
class BrandPath:
    """`/sps/{iysCode}/brands/{brandCode}`; 0 stands for a number that cannot be anybody's."""

    iys_code: int
    brand_code: int


def read_iys_code(text: str) -> int:
    """Read the provider's number, or raise H190."""
    return _number(text, ProviderCodeNotInteger())


def read_brand_path(iys_code: str, brand_code: str) -> BrandPath:
    """Read both numbers, or raise H190 or H191."""
    return BrandPath(read_iys_code(iys_code), _number(brand_code, BrandCodeNotInteger()))


def _number(text: str, fault: Fault) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX):
        raise RuleBrokenError(fault)
    number = int(text)
    return number if number <= _NUMBER_MAX else 0

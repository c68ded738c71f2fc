"""The numbers that a firm applies with: each must be possible, and the two must belong together.

A company pays taxes under a VKN and stands in the trade register with a MERSIS number made of it; a tradesman
(esnaf) pays under his TCKN and need not stand there (regulation F4, J1).
"""

from dataclasses import dataclass

from shared.domain.national_ids import VKN_LENGTH, is_mersis, is_tin, is_vkn


@dataclass(frozen=True, slots=True)
class WrongNumber:
    """A number that cannot be: the field's name on our wire, and why."""

    field: str
    why: str


def wrong_numbers(tax_number: str, mersis: str | None) -> list[WrongNumber]:
    """Return what is wrong with the numbers of a firm; nothing, if they are possible."""
    found: list[WrongNumber] = []
    if not is_tin(tax_number):
        found.append(
            WrongNumber("taxNumber", "is neither a VKN nor a TCKN: its check digits differ")
        )
    if mersis is None:
        if is_vkn(tax_number):
            found.append(WrongNumber("mersis", "a company has a MERSIS number"))
    elif not is_mersis(mersis):
        found.append(WrongNumber("mersis", "is not a MERSIS number: its check digits differ"))
    elif is_vkn(tax_number) and mersis[0] == "0" and mersis[1 : 1 + VKN_LENGTH] != tax_number:
        found.append(WrongNumber("mersis", "holds another tax number than taxNumber"))
    return found

"""Numbers that the state gives, and whether their check digits fit: TCKN, VKN, MERSIS.

The algorithms are public and tell a slip of the hand from a number; whether anybody has the number, they do
not say. A TCKN belongs to a person: eleven digits, no leading zero, the last two made of the others. A VKN is
the tax number of ten digits, the last of them made of the nine before. A MERSIS number has sixteen: that of a
company begins with a zero and its VKN (iys-api 5); for others no check digit is published, so none is asked.
"""

import re
from typing import Final

MERSIS_LENGTH: Final = 16
TCKN_LENGTH: Final = 11
VKN_LENGTH: Final = 10
_DIGITS: Final = re.compile(r"[0-9]+", re.ASCII)


def is_tckn(text: str) -> bool:
    """Tell whether this can be a person's identity number (T.C. kimlik numarası)."""
    if len(text) != TCKN_LENGTH or not _DIGITS.fullmatch(text) or text[0] == "0":
        return False
    digits = [int(character) for character in text]
    tenth = (7 * sum(digits[0:9:2]) - sum(digits[1:8:2])) % 10
    return digits[9] == tenth and digits[10] == sum(digits[:10]) % 10


def is_vkn(text: str) -> bool:
    """Tell whether this can be a tax number (vergi kimlik numarası)."""
    if len(text) != VKN_LENGTH or not _DIGITS.fullmatch(text):
        return False
    digits = [int(character) for character in text]
    total = sum(_shuffled(digit, place) for place, digit in enumerate(digits[:9], 1))
    return digits[9] == -total % 10


def is_tin(text: str) -> bool:
    """Tell whether this can be what a retailer pays its taxes under: a VKN, or the TCKN of a person."""
    return is_vkn(text) or is_tckn(text)


def is_mersis(text: str) -> bool:
    """Tell whether this can be a number of the trade register's system (MERSİS)."""
    if len(text) != MERSIS_LENGTH or not _DIGITS.fullmatch(text):
        return False
    return text[0] != "0" or is_vkn(text[1 : 1 + VKN_LENGTH])


def _shuffled(digit: int, place: int) -> int:
    """Return what a digit of a VKN adds, by its place from 1 to 9."""
    moved = (digit + 10 - place) % 10
    return moved if moved == 9 else moved * 2 ** (10 - place) % 9  # noqa: PLR2004  # nine stays nine

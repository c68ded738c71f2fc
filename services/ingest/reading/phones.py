"""Telephone numbers as people write them, brought into the one spelling that the registry keeps (E.164).

A Turkish mobile number is known by its ten digits that begin with 5, whatever stands before and between them:
`0599 111 22 33`, `599 111 22 33`, `+90 (599) 111-22-33`, `0090599…`. A land line is known by its area code, a
number of another country by its plus sign or 00.

One person's number must never become another's, so whatever can be read in two ways is refused:

- what a spreadsheet has rounded (`5,99E+09`): its digits are lost;
- `+599 111 22 33`: a Turkish mobile without its country, or a number of Cuba, Guyana or Curaçao;
- `00` before ten digits that could be a Turkish number: a zero too many, or a short number of elsewhere;
- a decimal number whose fraction is not nought, and anything with letters, such as an extension.
"""

import re
from typing import Final

from services.ingest.faults.row_codes import RowCode

_CLEAN: Final = re.compile(r"\+90\d{10}|\+(?!90|5\d{9}\Z)[1-9]\d{7,13}", re.ASCII)
_BLANKS: Final = " \t\u00a0\u2007\u2009\u202f\u200b\u200c\u200d\u200e\u200f\u202a\u202c\u2060\ufeff"
_SIGNS: Final = str.maketrans("", "", _BLANKS + "-\u2010\u2011\u2012\u2013\u2014\u2212()./'\u2019")
# What may stand before the ten digits of a Turkish number; 0850 and the like want their zero.
_TURKISH: Final = re.compile(r"(?:\+?90|0090|0)?([2-5]\d{9})|(?:\+?90|0090|0)(8\d{9})", re.ASCII)
_ZERO_TOO_MANY: Final = re.compile(r"(?:\+|00)?900(5\d{9})", re.ASCII)
_FOREIGN: Final = re.compile(
    r"(?:\+(?!5\d{9}\Z)|00(?![2-5]\d{9}\Z))((?!90)[1-9]\d{7,13})", re.ASCII
)
# How a number looks that was a number in a spreadsheet: with a fraction, or an exponent.
_NUMBER: Final = re.compile(r"(\d+)(?:[.,](\d+))?(?:[eE]\+?(\d{1,2}))?", re.ASCII)
_WHOLE_NUMBER_DIGITS: Final = 7
"""So many digits follow the area code, where a person writes one dot behind it."""


def read_phone(written: str) -> str | RowCode:
    """Return the number in E.164 as far as its spelling goes, or why not; is it in use? is asked later."""
    if _CLEAN.fullmatch(written):
        return written
    if "." in written or "," in written or "e" in written or "E" in written:
        number = _NUMBER.fullmatch(written.strip())
        if number is not None:
            return _of_number(number[1], number[2] or "", number[3])
    return _of_digits(written.translate(_SIGNS))


def _of_digits(bare: str) -> str | RowCode:
    found = _TURKISH.fullmatch(bare)
    if found is not None:
        return "+90" + (found[1] or found[2])
    found = _ZERO_TOO_MANY.fullmatch(bare)
    if found is not None:
        return "+90" + found[1]
    found = _FOREIGN.fullmatch(bare)
    return RowCode.PHONE_UNREADABLE if found is None else "+" + found[1]


def _of_number(whole: str, fraction: str, exponent: str | None) -> str | RowCode:
    """Return the number if every digit of it is written, as in `5.991112233E+09`."""
    if exponent is not None:
        if int(exponent) != len(fraction):
            return RowCode.PHONE_ROUNDED
        return _of_digits(whole + fraction)
    if not fraction.strip("0"):
        return _of_digits(whole)
    if len(fraction) == _WHOLE_NUMBER_DIGITS:
        return _of_digits(whole + fraction)
    return RowCode.PHONE_UNREADABLE

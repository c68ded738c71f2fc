"""What counts as an address, and the one spelling under which we keep it.

A consent is found by its address, so a second spelling would be a second person: somebody
refuses under one and is written to under the other. Hence nothing is repaired but the case of an
e-mail (R17). The registry once took `+9005…` for a Turkish mobile, and those consents were
invisible to the citizen and to every operator; such a number is refused here, and so is
everything that libphonenumber would have forgiven (spaces, brackets, extensions, digits of other
scripts).

Phones (ARAMA, MESAJ) are E.164, at most 15 characters with the plus, and valid by
libphonenumber. A Turkish number that an SMS goes to must be a mobile one; a land line is good
for calls only. Whether a foreign number takes SMS is not ours to know. E-mails are ASCII of 6 to
265 characters, at least one character @ two . two; the local part takes letters, digits and `.`
`_` `-` `+` in any order.

Which code: an over-long phone is H160 and H121 on a write, H166 alone in a question, as the
published examples have it. A *good* address of the other kind is H464, on every channel and in
every request: the caller has mixed up two columns, which is worth knowing. All else is H120 for
EPOSTA and H121 for phones.
"""

import re
from collections.abc import Sequence
from enum import Enum
from typing import Final, assert_never, cast

import phonenumbers

from shared.domain.consent import Channel
from shared.domain.faults import (
    EmailMalformed,
    Fault,
    PhoneMalformed,
    PhoneTooLong,
    QueriedPhoneTooLong,
    RecipientMalformed,
    RecipientOfOtherKind,
)

_PHONE_LENGTH_MAX: Final = 15
_EMAIL_LENGTH_MIN: Final = 6
_EMAIL_LENGTH_MAX: Final = 265
_TURKEY: Final = 90

_LOCATION: Final = ("recipient",)

# All patterns are ASCII (`\d` alone would take Arabic digits) and matched in full.
_E164: Final = re.compile(r"\+[1-9]\d{1,13}", re.ASCII)
_TEST_RANGE: Final = re.compile(r"\+90599\d{7}", re.ASCII)
_EMAIL: Final = re.compile(
    r"[A-Za-z0-9._+-]+"
    r"@(?![A-Za-z0-9]\.[A-Za-z]+\Z)"  # the name before the last dot has two characters or more
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+"
    r"[A-Za-z]{2,63}",
)


def _turkish_mobile() -> re.Pattern[str]:
    """Build one expression from libphonenumber's table: it needs 0.2 µs where the library needs 15.

    A table without Turkish mobiles would make an expression that matches nothing, so that every
    number goes the slow way.
    """
    metadata = phonenumbers.PhoneMetadata.metadata_for_region("TR")
    mobile = metadata and metadata.mobile and metadata.mobile.national_number_pattern
    return re.compile(rf"\+90(?:{mobile or '(?!)'})", re.ASCII)


_TURKISH_MOBILE: Final = _turkish_mobile()


def mobile_pattern(*, admit_test_range: bool) -> str:
    """Return an expression for Turkish mobiles: what it matches in full is an address for ARAMA and MESAJ.

    There are other such addresses, but these are nearly all. It is ASCII, so it may be made one of bytes.
    """
    return rf"(?:{_TURKISH_MOBILE.pattern}|{_TEST_RANGE.pattern if admit_test_range else '(?!)'})"


# A list of such numbers, each with its end of line: needs 0.1 µs a number. `*+` never looks back.
_ALL_MOBILE: Final = {
    admit: re.compile(rf"(?:{mobile_pattern(admit_test_range=admit)}\n)*+", re.ASCII)
    for admit in (False, True)
}


class Purpose(Enum):
    """What the address is wanted for; the over-long phone has another code in a question."""

    WRITE = "write"
    QUERY = "query"


def read_recipient(
    raw: str,
    channel: Channel,
    *,
    purpose: Purpose,
    admit_test_range: bool,
) -> str | tuple[Fault, ...]:
    """Return the address as it is kept, or what is wrong with it (R17, c.1).

    `+90599…` is not in use; generated data live there, and `admit_test_range` lets them in.
    """
    match channel:
        case Channel.EMAIL:
            return _read_email(raw, admit_test_range=admit_test_range)
        case Channel.CALL | Channel.SMS:
            if _is_phone(raw, channel, admit_test_range=admit_test_range):
                return raw
            return _phone_faults(raw, channel, purpose)
        case _:
            assert_never(channel)


def read_addresses(
    raw: Sequence[object], channel: Channel, *, admit_test_range: bool
) -> list[str | None]:
    """Return each address as it is kept, and None for what is none: `read_recipient` in bulk."""
    if channel is not Channel.EMAIL and are_mobiles(raw, admit_test_range=admit_test_range):
        return cast("list[str | None]", [*raw])
    return [_read_one(one, channel, admit_test_range=admit_test_range) for one in raw]


def are_mobiles(raw: Sequence[object], *, admit_test_range: bool) -> bool:
    """Say whether these are Turkish mobiles, all of them: each is kept as it is, for ARAMA and MESAJ.

    One look at the whole list, joined by ends of line: a text that has one of its own is none.
    """
    try:
        lines = "\n".join(cast("Sequence[str]", raw)) + "\n"
    except TypeError:  # not everything in it is text
        return False
    if lines.count("\n") != len(raw):
        return False
    return _ALL_MOBILE[admit_test_range].fullmatch(lines) is not None


def _read_one(raw: object, channel: Channel, *, admit_test_range: bool) -> str | None:
    if not isinstance(raw, str):
        return None
    read = read_recipient(raw, channel, purpose=Purpose.QUERY, admit_test_range=admit_test_range)
    return read if isinstance(read, str) else None


def recipient_fault(raw: object, channel: Channel | None) -> Fault:
    """Say that what should be an address is none, as far as the channel is known."""
    match channel:
        case Channel.EMAIL:
            return EmailMalformed(_LOCATION, raw)
        case Channel.CALL | Channel.SMS:
            return PhoneMalformed(_LOCATION, raw)
        case None:
            return RecipientMalformed(_LOCATION, raw)
        case _:
            assert_never(channel)


def is_address_of_any_kind(raw: str, *, admit_test_range: bool) -> bool:
    """Tell whether some channel would take it; while that is unknown, no more can be said."""
    return _is_email(raw) or _is_phone(raw, Channel.CALL, admit_test_range=admit_test_range)


def _read_email(raw: str, *, admit_test_range: bool) -> str | tuple[Fault, ...]:
    if _is_email(raw):
        return raw.lower()
    if _is_phone(raw, Channel.CALL, admit_test_range=admit_test_range):
        return (RecipientOfOtherKind(_LOCATION, raw, channel=Channel.EMAIL),)
    return (recipient_fault(raw, Channel.EMAIL),)


def _phone_faults(raw: str, channel: Channel, purpose: Purpose) -> tuple[Fault, ...]:
    if _is_email(raw):
        return (RecipientOfOtherKind(_LOCATION, raw, channel=channel),)
    malformed = recipient_fault(raw, channel)
    if len(raw) <= _PHONE_LENGTH_MAX:
        return (malformed,)
    match purpose:
        case Purpose.WRITE:
            return (PhoneTooLong(_LOCATION, raw), malformed)
        case Purpose.QUERY:
            return (QueriedPhoneTooLong(_LOCATION, raw),)
        case _:
            assert_never(purpose)


def _is_email(raw: str) -> bool:
    """Match before lower-casing, which makes an ASCII `k` of a kelvin sign."""
    return _EMAIL_LENGTH_MIN <= len(raw) <= _EMAIL_LENGTH_MAX and _EMAIL.fullmatch(raw) is not None


def _is_phone(raw: str, channel: Channel, *, admit_test_range: bool) -> bool:
    if _TURKISH_MOBILE.fullmatch(raw):
        return True
    if _TEST_RANGE.fullmatch(raw):
        return admit_test_range
    return _E164.fullmatch(raw) is not None and _library_accepts(raw, channel)


def _library_accepts(raw: str, channel: Channel) -> bool:
    """Ask libphonenumber, and want its spelling: it drops a trunk zero without a word."""
    try:
        number = phonenumbers.parse(raw)
    except phonenumbers.NumberParseException:
        return False
    if not phonenumbers.is_valid_number(number):
        return False
    if phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) != raw:
        return False
    if channel is not Channel.SMS or number.country_code != _TURKEY:
        return True
    return phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.MOBILE

"""How a file is laid out: its delimiter, the column of the addresses, whether the first row holds names.

Found out from the beginning of the file, and never guessed where there are two answers: a wrong column
would deny everybody, and a row of names that is taken for data is merely denied. Nothing said here about
a file holds a value of its rows.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from services.cli.errors import CliError
from services.cli.scrubbing.rows import Layout, RowSplitter, quoted_fields

SAMPLE_BYTES: Final = 65_536
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_UTF_16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
_DELIMITERS: Final = (";", "\t", ",")
# So many of the sample's rows must have the same number of columns.
_MOST: Final = 0.8

_E164: Final = re.compile(rb"\+[1-9]\d{6,14}")
# However somebody, or a spreadsheet, may have written a number.
_PHONE: Final = re.compile(rb"[+(]{0,2}\d[\d\s().,/E+-]{6,}")
_EMAIL: Final = re.compile(rb"[^@\s]+@[^@\s]+")
# More than this share of a column's rows must look so: customer numbers and dates resemble a loose number.
_SHARES: Final = {_E164: 0.1, _EMAIL: 0.1, _PHONE: 0.5}
Fields = list[bytes]


def sniff(
    sample: bytes, *, is_email: bool, column: str | None = None, has_names: bool | None = None
) -> Layout:
    """Return the layout of a file that begins like this (without its byte order mark).

    `sample` ends with a whole row unless it is all there is. `column` is a name or a number from 1;
    without it the column is found by what stands in it. Raises CliError that says what to do.
    """
    if sample.startswith(_UTF_16_MARKS) or b"\0" in sample:
        raise CliError("this is no text that can be read; save the list as CSV in UTF-8")
    delimiter = _delimiter(sample)
    rows = _rows(sample, delimiter)
    width = Counter(map(len, rows)).most_common(1)[0][0] if rows else 1
    first = rows[0] if rows else []
    if column is not None and not column.isdecimal():
        place, named = _place_of(column, first), True
        if has_names is False:
            raise CliError("--column names a column and --no-names says that there are no names")
    else:
        place = int(column) - 1 if column is not None else _found(rows, width, is_email=is_email)
        named = _is_name(first, place, is_email=is_email) if has_names is None else has_names
    if not 0 <= place < width:
        raise CliError(f"there is no column {column}: the rows have {width}")
    line_end = "\r\n" if sample.partition(b"\n")[0].endswith(b"\r") else "\n"
    return Layout(delimiter, place, width, named, line_end)


def _rows(sample: bytes, delimiter: str) -> list[Fields]:
    """Return the fields of the sample's rows; blank ones left out, and the last if it is torn."""
    splitter = RowSplitter(
        Layout(delimiter, 0, 1, has_names=False, line_end="\n"), skip_names=False
    )
    rows = splitter.feed(sample)
    if not sample.endswith(b"\n"):
        rows += splitter.end()
    return [_fields(row.raw, delimiter) for row in rows if row.address is not None]


def _fields(raw: bytes, delimiter: str) -> Fields:
    if b'"' in raw:
        return quoted_fields(raw.splitlines(keepends=True), delimiter) or []
    return raw.rstrip(b"\r\n").split(delimiter.encode())


def _delimiter(sample: bytes) -> str:
    """Return the delimiter by which most rows have the same number of columns, more than one."""
    best, best_share = ",", 0.0
    for delimiter in _DELIMITERS:
        try:
            widths = Counter(len(fields) for fields in _rows(sample, delimiter))
        except CliError:
            continue  # quotes that make no sense with this one
        width, rows = widths.most_common(1)[0] if widths else (1, 0)
        share = rows / max(1, widths.total())
        if width > 1 and share >= _MOST and share > best_share:
            best, best_share = delimiter, share
    return best


def _place_of(name: str, names: Fields) -> int:
    known = [_text(field) for field in names]
    try:
        return [one.casefold() for one in known].index(name.strip().casefold())
    except ValueError:
        # Names, if it is a row of names: else these are somebody's data.
        shown = ", ".join(known) if not any(map(_is_address_like, names)) else "nothing but data"
        raise CliError(f"there is no column {name}; the first row holds {shown}") from None


def _found(rows: Sequence[Fields], width: int, *, is_email: bool) -> int:
    """Return the one column in which addresses stand; the strictest spelling decides first."""
    if width == 1:
        return 0
    data = rows[1:] or rows
    for pattern in (_EMAIL,) if is_email else (_E164, _PHONE):
        shares = [_share(data, place, pattern) for place in range(width)]
        found = [place for place, share in enumerate(shares) if share > _SHARES[pattern]]
        if len(found) == 1:
            return found[0]
        if found:
            numbers = ", ".join(str(place + 1) for place in found)
            raise CliError(f"columns {numbers} all hold addresses: say which with --column")
    kind = "e-mail addresses" if is_email else "telephone numbers"
    raise CliError(f"no column holds {kind}: say which with --column NAME or a number from 1")


def _share(rows: Sequence[Fields], place: int, pattern: re.Pattern[bytes]) -> float:
    hits = sum(
        place < len(fields) and pattern.fullmatch(fields[place].strip()) is not None
        for fields in rows
    )
    return hits / len(rows) if rows else 0.0


def _is_name(first: Fields, place: int, *, is_email: bool) -> bool:
    """Tell whether the first row names the columns: letters where an address would stand."""
    if place >= len(first):
        return False
    pattern = _EMAIL if is_email else _PHONE
    value = first[place].strip()
    return pattern.fullmatch(value) is None and any(letter in _LETTERS for letter in value)


def _is_address_like(value: bytes) -> bool:
    return any(pattern.fullmatch(value.strip()) for pattern in (_PHONE, _EMAIL))


_LETTERS: Final = frozenset(range(ord("a"), ord("z") + 1)) | frozenset(
    range(ord("A"), ord("Z") + 1)
)


def _text(field: bytes) -> str:
    return field.decode("utf-8", "replace").strip()

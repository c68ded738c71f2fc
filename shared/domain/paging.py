"""Which part of a list is asked for: `offset` and `limit`, as the wire's lists take them (iys-api 11)."""

import re
from dataclasses import dataclass
from typing import Final

from shared.domain.faults import Fault
from shared.domain.paging_faults import LimitWrong, OffsetWrong, PageEmpty, PageTooLarge

PAGE_SIZE_MAX: Final = 100
# What a column of the ledger can count to; who asks beyond it gets an empty page.
_OFFSET_MAX: Final = 2**31 - 1
_INTEGER: Final = re.compile(r"-?[0-9]{1,15}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Page:
    """Rows to leave out, and how many to show then."""

    offset: int = 0
    limit: int = PAGE_SIZE_MAX


def read_page(
    offset: str | None, limit: str | None, *, swapped: bool = False
) -> Page | list[Fault]:
    """Read both as they stand in the query, or return every fault; an empty one is as good as none.

    `swapped`: the published method names H183 for `offset` and H182 for `limit`.
    """
    start, size = _number(offset, default=0), _number(limit, default=PAGE_SIZE_MAX)
    faults = [fault for fault in (_of_offset(start, swapped), _of_limit(size, swapped)) if fault]
    if faults:
        return faults
    assert isinstance(start, int)  # noqa: S101  # else there was a fault
    assert isinstance(size, int)  # noqa: S101  # else there was a fault
    return Page(min(start, _OFFSET_MAX), size)


def _number(text: str | None, *, default: int) -> int | str:
    if not text:
        return default
    return int(text) if _INTEGER.fullmatch(text) else text


def _of_offset(value: int | str, swapped: bool) -> Fault | None:  # noqa: FBT001  # both in one line above
    if isinstance(value, int) and value >= 0:
        return None
    kind = LimitWrong if swapped else OffsetWrong
    return kind(("offset",), value, name="offset")


def _of_limit(value: int | str, swapped: bool) -> Fault | None:  # noqa: FBT001  # both in one line above
    if not isinstance(value, int) or value < 0:
        kind = OffsetWrong if swapped else LimitWrong
        return kind(("limit",), value, name="limit")
    if value > PAGE_SIZE_MAX:
        return PageTooLarge(("limit",), value)
    return None if value else PageEmpty(("limit",), value)

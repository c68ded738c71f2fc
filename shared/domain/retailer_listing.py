"""Which retailers are asked for, and how much of each: the query of the published list (iys-api 5)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from shared.domain.faults import Fault
from shared.domain.paging import Page, read_page
from shared.domain.retailer_faults import AllWrong, ShortWrong

_FLAGS: Final = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Listing:
    """One page; in `short`, without what is personal."""

    page: Page
    short: bool


def read_listing(query: Mapping[str, str]) -> Listing | list[Fault]:
    """Read the query, or return every fault; a name without a value counts as not there.

    `all` asks for what comes anyway, and overrules `short`.
    """
    page = read_page(query.get("offset") or None, query.get("limit") or None)
    everything, all_fault = _flag(query, "all", AllWrong)
    short, short_fault = _flag(query, "short", ShortWrong)
    faults = [fault for fault in (all_fault, short_fault) if fault is not None]
    if not isinstance(page, Page):
        return [*page, *faults]
    return faults or Listing(page, short=short and not everything)


def _flag(query: Mapping[str, str], name: str, wrong: type[Fault]) -> tuple[bool, Fault | None]:
    text = query.get(name, "")
    if text and text not in _FLAGS:
        return False, wrong((name,), text)
    return _FLAGS.get(text, False), None

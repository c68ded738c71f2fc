"""The query of the list of retailers (iys-api 5)."""

import pytest

from shared.domain.paging import Page
from shared.domain.retailer_listing import Listing, read_listing


def test_without_a_query_it_is_the_first_hundred_with_everything() -> None:
    assert read_listing({}) == Listing(Page(0, 100), short=False)
    empty = {"offset": "", "limit": "", "all": "", "short": ""}
    assert read_listing(empty) == Listing(Page(0, 100), short=False)


def test_all_overrules_short() -> None:
    assert read_listing({"short": "true"}) == Listing(Page(), short=True)
    assert read_listing({"short": "true", "all": "true"}) == Listing(Page(), short=False)
    assert read_listing({"short": "true", "all": "false"}) == Listing(Page(), short=True)
    assert read_listing({"short": "false", "offset": "7", "limit": "1"}) == Listing(
        Page(7, 1), short=False
    )


@pytest.mark.parametrize("value", ["1", "TRUE", "yes", "doğru"])
def test_a_flag_is_true_or_false(value: str) -> None:
    for name, code in (("all", "H184"), ("short", "H185")):
        found = read_listing({name: value})
        assert isinstance(found, list)
        assert [(f.code, f.location, f.value) for f in found] == [(code, (name,), value)]


def test_all_faults_are_told() -> None:
    found = read_listing({"offset": "-1", "limit": "0", "all": "?", "short": "?"})
    assert isinstance(found, list)
    assert [fault.code for fault in found] == ["H182", "H187", "H184", "H185"]

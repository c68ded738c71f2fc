"""Which part of a list is asked for (iys-api 11, 12.3)."""

import pytest

from shared.domain.paging import Page, read_page


def codes(offset: str | None, limit: str | None, *, swapped: bool = False) -> list[str]:
    read = read_page(offset, limit, swapped=swapped)
    return [] if isinstance(read, Page) else [fault.code for fault in read]


@pytest.mark.parametrize(
    ("offset", "limit", "page"),
    [
        (None, None, Page(0, 100)),
        ("", "", Page(0, 100)),
        ("0", "1", Page(0, 1)),
        ("7", "100", Page(7, 100)),
        ("007", "010", Page(7, 10)),
        ("999999999999999", "1", Page(2**31 - 1, 1)),
    ],
)
def test_a_page_is_read_as_it_is_written(offset: str, limit: str, page: Page) -> None:
    assert read_page(offset, limit) == page


@pytest.mark.parametrize("bad", ["-1", "x", "1.5", "1e2", " 1", "+1", "٣", "1" * 16])
def test_what_is_no_number_is_said_of_each(bad: str) -> None:
    assert codes(bad, bad) == ["H182", "H183"]
    assert codes(bad, bad, swapped=True) == ["H183", "H182"]
    assert codes("1", bad) == ["H183"]
    assert codes(bad, "1") == ["H182"]


def test_a_page_is_neither_too_large_nor_empty() -> None:
    assert codes("0", "101") == ["H186"]
    assert codes("0", "0") == ["H187"]
    assert codes("-1", "0") == ["H182", "H187"]


def test_a_fault_says_which_it_means_and_what_was_sent() -> None:
    read = read_page("-1", "x", swapped=True)
    assert not isinstance(read, Page)
    assert [(fault.location, fault.value, getattr(fault, "name", "")) for fault in read] == [
        (("offset",), -1, "offset"),
        (("limit",), "x", "limit"),
    ]
